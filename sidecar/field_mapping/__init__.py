"""The mapping as a person works on it: the fields of both systems, how filled they are, and each save as a version."""

"""Changes of a mapping document, for scenarios."""


def set_field(name: str, **keys):
    """Return a change of a mapping document: other keys for one field pair."""
    return lambda document: document["fields"][name].update(keys)


def set_head(**keys):
    """Return a change of a mapping document: other keys for the whole mapping."""
    return lambda document: document["mapping"].update(keys)

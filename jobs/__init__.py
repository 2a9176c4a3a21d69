"""What the queue knows by name. Names and arguments are wire format: add, never rename; arguments are ids, as JSON.

Each job is a few lines over the library and may be queued twice: a lane's lease lets one run, the other finds it taken.
"""

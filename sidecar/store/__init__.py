"""The state database: what is remembered between runs. Start with `session.py`, `tables.py` and `lane.py`."""

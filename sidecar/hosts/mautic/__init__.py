"""Mautic as a host: reads from its database, writes through its REST API. Start here: `side.py`."""

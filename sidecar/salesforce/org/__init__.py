"""What an org must have for us: what is wanted, what is there, and how the difference is made. Start at `look.py`."""

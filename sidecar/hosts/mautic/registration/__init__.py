"""What a Mautic must have for us: looked at, made, taken away again. Start with `look.py`; the lines are in `report.py`."""

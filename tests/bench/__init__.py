"""Measures what a run costs, beside what Mautic's own plugin was measured to cost. `python -m tests.bench` or `make bench`."""

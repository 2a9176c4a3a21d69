"""Runs the command line: `python -m sidecar`."""

from sidecar.cli import app

app()

"""The smallest host platform: people in one table of an SQL database. Start in side.py; docs/generic-host.md tells how."""

"""A Mautic to run against: its REST API over HTTP and its database with the real table and column names.

Start here: `control.Host` is the whole sandbox in one object; `rest` answers the HTTP calls; `contacts` is where a
contact is created, edited, merged and deleted with the traces Mautic leaves. Nothing here imports the rest of `sidecar`.
"""

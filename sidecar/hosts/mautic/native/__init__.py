"""Mautic's own Salesforce plugin, as it is found in Mautic's database: read, understood, and never written to.

Start here: `settings.py` reads its row, `convert_people.py` and `convert_activities.py` turn it into documents of ours,
`links.py` judges its links, `rows.py` reads them, `watch.py` tells whether it still runs.
"""

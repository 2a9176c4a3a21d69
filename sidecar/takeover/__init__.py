"""Taking over from Mautic's own Salesforce plugin. Start here: look → shadow run → switch the plugin off → import.

`looking.py` reads the plugin's settings and says what they become, `importing.py` saves it with the links, `shadow.py` compares
beside the running plugin and writes nothing, `warning.py` tells while both write.
"""

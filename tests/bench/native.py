"""What Mautic's own Salesforce plugin costs: version 5.1.1, run unchanged on a MariaDB of its own with its default --limit of 100.

It was run against a look-alike of Salesforce on the same machine (2 cores, PHP 8.2 without opcache) that answers in under a
millisecond and records every call; both Lead and Contact were switched on. The comments say how the calls come about.
"""

CALLS_FOR_1000_NEW = 60  # 2 look-ups per 100 people and 1 composite of 25 parts: 20 + 40
CALLS_FOR_1000_CHANGED = 50  # Contacts need 1 look-up per 100 only: 10 + 40; Leads as many as new ones
CALLS_FOR_4000_ACTIVITIES = 160  # 800 people with 5 events each, 25 events a call
SECONDS_FOR_4000_ACTIVITIES = 6.5
CALLS_PER_IDLE_OBJECT = 1  # the query that finds nothing; its look-ups come with the first changed person
SECONDS_FOR_1000_NEW_AT_100_MS = 8.2  # one call after the other, a connection each
SECONDS_FOR_4000_PULLED = 40.9
PEAK_MIB_FOR_4000_PULLED = 260
MIB_PER_1000_PULLED = 42
STATEMENTS_PER_PAGE_OF_200 = 200  # one save per person at least

CONTACTS_PER_SECOND = (114, 156)
"""What a real Mautic of that version takes in batches from four clients on 2 cores, whoever sends them."""

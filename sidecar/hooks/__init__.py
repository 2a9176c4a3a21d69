"""What the host tells us by itself: webhooks, wake-ups and pushes, taken at once and worked off behind the answer.

doors.py knows by which secrets an instance's callers prove themselves; intake.py keeps what they brought and turns it into
hints, wishes and early runs; background.py is the thread that does so.
"""

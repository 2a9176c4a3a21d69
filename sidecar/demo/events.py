"""What people do that Mautic's timeline shows."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from sidecar.sandbox.host.control import Host

MAILS = ("Welcome mail", "Newsletter № 7", "Sommerangebote ☀️", "お知らせ")
PAGES = ("https://example.com/", "https://example.com/prix?offre=été", "https://example.com/" + "very-long/" * 30)

Act = Callable[[Host, int, Random], object]


def get_mail(host: Host, contact_id: int, random: Random) -> None:
    """Get a mail, and perhaps open it, click in it and answer it."""
    name = random.choice(MAILS)
    stat_id = host.send_email(contact_id, name, subject=f"{name} – 50 % off", is_failed=random.random() < 0.1)
    interest = random.random()
    if interest > 0.4:
        host.read_email(stat_id)
    if interest > 0.7:
        host.click_email(stat_id)
    if interest > 0.9:
        host.reply_email(stat_id)


def join_or_leave_campaign(host: Host, contact_id: int, _random: Random) -> None:
    """Join the campaign, or leave it."""
    if host.rows("campaign_leads", lead_id=contact_id):
        host.leave_campaign(contact_id)
    else:
        host.join_campaign(contact_id)


ACTS: Mapping[Act, int] = {
    get_mail: 6,
    lambda host, each, random: host.hit_page(each, random.choice(PAGES), "A page 📄"): 4,
    lambda host, each, random: host.submit_form(each, random.choice(("Contact us", "Démo gratuite"))): 2,
    lambda host, each, _: host.download_asset(each, "White paper"): 2,
    lambda host, each, random: host.gain_points(each, random.choice((5, 10, -5))): 2,
    lambda host, each, random: host.change_stage(each, random.choice(("Prospect", "Customer"))): 1,
    lambda host, each, random: host.join_segment(each, random.choice(("Newsletter", "VIP 🥇"))): 1,
    join_or_leave_campaign: 1,
    lambda host, each, _: host.send_sms(each): 1,
    lambda host, each, _: host.receive_sms(each, "Merci ! 👍"): 1,
}
"""What may happen, and how often against the others."""


def make_events(host: Host, random: Random, contact_ids: Sequence[int], count: int) -> None:
    """Let so many things happen to some of the contacts, now."""
    chosen = random.choices(list(ACTS), weights=list(ACTS.values()), k=count)
    for act, contact_id in zip(chosen, random.choices(contact_ids, k=count), strict=True):
        act(host, contact_id, random)

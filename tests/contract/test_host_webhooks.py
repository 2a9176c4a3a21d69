"""The sandbox Mautic's webhooks against what a real one posted: signature, headers, bodies, and which act leads to which."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sidecar.sandbox.host import php_json
from sidecar.sandbox.host.control import Host
from sidecar.sandbox.host.fields import NewField
from sidecar.sandbox.host.webhooks import signature
from tests.contract.host_replay import a_host, call
from tests.contract.test_host_calls import bearer
from tests.recorded_hooks import FOLDER, SECRET, RecordedDelivery, recorded_deliveries

URL = "http://127.0.0.1:8099/hook"
TRIGGERS = (
    "mautic.company_post_delete",
    "mautic.company_post_save",
    "mautic.email_on_open",
    "mautic.email_on_send",
    "mautic.form_on_submit",
    "mautic.lead_channel_subscription_changed",
    "mautic.lead_company_change",
    "mautic.lead_list_change",
    "mautic.lead_points_change",
    "mautic.lead_post_delete",
    "mautic.lead_post_save_new",
    "mautic.lead_post_save_update",
    "mautic.page_on_hit",
    "mautic.sms_on_send",
)
# Fields the lab had besides those of the recorded calls.
LAB_FIELDS = (
    "lookup_f",
    "tel_f",
    "long_text",
    "salesforce_id",
    "a_very_long_alias_that_go",
    "date_added1",
    "uni_label_1",
)
# What depends on the lab's own mails, forms, addresses and fields, and not on the act.
OPEN = {"tokens", "query", "results", "dynamicContent", "ipAddresses", "ipAddress", "utmtags", "browserLanguages"}
OPEN |= {"stage", "companyvat"}


@dataclass
class Lab:
    """A sandbox with a webhook for everything, and what it sent."""

    host: Host = field(
        default_factory=lambda: a_host(*(NewField(n, "text") for n in LAB_FIELDS), NewField("bf2", "boolean"))
    )
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        self.host.deliver = self.take
        self.host.add_hook(URL, TRIGGERS, secret=SECRET)
        self.client = bearer(self.host)

    def take(self, url: str, headers: Any, body: bytes) -> int:
        self.sent.append((url, dict(headers), body))
        return 200

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.sent]

    @property
    def triggers(self) -> list[str]:
        return [trigger for body in self.bodies for trigger in body]

    def contact(self, **values: Any) -> int:
        self.number += 1
        return self.host.create_contact({"email": f"hook{self.number}@example.com", **values}, by="api")


@pytest.fixture(scope="module")
def shared_lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    lab.host.close()


@pytest.fixture
def lab(shared_lab: Lab) -> Lab:
    shared_lab.sent.clear()
    return shared_lab


Act = Callable[[Lab, int], Any]


def rest(method: str, path: str, body: Any = None, *, client: bool = False) -> Act:
    def act(lab: Lab, number: int) -> Any:
        return call(lab.host, method, path.format(number), body, lab.client if client else None)

    return act


def company(act: Act) -> Act:
    """Do something to a company instead of a contact."""
    return lambda lab, contact_id: act(lab, _company_of(lab, contact_id))


def _company_of(lab: Lab, contact_id: int) -> int:
    company_id = lab.host.create_company(f"Hook Co {contact_id}")
    lab.sent.clear()
    return company_id


def member(add: str, *, before: bool = False) -> Act:
    def act(lab: Lab, contact_id: int) -> None:
        company_id = lab.host.create_company(f"Hook Co {contact_id}")
        if before:
            call(lab.host, "POST", f"/api/companies/{company_id}/contact/{contact_id}/add")
        lab.sent.clear()
        call(lab.host, "POST", f"/api/companies/{company_id}/contact/{contact_id}/{add}")

    return act


def segment(act: str, *, client: bool = False) -> Act:
    def do(lab: Lab, contact_id: int) -> None:
        (lab.host.join_segment if act == "remove" else lab.host.leave_segment)(contact_id, "Static list")
        lab.sent.clear()
        path = f"/api/segments/1/contact/{contact_id}/{act}"
        call(lab.host, "POST", path, headers=lab.client if client else None)

    return do


def batch(act: str) -> Act:
    def do(lab: Lab, contact_id: int) -> None:
        ids = [contact_id, lab.contact(), lab.contact()]
        lab.sent.clear()
        if act == "delete":
            call(lab.host, "DELETE", f"/api/contacts/batch/delete?ids={','.join(map(str, ids))}")
        elif act == "edit":
            call(lab.host, "PATCH", "/api/contacts/batch/edit", [{"id": each, "city": "Ulm"} for each in ids])
        else:
            items = [{"email": f"batch{each}@example.com"} for each in ids]
            call(lab.host, "POST", "/api/contacts/batch/new", items)

    return do


def mail(*acts: str) -> Act:
    """Send a mail, then do something with it, of which only the last is looked at."""

    def do(lab: Lab, contact_id: int) -> None:
        stat_id = lab.host.send_email(contact_id)
        for act in acts:
            lab.sent.clear()
            getattr(lab.host, f"{act}_email")(stat_id)

    return do


def owned(act: Act) -> Act:
    """Let the contact have an owner, who is then told too."""

    def do(lab: Lab, contact_id: int) -> None:
        lab.host.edit_contact(contact_id, {"owner": 1}, by="api")
        lab.sent.clear()
        act(lab, contact_id)

    return do


def opted_out(act: Act) -> Act:
    def do(lab: Lab, contact_id: int) -> None:
        lab.host.opt_out(contact_id, 3, "api", comments="hook")
        lab.sent.clear()
        act(lab, contact_id)

    return do


def new_contact(lab: Lab, contact_id: int) -> None:
    body = {"firstname": "Hook", "lastname": "Étè", "email": f"new{contact_id}@example.com", "tags": ["vip"]}
    call(lab.host, "POST", "/api/contacts/new", body)


EDIT, DNC = "/api/contacts/{}/edit", "/api/contacts/{}/dnc/email/"
ACTS: dict[str, Act] = {
    "contact_new_api": new_contact,
    "contact_new_api_anonymous": rest("POST", "/api/contacts/new", {}),
    "contact_patch_api": rest("PATCH", EDIT, {"firstname": "Hook2"}),
    "contact_patch_api_no_change": rest("PATCH", EDIT, {"firstname": None}),
    "contact_patch_tags_only": rest("PATCH", EDIT, {"tags": ["newsletter"]}),
    "contact_patch_owner_only": rest("PATCH", EDIT, {"owner": 1}),
    "contact_patch_points": rest("PATCH", EDIT, {"points": 50}),
    "contact_points_plus": rest("POST", "/api/contacts/{}/points/plus/10"),
    "contact_dnc_add": rest("POST", DNC + "add", {"comments": "hook"}),
    "contact_dnc_remove": opted_out(rest("POST", DNC + "remove")),
    "contact_patch_by_oauth_client": rest("PATCH", EDIT, {"city": "O"}, client=True),
    "contact_dnc_by_oauth_client": rest("POST", DNC + "add", {}, client=True),
    "contact_delete": owned(rest("DELETE", "/api/contacts/{}/delete")),
    "stage_add": rest("POST", "/api/stages/2/contact/{}/add"),
    "utm_add": lambda lab, contact_id: lab.host.add_utm(contact_id, source="ad"),
    "note_add": lambda lab, contact_id: lab.host.add_note(contact_id, "n"),
    "asset_download": lambda lab, contact_id: lab.host.download_asset(contact_id),
    "segment_add": owned(segment("add")),
    "segment_remove": segment("remove"),
    "segment_add_by_oauth_client": segment("add", client=True),
    "company_new": lambda lab, contact_id: rest("POST", "/api/companies/new", {"companyname": f"N{contact_id}"})(
        lab, 0
    ),
    "company_patch": company(rest("PATCH", "/api/companies/{}/edit", {"companycity": "Ulm"})),
    "company_delete": company(rest("DELETE", "/api/companies/{}/delete")),
    "company_contact_add": member("add"),
    "company_contact_remove": member("remove", before=True),
    "batch_new_3": batch("new"),
    "batch_edit_3": batch("edit"),
    "batch_delete_3": batch("delete"),
    "email_send_api": mail(),
    "email_open": mail("read"),
    "email_open_second_time": mail("read", "read"),
    "email_click": mail("click"),
    "page_hit_tracking_pixel": lambda lab, contact_id: lab.host.hit_page(contact_id, "https://shop.example.org/hook"),
    "page_hit_landing": lambda lab, contact_id: lab.host.hit_page(contact_id, page="Spring landing"),
    "sms_send": lambda lab, contact_id: lab.host.send_sms(contact_id),
    "form_submit_new_contact": lambda lab, contact_id: lab.host.submit_form_fresh_browser(
        f"form{contact_id}@example.com", {"company": f"Form Co {contact_id}"}
    ),
}
# The lab's landing page, form and link also gave points, tags and an address: more deliveries of the same kinds.
LAB_DOES_MORE = {"email_click", "page_hit_landing", "form_submit_new_contact"}


def theirs(name: str) -> list[RecordedDelivery]:
    return [each for each in recorded_deliveries() if each.action == name]


@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_told_as_recorded(lab: Lab, name: str) -> None:
    contact_id = lab.contact()
    lab.sent.clear()
    ACTS[name](lab, contact_id)
    told = [trigger for each in theirs(name) for trigger in each.parsed]
    if name in LAB_DOES_MORE:
        assert lab.triggers
        assert set(lab.triggers) <= set(told)
    else:
        assert lab.triggers == told
    examples = {trigger: items[0] for each in theirs(name) for trigger, items in each.parsed.items()}
    for body in lab.bodies:
        for trigger, items in body.items():
            differences = list(compare(items[0], examples[trigger], trigger))
            assert differences == []


def compare(ours: Any, recorded: Any, path: str) -> Iterator[str]:
    """Yield where our body has other keys or other kinds of values; what is empty on one side fits anything."""
    if ours in (None, [], "") or recorded in (None, [], ""):
        return
    if isinstance(ours, dict) and isinstance(recorded, dict):
        both = {key for key in ours if key in recorded}
        for key in sorted((set(ours) ^ set(recorded)) - OPEN):
            yield f"{path}.{key}: {'missing' if key in recorded else 'not recorded'}"
        for key in sorted(both - OPEN):
            yield from compare(ours[key], recorded[key], f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(recorded, list):
        yield from compare(ours[0], recorded[0], f"{path}[]")
    elif type(ours) is not type(recorded) and not is_number(ours) & is_number(recorded):
        yield f"{path}: {ours!r} for {recorded!r}"


def is_number(value: Any) -> bool:
    """Tell whether a value is a number: Mautic writes those it has just read as text."""
    return not isinstance(value, bool) and re.fullmatch(r"-?\d+(\.\d+)?", str(value)) is not None


def test_bodies_are_written_and_signed_byte_for_byte_as_recorded() -> None:
    assert len(recorded_deliveries()) > 60
    for each in recorded_deliveries():
        assert php_json.encode(each.parsed) == each.body
        assert signature(SECRET, each.body) == each.signature


def test_a_delivery_has_the_recorded_headers_and_signs_what_it_sends(lab: Lab) -> None:
    lab.contact(firstname="Zoë")
    [(url, headers, body)] = lab.sent
    [recorded] = json.loads((FOLDER / "contact_new_api.json").read_text())["deliveries"]
    of_the_wire = {"Host", "Content-Length"}
    assert headers.keys() == recorded["headers"].keys() - of_the_wire
    assert {**headers, "Webhook-Signature": ""} == {
        **{name: text for name, text in recorded["headers"].items() if name not in of_the_wire},
        "Webhook-Signature": "",
    }
    assert (url, headers["Webhook-Signature"]) == (URL, signature(SECRET, body))
    assert b"Zo\\u00eb" in body


def test_the_echo_of_an_api_client_carries_its_name_and_row_id(lab: Lab) -> None:
    contact_id = lab.contact()
    lab.sent.clear()
    call(lab.host, "PATCH", f"/api/contacts/{contact_id}/edit", {"city": "O"}, lab.client)
    [item] = lab.bodies[0]["mautic.lead_post_save_update"]
    assert (item["contact"]["modifiedBy"], item["contact"]["modifiedByUser"]) == (None, "sync sidecar [1]")


def test_points_given_are_told_with_the_old_ones_and_points_written_with_the_new_ones(lab: Lab) -> None:
    contact_id = lab.contact()
    for path, body, held in (
        (f"/api/contacts/{contact_id}/points/plus/10", None, 0),
        (f"/api/contacts/{contact_id}/edit", {"points": 50}, 50),
    ):
        lab.sent.clear()
        call(lab.host, "POST" if body is None else "PATCH", path, body)
        assert {item["contact"]["points"] for body in lab.bodies for items in body.values() for item in items} == {held}


def test_a_form_of_a_known_person_in_a_fresh_browser_tells_a_new_id_and_the_deletion_of_the_old_one(lab: Lab) -> None:
    old = lab.contact(email="known@example.com")
    lab.sent.clear()
    new = lab.host.submit_form_fresh_browser("known@example.com", {"city": "Rom"})
    ids = {
        trigger: item.get("id") or item.get("contact", {}).get("id")
        for b in lab.bodies
        for trigger, [item] in b.items()
    }
    assert (ids["mautic.lead_post_save_new"], ids["mautic.lead_post_delete"]) == (new, old)
    assert lab.triggers[-1] == "mautic.form_on_submit"

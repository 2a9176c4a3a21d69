"""Opts contacts out and in, only through Mautic's do-not-contact endpoints. A bounce is never lifted."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from sidecar.errors import SetupError, TransientError
from sidecar.hosts.mautic.batches import ANOTHER_CONTACT, GONE, contact_id_of, field_error
from sidecar.hosts.mautic.client import MauticClient
from sidecar.hosts.mautic.opt_outs import BOUNCED, CHANNEL, MANUAL, REASONS
from sidecar.hosts.mautic.reader import ContactReader
from sidecar.records import Consent
from sidecar.sync.model import ConsentChange, Reaction, WriteError

COMMENT = "Set by Salesforce"
BOUNCE = WriteError("bounce-is-never-lifted", Reaction.PERSON)


class ConsentWriter:
    """Carries out opt-outs and lifts, a few at a time, after a last look at what is there."""

    def __init__(self, client: MauticClient, reader: ContactReader, parallel: int) -> None:
        self._client = client
        self._reader = reader
        self._parallel = max(1, parallel)

    def apply(self, changes: Mapping[int, ConsentChange]) -> dict[int, WriteError]:
        """Bring each contact's opt-out about; return the errors by contact id.

        Adding to an existing row would turn a bounce or the person's own unsubscription into a manual one, so it is left.
        Removing by a merged id would opt the survivor in, so the ids are looked up once more.
        """
        if not changes:
            return {}
        living = self._reader.read_existing(changes)
        present = self._reader.read_opt_outs(living)
        errors = {each: GONE for each in changes if each not in living}
        calls: list[tuple[int, ConsentChange]] = []
        for contact_id, change in changes.items():
            if contact_id in errors:
                continue
            if change is ConsentChange.LIFT and _is_bounce(present.get(contact_id)):
                errors[contact_id] = BOUNCE
            elif (change is ConsentChange.OPT_OUT) != (contact_id in present):
                calls.append((contact_id, change))
        with ThreadPoolExecutor(self._parallel) as pool:
            for (contact_id, _), error in zip(calls, pool.map(lambda call: self._call(*call), calls), strict=True):
                if error:
                    errors[contact_id] = error
        return errors

    def _call(self, contact_id: int, change: ConsentChange) -> WriteError | None:
        is_opt_out = change is ConsentChange.OPT_OUT
        path = f"/api/contacts/{contact_id}/dnc/{CHANNEL}/{'add' if is_opt_out else 'remove'}"
        body = {"reason": MANUAL, "comments": COMMENT} if is_opt_out else None
        try:
            answer = self._client.call("POST", path, body)
        except TransientError as error:
            return WriteError(error.code, Reaction.RETRY, retry_after_seconds=error.retry_after_seconds)
        except SetupError as error:
            return WriteError(error.code, Reaction.SETUP)
        if answer.status >= 400:
            return field_error(answer.status, None)
        contact = answer.body.get("contact") if isinstance(answer.body, dict) else None
        return None if contact_id_of(contact) == contact_id else ANOTHER_CONTACT


def _is_bounce(consent: Consent | None) -> bool:
    return consent is not None and consent.reason == REASONS[BOUNCED]

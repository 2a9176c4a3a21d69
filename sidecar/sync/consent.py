"""Who may be written to. Consent is not a field: an opt-out travels at once, and only dated newer evidence lifts it. Pure.

| one side  | other side | evidence that the opt-in is newer | result                                        |
|-----------|------------|-----------------------------------|-----------------------------------------------|
| out       | out        | –                                 | agreed                                        |
| in        | in         | –                                 | agreed; put back if both lost an agreed opt-out without a dated act |
| out       | in         | no, or lifting is not allowed     | the opt-out travels (or is put back)          |
| out       | in         | yes, and lifting is allowed       | the opt-out is lifted                         |
| unknown   | any        | –                                 | nothing: unknown is never "opted in"          |
"""

from datetime import datetime

from sidecar.mapping.model import LiftPolicy
from sidecar.mapping.rules import Rules
from sidecar.records import Consent, Side
from sidecar.sync.model import ConsentChange, ConsentDecision, Pair

BOUNCED = "bounced"
UNSUBSCRIBED = "unsubscribed"


def decide_consent(pair: Pair, rules: Rules) -> ConsentDecision | None:
    """Return what happens to the opt-outs of a pair whose records both live; None where a side cannot tell."""
    states = _states(pair, rules)
    if states is None:
        return None
    was_out = pair.inherits_opt_out or bool(pair.link and pair.link.opted_out)
    out = [side for side in Side if states[side].opted_out]
    if len(out) == 2:
        return ConsentDecision(agreed=True, reason="both-opted-out")
    if not out:
        if was_out and not any(pair.evidence.get(side) for side in Side):
            return _opt_out(*Side, reason="opt-out-put-back")
        return ConsentDecision(agreed=False, reason="both-opted-in")
    out_side = out[0]
    if _may_lift(states[out_side], rules) and _is_newer(pair, out_side, states[out_side]):
        return ConsentDecision(agreed=False, reason="newer-opt-in", changes={out_side: ConsentChange.LIFT})
    return _opt_out(out_side.other, reason="opt-out-put-back" if was_out else "opt-out-travels")


def needs_evidence(pair: Pair, rules: Rules) -> bool:
    """Tell whether history must be asked before deciding: only where something could be lifted."""
    states = _states(pair, rules)
    if states is None or rules.mapping.consent is None:
        return False
    was_out = pair.inherits_opt_out or bool(pair.link and pair.link.opted_out)
    outs = sum(state.opted_out for state in states.values())
    if outs == 1:
        return rules.mapping.consent.lift is not LiftPolicy.NEVER
    return outs == 0 and was_out


def _states(pair: Pair, rules: Rules) -> dict[Side, Consent] | None:
    if rules.mapping.consent is None or not rules.is_consent_known:
        return None
    if pair.host is None or pair.salesforce is None or pair.host.consent is None or pair.salesforce.consent is None:
        return None
    return {Side.HOST: pair.host.consent, Side.SALESFORCE: pair.salesforce.consent}


def _may_lift(opt_out: Consent, rules: Rules) -> bool:
    """Tell whether the setting allows to lift this opt-out at all. A bounce is never lifted."""
    assert rules.mapping.consent is not None
    if opt_out.reason == BOUNCED or rules.mapping.consent.lift is LiftPolicy.NEVER:
        return False
    return opt_out.reason != UNSUBSCRIBED or rules.mapping.consent.lift is LiftPolicy.ALL_BUT_BOUNCES


def _is_newer(pair: Pair, out_side: Side, opt_out: Consent) -> bool:
    """Tell whether the opt-in is proved to be newer than the opt-out; without both dates nothing is proved."""
    opted_in_at: datetime | None = pair.evidence.get(out_side.other)
    opted_out_at = pair.evidence.get(out_side) or opt_out.changed_at
    return bool(opted_in_at and opted_out_at and opted_in_at > opted_out_at)


def _opt_out(*sides: Side, reason: str) -> ConsentDecision:
    return ConsentDecision(agreed=True, reason=reason, changes=dict.fromkeys(sides, ConsentChange.OPT_OUT))

"""Errors, grouped by what happens next. `sidecar/lanes.py` is the only place that reacts to them in a run.

SidecarError        a message for the administrator: no secrets, no personal data, a stable code
├─ SetupError       someone must change something    → the lane is blocked, shown with who can fix it
├─ TransientError   wait, then go on by ourselves    → the watermark stays, the lane is postponed
│  └─ BudgetError   a limit of ours is used up       → the same, and what cannot wait goes on its reserve
├─ SafetyError      the plan looks wrong             → held until a person confirms
├─ LeaseLostError   another worker has the lane      → stop at once, write nothing more
└─ UsageError       the caller asked for nonsense    → shown beside the input, nothing done
A record's own failure is not an exception but an outcome: a record can only fail itself.
"""


class SidecarError(Exception):
    """Something an administrator can understand. `code` is stable and has an anchor in docs/errors.md."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class SetupError(SidecarError):
    """Nothing will work until someone changes something; `fixed_by` names who: operator, host_admin, salesforce_admin."""

    def __init__(self, message: str, *, code: str, fixed_by: str = "operator") -> None:
        super().__init__(message, code=code)
        self.fixed_by = fixed_by


class TransientError(SidecarError):
    """It will work later by itself; `retry_after_seconds` is the source's wish, or None."""

    def __init__(self, message: str, *, code: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds


class BudgetError(TransientError):
    """A limit of ours is used up for now. Nothing was sent: whoever meets this may go on later as if it had not begun."""


class SafetyError(SidecarError):
    """The plan would change more than is plausible; a person must confirm it."""


class LeaseLostError(SidecarError):
    """Our right to run the lane ran out and someone else took it."""


class UsageError(SidecarError):
    """The input cannot be used as it is."""

"""One call and its answer, whether it came over HTTP or inside a composite."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.sandbox.org.errors import OrgError


@dataclass(slots=True)
class Call:
    """A request to the REST API: `path` is what follows /services/data/vXX.0, still %-encoded; header names in lower case."""

    method: str
    version: str
    path: str
    args: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    user_id: str = ""
    is_nested: bool = False

    @property
    def base(self) -> str:
        """The root of this API version."""
        return f"/services/data/v{self.version}"

    def flag(self, name: str) -> bool:
        """Return a yes/no argument of the URL."""
        return self.args.get(name, "false").lower() == "true"

    def object_body(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object."""
        if not isinstance(self.body, dict):
            raise OrgError(
                "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body."
            )
        return self.body


@dataclass(slots=True)
class Answer:
    """What goes back. A body of None is no body at all; bytes are HTML."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def refusal(error: OrgError) -> Answer:
    """Return the answer to a refused call."""
    return Answer(error.status, error.body())

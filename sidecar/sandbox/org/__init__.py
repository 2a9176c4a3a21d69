"""A Salesforce org to run against, held to recorded answers of real orgs by contract tests. Start here: `Org`."""

from sidecar.sandbox.org.clock import Clock
from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.faults import AnswerLate, ConnectionDropped, Fault
from sidecar.sandbox.org.org import Org
from sidecar.sandbox.org.server import build_server

__all__ = ["AnswerLate", "Clock", "ConnectionDropped", "Fault", "Org", "OrgError", "build_server"]

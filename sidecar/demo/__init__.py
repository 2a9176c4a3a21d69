"""The demo: a sandbox Mautic, a sandbox Salesforce org, the sidecar between them as it is in production. Start here."""

from sidecar.demo.story import run_demo

__all__ = ["run_demo"]

"""Change events of an org, over the Pub/Sub API: hints to look early, never data. Start here: `open_bus`.

The extra [cdc] brings gRPC, protobuf and Avro. Only `pubsub.py` and `protocol.py` import them, and nothing imports those
two before events are asked for: without the extra everything else works.
"""

from sidecar.errors import SetupError
from sidecar.salesforce.client import SalesforceClient
from sidecar.salesforce.connection import require_events_address
from sidecar.salesforce.events.bus import Bus


def open_bus(address: str, client: SalesforceClient) -> Bus:
    """Return the event bus of the client's org. One metered call: the bus wants to know the org's id.

    Errors: SetupError when the extra is not installed or the address is not Salesforce's.
    """
    try:
        from sidecar.salesforce.events.pubsub import PubSubBus  # noqa: PLC0415  (an optional extra)
    except ModuleNotFoundError:
        raise SetupError(
            "Change events need the extra [cdc]: install grpcio, protobuf and fastavro.",
            code="change-events-not-installed",
        ) from None
    require_events_address(address)
    organization = next(client.query("SELECT Id FROM Organization"))
    return PubSubBus(address, client.tokens, organization[0]["Id"])

"""Client and sandbox were written apart; both must speak what the vendor published."""

import json
from pathlib import Path

import pytest
from google.protobuf.descriptor import FieldDescriptor as Kind

from sidecar.salesforce.events import protocol
from sidecar.sandbox.org import pubsub_wire

PUBLISHED = json.loads((Path(__file__).parents[1] / "recordings/pubsub/protocol.json").read_text())
SCALARS = {Kind.TYPE_STRING: "string", Kind.TYPE_BYTES: "bytes", Kind.TYPE_BOOL: "bool", Kind.TYPE_INT32: "int32"}


def shape(kind) -> dict[str, list]:
    """Return a message's fields as the recording has them."""
    return {field.name: [field.number, word(field)] for field in kind.DESCRIPTOR.fields}


def word(field) -> str:
    of = field.message_type or field.enum_type
    return ("repeated " if field.is_repeated else "") + (of.name if of else SCALARS[field.type])


@pytest.mark.parametrize("name", sorted(protocol.CLASSES))
def test_the_client_speaks_the_published_wire_format(name):
    published = PUBLISHED["messages"][name]
    mine = shape(protocol.CLASSES[name])
    if name == "FetchRequest":
        assert published["replay_preset"] == [2, "ReplayPreset"]
        mine["replay_preset"] = [2, "ReplayPreset"]  # an enumeration is a number on the wire
    assert mine == {field: published[field] for field in mine}


def test_the_client_names_the_published_service_and_presets():
    assert f"{PUBLISHED['package']}.PubSub" == protocol.SERVICE
    assert PUBLISHED["enums"]["ReplayPreset"] == {"LATEST": protocol.LATEST, "EARLIEST": 1, "CUSTOM": protocol.CUSTOM}
    assert PUBLISHED["service"]["Subscribe"] == ["stream FetchRequest", "stream FetchResponse"]


@pytest.mark.parametrize("name", sorted(pubsub_wire.messages()))
def test_the_sandbox_speaks_the_published_wire_format_in_full(name):
    assert shape(pubsub_wire.messages()[name]) == PUBLISHED["messages"][name]

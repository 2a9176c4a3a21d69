"""The part of Salesforce's published protocol eventbus.v1 that we speak, as message classes made when they are imported.

Names and numbers are the vendor's (github.com/forcedotcom/pub-sub-api, pubsub_api.proto); fields that we neither send nor
read are left out, as the wire format allows. Made here rather than generated: generated code is bound to one major version
of protobuf, and its descriptors to the one pool of the process.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE: Final = "eventbus.v1"
SERVICE: Final = f"{PACKAGE}.PubSub"
LATEST: Final = 0
CUSTOM: Final = 2

_Kind = descriptor_pb2.FieldDescriptorProto
_MESSAGES: Final[dict[str, dict[str, tuple[int, int | str, bool]]]] = {
    # message → field → (number, scalar type or message, repeated)
    "TopicRequest": {"topic_name": (1, _Kind.TYPE_STRING, False)},
    "TopicInfo": {
        "topic_name": (1, _Kind.TYPE_STRING, False),
        "can_subscribe": (4, _Kind.TYPE_BOOL, False),
        "schema_id": (5, _Kind.TYPE_STRING, False),
    },
    "SchemaRequest": {"schema_id": (1, _Kind.TYPE_STRING, False)},
    "SchemaInfo": {
        "schema_json": (1, _Kind.TYPE_STRING, False),
        "schema_id": (2, _Kind.TYPE_STRING, False),
    },
    "ProducerEvent": {
        "id": (1, _Kind.TYPE_STRING, False),
        "schema_id": (2, _Kind.TYPE_STRING, False),
        "payload": (3, _Kind.TYPE_BYTES, False),
    },
    "ConsumerEvent": {
        "event": (1, "ProducerEvent", False),
        "replay_id": (2, _Kind.TYPE_BYTES, False),
    },
    "FetchRequest": {
        "topic_name": (1, _Kind.TYPE_STRING, False),
        "replay_preset": (2, _Kind.TYPE_INT32, False),  # an enumeration: the same on the wire
        "replay_id": (3, _Kind.TYPE_BYTES, False),
        "num_requested": (4, _Kind.TYPE_INT32, False),
    },
    "FetchResponse": {
        "events": (1, "ConsumerEvent", True),
        "latest_replay_id": (2, _Kind.TYPE_BYTES, False),
        "pending_num_requested": (4, _Kind.TYPE_INT32, False),
    },
}


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="eventbus.proto", package=PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind, is_repeated) in fields.items():
            field = message.field.add(name=field_name, number=number)
            field.label = _Kind.LABEL_REPEATED if is_repeated else _Kind.LABEL_OPTIONAL
            if isinstance(kind, str):
                field.type, field.type_name = _Kind.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _MESSAGES
    }


CLASSES: Final = _build()
TopicRequest: Final = CLASSES["TopicRequest"]
TopicInfo: Final = CLASSES["TopicInfo"]
SchemaRequest: Final = CLASSES["SchemaRequest"]
SchemaInfo: Final = CLASSES["SchemaInfo"]
FetchRequest: Final = CLASSES["FetchRequest"]
FetchResponse: Final = CLASSES["FetchResponse"]

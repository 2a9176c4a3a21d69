"""Message classes of the Pub/Sub API, read from `pubsub_api.proto` beside this file. Needs protobuf.

The sandbox reads the published text itself: a client that has a number or a type wrong is not understood here.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "eventbus.v1"
BLOCK = re.compile(r"(message|enum)\s+(\w+)\s*\{([^}]*)\}")
FIELD = re.compile(r"(repeated\s+)?(\w+)\s+(\w+)\s*=\s*(\d+);")
VALUE = re.compile(r"(\w+)\s*=\s*(\d+);")
Kind = descriptor_pb2.FieldDescriptorProto
SCALARS = {"string": Kind.TYPE_STRING, "bytes": Kind.TYPE_BYTES, "bool": Kind.TYPE_BOOL, "int32": Kind.TYPE_INT32}


@cache
def messages() -> dict[str, Any]:
    """Return the classes by the names of their messages."""
    blocks = BLOCK.findall(Path(__file__).with_name("pubsub_api.proto").read_text(encoding="utf-8"))
    enums = {name for kind, name, _ in blocks if kind == "enum"}
    file = descriptor_pb2.FileDescriptorProto(name="pubsub_api.proto", package=PACKAGE, syntax="proto3")
    for kind, name, body in blocks:
        if kind == "enum":
            values = file.enum_type.add(name=name).value
            for value, number in VALUE.findall(body):
                values.add(name=value, number=int(number))
        else:
            add_message(file, name, body, enums)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = pool.FindFileByName(file.name).message_types_by_name
    return {name: message_factory.GetMessageClass(each) for name, each in found.items()}


def add_message(file: Any, name: str, body: str, enums: set[str]) -> None:
    """Add one message with its fields."""
    message = file.message_type.add(name=name)
    for repeated, kind, field_name, number in FIELD.findall(body):
        field = message.field.add(name=field_name, number=int(number))
        field.label = Kind.LABEL_REPEATED if repeated else Kind.LABEL_OPTIONAL
        if kind in SCALARS:
            field.type = SCALARS[kind]
        else:
            field.type = Kind.TYPE_ENUM if kind in enums else Kind.TYPE_MESSAGE
            field.type_name = f".{PACKAGE}.{kind}"

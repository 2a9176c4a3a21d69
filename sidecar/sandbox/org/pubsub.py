"""The Pub/Sub API of an org by gRPC, on a loopback address, in plain text. Needs grpcio, protobuf and fastavro.

Source: Pub/Sub API Developer Guide – "Subscribe RPC Method", "Pull Subscription and Flow Control", "Handle Errors".
"""

import io
import json
import re
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import fastavro
import grpc

from sidecar.sandbox.org.errors import OrgError
from sidecar.sandbox.org.events import ChangeEvents, Event
from sidecar.sandbox.org.ids import full_id
from sidecar.sandbox.org.pubsub_wire import PACKAGE, messages
from sidecar.sandbox.org.schema import SObject

if TYPE_CHECKING:
    from sidecar.sandbox.org.org import Org

MOST = 100
KINDS = ("CREATE", "UPDATE", "DELETE", "UNDELETE")
CODES = "sfdc.platform.eventbus.grpc"
TOPIC = re.compile(r"/data/(\w+?)(__)?ChangeEvent")
Context = Any


@dataclass(slots=True)
class Stream:
    """One subscription: where it is, how much it wants, and whether its subscriber has gone."""

    events: ChangeEvents
    object: str
    place: int
    pending: int
    beats: int = 0
    breaks: int = 0
    is_over: bool = False

    def __post_init__(self) -> None:
        self.beats, self.breaks = self.events.beats, self.events.breaks

    @property
    def is_broken(self) -> bool:
        """Tell whether the platform has cut it off."""
        return self.events.breaks > self.breaks

    def ask(self, number: int) -> None:
        """Add to what the subscriber wants."""
        with self.events.news:
            self.pending = min(self.pending + number, MOST)
            self.events.news.notify_all()

    def hang_up(self) -> None:
        """Send nothing more."""
        with self.events.news:
            self.is_over = True
            self.events.news.notify_all()

    def next_events(self) -> list[Event]:
        """Wait for something to send; nothing is a sign of life."""
        with self.events.news:
            self.events.news.wait_for(self._has_news)
            found = self.events.after(self.place, self.object, self.pending)
            self.beats = self.events.beats
            self.pending -= len(found)
            self.place = found[-1].place if found else max(self.place, self.events.tip())
            return found

    def _has_news(self) -> bool:
        has_events = self.pending > 0 and bool(self.events.after(self.place, self.object, 1))
        return self.is_over or self.is_broken or self.events.beats > self.beats or has_events


@dataclass(slots=True)
class PubSub:
    """Answers subscribers of one org. `opened` counts subscriptions."""

    org: "Org"
    opened: int = 0
    asked: list[Any] = field(default_factory=list)

    def get_topic(self, request: Any, context: Context) -> Any:
        """Describe a topic."""
        self._require_user(context)
        each = self._object(request.topic_name, context)
        return messages()["TopicInfo"](
            topic_name=request.topic_name,
            tenant_guid=self.org.org_id,
            can_subscribe=each.name not in self.org.events.denied,
            schema_id=each.name,
            rpc_id=str(uuid.uuid4()),
        )

    def get_schema(self, request: Any, context: Context) -> Any:
        """Return how an object's events are written."""
        self._require_user(context)
        each = self.org.schema.get(request.schema_id)
        if each is None:
            refuse(context, grpc.StatusCode.NOT_FOUND, "schema.not.found")
        return messages()["SchemaInfo"](schema_json=json.dumps(schema_of(each)), schema_id=request.schema_id)

    def subscribe(self, requests: Iterator[Any], context: Context) -> Iterator[Any]:
        """Send events as they are asked for, until the subscriber goes or the stream is broken."""
        self._require_user(context)
        first = next(requests)
        self.asked.append(first)
        each = self._object(first.topic_name, context)
        stream = Stream(self.org.events, each.name, self._start(first, context), min(first.num_requested, MOST))
        threading.Thread(target=self._listen, args=(requests, stream), daemon=True).start()
        context.add_callback(stream.hang_up)
        with stream.events.news:
            self.opened += 1
            stream.events.news.notify_all()
        while True:
            found = stream.next_events()
            if stream.is_over:
                return
            if stream.is_broken:
                refuse(context, grpc.StatusCode.UNAVAILABLE, "service.unavailable")
            yield self._answer(each, found, stream)

    def _listen(self, requests: Iterator[Any], stream: Stream) -> None:
        """Add what the subscriber asks for meanwhile."""
        try:
            for request in requests:
                self.asked.append(request)
                stream.ask(request.num_requested)
        except grpc.RpcError:
            pass
        stream.hang_up()

    def _start(self, first: Any, context: Context) -> int:
        events = self.org.events
        if first.num_requested < 1:
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "subscription.fetch.requested.events.invalid")
        if first.replay_preset == 0:
            return events.tip()
        if first.replay_preset == 1:
            return events.earliest()
        if len(first.replay_id) != 8 or not events.is_known(int.from_bytes(first.replay_id)):
            refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "subscription.fetch.replayid.corrupted")
        return int.from_bytes(first.replay_id)

    def _answer(self, each: SObject, found: list[Event], stream: Stream) -> Any:
        kinds = messages()
        events = [
            kinds["ConsumerEvent"](
                event=kinds["ProducerEvent"](id=str(uuid.uuid4()), schema_id=each.name, payload=payload(each, event)),
                replay_id=event.place.to_bytes(8),
            )
            for event in found
        ]
        return kinds["FetchResponse"](
            events=events,
            latest_replay_id=stream.place.to_bytes(8),
            rpc_id=str(uuid.uuid4()),
            pending_num_requested=stream.pending,
        )

    def _require_user(self, context: Context) -> None:
        sent = dict(context.invocation_metadata())
        try:
            with self.org.lock:
                self.org.sign_in.user_of(f"Bearer {sent.get('accesstoken', '')}")
            if full_id(sent.get("tenantid")) == self.org.org_id and sent.get("instanceurl", "").startswith("http"):
                return
        except OrgError:
            pass
        refuse(context, grpc.StatusCode.UNAUTHENTICATED, "service.auth.error")

    def _object(self, topic: str, context: Context) -> SObject:
        found = TOPIC.fullmatch(topic)
        each = self.org.schema.get(found[1] + ("__c" if found[2] else "")) if found else None
        if each is None:
            refuse(context, grpc.StatusCode.NOT_FOUND, "topic.not.found")
        return each


def refuse(context: Context, code: Any, reason: str) -> NoReturn:
    """End a call as the platform does: a status, and its own code in the trailers."""
    context.set_trailing_metadata((("error-code", f"{CODES}.{reason}"),))
    context.abort(code, f"refused. rpcId: {uuid.uuid4()}")
    raise AssertionError  # abort has raised


def schema_of(each: SObject) -> dict[str, Any]:
    """Return the Avro schema of an object's change events: the header, and each field or null."""
    strings = {"type": "array", "items": "string"}
    kinds = [*KINDS, *(f"GAP_{kind}" for kind in KINDS), "GAP_OVERFLOW", "SNAPSHOT"]
    header = [
        {"name": "entityName", "type": "string"},
        {"name": "recordIds", "type": strings},
        {"name": "changeType", "type": {"type": "enum", "name": "ChangeType", "symbols": kinds}},
        {"name": "changeOrigin", "type": "string"},
        {"name": "transactionKey", "type": "string"},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": "string"},
        *({"name": name, "type": strings} for name in ("nulledFields", "diffFields", "changedFields")),
    ]
    whole = {"name": "ChangeEventHeader", "type": {"type": "record", "name": "ChangeEventHeader", "fields": header}}
    fields = [{"name": one.name, "type": ["null", "string"], "default": None} for one in each.stored()]
    return {
        "type": "record",
        "namespace": "com.sforce.eventbus",
        "name": f"{each.name.replace('__c', '__')}ChangeEvent",
        "fields": [whole, *fields],
    }


def payload(each: SObject, event: Event) -> bytes:
    """Return an event as Avro."""
    values = {name: None if value is None else str(value) for name, value in event.values.items()}
    written = io.BytesIO()
    fastavro.schemaless_writer(written, schema_of(each), {"ChangeEventHeader": event.header, **values})
    return written.getvalue()


def build_pubsub(org: "Org", port: int = 0) -> tuple[Any, PubSub, int]:
    """Return a server that has not started yet, what answers in it, and its port (a free one for 0)."""
    pubsub, kinds = PubSub(org), messages()
    server = grpc.server(ThreadPoolExecutor(16, thread_name_prefix="sandbox-pubsub"))
    calls = {
        "GetTopic": (grpc.unary_unary_rpc_method_handler, pubsub.get_topic, kinds["TopicRequest"]),
        "GetSchema": (grpc.unary_unary_rpc_method_handler, pubsub.get_schema, kinds["SchemaRequest"]),
        "Subscribe": (grpc.stream_stream_rpc_method_handler, pubsub.subscribe, kinds["FetchRequest"]),
    }
    methods = {
        name: make(
            answer,
            request_deserializer=kind.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        for name, (make, answer, kind) in calls.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(f"{PACKAGE}.PubSub", methods),))
    return server, pubsub, server.add_insecure_port(f"127.0.0.1:{port}")

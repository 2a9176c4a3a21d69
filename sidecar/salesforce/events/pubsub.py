"""The Pub/Sub API by gRPC: one stream per topic, flow control, Avro headers, every error translated.

Source: Pub/Sub API Developer Guide – "Subscribe RPC Method", "Pull Subscription and Flow Control", "Handle Errors".
"""

import io
import json
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any, Final

import fastavro
import grpc

from sidecar.errors import SetupError, SidecarError, TransientError
from sidecar.salesforce.connection import require_events_address
from sidecar.salesforce.events import protocol
from sidecar.salesforce.events.bus import Fetched, ReplayLostError, TokenRefusedError, Tokens
from sidecar.salesforce.signin import Token

_MOST_EVENTS: Final = 100  # outstanding in one subscription; the server takes more for 100
_CALL_SECONDS: Final = 30
_PING_MILLISECONDS: Final = 300_000  # a silent network shows; servers take more frequent pings for abuse
_HEADER: Final = "ChangeEventHeader"
_LIMIT_PAUSE_SECONDS: Final = 3600
_OPTIONS: Final = (("grpc.keepalive_time_ms", _PING_MILLISECONDS), ("grpc.keepalive_timeout_ms", 20_000))


class PubSubBus:
    """See Bus. Access tokens travel with every call, so the address must be Salesforce's own, and encrypted."""

    def __init__(self, address: str, tokens: Tokens, org_id: str) -> None:
        target, is_plain = require_events_address(address)
        self._tokens = tokens
        self._org_id = org_id
        self._channel = (
            grpc.insecure_channel(target, _OPTIONS)
            if is_plain
            else grpc.secure_channel(target, grpc.ssl_channel_credentials(), _OPTIONS)
        )
        self._get_topic = self._method("unary_unary", "GetTopic", protocol.TopicInfo)
        self._get_schema = self._method("unary_unary", "GetSchema", protocol.SchemaInfo)
        self._subscribe = self._method("stream_stream", "Subscribe", protocol.FetchResponse)
        self._lock = threading.Lock()
        self._calls: set[Any] = set()
        self._is_stopped = False
        self._schemas: dict[str, tuple[Any, Any]] = {}

    @property
    def is_stopped(self) -> bool:
        """See Bus."""
        return self._is_stopped

    def require_topic(self, topic: str) -> None:
        """See Bus."""
        token = self._token()
        try:
            info = self._get_topic(
                protocol.TopicRequest(topic_name=topic), metadata=self._metadata(token), timeout=_CALL_SECONDS
            )
        except grpc.RpcError as error:
            raise self._translated(error, token) from None
        if not info.can_subscribe:
            raise _not_permitted()

    def fetch(self, topic: str, after: bytes | None) -> Iterator[Fetched]:
        """See Bus."""
        requests: SimpleQueue[Any] = SimpleQueue()
        requests.put(_first_request(topic, after))
        token = self._token()
        call = self._open(requests, token)
        is_first = True
        try:
            for answer in call or ():
                yield self._read(answer, token)
                is_first = False
                if answer.pending_num_requested <= _MOST_EVENTS // 2:
                    missing = _MOST_EVENTS - answer.pending_num_requested
                    requests.put(protocol.FetchRequest(topic_name=topic, num_requested=missing))
        except grpc.RpcError as error:
            if self._is_stopped:
                return
            raise self._translated(error, token, is_resuming=is_first and after is not None) from None
        finally:
            requests.put(None)
            self._end(call)

    def stop(self) -> None:
        """See Bus."""
        with self._lock:
            self._is_stopped = True
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    def close(self) -> None:
        """See Bus."""
        self._channel.close()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _method(self, kind: str, name: str, answer: Any) -> Any:
        return getattr(self._channel, kind)(
            f"/{protocol.SERVICE}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )

    def _token(self) -> Token:
        with self._lock:
            return self._tokens.token()

    def _metadata(self, token: Token) -> tuple[tuple[str, str], ...]:
        return (
            ("accesstoken", token.access_token),
            ("instanceurl", token.instance_url),
            ("tenantid", self._org_id),
        )

    def _open(self, requests: "SimpleQueue[Any]", token: Token) -> Any:
        with self._lock:
            if self._is_stopped:
                return None
            call = self._subscribe(iter(requests.get, None), metadata=self._metadata(token))
            self._calls.add(call)
            return call

    def _end(self, call: Any) -> None:
        with self._lock:
            self._calls.discard(call)
        if call is not None:
            call.cancel()

    def _read(self, answer: Any, token: Token) -> Fetched:
        headers = tuple(self._header(each.event, token) for each in answer.events)
        # Of an answer with events the last one counts: "latest" may be ahead of what was delivered.
        return Fetched(headers, answer.events[-1].replay_id if answer.events else answer.latest_replay_id)

    def _header(self, event: Any, token: Token) -> dict[str, Any]:
        written, wanted = self._schema(event.schema_id, token)
        decoded: Any = fastavro.schemaless_reader(io.BytesIO(event.payload), written, wanted)
        header: dict[str, Any] = decoded[_HEADER]
        return header

    def _schema(self, schema_id: str, token: Token) -> tuple[Any, Any]:
        """Return the schema an event was written with, and the same with its header only: field values are skipped."""
        if schema_id not in self._schemas:
            answer = self._get_schema(
                protocol.SchemaRequest(schema_id=schema_id), metadata=self._metadata(token), timeout=_CALL_SECONDS
            )
            whole = json.loads(answer.schema_json)
            only_header = whole | {"fields": [field for field in whole["fields"] if field["name"] == _HEADER]}
            self._schemas[schema_id] = (fastavro.parse_schema(whole), fastavro.parse_schema(only_header))
        return self._schemas[schema_id]

    def _translated(self, error: Any, token: Token, *, is_resuming: bool = False) -> Exception:
        code, reason = error.code(), _reason_of(error)
        if code is grpc.StatusCode.UNAUTHENTICATED:
            with self._lock:
                self._tokens.replace(token)
            return TokenRefusedError()
        if code is grpc.StatusCode.INVALID_ARGUMENT and (is_resuming or "replayid" in reason):
            return ReplayLostError()
        return _ERRORS.get(code, _interrupted)()


def _first_request(topic: str, after: bytes | None) -> Any:
    if after is None:
        return protocol.FetchRequest(topic_name=topic, replay_preset=protocol.LATEST, num_requested=_MOST_EVENTS)
    return protocol.FetchRequest(
        topic_name=topic, replay_preset=protocol.CUSTOM, replay_id=after, num_requested=_MOST_EVENTS
    )


def _reason_of(error: Any) -> str:
    """Return Salesforce's own code of an error, which comes in the trailers."""
    return next((str(value) for key, value in error.trailing_metadata() or () if key == "error-code"), "")


def _not_permitted() -> SidecarError:
    return SetupError(
        "Our Salesforce user may not receive the change events of an object.",
        code="change-events-not-permitted",
        fixed_by="salesforce_admin",
    )


def _refused() -> SidecarError:
    return SetupError("The Pub/Sub API does not understand our question.", code="change-events-refused")


def _limited() -> SidecarError:
    return TransientError(
        "The org's allocation of delivered events is used up.",
        code="change-events-limit-reached",
        retry_after_seconds=_LIMIT_PAUSE_SECONDS,
    )


def _interrupted() -> SidecarError:
    return TransientError("The connection to the Pub/Sub API broke.", code="change-events-interrupted")


_ERRORS: Final = {
    grpc.StatusCode.PERMISSION_DENIED: _not_permitted,
    grpc.StatusCode.NOT_FOUND: _not_permitted,
    grpc.StatusCode.INVALID_ARGUMENT: _refused,
    grpc.StatusCode.UNIMPLEMENTED: _refused,
    grpc.StatusCode.RESOURCE_EXHAUSTED: _limited,
}

"""The only place that calls simple-salesforce: one org, one session, bounded retries, every error translated.

simple-salesforce is given a ready token and our session; it signs in nowhere itself, because its own re-login has no bound.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from simple_salesforce.util import exception_handler
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from sidecar.errors import SetupError, SidecarError, TransientError
from sidecar.records import Value
from sidecar.salesforce import errors
from sidecar.salesforce.parts import PARTS_PER_CALL, Part, PartAnswer
from sidecar.salesforce.rows import Kind, Row, RowResult, RowWriter
from sidecar.salesforce.signin import Token, TokenSource
from sidecar.salesforce.soql import encoded_bytes
from sidecar.salesforce.transport import WRITE_HEADERS, OrgSession
from sidecar.salesforce.values import to_json

Answer = TypeVar("Answer")
Json = dict[str, Any]

_DIRECT_QUERY_BYTES: Final = 12_000  # address and headers together are limited to 16,384 bytes, and tokens can be long
_ATTEMPTS: Final = 3
_HTTP_DATE: Final = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
_REFUSED_FOR_ITSELF: Final = frozenset({300, 400, 404})
_PASSING_STATUS: Final = frozenset({502, 503, 504})


class SalesforceClient:
    """Talks to one org. Errors: SetupError, TransientError; nothing of an answer's text gets into them."""

    def __init__(
        self,
        tokens: TokenSource,
        session: OrgSession,
        *,
        api_version: str,
        on_instance: Callable[[str], None],
        sleep: Callable[[float], None],
    ) -> None:
        self._tokens = tokens
        self._session = session
        self._version = api_version
        self._on_instance = on_instance
        self._sleep = sleep
        self._token: Token | None = None
        self._org: Salesforce | None = None

    @property
    def session(self) -> OrgSession:
        """The session, for its counters."""
        return self._session

    @property
    def api_version(self) -> str:
        """The version of the REST API that is asked."""
        return self._version

    @property
    def tokens(self) -> TokenSource:
        """Where tokens come from, for whatever speaks to the org by another protocol."""
        return self._tokens

    @property
    def sleep(self) -> Callable[[float], None]:
        """How this client waits."""
        return self._sleep

    # -- free calls ------------------------------------------------------------------------------------------------

    def read_versions(self) -> tuple[datetime, list[str]]:
        """Return the org's clock and the API versions it offers; needs no token and is not metered."""
        url = f"{self._current()[1].instance_url}/services/data"
        try:
            response = self._persist(lambda: _checked(self._session.get(url, headers={"Accept": "application/json"})))
        except SalesforceError as error:
            raise errors.call_error(error) from None
        try:
            versions = [str(entry["version"]) for entry in response.json()]
            return _clock_of(response.headers["Date"]), versions
        except (ValueError, KeyError, TypeError):
            raise TransientError(
                "There is no Salesforce API at that address.", code="salesforce-unexpected-answer"
            ) from None

    # -- reading ---------------------------------------------------------------------------------------------------

    def query(self, soql: str, *, with_deleted: bool = False) -> Iterator[list[Json]]:
        """Yield the pages of a query's result, to the end."""
        if encoded_bytes(soql) > _DIRECT_QUERY_BYTES:
            yield from self._composite_pages(soql, with_deleted)
            return
        page = self._call(lambda org: org.query(soql, include_deleted=with_deleted))
        yield from self._pages(page)

    def query_each(self, soqls: Sequence[str], *, with_deleted: bool = False) -> list[list[Json]]:
        """Return the whole result of each query; five queries are one call, and a single one is a plain GET."""
        found: list[list[Json]] = []
        for answer in self.try_each(soqls, with_deleted=with_deleted):
            if isinstance(answer, SidecarError):
                raise answer
            found.append(answer)
        return found

    def try_each(self, soqls: Sequence[str], *, with_deleted: bool = False) -> list[list[Json] | SidecarError]:
        """Like query_each, but a query refused for itself is returned as its error."""
        if len(soqls) == 1:
            return [self._try_one(soqls[0], with_deleted)]
        found: list[list[Json] | SidecarError] = []
        for start in range(0, len(soqls), PARTS_PER_CALL):
            some = soqls[start : start + PARTS_PER_CALL]
            for answer in self.composite([self._query_part(soql, with_deleted) for soql in some]):
                found.append(answer.error or [row for page in self._pages(answer.body) for row in page])
        return found

    def describe(self, object_name: str, known: Mapping[str, str]) -> tuple[Json | None, dict[str, str]] | None:
        """Return an object's description (None: no such object) with its validators; None if nothing changed since `known`."""
        seen: dict[str, str] = {}

        def remember(response: requests.Response, *_: Any, **__: Any) -> None:
            seen.update(
                {name: response.headers[name] for name in ("ETag", "Last-Modified") if name in response.headers}
            )

        headers = {
            name: known[validator]
            for name, validator in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
            if validator in known
        }
        path = f"sobjects/{quote(object_name, safe='')}/describe"
        try:
            body = self._call(lambda org: org.restful(path, headers=headers, hooks={"response": remember}), raw=True)
        except SalesforceError as error:
            if error.status == 304:
                return None
            if error.status == 404 and "NOT_FOUND" in errors.codes_of(error):
                return None, {}
            raise errors.call_error(error) from None
        return body, seen

    # -- writing ---------------------------------------------------------------------------------------------------

    def upsert_rows(self, object_name: str, key_field: str, rows: Sequence[Mapping[str, Value]]) -> list[RowResult]:
        """Create or update records by an external id field, which each row must have; one result each, in order."""
        return RowWriter(self).write([Row(Kind.UPSERT, object_name, _body(row), key_field) for row in rows])

    def insert_rows(self, object_name: str, rows: Sequence[Mapping[str, Value]]) -> list[RowResult]:
        """Create records; a lost answer is not repeated, because what was created would be created twice."""
        return RowWriter(self).write([Row(Kind.INSERT, object_name, _body(row)) for row in rows])

    # -- anything --------------------------------------------------------------------------------------------------

    def send(self, part: Part, *, is_repeatable: bool) -> PartAnswer:
        """Send one request as a call of its own. What it was refused for itself comes back as its answer."""
        more: Json = {} if part.body is None else {"json": part.body}
        if part.headers:
            more["headers"] = dict(part.headers)
        try:
            body = self._call(
                lambda org: org.restful(part.path, method=part.method, **more), is_repeatable=is_repeatable, raw=True
            )
        except SalesforceError as error:
            if error.status not in _REFUSED_FOR_ITSELF:
                raise errors.call_error(error) from None
            return PartAnswer(error.status, error.content)
        # simple-salesforce turns an empty list into None.
        return PartAnswer(200, [] if body is None else body)

    def upload(self, path: str, files: Mapping[str, Any]) -> PartAnswer:
        """Send files as a form, once; whatever it was refused for comes back as its answer."""
        headers = {"Content-Type": None}  # requests names the boundary between the files itself
        try:
            body = self._call(
                lambda org: org.restful(path, method="POST", files=files, headers=headers),
                is_repeatable=False,
                raw=True,
            )
        except SalesforceError as error:
            return PartAnswer(error.status, error.content)
        return PartAnswer(200, body)

    def put_file(self, path: str, content: bytes) -> None:
        """Upload CSV, once: a second time would be refused, or count double."""
        self._call(lambda org: self._file(org, "PUT", path, content), is_repeatable=False)

    def get_file(self, path: str) -> tuple[bytes, Mapping[str, str]]:
        """Return a file as it is, and the headers of its answer: simple-salesforce would guess its encoding."""
        answer = self._call(lambda org: self._file(org, "GET", path, None))
        return answer.content, answer.headers

    def composite(self, parts: Sequence[Part], *, is_repeatable: bool = True) -> list[PartAnswer]:
        """Send up to five parts as one metered call; answers in order. Each part stands and falls by itself."""
        body = {
            "allOrNone": False,
            "collateSubrequests": False,
            "compositeRequest": [self._as_json(part, f"part{number}") for number, part in enumerate(parts)],
        }
        answer = self.send(Part("POST", "composite", body), is_repeatable=is_repeatable)
        if answer.error:
            raise answer.error
        found = answer.body.get("compositeResponse") if isinstance(answer.body, Mapping) else None
        if not isinstance(found, list) or len(found) != len(parts):
            raise TransientError("Salesforce's answer is incomplete.", code=errors.ANSWER_LOST)
        return [PartAnswer(int(part["httpStatusCode"]), part["body"]) for part in found]

    # -- inside ----------------------------------------------------------------------------------------------------

    def _as_json(self, part: Part, reference: str) -> Json:
        # Parts inherit Accept, Authorization and Content-Type only; our constant headers must be said again.
        found: Json = {
            "method": part.method,
            "url": f"/services/data/v{self._version}/{part.path}",
            "referenceId": reference,
        }
        if part.method != "GET":
            found |= {"httpHeaders": {**WRITE_HEADERS, **part.headers}, "body": part.body}
        return found

    def _file(self, org: Salesforce, method: str, path: str, content: bytes | None) -> requests.Response:
        headers = {**org.headers, "Accept": "text/csv"}
        if content is not None:
            headers |= {"Content-Type": "text/csv; charset=UTF-8", "Accept": "application/json"}
        response = self._session.request(method, f"{org.base_url}{path}", data=content, headers=headers)
        if response.status_code >= 300:
            exception_handler(response, name=path)
        return response

    def _query_part(self, soql: str, with_deleted: bool) -> Part:
        return Part("GET", f"{'queryAll' if with_deleted else 'query'}/?q={quote(soql, safe='')}")

    def _try_one(self, soql: str, with_deleted: bool) -> list[Json] | SidecarError:
        try:
            return [row for page in self.query(soql, with_deleted=with_deleted) for row in page]
        except SetupError as error:
            return error

    def _composite_pages(self, soql: str, with_deleted: bool) -> Iterator[list[Json]]:
        answer = self.composite([self._query_part(soql, with_deleted)])[0]
        if answer.error:
            raise answer.error
        yield from self._pages(answer.body)

    def _pages(self, page: Json) -> Iterator[list[Json]]:
        seen: set[str] = set()
        while True:
            yield page["records"]
            following = page.get("nextRecordsUrl")
            if page.get("done", True) or following is None:
                return
            if following in seen:
                raise TransientError("Salesforce gave the same page of a result twice.", code=errors.QUERY_EXPIRED)
            seen.add(following)
            page = self._call(partial(_more, locator=following))

    def _call(self, ask: Callable[[Salesforce], Answer], *, is_repeatable: bool = True, raw: bool = False) -> Answer:
        """Ask, with one new sign-in if the session ran out, and translate what goes wrong (unless the caller wants it raw)."""
        try:
            return self._with_session(ask, is_repeatable)
        except SalesforceError as error:
            if raw:
                raise
            raise errors.call_error(error) from None

    def _with_session(self, ask: Callable[[Salesforce], Answer], is_repeatable: bool) -> Answer:
        org, token = self._current()
        try:
            return self._persist(lambda: ask(org), is_repeatable=is_repeatable)
        except SalesforceError as error:
            if error.status != 401:
                raise
        org, _ = self._use(self._tokens.replace(token))
        return self._persist(lambda: ask(org), is_repeatable=is_repeatable)

    def _current(self) -> tuple[Salesforce, Token]:
        if self._org is None or self._token is None:
            return self._use(self._tokens.token())
        return self._org, self._token

    def _use(self, token: Token) -> tuple[Salesforce, Token]:
        # A new object each time: its addresses are fixed when it is made, and a new token may be for another host.
        self._on_instance(token.instance_url)
        self._token = token
        self._org = Salesforce(
            session_id=token.access_token,
            instance=token.instance_url.partition("://")[2],
            version=self._version,
            session=self._session,
            parse_float=Decimal,
            object_pairs_hook=dict,
        )
        return self._org, token

    def _persist(self, ask: Callable[[], Answer], *, is_repeatable: bool = True) -> Answer:
        """Ask, and ask again after a pause if the request can be repeated and the failure is of the passing kind."""
        attempts = Retrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_attempt(_ATTEMPTS if is_repeatable else 1),
            wait=wait_exponential_jitter(initial=1, max=20, jitter=1),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return attempts(ask)
        except requests.exceptions.JSONDecodeError:
            raise TransientError("Salesforce's answer is not JSON.", code="salesforce-unexpected-answer") from None
        except requests.exceptions.SSLError:
            raise SetupError(
                "Salesforce's certificate was not accepted.", code="salesforce-certificate-refused"
            ) from None
        except requests.RequestException as error:
            raise _lost(error) from None


def _body(row: Mapping[str, Value]) -> Json:
    return {name: to_json(value) for name, value in row.items()}


def _clock_of(header: str) -> datetime:
    # A server in between may add its own date: the earlier one is safe, nothing after it counts as seen.
    return min(parsedate_to_datetime(text) for text in _HTTP_DATE.findall(header))


def _more(org: Salesforce, locator: str) -> Json:
    page: Json = org.query_more(locator, identifier_is_url=True)
    return page


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, SalesforceError):
        return error.status in _PASSING_STATUS
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ReadTimeout):
        return False  # a slow answer may still be worked on: asking again would only lock its rows
    return isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.ChunkedEncodingError)


def _lost(error: requests.RequestException) -> TransientError:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return TransientError("Salesforce could not be reached.", code=errors.UNREACHABLE)
    return TransientError("The connection to Salesforce broke before the answer.", code=errors.UNREACHABLE)


def _checked(response: requests.Response) -> requests.Response:
    if response.status_code >= 300:
        raise SalesforceError(response.url, response.status_code, "versions", response.content)
    return response

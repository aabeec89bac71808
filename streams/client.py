"""A client of the API, for programs that score events, send labels or look after alerts.

It needs nothing but Python. One client is for one thread, and keeps its connection.

    client = Client("http://127.0.0.1:8000", token="dl_...")
    said = client.predict({"payment_id": "1", "card_id": "card-001", "amount": 12.5, "country": "NL"})
    print(said["score"], said["as_of"]["age_seconds"])
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode, urlsplit

Json = dict[str, Any]
Row = Mapping[str, Any]

IDLE_S = 15.0  # the server ends a connection that was idle for longer than twice that
PATIENCE_S = 45.0  # with a stream, on which the server gives a sign of life three times as often
LINE_BYTES_MAX = 16 << 20  # of a stream


class ApiError(Exception):
    """An answer that is a problem (RFC 9457).

    Attributes
    ----------
    status, title, detail
        The HTTP status, what it is called, and what was wrong and what to do.
    problem
        All that the server said, `reason` and `errors` among it.
    """

    def __init__(self, status: int, problem: Json) -> None:
        self.status, self.problem = status, problem
        self.title, self.detail = str(problem.get("title", "")), str(problem.get("detail", ""))
        super().__init__(f"{status} {self.title}: {self.detail}")

    @property
    def reason(self) -> str | None:
        """The reason that a dead letter would have, where an event or label does not fit."""
        found = self.problem.get("reason")
        return None if found is None else str(found)


class Unreachable(Exception):
    """The server can't be reached, or did not answer in time. What was sent may have arrived."""


class Told(NamedTuple):
    """What a stream brings: `kind` is prediction, alert, status or problem."""

    kind: str
    data: Json
    id: str


class Client:
    """A connection to `driftline serve`.

    Parameters
    ----------
    url
        Where it listens.
    token
        A token of `driftline tokens add`, where tokens are asked for.
    timeout_s
        How long to wait for an answer.
    context
        For HTTPS with a certificate of your own.

    Examples
    --------
    >>> client = Client("http://127.0.0.1:9", timeout_s=0.2)  # where nobody listens
    >>> try:
    ...     client.predict({"amount": 12.5})
    ... except Unreachable as error:
    ...     print(error)
    http://127.0.0.1:9 can't be reached: Connection refused
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        token: str | None = None,
        timeout_s: float = 10.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address: write http://host:port")
        self.url, self.timeout_s, self.context = url.rstrip("/"), timeout_s, context
        self.parts, self.stem = parts, parts.path.rstrip("/")
        self.headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.line: HTTPConnection | None = None
        self.used = 0.0

    # -- predictions, events, labels -------------------------------------------------------------------

    def predict(self, event: Row, record: bool = False) -> Json:
        """The prediction of one event; with `record` the event is sent, too."""
        return self._post("/v1/predict", {"event": event, "record": record}, again=not record)

    def predict_many(self, events: Sequence[Row], record: bool = False) -> list[Json]:
        """The prediction of each event, as if it were alone."""
        body = {"events": list(events), "record": record}
        found: list[Json] = self._post("/v1/predict", body, again=not record)["predictions"]
        return found

    def predict_entity(self, entity: str) -> Json:
        """The prediction of the newest features that are known of an entity."""
        return self._post("/v1/predict", {"entity": entity}, again=True)

    def events(self, *events: Row) -> list[Json]:
        """Send events; the partition and offset of each, once they are durable."""
        found: list[Json] = self._post("/v1/events", {"events": list(events)})["places"]
        return found

    def labels(self, *labels: Row) -> list[Json]:
        """Send labels; the partition and offset of each, once they are durable."""
        found: list[Json] = self._post("/v1/labels", {"labels": list(labels)})["places"]
        return found

    # -- looking ---------------------------------------------------------------------------------------

    def entity(self, key: str) -> Json:
        """What is known of an entity."""
        return self.get(f"/v1/entities/{quote(key, safe='')}")

    def status(self) -> Json:
        """How the pipeline does."""
        return self.get("/v1/status")

    def alerts(self, **filters: str) -> list[Json]:
        """Alerts, the worst first: `alerts(status="firing", severity="critical")`."""
        found: list[Json] = self.get("/v1/alerts", **filters)["alerts"]
        return found

    def get(self, path: str, **query: str) -> Json:
        """What any other route says: `get("/v1/drift", state="drifting")`."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, again=True)

    # -- alerts ----------------------------------------------------------------------------------------

    def acknowledge(self, fingerprint: str, why: str = "", by: str = "") -> Json:
        """Say that somebody looks after an alert."""
        return self._post(f"/v1/alerts/{quote(fingerprint, safe='')}/acknowledge", {"by": by, "why": why})

    def resolve(self, fingerprint: str, why: str = "", by: str = "") -> Json:
        """Say that an alert is over."""
        return self._post(f"/v1/alerts/{quote(fingerprint, safe='')}/resolve", {"by": by, "why": why})

    def silence(self, matchers: Mapping[str, str], duration: str, why: str, by: str = "") -> Json:
        """Let nobody be told of alerts with these labels: `silence({"feature": "amount"}, "2h", "sale")`."""
        wanted = [{"name": name, "value": value} for name, value in matchers.items()]
        return self._post("/v1/silences", {"matchers": wanted, "for": duration, "why": why, "by": by})

    def unsilence(self, silence: str) -> Json:
        """End a silence by its id."""
        return self._ask("DELETE", f"/v1/silences/{quote(silence, safe='')}")

    def stream(self, *topics: str, after: str | None = None) -> Iterator[Told]:
        """What happens, as it happens, without end: of `predictions`, `alerts` and `status` those named.

        Give the `id` of the last one as `after` to go on there.
        """
        query = {"topics": ",".join(topics)} if topics else {}
        headers = {} if after is None else {"Last-Event-ID": after}
        path = f"/v1/stream?{urlencode(query)}" if query else "/v1/stream"
        with self._opened() as own:
            answer = own._send("GET", path, None, headers)
            with own._reaching():
                if answer.status != 200:
                    raise ApiError(answer.status, _problem(answer.read()))
                if own.line is not None and own.line.sock is not None:
                    own.line.sock.settimeout(PATIENCE_S)
                yield from _told(answer)

    # -- the connection --------------------------------------------------------------------------------

    def _opened(self) -> Client:
        """Another connection to the same server: a stream needs one of its own."""
        own = Client(self.url, None, self.timeout_s, self.context)
        own.headers = self.headers
        return own

    def _post(self, path: str, body: Json, again: bool = False) -> Json:
        return self._ask("POST", path, body, again)

    def _ask(self, method: str, path: str, body: Json | None = None, again: bool = False) -> Json:
        """An answer; `again` if asking twice does no harm where a connection broke."""
        fresh = self.line is None or time.monotonic() - self.used > IDLE_S
        if fresh:
            self.close()
        try:
            status, content = self._asked(method, path, body)
        except Unreachable:
            if fresh or not again:
                raise
            status, content = self._asked(method, path, body)
        self.used = time.monotonic()
        if status >= 400:
            raise ApiError(status, _problem(content))
        found: Json = json.loads(content)
        return found

    def _asked(self, method: str, path: str, body: Json | None) -> tuple[int, bytes]:
        answer = self._send(method, path, body, {})
        with self._reaching():
            return answer.status, answer.read()

    def _send(self, method: str, path: str, body: Json | None, headers: Mapping[str, str]) -> HTTPResponse:
        sent = None if body is None else json.dumps(body).encode()
        kind = {} if sent is None else {"Content-Type": "application/json"}
        with self._reaching():
            if self.line is None:
                self.line = self._connect()
            self.line.request(method, self.stem + path, sent, {**self.headers, **headers, **kind})
            return self.line.getresponse()

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Whatever a connection may raise is told as Unreachable, and ends it."""
        try:
            yield
        except (OSError, HTTPException) as error:
            self.close()
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise Unreachable(f"{self.url} can't be reached: {why}") from error

    def _connect(self) -> HTTPConnection:
        host, port = self.parts.hostname or "", self.parts.port
        if self.parts.scheme == "https":
            return HTTPSConnection(host, port, timeout=self.timeout_s, context=self.context)
        return HTTPConnection(host, port, timeout=self.timeout_s)

    def close(self) -> None:
        """End the connection; the next question opens another."""
        if self.line is not None:
            self.line.close()
            self.line = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _problem(content: bytes) -> Json:
    """What an error says, also where something between us and the server said it."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"detail": content[:500].decode(errors="replace")}


def _told(answer: HTTPResponse) -> Iterator[Told]:
    """Server-sent events, one by one."""
    kind, data, last = "message", list[str](), ""
    while line := answer.readline(LINE_BYTES_MAX):
        name, _, value = line.decode(errors="replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "data":
            data.append(value)
        elif name == "id":
            last = value
        elif not name and not value and data:
            yield Told(kind, json.loads("\n".join(data)), last)
            kind, data = "message", []

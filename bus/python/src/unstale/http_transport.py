"""Events to Kafka by way of the service's POST /api/events, for who wants no Kafka client.

A thread of its own sends what waits in a bounded queue, one request at a time, so that the order
stays. A request that was not confirmed is sent again until `message.timeout.ms` is over: events come
at least once. The settings have librdkafka's names where they mean the same.
"""
import collections
import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from unstale.errors import NotSent
from unstale.kafka_transport import Report
from unstale.late import Late
from unstale.tally import Tally

PATH = "/api/events"
_DEFAULTS: dict[str, float | str] = {
    "queue.buffering.max.messages": 100000, "queue.buffering.max.kbytes": 65536,
    "message.timeout.ms": 300000, "request.timeout.ms": 30000, "batch.num.messages": 1000,
    "batch.size": 1 << 19, "retry.backoff.ms": 100, "retry.backoff.max.ms": 5000,
    "ssl.ca.location": "", "ssl.certificate.location": "", "ssl.key.location": "",
}
_JOIN_S = 1.0
_HELD_BACK = "given up unsent: the emitter was closed"


class _Item(NamedTuple):
    value: bytes
    report: Report | None
    expires: float


class _Answer(NamedTuple):
    status: int  # 0: there was none
    text: str
    invalid: dict[int, str]  # line: why


def check_http_options(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if name not in _DEFAULTS:
            raise ValueError("setting %s is unknown to transport=\"http\"; there are %s" %
                             (name, ", ".join(_DEFAULTS)))
        if not isinstance(_DEFAULTS[name], str) and float(value) <= 0:
            raise ValueError("setting %s must be above 0" % name)


class _Settings:
    def __init__(self, options: Mapping[str, Any]) -> None:
        check_http_options(options)
        given = {**_DEFAULTS, **options}
        self.queue_max = int(given["queue.buffering.max.messages"])
        self.queue_max_bytes = float(given["queue.buffering.max.kbytes"]) * 1024
        self.timeout = float(given["message.timeout.ms"]) / 1000
        self.request_timeout = float(given["request.timeout.ms"]) / 1000
        self.batch_max = int(given["batch.num.messages"])
        self.batch_max_bytes = int(given["batch.size"])
        self.backoff = float(given["retry.backoff.ms"]) / 1000
        self.backoff_max = float(given["retry.backoff.max.ms"]) / 1000
        self.files = [str(given["ssl.%s.location" % name]) or None
                      for name in ("ca", "certificate", "key")]

    def context(self) -> ssl.SSLContext:
        ca, certificate, key = self.files
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        return context


class _Client:
    """One connection, kept open; made anew when the service has closed it."""

    def __init__(self, url: str, token: str | None, settings: _Settings) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must be http://HOST:PORT or https://HOST:PORT, not %s" % url)
        self._path = parts.path.rstrip("/") + PATH
        self._headers = {"Content-Type": "application/x-ndjson", "User-Agent": "unstale-python"}
        if token:
            self._headers["Authorization"] = "Bearer " + token
        self._used = False
        self._connection = self._make(parts.scheme, parts.hostname, parts.port, settings)

    @staticmethod
    def _make(scheme: str, host: str, port: int | None,
              settings: _Settings) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=settings.request_timeout)
        return http.client.HTTPSConnection(host, port, timeout=settings.request_timeout,
                                           context=settings.context())

    def post(self, body: bytes) -> _Answer:
        while True:
            was_used = self._used
            try:
                return self._try(body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.close()
                # An idle connection that was closed meanwhile is no trouble.
                if not was_used or isinstance(error, TimeoutError):
                    return _Answer(0, "%s: %s" % (type(error).__name__, error), {})

    def _try(self, body: bytes) -> _Answer:
        self._connection.request("POST", self._path, body, self._headers)
        with self._connection.getresponse() as reply:
            text = reply.read()
            self._used = True
            return _read_answer(reply.status, text)

    def close(self) -> None:
        self._used = False
        self._connection.close()


def _read_answer(status: int, text: bytes) -> _Answer:
    try:
        told = json.loads(text)
        return _Answer(status, str(told.get("error", "")),
                       {fault["line"]: fault["message"] for fault in told.get("invalid", ())})
    except (ValueError, AttributeError, TypeError, KeyError):
        return _Answer(status, "", {})


class HttpTransport:
    is_done = False
    late: Late | None = None  # its thread waits for answers

    def __init__(self, url: str, token: str | None, options: Mapping[str, Any],
                 tally: Tally) -> None:
        self._settings = _Settings(options)
        self._client = _Client(url, token, self._settings)
        self._tally = tally
        self._items: collections.deque[_Item] = collections.deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="unstale", daemon=True)
        self._thread.start()

    @staticmethod
    def check(url: str, token: str | None, options: Mapping[str, Any]) -> None:
        """Raises ValueError where the settings will not do."""
        settings = _Settings(options)
        try:
            settings.context()
        except OSError as error:
            raise ValueError("ssl: %s" % error) from None
        _Client(url, token, settings).close()

    # ---- the queue ----

    def send(self, key: bytes, value: bytes, report: Report | None, deadline: float) -> None:
        """Raises NotSent where it could not be queued, having waited until the deadline for room."""
        if len(value) + 1 > 1 << 20:
            raise NotSent("the event is larger than a request may be", retry=False)
        with self._changed:
            while not self._has_room(len(value)):
                left = deadline - time.monotonic()
                if left <= 0 or threading.current_thread() is self._thread:
                    raise NotSent("the queue is full")
                self._changed.wait(left)
            self._tally.take(len(key) + len(value))
            self._items.append(_Item(value, report, time.monotonic() + self._settings.timeout))
            self._bytes += len(value)
            if len(self._items) == 1:
                self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        if self._is_closing:
            raise NotSent("the emitter is closed")
        return (len(self._items) < self._settings.queue_max and
                (not self._items or self._bytes + size <= self._settings.queue_max_bytes))

    def _take_batch(self) -> list[_Item]:
        """What goes in one request, waiting for the first; nothing when the emitter is closed."""
        batch: list[_Item] = []
        size = 0
        with self._changed:
            while not self._items and not self._is_closing:
                self._changed.wait(self._tally.due())
                if self._tally.due() == 0.0:
                    break
            while self._items and len(batch) < self._settings.batch_max:
                size += len(self._items[0].value) + 1
                if batch and size > self._settings.batch_max_bytes:
                    break
                batch.append(self._items.popleft())
                self._bytes -= len(batch[-1].value)
            self._changed.notify_all()
        return batch

    # ---- the thread ----

    def _run(self) -> None:
        while not self._is_closing or self._items:
            batch = self._take_batch()
            if batch:
                self._deliver(batch)
            self._tally.tell()
        self._client.close()

    def _deliver(self, batch: list[_Item]) -> None:
        backoff = self._settings.backoff
        while batch:
            if self._is_closing:
                self._settle(batch, NotSent(_HELD_BACK))
                return
            answer = self._client.post(b"".join(item.value + b"\n" for item in batch))
            if answer.status == 200:
                self._settle(batch, None)
                return
            if answer.status in (400, 413):
                batch = self._take_out(batch, answer)
                continue
            self._tally.trouble = _trouble(answer)
            batch = self._drop_expired(batch)
            self._pause(backoff)
            backoff = min(backoff * 2, self._settings.backoff_max)

    def _take_out(self, batch: list[_Item], answer: _Answer) -> list[_Item]:
        """What is left when those events that the service refuses are settled."""
        if answer.status == 413 and len(batch) > 1:
            half = len(batch) // 2
            self._deliver(batch[:half])
            return batch[half:]
        rest = []
        for line, item in enumerate(batch, 1):
            if answer.invalid and line not in answer.invalid:
                rest.append(item)
                continue
            why = answer.invalid.get(line) or answer.text or "HTTP %d" % answer.status
            self._settle([item], NotSent(why, retry=False))
        return rest

    def _drop_expired(self, batch: list[_Item]) -> list[_Item]:
        now = time.monotonic()
        late = [item for item in batch if item.expires <= now]
        self._settle(late, NotSent("not delivered within message.timeout.ms"))
        return batch[len(late):]

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        self._tally.tell()
        with self._changed:
            while not self._is_closing and time.monotonic() < until:
                self._changed.wait(until - time.monotonic())

    def _settle(self, batch: list[_Item], failure: NotSent | None) -> None:
        for item in batch:
            if item.report is not None:
                item.report(failure)
            self._tally.settle(None if failure is None else failure.reason)

    # ---- the end ----

    def flush(self, timeout: float) -> int:
        """Waits until everything is settled, callbacks included; how many are not."""
        deadline = time.monotonic() + timeout
        while self._tally.waiting and threading.current_thread() is not self._thread:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._tally.wait(left)
        return self._tally.waiting

    def close(self, timeout: float) -> int:
        """Flushes, and gives up the rest, each with its callback; how many not even that."""
        self.flush(timeout)
        with self._changed:
            self._is_closing = True
            late = list(self._items)
            self._items.clear()
            self._changed.notify_all()
        self._settle(late, NotSent(_HELD_BACK))
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_S)
        return self._tally.waiting

    def abandon(self) -> None:
        """In the child of a fork: the thread is not here, and the connection is the parent's."""
        self._client.close()


def _trouble(answer: _Answer) -> str:
    if not answer.status:
        return answer.text
    return "HTTP %d%s" % (answer.status, ": %s" % answer.text if answer.text else "")

"""The emitter: takes events, and never stands in the way of who has them."""
import functools
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Protocol

from unstale import process
from unstale.errors import InvalidEvent, NotSent
from unstale.event import pack, prepare
from unstale.http_transport import check_http_options, HttpTransport
from unstale.kafka_transport import KafkaTransport, Report
from unstale.late import Late
from unstale.options import check_options
from unstale.tally import log_exception, Tally

DEFAULT_BROKERS = "127.0.0.1:9092"
DEFAULT_LISTEN = "127.0.0.1:8089"
DEFAULT_TOPIC = "model-events"
_AGAIN_S = 10.0

Event = Mapping[str, Any]
OnDelivery = Callable[[NotSent | None, Any], None]


class Transport(Protocol):
    is_done: bool
    late: Late | None

    def send(self, key: bytes, value: bytes, report: Report | None, deadline: float) -> None: ...
    def flush(self, timeout: float) -> int: ...
    def close(self, timeout: float) -> int: ...
    def abandon(self) -> None: ...


class Emitter:
    """Publishes events from any thread of any process, without making them wait.

    brokers          "host:port,..."; else $UNSTALE_KAFKA_BROKERS, else 127.0.0.1:9092
    topic            else $UNSTALE_KAFKA_TOPICS where that is one name, else model-events
    transport        "kafka", or "http": by way of the service's POST /api/events
    url, token       of that service; else http:// and $UNSTALE_HTTP_LISTEN, and $UNSTALE_HTTP_TOKEN
    max_block_ms     how long emit() may wait for room in a full queue
    raise_errors     emit() raises InvalidEvent and NotSent; otherwise it answers False
    options          any setting of librdkafka that does not break what is promised here
    exit_timeout     seconds that the end of the process waits for what is not confirmed
    log_every        seconds between two lines of the logger "unstale" about events that were lost
    delay_ms         how long an event of emit_later() may lie before a thread encodes it; 0: its
                     caller does that, as with raise_errors

    Nothing is connected before the first emit() of a process, and every process has a connection of
    its own: an emitter made before fork() is used on both sides. What a process could not send is
    counted there, and said by the logger "unstale".
    """

    def __init__(self, brokers: str | None = None, topic: str | None = None, *,
                 transport: str = "kafka", url: str | None = None, token: str | None = None,
                 max_block_ms: float = 5, raise_errors: bool = False,
                 options: Mapping[str, Any] | None = None, exit_timeout: float = 5.0,
                 log_every: float = 10.0, delay_ms: float = 10) -> None:
        if transport not in ("kafka", "http"):
            raise ValueError('transport must be "kafka" or "http", not "%s"' % transport)
        self.transport = transport
        self.url = url or "http://" + _address_of_environment()
        self._token = token or os.environ.get("UNSTALE_HTTP_TOKEN")
        self.brokers = brokers or os.environ.get("UNSTALE_KAFKA_BROKERS") or DEFAULT_BROKERS
        self.topic = topic or _topic_of_environment() or DEFAULT_TOPIC
        self.raise_errors = raise_errors
        self._options = dict(options or {})
        (check_options if transport == "kafka" else check_http_options)(self._options)
        self._max_block = max_block_ms / 1000
        self._delay = 0.0 if raise_errors else delay_ms / 1000
        self._exit_timeout = exit_timeout
        self._log_every = log_every
        self._is_closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._transport: Transport | None = None
        self._failure: tuple[float, str] = (0.0, "")
        place = "Kafka at %s" % self.brokers if self.transport == "kafka" else self.url
        self._tally = Tally(place, self._log_every)

    def check(self) -> None:
        """Raises ValueError where the settings will not do. Connects to nothing."""
        if self.transport == "kafka":
            KafkaTransport.check(self.brokers, self._options)
        else:
            HttpTransport.check(self.url, self._token, self._options)

    # ---- sending ----

    def emit(self, event: Mapping[str, Any], *, on_delivery: OnDelivery | None = None) -> bool:
        """Hands the event over; True means accepted, not delivered.

        `on_delivery(error, event)` is called once for an event that was accepted, from another
        thread or from flush(), with None when Kafka has it and NotSent otherwise."""
        return self._emit(event, on_delivery, time.monotonic() + self._max_block)

    def emit_checked(self, event: Mapping[str, Any]) -> bool:
        """emit() for those who make events by a scheme that keeps the rules of the format: only
        the size is checked here, which takes half the time."""
        return self._emit(event, None, time.monotonic() + self._max_block, pack)

    def emit_later(self, event: Event | Callable[[], Event], *, is_checked: bool = True) -> bool:
        """emit() for an event that nobody changes any more, or for what makes one when it is
        called. A thread does all the work within some `delay_ms`, and with `is_checked` as little
        as emit_checked(). True: accepted so far. What is wrong is found, counted and logged then;
        with raise_errors, and where there is no such thread, it is all done here."""
        make = pack if is_checked else prepare
        transport = self._transport
        late = None if transport is None or transport.is_done else transport.late
        if late is None or self._pid != os.getpid():
            return self._emit(event, None, time.monotonic() + self._max_block, make)
        if late.add((event, make)):
            return True
        self._tally.refuse("the queue is full")
        return False

    def emit_many(self, events: Iterable[Mapping[str, Any]], *,
                  on_delivery: OnDelivery | None = None) -> int:
        """How many were accepted. With raise_errors nothing is sent when one is invalid; without,
        invalid ones are left out. `max_block_ms` is for all of them together."""
        events = list(events)
        if self.raise_errors:
            for event in events:
                prepare(event)
        deadline = time.monotonic() + self._max_block
        return sum(self._emit(event, on_delivery, deadline) for event in events)

    def _emit(self, event: Any, on_delivery: OnDelivery | None, deadline: float,
              make: Callable[[Any], tuple[bytes, bytes]] = prepare,
              transport: Transport | None = None) -> bool:
        try:
            if callable(event):
                event = event()
            key, value = make(event)
            report = None if on_delivery is None else functools.partial(_report, on_delivery, event)
            if transport is None:
                transport = self._live()
                if transport.late is not None:
                    transport.late.drain()
            transport.send(key, value, report, deadline)
            return True
        except InvalidEvent as error:
            self._tally.refuse(str(error), invalid=True)
            if self.raise_errors:
                raise
        except NotSent as error:
            self._tally.refuse(error.reason)
            if self.raise_errors:
                raise
        except Exception as error:  # whatever it is, a request does not fail for it
            self._tally.refuse("%s: %s" % (type(error).__name__, error))
            if self.raise_errors:
                raise
        return False

    # ---- one transport a process ----

    def _live(self) -> Transport:
        if self._pid != os.getpid():
            self.forget()
        transport = self._transport
        return self._open() if transport is None or transport.is_done else transport

    def _open(self) -> Transport:
        process.watch(self)
        with self._lock:
            if self._is_closed:
                raise NotSent("the emitter is closed")
            if self._transport is not None and self._transport.is_done:
                self._retire(self._transport)
            if self._transport is None:
                self._transport = self._connect()
            return self._transport

    def _connect(self) -> Transport:
        until, why = self._failure
        if time.monotonic() < until:
            raise NotSent(why)
        try:
            if self.transport == "http":
                return HttpTransport(self.url, self._token, self._options, self._tally)
            return KafkaTransport(self.brokers, self.topic, self._options, self._tally, self._late,
                                  self._delay)
        except (ValueError, OSError) as error:
            self._failure = (time.monotonic() + _AGAIN_S, str(error))
            raise NotSent(str(error)) from None

    def _late(self, transport: KafkaTransport) -> Late:
        """Its events go to this very transport, which still takes them while it is closed."""
        def send(item: Any, deadline: float) -> bool:
            event, make = item
            return self._emit(event, None, deadline, make, transport)

        return Late(send, transport.wake, self._max_block)

    def _retire(self, transport: Transport) -> None:
        """What it still has is given up beside the caller, who does not wait for it."""
        self._transport = None
        threading.Thread(target=transport.close, args=(0.0,), daemon=True).start()

    def forget(self) -> None:
        """In the child of a fork: begins anew. The parent's events are the parent's."""
        transport = self._transport
        self._begin()
        process.unwatch(self)
        if transport is not None:
            transport.abandon()

    # ---- looking and ending ----

    def flush(self, timeout: float = 10.0) -> int:
        """Waits until every accepted event is delivered or given up; how many are neither."""
        if self._pid != os.getpid():
            self.forget()
        transport = self._transport
        rest = transport.flush(timeout) if transport is not None else 0
        self._tally.tell(at_once=True)
        return rest

    def counters(self) -> dict[str, int]:
        """Since this process began: queued (accepted), of these delivered, failed and waiting;
        refused and invalid, which were not accepted; and the bytes of what was."""
        if self._pid != os.getpid():
            self.forget()
        transport = self._transport
        if transport is not None and transport.late is not None:
            transport.late.drain()
        return self._tally.counters()

    def close(self, timeout: float | None = None) -> None:
        """Flushes, gives up what is not confirmed then, and takes no more."""
        seconds = self._exit_timeout if timeout is None else timeout
        if self._pid != os.getpid():
            self.forget()
        with self._lock:
            transport, self._transport = self._transport, None
            self._is_closed = True
        process.unwatch(self)
        if transport is not None:
            self._tally.hold()
            rest = transport.close(seconds)
            if rest:
                self._tally.tell_unconfirmed(rest, seconds)
        self._tally.tell(at_once=True)

    def finish(self) -> None:
        """The process ends."""
        if self._pid == os.getpid():
            self.close()

    def __enter__(self) -> "Emitter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def _report(on_delivery: OnDelivery, event: Any, failure: NotSent | None) -> None:
    try:
        on_delivery(failure, event)
    except Exception:
        log_exception("on_delivery failed")


def _address_of_environment() -> str:
    """Where a service of this environment listens: every address is reached by the loopback."""
    host, _, port = os.environ.get("UNSTALE_HTTP_LISTEN", DEFAULT_LISTEN).rpartition(":")
    return "%s:%s" % ("127.0.0.1" if host in ("", "0.0.0.0", "[::]") else host, port)


def _topic_of_environment() -> str | None:
    topics = os.environ.get("UNSTALE_KAFKA_TOPICS", "")
    return None if "," in topics or topics.startswith("^") else topics

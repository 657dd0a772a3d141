"""Events to Kafka by confluent-kafka, whose queue and threads do the sending.

A thread of its own runs the delivery callbacks, asleep while nothing is under way. While events
come to be sent later it works by the clock: it sends what was put down for it, runs callbacks and
sleeps. Where no thread of Python's runs (uWSGI without --enable-threads), sending and flushing run
the callbacks too.
"""
import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import confluent_kafka

from unstale.errors import NotSent
from unstale.late import Late
from unstale.options import kafka_settings
from unstale.process import has_threads, is_green, keep, leak
from unstale.tally import Tally

_POLL_S = 0.1
_QUIET_S = 0.05  # without events for so long, it stops to look by the clock
_GREEN_S = 0.02
_IDLE_S = 5.0
_JOIN_S = 1.0

_Error = confluent_kafka.KafkaError
_FINAL = {_Error.MSG_SIZE_TOO_LARGE, _Error.INVALID_MSG, _Error.INVALID_RECORD,
          _Error._INVALID_ARG}
_UNKNOWN_TOPIC = {_Error._UNKNOWN_TOPIC, _Error._UNKNOWN_PARTITION, _Error.UNKNOWN_TOPIC_OR_PART}
_TEXTS = {
    _Error._MSG_TIMED_OUT: "not delivered within message.timeout.ms",
    _Error._PURGE_QUEUE: "given up unsent: the emitter was closed",
    _Error._PURGE_INFLIGHT: "given up unconfirmed: the emitter was closed (it may have arrived)",
}

Report = Callable[[NotSent | None], None]


def _create(settings: dict[str, Any]) -> Any:
    try:
        return confluent_kafka.Producer(settings)
    except (confluent_kafka.KafkaException, ValueError, TypeError) as error:
        raise ValueError(_reason(error)) from None


def _reason(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, _Error) else str(first)


class KafkaTransport:
    is_done = False  # True: it will take nothing more, another must be made

    def __init__(self, brokers: str, topic: str, options: Mapping[str, Any], tally: Tally,
                 make_late: Callable[["KafkaTransport"], Late], delay: float) -> None:
        self._topic = topic
        self._tally = tally
        self._is_green = is_green()
        self._is_closing = False
        self._wake = threading.Event()
        self._calling = threading.local()
        self._delay = delay
        self.late: Late | None = None
        if delay > 0 and has_threads() and not self._is_green:
            self.late = make_late(self)
        settings = kafka_settings(brokers, options)
        settings.update(error_cb=self._note_error, logger=logging.getLogger("unstale.kafka"))
        self._producer = _create(settings)
        keep(self)
        self._thread = threading.Thread(target=self._serve, name="unstale", daemon=True)
        self._thread.start()

    @staticmethod
    def check(brokers: str, options: Mapping[str, Any]) -> None:
        """Raises ValueError where librdkafka would not take the settings."""
        settings = kafka_settings(brokers, options)
        settings["logger"] = logging.getLogger("unstale.kafka")
        _create(settings)

    # ---- sending ----

    def send(self, key: bytes, value: bytes, report: Report | None, deadline: float) -> None:
        """Raises NotSent where it could not be queued, having waited until the deadline for room."""
        size = len(key) + len(value)
        callback = self._delivered if report is None else functools.partial(self._tell, report)
        self._tally.take(size)
        try:
            self._produce(key, value, callback, deadline)
        except NotSent:
            self._tally.give_back(size)
            raise
        if not self._wake.is_set():
            self._wake.set()

    def _produce(self, key: bytes, value: bytes, callback: Any, deadline: float) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=callback)
                return
            except BufferError:
                if not self._wait_room(deadline):
                    raise NotSent("the queue is full") from None
            except confluent_kafka.KafkaException as error:
                raise self._not_sent(error.args[0]) from None

    def _wait_room(self, deadline: float) -> bool:
        left = deadline - time.monotonic()
        if left <= 0 or self._is_in_callback():
            return False
        if not self._producer.poll(0):
            self._tally.wait(left)
        return True

    def _not_sent(self, error: Any) -> NotSent:
        code = error.code()
        if error.fatal() or code == _Error._FATAL:
            self.is_done = True
            return NotSent("the producer cannot go on: %s" % error.str())
        if code in _UNKNOWN_TOPIC:
            return NotSent("topic %s does not exist (unstale doctor --create-topics creates it)" %
                           self._topic)
        return NotSent(_TEXTS.get(code) or error.str(), retry=code not in _FINAL)

    # ---- what becomes of it ----

    def _delivered(self, error: Any, _message: Any) -> None:
        self._tally.settle(None if error is None else self._not_sent(error).reason)

    def _tell(self, report: Report, error: Any, _message: Any) -> None:
        failure = None if error is None else self._not_sent(error)
        self._calling.is_inside = True
        try:
            report(failure)
        finally:
            self._calling.is_inside = False
            self._tally.settle(None if failure is None else failure.reason)

    def _is_in_callback(self) -> bool:
        return getattr(self._calling, "is_inside", False)

    def _note_error(self, error: Any) -> None:
        self._tally.trouble = error.str()
        if error.fatal():
            self.is_done = True

    def wake(self) -> None:
        self._wake.set()

    def _serve(self) -> None:
        while not self._is_closing:
            due = self._tally.due()
            self._sleep(_IDLE_S if due is None else min(due, _IDLE_S))
            self._poll(0)
            while self._tally.waiting and not self._is_closing:
                self._poll(_POLL_S)
            self._wake.clear()
            if self._tally.waiting:
                self._wake.set()

    def _sleep(self, seconds: float) -> None:
        """Until there is something to do; then does it by the clock, as long as events come."""
        if self.late is None:
            self._wake.wait(seconds)
            return
        self.late.sleep()
        is_called = self._wake.wait(seconds)
        self.late.watch()
        until = time.monotonic() + _QUIET_S if is_called else 0.0
        while not self._is_closing and time.monotonic() < until:
            time.sleep(self._delay)
            if self.late.drain():
                until = time.monotonic() + _QUIET_S
            self._poll(0)
        self.late.leave()

    def _poll(self, seconds: float) -> None:
        if self._is_green and seconds:
            time.sleep(_GREEN_S)
        self._producer.poll(0 if self._is_green else seconds)
        self._tally.tell()

    # ---- the end ----

    def flush(self, timeout: float) -> int:
        """Waits until everything is settled, callbacks included; how many are not."""
        deadline = time.monotonic() + timeout
        if self.late is not None:
            self.late.drain()
        while self._tally.waiting and not self._is_in_callback():
            left = deadline - time.monotonic()
            rest = self._producer.flush(0 if self._is_green else max(0.0, min(left, _POLL_S)))
            if left <= 0:
                break
            if self._is_green:
                time.sleep(_GREEN_S)
            elif not rest:
                self._tally.wait(min(left, _POLL_S))
        return self._tally.waiting

    def close(self, timeout: float) -> int:
        """Flushes, and gives up the rest, each with its callback; how many not even that."""
        if self.late is not None:
            self.late.end()
        was_slow = self.flush(timeout) > 0
        if was_slow:
            self._producer.purge()
            self.flush(_JOIN_S)
        self._is_closing = True
        self._wake.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(_JOIN_S)
        if was_slow:
            # Its threads may hang on a name server, and ending them waits for that.
            leak(self._producer)
        return self._tally.waiting

    def abandon(self) -> None:
        """In the child of a fork: the threads are not here, so nothing may be ended."""
        leak(self._producer)

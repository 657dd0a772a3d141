"""The emitter and Kafka: everything arrives or is told, and nobody waits."""
import collections
import json
import logging
import signal
import subprocess
import threading
import time

import pytest
from emitter_support import clear_environment, free_port, pks, product, wait_until

from unstale import Emitter, InvalidEvent, NotSent

SLOW_MACHINE_S = 0.5  # what a loaded machine may add to max_block_ms


@pytest.fixture
def emitter(topic):
    with Emitter(topic.brokers, topic.name) as made:
        yield made


def absent(**arguments):
    """An emitter whose Kafka is not there."""
    return Emitter("127.0.0.1:%d" % free_port(), exit_timeout=0.1, **arguments)


def told(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "unstale"]


class Seen:
    def __init__(self):
        self.errors = collections.Counter()
        self.pks = collections.Counter()

    def __call__(self, error, event):
        self.errors[error and error.reason] += 1
        self.pks[event["pk"]] += 1


def test_events_arrive_with_their_keys(emitter, topic):
    sent = [product(42, after={"name": "M\u00fcg"}), product("x:1"), product([1, "a"]),
            {"event": "bulk_delete", "model": "shop.Product", "pks": [1, 2]}]
    assert [emitter.emit(event) for event in sent] == [True] * 4
    assert emitter.flush(30) == 0
    found = {record.key: json.loads(record.value) for record in topic.records()}
    assert found == dict(zip([b"shop.Product:42", b"shop.Product:x:1", b'shop.Product:[1,"a"]',
                              b"shop.Product"], sent))


def test_partitions_are_those_of_the_program(emitter, topic, program):
    events = [product(i) for i in range(40)]
    emitter.emit_many(events)
    assert emitter.flush(30) == 0
    done = subprocess.run([program, "emit", "--brokers", topic.brokers, "--topic", topic.name],
                          input="".join(json.dumps(event) + "\n" for event in events), text=True,
                          capture_output=True, env=clear_environment(), timeout=60)
    assert done.returncode == 0, done.stderr
    found = topic.records()
    assert len(found) == 80
    assert len({(record.partition, record.key) for record in found}) == 40
    assert len({record.partition for record in found}) == 3


def test_deliveries_come_once_and_by_themselves(emitter):
    seen = Seen()
    for i in range(500):
        assert emitter.emit(product(i), on_delivery=seen)
    wait_until(lambda: sum(seen.errors.values()) == 500, 30, "all deliveries")
    assert seen.errors == {None: 500}
    assert set(seen.pks.values()) == {1}
    wait_until(lambda: emitter.counters()["waiting"] == 0, 5, "the counters follow")
    assert emitter.counters() == {"queued": 500, "delivered": 500, "failed": 0, "waiting": 0,
                                  "refused": 0, "invalid": 0, "bytes": emitter.counters()["bytes"]}


def test_many_threads(emitter, topic):
    threads = [threading.Thread(target=lambda start=start: [
        emitter.emit(product(start + i)) for i in range(200)]) for start in range(0, 1600, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert emitter.flush(30) == 0
    assert pks(topic.records()) == list(range(1600))


def test_a_callback_may_emit_and_fail(emitter, topic, caplog):
    def again(error, event):
        emitter.flush(5)
        if event["pk"] < 3:
            emitter.emit(product(event["pk"] + 1), on_delivery=again)
        raise RuntimeError("a fault of the application")

    emitter.emit(product(1), on_delivery=again)
    wait_until(lambda: emitter.counters()["delivered"] == 3, 30, "a chain of three")
    assert pks(topic.records()) == [1, 2, 3]
    assert "on_delivery failed" in told(caplog)


def test_nothing_is_raised_unless_asked(emitter, caplog):
    for event in (product(1.5), {}, None, 7, "x", [], product(1, after={"a": object()})):
        assert emitter.emit(event) is False
    assert emitter.emit_many([product(1), product(None), product(2)]) == 2
    assert emitter.counters()["invalid"] == 8
    assert emitter.counters()["queued"] == 2
    first, = told(caplog)
    assert first == ('1 event could not be sent to Kafka at %s (1: "pk" must be a string, an '
                     'integer or an array, not 1.5)' % emitter.brokers)


def test_errors_are_raised_when_asked(topic):
    with Emitter(topic.brokers, topic.name, raise_errors=True) as emitter:
        with pytest.raises(InvalidEvent, match='"pk" must be'):
            emitter.emit(product(None))
        with pytest.raises(InvalidEvent):
            emitter.emit_many([product(1), product(None)])
        assert emitter.counters()["queued"] == 0
    with pytest.raises(NotSent, match="closed"):
        emitter.emit(product(1))
    assert topic.records() == []


def test_a_full_queue_waits_no_longer_than_asked(caplog):
    with absent(max_block_ms=30, options={"queue.buffering.max.messages": 10}) as emitter:
        for i in range(10):
            assert emitter.emit(product(i))
        start = time.monotonic()
        assert emitter.emit(product(10)) is False
        assert 0.03 <= time.monotonic() - start < 0.03 + SLOW_MACHINE_S
        start = time.monotonic()
        assert emitter.emit_many(product(i) for i in range(100)) == 0
        assert time.monotonic() - start < 0.03 + SLOW_MACHINE_S
        assert emitter.counters()["refused"] == 101
        assert emitter.counters()["waiting"] == 10
        line, = told(caplog)
        assert line.startswith("1 event could not be sent to %s (1: the queue is full)" %
                               emitter._tally.place)
    later = told(caplog)[1:]
    assert len(later) == 1, later
    assert later[0].startswith("110 events could not be sent")
    assert "100: the queue is full" in later[0] and "10: given up unsent" in later[0]
    assert "Product" not in "".join(told(caplog))


def test_a_queue_with_room_does_not_wait():
    with absent() as emitter:
        emitter.emit(product(0))
        worst = 0.0
        for i in range(1000):
            start = time.monotonic()
            assert emitter.emit(product(i))
            worst = max(worst, time.monotonic() - start)
        assert worst < 0.005 + SLOW_MACHINE_S


def test_a_frozen_kafka_gets_it_later(service):
    with Emitter(service.brokers, "model-events") as emitter:
        assert emitter.emit(product(0)) and emitter.flush(30) == 0
        service.freeze()
        seen = Seen()
        start = time.monotonic()
        for i in range(1, 200):
            assert emitter.emit(product(i), on_delivery=seen)
        assert time.monotonic() - start < SLOW_MACHINE_S
        assert emitter.flush(0.3) == 199
        service.thaw()
        assert emitter.flush(60) == 0
        assert seen.errors == {None: 199}
    assert pks(service.topic.records()) == list(range(200))


def test_what_is_too_late_is_counted_and_told(service, caplog):
    options = {"message.timeout.ms": 3000, "socket.timeout.ms": 1000}
    with Emitter(service.brokers, "model-events", options=options) as emitter:
        assert emitter.emit(product(0)) and emitter.flush(30) == 0
        assert emitter.counters()["delivered"] == 1
        service.freeze()
        seen = Seen()
        for i in range(20):
            assert emitter.emit(product(i), on_delivery=seen)
        wait_until(lambda: emitter.counters()["waiting"] == 0, 30, "none waits any longer")
        assert emitter.counters()["failed"] == 20
        assert seen.errors == {"not delivered within message.timeout.ms": 20}
        assert set(seen.pks.values()) == {1}
    assert sum(int(line.split()[0]) for line in told(caplog)) == 20
    assert all("not delivered within message.timeout.ms" in line for line in told(caplog))


def test_a_topic_that_is_missing(brokers):
    seen = Seen()
    options = {"topic.metadata.propagation.max.ms": 200}
    with Emitter(brokers, "python-no-such-topic", options=options) as emitter:
        emitter.emit(product(1), on_delivery=seen)
        wait_until(lambda: seen.errors, 30, "the delivery")
    reason, = seen.errors
    assert "does not exist (unstale doctor --create-topics creates it)" in reason


def test_an_event_that_is_too_large_for_kafka(topic):
    seen = Seen()
    with Emitter(topic.brokers, topic.name) as emitter:
        event = product(1, after={"a": "x" * 1020000})
        assert not emitter.emit(event, on_delivery=seen) or not emitter.flush(30)
        assert emitter.counters()["delivered"] == 0
        assert emitter.counters()["refused"] + emitter.counters()["failed"] == 1


@pytest.mark.parametrize("name, value, why", [
    ("acks", 1, "a confirmed event could be lost"), ("acks", "0", "lost"),
    ("request.required.acks", 1, "lost"), ("enable.idempotence", False, "written twice"),
    ("partitioner", "consistent", "other partitions"), ("transactional.id", "x", "transactions"),
    ("bootstrap.servers", "a:1", "brokers"), ("metadata.broker.list", "a:1", "brokers"),
    ("delivery.report.only.error", True, "reported"), ("on_delivery", print, "emit"),
    ("error_cb", print, "listens"), ("logger", None, "log")])
def test_settings_that_break_the_promise_are_refused(name, value, why):
    with pytest.raises(ValueError, match=why):
        Emitter(options={name: value})


def test_settings_that_are_what_they_are_anyway():
    emitter = Emitter(options={"acks": "all", "enable.idempotence": True, "request.required.acks":
                               -1, "partitioner": "murmur2_random", "linger.ms": 1})
    emitter.check()
    emitter.close()


def test_settings_that_librdkafka_refuses(caplog):
    emitter = Emitter(options={"no.such.setting": 1})
    with pytest.raises(ValueError, match="no.such.setting"):
        emitter.check()
    assert emitter.emit(product(1)) is False
    assert emitter.emit(product(1)) is False
    assert emitter.counters()["refused"] == 2
    assert "no.such.setting" in told(caplog)[0]
    emitter.close()


def test_the_environment_names_brokers_and_topic(monkeypatch):
    monkeypatch.delenv("UNSTALE_KAFKA_BROKERS", raising=False)
    monkeypatch.delenv("UNSTALE_KAFKA_TOPICS", raising=False)
    assert (Emitter().brokers, Emitter().topic) == ("127.0.0.1:9092", "model-events")
    monkeypatch.setenv("UNSTALE_KAFKA_BROKERS", "a:1,b:2")
    monkeypatch.setenv("UNSTALE_KAFKA_TOPICS", "mine")
    assert (Emitter().brokers, Emitter().topic) == ("a:1,b:2", "mine")
    assert (Emitter("c:3", "own").brokers, Emitter("c:3", "own").topic) == ("c:3", "own")
    for several in ("a,b", "^a.*"):
        monkeypatch.setenv("UNSTALE_KAFKA_TOPICS", several)
        assert Emitter().topic == "model-events"


def test_the_log_of_the_client_is_pythons(caplog):
    with caplog.at_level(logging.DEBUG, "unstale.kafka"), absent() as emitter:
        emitter.emit(product(1))
        wait_until(lambda: any(record.name == "unstale.kafka" for record in caplog.records), 10,
                   "a line about the connection")


def test_green_threads_are_not_held_up(topic, monkeypatch):
    """Where threads are gevent's, a wait in C would stop them all: none is longer than a look."""
    monkeypatch.setattr("unstale.kafka_transport.is_green", lambda: True)
    with Emitter(topic.brokers, topic.name) as emitter:
        seen = Seen()
        for i in range(50):
            assert emitter.emit(product(i), on_delivery=seen)
        wait_until(lambda: sum(seen.errors.values()) == 50, 30, "all deliveries")
        emitter.emit(product(50))
        assert emitter.flush(30) == 0
    assert pks(topic.records()) == list(range(51))


def test_a_client_that_cannot_go_on_is_replaced(topic):
    """librdkafka calls an error fatal after which an idempotent client takes nothing more."""
    with Emitter(topic.brokers, topic.name) as emitter:
        assert emitter.emit(product(1)) and emitter.flush(30) == 0
        first = emitter._transport
        first.is_done = True
        assert emitter.emit(product(2))
        assert emitter._transport is not first
        assert emitter.flush(30) == 0
        assert emitter.counters()["delivered"] == 2
    assert pks(topic.records()) == [1, 2]


def test_a_signal_handler_may_emit(emitter, topic):
    previous = signal.signal(signal.SIGALRM, lambda *_: emitter.emit(product(0)))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        for i in range(1, 3001):
            emitter.emit(product(i))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert emitter.flush(30) == 0
    assert set(pks(topic.records())) >= set(range(1, 3001))

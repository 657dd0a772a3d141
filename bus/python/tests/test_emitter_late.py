"""emit_later(): the caller puts an event down, the thread of the transport makes and sends it."""
import os
import sys
import threading
import types

import pytest
from emitter_support import pks, run_script, wait_until

import unstale
from unstale import late, process

EVENT = {"event": "post_save", "model": "shop.Product", "pk": 1, "after": {"stock": 0}}
MOCK = {"test.mock.num.brokers": 1}


def event(nr):
    return {**EVENT, "after": {"stock": nr}}


@pytest.fixture
def emitter():
    """One whose Kafka is a mock inside librdkafka, with the client made."""
    with unstale.Emitter("127.0.0.1:1", options=MOCK, max_block_ms=500) as made:
        made.emit(event(-1))
        yield made


@pytest.fixture
def still(emitter, monkeypatch):
    """The same, and what is put down stays where it is, as if the thread slept between two ticks."""
    queue = emitter._transport.late
    lies = threading.Event()
    real = queue.drain
    monkeypatch.setattr(queue, "drain", lambda *more: 0 if lies.is_set() else real(*more))
    lies.set()
    emitter.let_go = lies.clear
    return emitter


def queue_of(sent, wake=lambda: None):
    return late.Late(lambda item, deadline: sent.append(item), wake, 1)


# ---- what becomes of an event ----

def test_events_put_down_are_counted_and_delivered(emitter):
    for nr in range(3000):
        assert emitter.emit_later(event(nr)) is True
    assert emitter.counters()["queued"] == 3001
    assert emitter.flush(30) == 0
    assert emitter.counters()["delivered"] == 3001


def test_one_put_down_is_delivered_without_another(emitter):
    assert emitter.flush(30) == 0
    for nr in range(3):
        wait_until(lambda: emitter._transport.late._is_asleep, 30, "the thread sleeps")
        emitter.emit_later(event(nr))
        wait_until(lambda: emitter._tally.delivered == nr + 2, 30, "delivered without a flush")


def test_another_thread_makes_it(emitter):
    makers = []

    def make():
        makers.append(threading.current_thread().name)
        return event(1)

    emitter.emit_later(make)
    wait_until(lambda: emitter._tally.delivered == 2, 30, "delivered")
    assert makers == ["unstale"]


def test_events_keep_their_order_among_all_ways(emitter, monkeypatch):
    sent = []
    transport = emitter._transport
    monkeypatch.setattr(transport, "send", lambda key, value, report, deadline: sent.append(value))
    for nr in range(5000):
        (emitter.emit_later if nr % 7 else emitter.emit)(event(nr))
    transport.late.leave()
    assert sent == [unstale.event.encode(event(nr)) for nr in range(5000)]


def test_one_that_is_none_is_counted_and_logged(emitter, caplog):
    def fails():
        raise KeyError("stock")

    emitter.emit_later({**EVENT, "after": {"x": object()}})
    emitter.emit_later({**EVENT, "pk": {}}, is_checked=False)
    emitter.emit_later(fails)
    counters = emitter.counters()
    assert (counters["invalid"], counters["refused"]) == (2, 1)
    assert "could not be sent" in caplog.text


def test_raise_errors_raises_at_once():
    with unstale.Emitter("127.0.0.1:1", raise_errors=True, options=MOCK) as emitter:
        for _ in range(2):
            with pytest.raises(unstale.InvalidEvent):
                emitter.emit_later({**EVENT, "after": {"x": object()}})
        emitter.emit(EVENT)
        with pytest.raises(unstale.InvalidEvent):
            emitter.emit_later({**EVENT, "after": {"x": object()}})


def test_without_a_delay_the_caller_sends():
    makers = []

    def make():
        makers.append(threading.current_thread())
        return EVENT

    with unstale.Emitter("127.0.0.1:1", delay_ms=0, options=MOCK) as emitter:
        for _ in range(3):
            assert emitter.emit_later(make) is True
        assert emitter._tally.queued == 3
    assert makers == [threading.current_thread()] * 3


@pytest.mark.parametrize("options, has", [({}, False), ({"enable-threads": True}, True)])
def test_uwsgi_that_stops_threads_is_known(monkeypatch, options, has):
    monkeypatch.setitem(sys.modules, "uwsgi", types.SimpleNamespace(opt=options))
    assert process.has_threads() is has
    with unstale.Emitter("127.0.0.1:1", options=MOCK) as emitter:
        emitter.emit(EVENT)
        assert (emitter._transport.late is not None) is has


# ---- the end, and forks ----

def test_closing_sends_what_was_put_down(still):
    assert still.emit_later(event(1)) is True
    assert still._tally.queued == 1
    still.let_go()
    still.close(30)
    assert still.counters()["delivered"] == 2


def test_what_comes_after_the_end_is_not_forgotten(emitter):
    queue = emitter._transport.late
    emitter.close(30)
    queue.add((EVENT, unstale.event.pack))
    assert not queue._items and not queue.is_watched


def test_the_child_of_a_fork_has_none_of_its_parents(still):
    still.emit_later(event(1))
    pid = os.fork()
    if pid == 0:
        clean = still.counters()["queued"] == 0 and still.emit_later(event(2))
        os._exit(0 if clean and still.counters()["queued"] == 1 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    still.let_go()
    assert still.flush(30) == 0 and still.counters()["delivered"] == 2


HEAD = """
import os, sys, threading
from unstale import Emitter
emitter = Emitter(sys.argv[1], sys.argv[2], exit_timeout=30, delay_ms=int(sys.argv[3]))
def emit_some(first):
    for pk in range(first, first + 20):
        assert emitter.emit_later({"event": "post_save", "model": "shop.Product", "pk": pk})
"""


@pytest.mark.parametrize("delay", (5, 2000))
def test_the_end_of_a_process_sends_what_lies_there(topic, delay):
    done = run_script(HEAD + "emit_some(0)", topic.brokers, topic.name, delay)
    assert (done.returncode, done.stderr) == (0, "")
    assert pks(topic.records()) == list(range(20))


def test_every_process_sends_its_own(topic):
    done = run_script(HEAD + """
emit_some(0)
pids = []
for first in (20, 40):
    pid = os.fork()
    if pid == 0:
        emit_some(first)
        sys.exit(0)
    pids.append(pid)
emit_some(60)
assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0]
""", topic.brokers, topic.name, 200)
    assert (done.returncode, done.stderr) == (0, "")
    assert pks(topic.records()) == list(range(80))


def test_threads_keep_their_order(topic):
    done = run_script(HEAD + """
threads = [threading.Thread(target=emit_some, args=(first,)) for first in range(0, 80, 20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""", topic.brokers, topic.name, 5)
    assert (done.returncode, done.stderr) == (0, "")
    assert pks(topic.records()) == list(range(80))


# ---- the queue by itself ----

def test_a_full_queue_is_sent_a_little_by_the_caller():
    sent = []
    queue = queue_of(sent)
    queue.watch()
    for nr in range(late._EVENTS_MAX + 10):
        assert queue.add(nr)
    assert len(queue._items) <= late._EVENTS_MAX and sent[:10] == list(range(10))
    queue.leave()
    assert sent == list(range(late._EVENTS_MAX + 10))


def test_a_full_queue_that_cannot_be_sent_is_told_after_the_time_to_wait():
    with unstale.Emitter("127.0.0.1:1", options=MOCK, max_block_ms=20) as emitter:
        emitter.emit(EVENT)
        queue = emitter._transport.late
        done = threading.Event()
        holder = threading.Thread(target=hold, args=(queue._lock, done))
        holder.start()
        wait_until(lambda: not try_lock(queue._lock), 30, "another thread holds the queue")
        taken = [emitter.emit_later(event(nr)) for nr in range(late._EVENTS_MAX + 2)]
        done.set()
        holder.join()
        assert taken.count(False) == 2 and emitter._tally.refused == 2


def hold(lock, done):
    with lock:
        done.wait(60)


def try_lock(lock):
    if lock.acquire(blocking=False):
        lock.release()
        return True
    return False


def test_a_thread_that_sleeps_is_called_once_it_knows():
    calls = []
    queue = queue_of([], lambda: calls.append(1))
    queue.watch()
    queue.add(1)
    assert calls == []
    queue.sleep()  # something came before
    assert calls == [1]
    queue.add(2)
    assert calls == [1, 1]


def test_none_is_left_when_the_thread_leaves():
    sent = []
    queue = queue_of(sent)
    ended = threading.Event()

    def comes_and_goes():
        while not ended.is_set():
            queue.watch()
            queue.leave()

    thread = threading.Thread(target=comes_and_goes)
    thread.start()
    for nr in range(20000):
        queue.add(nr)
    ended.set()
    thread.join()
    assert sent == list(range(20000))


def test_a_drain_waits_for_room_once():
    deadlines = []
    queue = late.Late(lambda item, deadline: deadlines.append(deadline), lambda: None, 1)
    queue.watch()
    for nr in range(10):
        queue.add(nr)
    queue.drain()
    assert len(deadlines) == 10 and len(set(deadlines)) == 1


def test_a_signal_handler_may_add_while_the_queue_is_drained():
    sent = []

    def send(item, deadline):
        sent.append(item)
        if item == 0:
            queue.add(2)
            queue.drain()

    queue = late.Late(send, lambda: None, 1)
    queue.watch()
    queue.add(0)
    queue.add(1)
    queue.leave()
    assert sent == [0, 1, 2]

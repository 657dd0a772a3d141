"""Processes that fork, and that end: what they emitted arrives, and they do not hang."""
import pytest
from emitter_support import free_port, pks, run_script

HEAD = """
import multiprocessing, os, sys, threading, time
from unstale import Emitter
brokers, topic = sys.argv[1:3]
emitter = Emitter(brokers, topic, exit_timeout=20)
def emit(pk):
    assert emitter.emit({"event": "post_save", "model": "shop.Product", "pk": pk})
def child(first):
    pid = os.fork()
    if pid == 0:
        emit_some(first)
        sys.exit(0)
    return pid
def emit_some(first):
    for pk in range(first, first + 20):
        emit(pk)
def wait(pids):
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * len(pids)
"""

SCRIPTS = {
    "before the first emit": """
pids = [child(first) for first in (0, 20, 40)]
emit_some(60)
wait(pids)
""",
    "after the first emit": """
emit_some(0)
pids = [child(first) for first in (20, 40)]
emit_some(60)
wait(pids)
""",
    "after everything is delivered": """
emit_some(0)
assert emitter.flush(20) == 0
pids = [child(first) for first in (20, 40)]
wait(pids)
emit_some(60)
""",
    "a child of a child": """
emit_some(0)
if os.fork() == 0:
    emit_some(20)
    wait([child(40)])
    sys.exit(0)
wait([-1])
emit_some(60)
""",
    "while threads emit": """
threads = [threading.Thread(target=emit_some, args=(first,)) for first in (0, 20)]
for thread in threads: thread.start()
pids = [child(40)]
for thread in threads: thread.join()
emit_some(60)
wait(pids)
""",
    "without the hook": """
# A server that forks in C may not run what os.register_at_fork() was told.
from unstale import process
emit_some(0)
process._open.clear()
pids = [child(20)]
process._open.add(emitter)
emit_some(40)
emit_some(60)
wait(pids)
""",
    "multiprocessing": """
processes = [multiprocessing.get_context("fork").Process(target=emit_some, args=(first,))
             for first in (0, 20, 40)]
emit_some(60)
for process in processes: process.start()
for process in processes: process.join()
assert [process.exitcode for process in processes] == [0, 0, 0]
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_parent_and_children(topic, name):
    done = run_script(HEAD + SCRIPTS[name], topic.brokers, topic.name)
    assert done.returncode == 0, done.stderr
    assert pks(topic.records()) == list(range(80)), done.stderr
    assert "could not be sent" not in done.stderr


def test_an_emitter_that_was_closed_before_is_not_ended_again_in_a_child(topic):
    """Its client is collected late, for it is held in a circle: in a child that ends in a crash."""
    done = run_script("""
import gc, os, sys
from unstale import Emitter
gc.disable()
for pk in range(5):
    with Emitter(sys.argv[1], sys.argv[2]) as emitter:
        assert emitter.emit({"event": "post_save", "model": "shop.Product", "pk": pk})
        assert emitter.flush(20) == 0
if os.fork() == 0:
    gc.collect()
    with Emitter(sys.argv[1], sys.argv[2]) as emitter:
        assert emitter.emit({"event": "post_save", "model": "shop.Product", "pk": 5})
        assert emitter.flush(20) == 0
    sys.exit(0)
assert os.waitpid(-1, 0)[1] == 0
""", topic.brokers, topic.name)
    assert done.returncode == 0, done.stderr
    assert pks(topic.records()) == list(range(6))


def test_counters_are_of_the_process(topic):
    done = run_script(HEAD + """
emit_some(0)
if os.fork() == 0:
    assert emitter.counters()["queued"] == 0 and emitter.flush(5) == 0
    emit(100)
    assert emitter.counters()["queued"] == 1 and emitter.flush(20) == 0
    sys.exit(0)
wait([-1])
assert emitter.flush(20) == 0
assert emitter.counters()["delivered"] == 20
""", topic.brokers, topic.name)
    assert done.returncode == 0, done.stderr
    assert len(topic.records()) == 21


def test_the_end_of_a_process_sends_what_is_left(topic):
    done = run_script(HEAD + "emit_some(0)", topic.brokers, topic.name)
    assert done.returncode == 0, done.stderr
    assert pks(topic.records()) == list(range(20))


def test_an_exception_is_an_end_too(topic):
    done = run_script(HEAD + "emit_some(0); raise RuntimeError('an end')", topic.brokers,
                      topic.name)
    assert done.returncode == 1
    assert pks(topic.records()) == list(range(20))


@pytest.mark.parametrize("transport", ["kafka", "http"])
def test_the_end_is_bounded_and_says_what_was_lost(transport):
    done = run_script("""
import sys, time
from unstale import Emitter
emitter = Emitter(sys.argv[1], transport=sys.argv[2], url="http://" + sys.argv[1], exit_timeout=0.5)
for pk in range(7):
    assert emitter.emit({"event": "post_save", "model": "shop.Product", "pk": pk})
import atexit
start = time.monotonic()
atexit._run_exitfuncs()
assert 0.4 < time.monotonic() - start < 5, time.monotonic() - start
""", "127.0.0.1:%d" % free_port(), transport)
    assert done.returncode == 0, done.stderr
    assert "7 events could not be sent" in done.stderr
    assert "Product" not in done.stderr


def test_a_process_that_emits_nothing_connects_to_nothing():
    done = run_script("""
import threading
from unstale import Emitter
emitter = Emitter("127.0.0.1:1")
assert emitter.counters()["queued"] == 0 and emitter.flush(1) == 0
assert threading.active_count() == 1
""")
    assert (done.returncode, done.stderr) == (0, "")

"""transport="http": the same promises by way of the service's endpoint."""
import collections
import http.server
import json
import threading
import time

import pytest
from emitter_support import free_port, pks, product, run_script, wait_until

from unstale import Emitter, NotSent

QUICK = {"retry.backoff.ms": 10, "retry.backoff.max.ms": 50}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        lines = [json.loads(line) for line in body.splitlines()]
        self.server.requests.append((self.path, dict(self.headers), lines))
        script = self.server.answers
        status, told = script.popleft()(lines) if script else (200, {"sent": len(lines)})
        if status == "hang up":
            self.close_connection = True
            return
        if status == 200:
            self.server.taken += lines
        reply = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)
        if self.server.closes:
            self.close_connection = True

    def log_message(self, *arguments):
        pass


class FakeService(http.server.ThreadingHTTPServer):
    """Answers as it is told to: `answers` are taken one a request, then everything is taken."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.answers = collections.deque()
        self.taken = []
        self.closes = False
        self.connections = 0
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def process_request(self, request, client_address):
        self.connections += 1
        super().process_request(request, client_address)

    def next(self, *answers):
        self.answers.extend(answer if callable(answer) else lambda _lines, answer=answer: answer
                            for answer in answers)


@pytest.fixture
def fake():
    server = FakeService()
    yield server
    server.shutdown()
    server.server_close()


def emitter_of(server, **arguments):
    arguments.setdefault("options", QUICK)
    return Emitter(transport="http", url=server.url, token="t", **arguments)


class Seen:
    def __init__(self):
        self.errors = []

    def __call__(self, error, event):
        self.errors.append((event["pk"], error and error.reason, error and error.retry))


def taken(server):
    return [event["pk"] for event in server.taken]


# ---- the service itself ----

def test_events_arrive(service):
    with Emitter(transport="http", url=service.url, token=service.TOKEN) as emitter:
        assert emitter.emit_many(product(i) for i in range(1000)) == 1000
        assert emitter.flush(30) == 0
        assert emitter.counters()["delivered"] == 1000
    found = service.topic.records()
    assert pks(found) == list(range(1000))
    assert {record.key for record in found} == {b"shop.Product:%d" % i for i in range(1000)}


def test_a_frozen_service_gets_it_later(service):
    with Emitter(transport="http", url=service.url, token=service.TOKEN) as emitter:
        service.freeze()
        start = time.monotonic()
        for i in range(200):
            assert emitter.emit(product(i))
        assert time.monotonic() - start < 0.5
        assert emitter.flush(0.2) == 200
        service.thaw()
        assert emitter.flush(30) == 0
    assert set(pks(service.topic.records())) == set(range(200))


def test_a_wrong_token_is_told_and_may_be_mended(service, caplog):
    with Emitter(transport="http", url=service.url, token="wrong", options={
            **QUICK, "message.timeout.ms": 200}) as emitter:
        emitter.emit(product(1))
        wait_until(lambda: emitter.counters()["failed"] == 1, 10, "it is given up")
    line, = [record.getMessage() for record in caplog.records]
    assert line.startswith("1 event could not be sent to %s" % service.url)
    assert "HTTP 401: the token is missing or wrong" in line


# ---- a service that misbehaves ----

def test_requests_are_batches_by_one_connection(fake):
    with emitter_of(fake) as emitter:
        for i in range(100):
            emitter.emit(product(i))
        assert emitter.flush(10) == 0
        emitter.emit(product(100))
        assert emitter.flush(10) == 0
    assert taken(fake) == list(range(101))
    assert fake.connections == 1
    assert 1 < len(fake.requests) < 60
    path, headers, _ = fake.requests[0]
    assert path == "/api/events"
    assert headers["Authorization"] == "Bearer t"


def test_what_is_not_confirmed_is_sent_again_in_order(fake):
    unconfirmed = (503, {"error": "Kafka is away", "sent": 0, "unconfirmed": 1})
    fake.next(unconfirmed, (500, {}), ("hang up", None), (401, {"error": "wrong"}), unconfirmed)
    with emitter_of(fake) as emitter:
        seen = Seen()
        for i in range(10):
            emitter.emit(product(i), on_delivery=seen)
        assert emitter.flush(10) == 0
        assert emitter.counters()["delivered"] == 10 and emitter.counters()["failed"] == 0
    assert taken(fake) == list(range(10))
    assert seen.errors == [(i, None, None) for i in range(10)]


def test_what_the_service_finds_invalid_is_left_out(fake):
    def refuse_odd(lines):
        bad = [{"line": nr, "column": 1, "message": "odd"} for nr, event in enumerate(lines, 1)
               if event["pk"] % 2]
        return (400, {"error": "nothing sent", "invalid": bad[:2]}) if bad else \
            (200, {"sent": len(lines)})

    fake.next(*[refuse_odd] * 60)
    with emitter_of(fake) as emitter:
        seen = Seen()
        for i in range(10):
            emitter.emit(product(i), on_delivery=seen)
        assert emitter.flush(10) == 0
        assert (emitter.counters()["delivered"], emitter.counters()["failed"]) == (5, 5)
    assert taken(fake) == [0, 2, 4, 6, 8]
    assert sorted(seen.errors) == [(i, "odd" if i % 2 else None, False if i % 2 else None)
                                   for i in range(10)]


def test_a_refusal_without_lines_is_a_refusal_of_all(fake):
    fake.next((400, {"error": "no"}))
    with emitter_of(fake) as emitter:
        seen = Seen()
        emitter.emit(product(1), on_delivery=seen)
        assert emitter.flush(10) == 0
    assert seen.errors == [(1, "no", False)]


def test_too_large_a_request_is_halved(fake):
    fake.next(*[lambda lines: (413, {"error": "too large"}) if len(lines) > 3 else
                (200, {"sent": len(lines)})] * 40)
    with emitter_of(fake) as emitter:
        emitter.emit_many(product(i) for i in range(20))
        assert emitter.flush(10) == 0
    assert taken(fake) == list(range(20))


def test_a_connection_that_was_closed_is_made_anew(fake):
    fake.closes = True
    with emitter_of(fake) as emitter:
        for i in range(5):
            emitter.emit(product(i))
            assert emitter.flush(10) == 0
        assert emitter.counters()["failed"] == 0
    assert taken(fake) == list(range(5))
    assert fake.connections == 5


def test_a_full_queue_waits_no_longer_than_asked(caplog):
    options = {**QUICK, "queue.buffering.max.messages": 5}
    with Emitter(transport="http", url="http://127.0.0.1:%d" % free_port(), max_block_ms=30,
                 exit_timeout=0.1, options=options) as emitter:
        while emitter.emit(product(0)):
            pass
        start = time.monotonic()
        assert emitter.emit(product(1)) is False
        assert 0.03 <= time.monotonic() - start < 0.5
        assert emitter.counters()["refused"] == 2
        assert 5 <= emitter.counters()["waiting"] <= 10
    assert "the queue is full" in caplog.records[0].getMessage()
    lost = sum(int(record.getMessage().split()[0]) for record in caplog.records)
    assert lost == 2 + emitter.counters()["failed"] == 2 + emitter.counters()["queued"]


def test_what_is_too_late_is_given_up(fake):
    fake.next(*[(503, {"error": "away"})] * 1000)
    with emitter_of(fake, options={**QUICK, "message.timeout.ms": 150}) as emitter:
        seen = Seen()
        emitter.emit(product(1), on_delivery=seen)
        wait_until(lambda: seen.errors, 10, "it is given up")
        assert seen.errors == [(1, "not delivered within message.timeout.ms", True)]


def test_a_service_that_does_not_answer(fake):
    fake.next(lambda lines: time.sleep(1) or (200, {}))
    with emitter_of(fake, options={**QUICK, "request.timeout.ms": 100}) as emitter:
        emitter.emit(product(1))
        assert emitter.flush(10) == 0
    assert len(fake.requests) >= 2


def test_closing_gives_up_what_waits():
    seen = Seen()
    emitter = Emitter(transport="http", url="http://127.0.0.1:%d" % free_port(), options=QUICK)
    for i in range(3):
        emitter.emit(product(i), on_delivery=seen)
    emitter.close(0.1)
    assert sorted(seen.errors) == [(i, "given up unsent: the emitter was closed", True)
                                   for i in range(3)]
    with pytest.raises(NotSent, match="closed"):
        emitter.raise_errors = True
        emitter.emit(product(4))


def test_across_fork(fake):
    done = run_script("""
import os, sys
from unstale import Emitter
emitter = Emitter(transport="http", url=sys.argv[1], token="t")
def some(first):
    for pk in range(first, first + 10):
        assert emitter.emit({"event": "post_save", "model": "a.B", "pk": pk})
some(0)
pids = []
for first in (10, 20):
    pid = os.fork()
    if pid == 0:
        some(first)
        sys.exit(0)
    pids.append(pid)
some(30)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
""", fake.url)
    assert done.returncode == 0, done.stderr
    assert sorted(taken(fake)) == list(range(40)), done.stderr


@pytest.mark.parametrize("arguments, why", [
    ({"transport": "carrier pigeon"}, "kafka"), ({"options": {"linger.ms": 1}}, "unknown"),
    ({"options": {"batch.size": 0}}, "above 0")])
def test_wrong_arguments(arguments, why):
    with pytest.raises(ValueError, match=why):
        Emitter(**{"transport": "http", **arguments})


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://a", "http://"])
def test_wrong_addresses(url):
    with pytest.raises(ValueError, match="url must be"):
        Emitter(transport="http", url=url).check()


def test_the_environment_names_the_service(monkeypatch):
    monkeypatch.delenv("UNSTALE_HTTP_LISTEN", raising=False)
    assert Emitter(transport="http").url == "http://127.0.0.1:8089"
    monkeypatch.setenv("UNSTALE_HTTP_LISTEN", "0.0.0.0:9000")
    assert Emitter(transport="http").url == "http://127.0.0.1:9000"
    monkeypatch.setenv("UNSTALE_HTTP_LISTEN", "cache.internal:9000")
    assert Emitter(transport="http").url == "http://cache.internal:9000"

"""What the tests of the package share: the built program, a topic of their own, what Kafka has.

UNSTALE_TEST_BUILD is the folder of the built program, UNSTALE_TEST_BROKERS a real Kafka; without it
the tests that want one are skipped.
"""
import collections
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import uuid

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

ROOT = pathlib.Path(__file__).resolve().parents[3]
Record = collections.namedtuple("Record", "partition key value")


def clear_environment():
    """The environment without our variables: the program refuses those that it does not know."""
    return {name: value for name, value in os.environ.items() if not name.startswith("UNSTALE_")}


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within %g s: %s" % (seconds, what)
        time.sleep(0.01)


@pytest.fixture(scope="session")
def program():
    path = pathlib.Path(os.environ.get("UNSTALE_TEST_BUILD", ROOT / "build")) / "unstale"
    if not path.exists():
        pytest.skip("%s is not built" % path)
    return str(path.resolve())


@pytest.fixture(scope="session")
def brokers():
    if "UNSTALE_TEST_BROKERS" not in os.environ:
        pytest.skip("UNSTALE_TEST_BROKERS is not set")
    return os.environ["UNSTALE_TEST_BROKERS"]


class Topic:
    def __init__(self, brokers, partitions=3):
        self.brokers = brokers
        self.name = "python-%s" % uuid.uuid4().hex[:12]
        self.partitions = partitions
        admin = AdminClient({"bootstrap.servers": brokers})
        admin.create_topics([NewTopic(self.name, partitions, 1)])[self.name].result(30)

    def records(self):
        """Everything that the topic holds, partition by partition."""
        consumer = Consumer({"bootstrap.servers": self.brokers, "group.id": self.name,
                             "enable.auto.commit": False})
        try:
            return [record for nr in range(self.partitions)
                    for record in self._partition(consumer, nr)]
        finally:
            consumer.close()

    def _ends(self, consumer, nr):
        """A partition that was only just made may not have its leader yet."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return consumer.get_watermark_offsets(TopicPartition(self.name, nr), timeout=30)
            except KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _partition(self, consumer, nr):
        low, high = self._ends(consumer, nr)
        if high == low:
            return
        consumer.assign([TopicPartition(self.name, nr, low)])
        deadline = time.monotonic() + 30
        while low < high:
            message = consumer.poll(1)
            assert time.monotonic() < deadline, "%s/%d: %d of %d" % (self.name, nr, low, high)
            if message is not None and not message.error():
                low = message.offset() + 1
                yield Record(nr, message.key(), message.value())


@pytest.fixture
def topic(brokers):
    return Topic(brokers)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def product(pk, **members):
    return {"event": "post_save", "model": "shop.Product", "pk": pk, **members}


def pks(records):
    return sorted(json.loads(record.value)["pk"] for record in records)


def run_script(text, *arguments, timeout=60):
    """A program of its own with the package at hand: what it ended with."""
    env = dict(clear_environment(), PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    return subprocess.run([sys.executable, "-c", text, *map(str, arguments)], env=env, text=True,
                          capture_output=True, timeout=timeout)


class Service:
    """`unstale run --embedded`: the endpoint, and a Kafka that may be frozen without harm to others."""

    TOKEN = "a token"

    def __init__(self, program, folder):
        (folder / "rules.json").write_text(json.dumps({"version": 1, "rules": [
            {"name": "a", "when": {"model": "a.B"}, "do": {"delete": "k"}}]}))
        self.url = "http://127.0.0.1:%d" % free_port()
        self._log = folder / "log"
        env = dict(clear_environment(), XDG_RUNTIME_DIR=str(folder), UNSTALE_HTTP_TOKEN=self.TOKEN,
                   UNSTALE_HTTP_LISTEN=self.url.rpartition("/")[2])
        with open(self._log, "wb") as log:
            self.child = subprocess.Popen([program, "run", "--embedded", "--rules",
                                           str(folder / "rules.json")], env=env, stderr=log)
        wait_until(self._is_up, 30, "the service assigns partitions")
        self.brokers = re.search(r'"brokers":"([^"]+)"', self._log.read_text())[1]
        self.topic = Topic.__new__(Topic)
        self.topic.brokers, self.topic.name, self.topic.partitions = self.brokers, "model-events", 4

    def _is_up(self):
        assert self.child.poll() is None, self._log.read_text()
        return "partitions assigned" in self._log.read_text()

    def freeze(self):
        """Returns once none of its threads runs."""
        self.child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.child.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def stop(self):
        self.thaw()
        self.child.terminate()
        self.child.wait(30)


@pytest.fixture
def service(program, tmp_path):
    tmp_path.chmod(0o700)
    running = Service(program, tmp_path)
    yield running
    running.stop()

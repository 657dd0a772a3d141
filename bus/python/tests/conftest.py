"""What the tests of the package share: the built program, a topic of their own, what Kafka has.

UNSTALE_TEST_BUILD is the folder of the built program, UNSTALE_TEST_BROKERS a real Kafka; without it
the tests that want one are skipped.
"""
import collections
import os
import pathlib
import time
import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition
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

    def _partition(self, consumer, nr):
        low, high = consumer.get_watermark_offsets(TopicPartition(self.name, nr), timeout=30)
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

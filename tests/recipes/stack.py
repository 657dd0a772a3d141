"""stack - the servers below the project: what the runner gives, and what a run by hand starts itself.

`start()` has to come before Django reads its settings: it says in the environment where PostgreSQL,
Redis and Kafka are. `Bus` is a running `unstale run` with one of the shipped rule files, in a
consumer group of its own that begins at the end of the topic.
"""
import os
import re
import sys
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from confluent_kafka import Consumer, TopicPartition

from lib import process, program
from lib.postgres import PostgresServer
from lib.servers import RedisServer, shared_broker

RULES = os.path.join(process.ROOT, "config", "rules", "recipes")
# Tests wait for what Kafka has confirmed, so it is told soon.
OPTIONS = "auto.commit.interval.ms=20"
SECONDS = 60
# Whatever a rule does, these stay: they belong to sessions, locks, Celery and other applications.
STRANGERS = (
    "myapp:1:django.contrib.sessions.cacheq0d4nqq5gp0cv5bdbwvwjnkr7l1mv2ab",
    "myapp:1:django.contrib.sessions.cached_dbq0d4nqq5gp0cv5bdbwvwjnkr7l1mv",
    "myapp:1:products:import:lock",
    "myapp:1:expensive_data:import:lock",
    "myapp:1:weather:vienna",
    "myapp:2:product:1",
    "other:1:product:1",
    ":1:product:1",
    "product:1",
    "_kombu.binding.celery",
    "celery-task-meta-1",
)


class Stack:
    """Servers of this process; `broker` is the run's own where there is one."""

    def __init__(self):
        self.broker = shared_broker()
        self.redis = RedisServer()
        self.postgres = None
        self.topic = "recipes-%d-%s" % (os.getpid(), uuid.uuid4().hex[:6])
        self.broker.topics.create(self.topic, 1)
        self.broker.topics.create(self.topic + ".dlq", 1)
        self._reader = self._consumer("recipes-reader")
        if "UNSTALE_TEST_POSTGRES" not in os.environ:
            self.postgres = PostgresServer()
            os.environ["UNSTALE_TEST_POSTGRES"] = self.postgres.database("recipes")
        os.environ.update(UNSTALE_TEST_BROKERS=self.broker.brokers, RECIPES_TOPIC=self.topic,
                          RECIPES_REDIS=self.redis.url, DJANGO_SETTINGS_MODULE="project.settings")

    def end_of_topic(self):
        """The offset that the next event will have."""
        return self._reader.get_watermark_offsets(TopicPartition(self.topic, 0), SECONDS)[1]

    def begin_at_the_end(self, group):
        consumer = self._consumer(group)
        consumer.commit(offsets=[TopicPartition(self.topic, 0, self.end_of_topic())],
                        asynchronous=False)
        consumer.close()

    def _consumer(self, group):
        return Consumer({"bootstrap.servers": self.broker.brokers, "group.id": group})

    def stop(self):
        emitter().close()
        self._reader.close()
        self.redis.stop()
        self.broker.stop()
        if self.postgres is not None:
            self.postgres.stop()


class Bus:
    """`rules` is the name of a file in config/rules/recipes."""

    def __init__(self, stack, rules):
        self.stack = stack
        self.rules = os.path.join(RULES, rules + ".json")
        self.unstale = self._start()

    def _start(self):
        group = "recipes-" + uuid.uuid4().hex
        flush()
        self.stack.begin_at_the_end(group)
        return program.Unstale(
            self.stack.broker.brokers, self.stack.redis.url, topic=self.stack.topic, group=group,
            rules=self.rules, env={"UNSTALE_KAFKA_OPTIONS": OPTIONS}).wait_ready()

    def is_busy(self):
        """Second deletes are still to come."""
        return self.unstale.metric("unstale_records_held") > 0

    def has_walked(self):
        """Patterns were walked: one that is to be walked again soon has to wait."""
        return self.unstale.metric("unstale_purges_total") > 0

    def renew(self):
        """Another one in its place, which has nothing left to do."""
        self.unstale.kill()
        self.unstale = self._start()

    def applied(self):
        """Waits until every event sent so far has had its whole effect: deletes, purges, second
        deletes. The emitter of this process is flushed; other processes flush as they end."""
        flush()
        end = self.stack.end_of_topic()
        if end > 0:
            self.unstale.wait_metric(lambda offset: offset >= end, "unstale_committed_offset",
                                     SECONDS, topic=self.stack.topic)

    def dead_letters(self):
        return self.unstale.metric("unstale_dead_letters_total")

    def stop(self):
        self.unstale.kill()


def emitter():
    """What this process publishes with; to be had once Django is set up."""
    from unstale.django import delivery
    return delivery.emitter()


def flush():
    left = emitter().flush(SECONDS)
    if left:
        raise process.Failed("%d events were not confirmed" % left)


def redis_connection():
    """A client of the kind that django-redis' get_redis_connection gives, for either backend."""
    from redis import Redis
    return Redis.from_url(os.environ["RECIPES_REDIS"])


class Keys:
    """Everything that is in Redis, and what became of it."""

    def __init__(self, redis):
        self.redis = redis

    def reset(self):
        self.redis.cmd("FLUSHALL")
        self.redis.fill(STRANGERS)

    def all(self):
        """{key: its value as Redis dumps it}"""
        names = self.redis.cmd("KEYS", "*")
        return dict(zip(names, self.redis.pipeline([("DUMP", name) for name in names])))

    def like(self, pattern):
        """The application's keys that match a regular expression; there has to be one."""
        found = sorted(name for name in self.all() if re.search(pattern, name))
        assert found, "no key is like %s: %s" % (pattern, sorted(self.all()))
        return found

    def ttl_ms(self, name):
        return self.redis.cmd("PTTL", name)


class Change:
    """What a block of code led to: the keys that went, came, or have another value."""

    def __init__(self, before, after, aside=frozenset()):
        self.gone = set(before) - set(after) - aside
        self.made = set(after) - set(before) - aside
        both = set(before) & set(after) - aside
        self.changed = {name for name in both if before[name] != after[name]}

"""servers - the names a test imports: the real servers, and the one broker a run shares."""
import atexit
import os

from lib.kafka import GivenBroker, KafkaBroker
from lib.process import wait_until
from lib.redis import RedisServer

__all__ = ["KafkaBroker", "RedisServer", "shared_broker", "wait_until"]

_shared = []


def shared_broker():
    """The broker of this run: the runner's if it started one, else one for this process."""
    if not _shared:
        given = os.environ.get("UNSTALE_TEST_BROKERS")
        broker = GivenBroker(given) if given else KafkaBroker()
        _shared.append(broker)
        atexit.register(broker.stop)
    return _shared[0]

"""A topic deleted under a running bus is told; the one made anew is read from its beginning."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]


class TopicDeletedTest(BusTest):
    def test_is_told_and_gone_on_with(self):
        redis = self.redis()
        topic = self.topic()
        redis.fill(["p:%d" % pk for pk in range(20)])
        bus = self.unstale(redis, topic, ONE)
        self.emit_products(topic, range(10))
        self.wait_lag(topic, self.name)
        self.topics.delete(topic)
        bus.wait_not_ready(timeout=60)
        wait_until(lambda: 'topic \\"%s\\" does not exist' % topic in bus.http("/readyz").text, 20,
                   lambda: "/readyz names the topic: %s\n%s" % (bus.http("/readyz").text,
                                                               bus.tail()))
        # Leaving it commits once more, which is not to meet the new topic of that name.
        bus.wait_log("commit failed")
        self.topics.create(topic)
        self.emit_products(topic, range(10, 20))
        bus.wait_ready(timeout=60)
        self.wait_gone(redis, ["p:%d" % pk for pk in range(10, 20)])


if __name__ == "__main__":
    main()

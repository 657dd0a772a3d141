"""Several consumers of one group share the partitions and hand them over: nothing is lost."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.suite import BusTest, main, wait_until

ONE = [{"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]
EVENT = '{"event":"post_save","model":"shop.Product","pk":{i},"created":false}'
COUNT = 60000


class GroupTest(BusTest):
    def setUp(self):
        super().setUp()
        self.store = self.redis()
        self.events = self.topic(partitions=4)
        self.keys = ["p:%d" % i for i in range(COUNT)]
        self.store.fill(self.keys)

    def consumer(self, **options):
        return self.unstale(self.store, self.events, ONE, **options)

    def finish(self):
        self.wait_gone(self.store, self.keys, timeout=60)
        self.wait_lag(self.events, self.name)

    def test_two_share_the_partitions(self):
        both = [self.consumer(), self.consumer()]

        def each_has_two():
            return all(len(bus.metrics().get("unstale_consumer_lag", [])) == 2 for bus in both)
        wait_until(each_has_two, 30, "each has two of the four partitions")
        self.topics.generate(self.events, COUNT, EVENT, key="shop.Product:{i}")
        self.finish()
        seen = [bus.metric("unstale_records_total") for bus in both]
        self.assertTrue(all(seen), seen)
        self.assertEqual(sum(seen), COUNT)

    def test_one_joins_under_load_and_one_leaves(self):
        first = self.consumer()
        self.topics.generate(self.events, COUNT // 2, EVENT, key="shop.Product:{i}")
        first.wait_metric(lambda value: value > 0, "unstale_records_total")
        second = self.consumer()
        late = EVENT.replace("{i}", "%d{i}" % 3)
        self.store.fill("p:3%d" % i for i in range(COUNT // 2))
        self.keys += ["p:3%d" % i for i in range(COUNT // 2)]
        self.topics.generate(self.events, COUNT // 2, late, key="shop.Product:3{i}")
        self.assertEqual(first.stop(), 0, first.tail())
        self.topics.generate(self.events, COUNT, EVENT, key="shop.Product:{i}")
        self.finish()
        self.assertTrue(second.metric("unstale_records_total") > 0)

    def test_one_is_killed_under_load(self):
        first, second = self.consumer(), self.consumer()
        self.topics.generate(self.events, COUNT, EVENT, key="shop.Product:{i}")
        first.wait_metric(lambda value: value > 0, "unstale_records_total")
        first.kill()
        self.finish()
        self.assertTrue(second.running())

    def test_two_pipelines_in_one_process(self):
        bus = self.consumer(env={"UNSTALE_WORKERS": "2"})
        self.topics.generate(self.events, COUNT, EVENT, key="shop.Product:{i}")
        self.finish()
        self.assertEqual(bus.metric("unstale_records_total"), COUNT)
        self.assertEqual(bus.stop(), 0, bus.tail())


if __name__ == "__main__":
    main()

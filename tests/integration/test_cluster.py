"""A Redis Cluster of three masters: every verb in every slot, redirections forced step by step, and slots
that move under load."""
import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import json_lines, rules_file, unstale
from lib.redis_cluster import RedisCluster, slot_of
from lib.suite import BusTest, Failed, main, wait_until

# Of one node with {slow}, and of a later slot: servers that walk slot by slot come to it last.
LATE = next(tag for tag in ("late%d" % i for i in range(1000))
            if slot_of("slow") < slot_of(tag) <= (slot_of("slow") // 5462 + 1) * 5462 - 1)

RULES = {"version": 1, "caches": {"default": {"keys": "raw", "serializer": "raw"}}, "rules": [
    {"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
    {"name": "tagged", "when": {"model": "shop.Pair"},
     "do": {"delete": ["{{pair{pk}}}:a", "{{pair{pk}}}:b", "{{pair{pk}}}:c"]}},
    {"name": "counted", "when": {"model": "shop.Counter"}, "do": {"bump": "n:{pk}"}},
    {"name": "stored", "when": {"model": "shop.Item"},
     "do": {"refresh": {"key": "i:{pk}", "value": "{after.name}", "ttl": "1h"}}},
    {"name": "lists", "when": {"model": "shop.List"}, "do": {"purge": "list:*"}},
    {"name": "tag", "when": {"model": "shop.Tag"}, "do": {"purge_tag": "tag:{pk}"}},
    {"name": "slow", "when": {"model": "shop.Slow"},
     "do": {"purge": {"pattern": "{{slow}}:*", "rate": 300}}},
    {"name": "late", "when": {"model": "shop.Slow"}, "do": {"purge": "{{" + LATE + "}}:*"}},
]}


class ClusterTest(BusTest):
    @classmethod
    def setUpClass(cls):
        cls.cluster = RedisCluster()
        cls.addClassCleanup(cls.cluster.stop)

    def setUp(self):
        super().setUp()
        for node in self.cluster.masters:
            node.cmd("FLUSHALL")
            self.watch("node", node.log)
        self.events = self.topic(partitions=2)

    def start(self, **options):
        return self.unstale_by_file({"url": self.cluster.url, "cluster": True}, self.events, RULES,
                                    **options)

    def event(self, model, pk, **members):
        event = {"event": "post_save", "model": model, "pk": pk, "created": False}
        event.update(members)
        return {"key": "%s:%s" % (model, pk), "value": event}

    def send(self, *events):
        self.assertEqual(self.topics.produce(self.events, list(events)), len(events))

    def applied(self):
        self.wait_lag(self.events, self.name)

    def other_node(self, key):
        return next(n for n in self.cluster.masters if n is not self.cluster.node_of(key))


class VerbsTest(ClusterTest):
    def test_deletes_go_to_every_slot(self):
        keys = ["p:%d" % pk for pk in range(3000)]
        self.cluster.fill(keys)
        bus = self.start()
        self.emit_products(self.events, range(3000))
        self.wait_gone(self.cluster, keys)
        self.applied()
        self.assertEqual(bus.metric("unstale_keys_deleted_total"), 3000)
        self.assertEqual(bus.metric("unstale_redis_redirects_total"), 0)
        self.assertEqual(bus.metric("unstale_redis_up"), 1)

    def test_keys_of_one_tag_go_together(self):
        keys = ["{pair%d}:%s" % (pk, name) for pk in range(50) for name in "abc"]
        self.cluster.fill(keys)
        self.start()
        self.send(*[self.event("shop.Pair", pk) for pk in range(50)])
        self.wait_gone(self.cluster, keys)

    def test_bumps_and_guarded_refreshes(self):
        self.cluster.fill(["n:%d" % pk for pk in range(20)], value="5")
        bus = self.start()
        self.send(*[self.event("shop.Counter", pk) for pk in range(20)])
        self.send(*[self.event("shop.Item", pk, version=7, after={"name": "new%d" % pk})
                    for pk in range(20)])
        self.applied()
        for pk in range(20):
            self.assertGreater(int(self.cluster.cmd("GET", "n:%d" % pk)), 5)
            self.assertEqual(self.cluster.cmd("GET", "i:%d" % pk), "new%d" % pk)
            self.assertEqual(self.cluster.cmd("GET", "{i:%d}:v" % pk), "e:7")
        self.send(self.event("shop.Item", 3, version=6, after={"name": "old"}))
        self.applied()
        self.assertEqual(self.cluster.cmd("GET", "i:3"), "new3")
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)

    def test_purges_walk_all_nodes(self):
        keys = ["list:%d" % at for at in range(2000)]
        self.cluster.fill(keys)
        self.cluster.fill(["kept:1", "kept:2"])
        bus = self.start()
        self.send(self.event("shop.List", 1))
        self.wait_gone(self.cluster, keys)
        self.applied()
        self.assertEqual(len(self.cluster.existing(["kept:1", "kept:2"])), 2)
        self.assertEqual(bus.metric("unstale_purge_keys_deleted_total"), 2000)
        self.assertEqual(bus.metric("unstale_purges_total"), 1)

    def test_members_of_tags_are_anywhere(self):
        keys = ["m:%d" % at for at in range(500)]
        self.cluster.fill(keys)
        for at in range(0, 500, 100):
            self.cluster.cmd("SADD", "tag:1", *keys[at:at + 100])
        self.start()
        self.send(self.event("shop.Tag", 1))
        self.wait_gone(self.cluster, keys + ["tag:1"])
        self.applied()

    def doctor(self, **target):
        path = rules_file(json.dumps({"kafka": {"brokers": self.broker.brokers},
                                      "redis": {"default": target}}),
                          os.path.join(process.private_folder("doctor"), "unstale.json"))
        return unstale("doctor", "--config", path)[1]

    def test_doctor_sees_every_node(self):
        out = self.doctor(url=self.cluster.url, cluster=True)
        self.assertIn("a cluster of 3 masters, 0 slots without an owner", out)
        for node in self.cluster.masters:
            self.assertIn("127.0.0.1:%d: " % node.port, out)
        self.assertIn('"cluster": true is missing', self.doctor(url=self.cluster.url))
        self.assertIn('"wait_replicas" is 2',
                      self.doctor(url=self.cluster.url, cluster=True, wait_replicas=2))

    def test_explain_asks_the_owner(self):
        keys = ["p:1", "p:2", "p:3", "p:4"]
        self.cluster.fill(keys[::2])
        folder = process.private_folder("explain")
        path = rules_file(json.dumps({"redis": {"default": {"url": self.cluster.url,
                                                            "cluster": True}}}),
                          os.path.join(folder, "unstale.json"))
        rules = rules_file(RULES, os.path.join(folder, "rules.json"))
        events = "".join(json.dumps(self.event("shop.Product", pk)["value"]) + "\n"
                         for pk in range(1, 5))
        code, out, err = unstale("explain", "--redis", "--rules", rules, "--config", path,
                                 "--format", "json", "-", input=events.encode())
        self.assertEqual((code, err), (0, ""))
        self.assertEqual([line["ops"][0].get("exists") for line in json_lines(out)],
                         [True, False, True, False])

    def test_a_cluster_that_is_not_declared_is_a_mistake(self):
        bus = self.unstale_by_file({"url": self.cluster.url + "/0"}, self.events, RULES)
        self.send(*[self.event("shop.Product", pk) for pk in range(30)])
        bus.wait_not_ready()
        wait_until(lambda: "is part of a cluster" in bus.http("/readyz").text, 20,
                   lambda: "/readyz says so: " + bus.http("/readyz").text)
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)
        self.assertNotEqual(self.topics.lag(self.events, self.name), 0)


class RedirectionsTest(ClusterTest):
    def test_moved(self):
        bus = self.start()
        self.cluster.fill(["p:1", "p:2"])
        self.cluster.move(slot_of("p:1"), self.other_node("p:1"))
        self.emit_products(self.events, [1, 2])
        self.wait_gone(self.cluster, ["p:1", "p:2"])
        self.applied()
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)

    def test_asked(self):
        """Of a slot that moves one key is here and one there; the map does not change by that."""
        bus = self.start()
        slot = slot_of("{pair9}:a")
        to = self.other_node("{pair9}:a")
        self.cluster.fill(["{pair9}:a", "{pair9}:b", "{pair9}:c"])
        source = self.cluster.begin_move(slot, to)
        self.cluster.move_keys(slot, to, ["{pair9}:b"])
        self.send(self.event("shop.Pair", 9))
        wait_until(lambda: source.cmd("CLUSTER", "COUNTKEYSINSLOT", slot) == 0, 20,
                   "what was not moved is gone")
        wait_until(lambda: to.cmd("CLUSTER", "COUNTKEYSINSLOT", slot) == 0, 20,
                   "what was moved is gone")
        self.applied()
        self.assertGreater(bus.metric("unstale_redis_redirects_total"), 1)
        self.cluster.end_move(slot, to)

    def test_scripts_wait_for_their_slot(self):
        """Key and companion must be in one place: while they are not, nothing can be done."""
        bus = self.start()
        self.send(self.event("shop.Item", 77, version=1, after={"name": "first"}))
        self.applied()
        slot, to = slot_of("i:77"), self.other_node("i:77")
        self.cluster.begin_move(slot, to)
        self.cluster.move_keys(slot, to, ["i:77"])
        self.send(self.event("shop.Item", 77, version=2, after={"name": "second"}))
        bus.wait_metric(lambda value: value > 2, "unstale_redis_redirects_total")
        self.cluster.move_keys(slot, to)
        self.cluster.end_move(slot, to)
        self.applied()
        self.assertEqual(self.cluster.cmd("GET", "i:77"), "second")
        self.assertEqual(self.cluster.cmd("GET", "{i:77}:v"), "e:2")

    def test_a_purge_waits_for_slots_that_are_on_the_move(self):
        """What moved to a node that was walked already, behind the back of a map that stays as it is."""
        bus = self.start()
        slot, source = slot_of("{%s}:0" % LATE), self.cluster.node_of("{%s}:0" % LATE)
        to = self.other_node("{%s}:0" % LATE)
        slow = ["{slow}:%d" % at for at in range(600)]
        late = ["{%s}:%d" % (LATE, at) for at in range(3)]
        self.cluster.fill(slow + late)
        self.cluster.begin_move(slot, to)
        self.send(self.event("shop.Slow", 1))
        wait_until(lambda: source.cmd("DBSIZE") < 600, 30, "the walk has begun")
        self.cluster.move_keys(slot, to)
        bus.wait_log("purge waits: slots are on the move", timeout=60)
        self.assertEqual(self.topics.lag(self.events, self.name), 1)
        self.cluster.end_move(slot, to)
        self.wait_gone(self.cluster, slow + late)
        self.applied()

    def test_a_purge_does_not_walk_in_circles_while_keys_are_between(self):
        """A node shows the keys of a slot that it imports, and refuses to delete them."""
        bus = self.start()
        late = ["{%s}:%d" % (LATE, at) for at in range(3)]
        slot, to = slot_of(late[0]), self.other_node(late[0])
        self.cluster.fill(late)
        self.cluster.begin_move(slot, to)
        self.cluster.move_keys(slot, to)
        self.send(self.event("shop.Slow", 1))
        bus.wait_log("purge waits: slots are on the move", timeout=60)
        self.cluster.end_move(slot, to)
        self.wait_gone(self.cluster, late)
        self.applied()

    def test_slots_move_under_load(self):
        count = 30000
        keys = ["p:%d" % pk for pk in range(count)]
        self.cluster.fill(keys)
        self.cluster.fill(["list:%d" % at for at in range(500)])
        bus = self.start()
        # From one node to one other: nodes that give and take at once can fall out over a slot.
        source, to = self.cluster.masters[2], self.cluster.masters[0]
        slots = [slot for slot, owner in self.cluster.owner.items() if owner is source][:60]
        failures = []

        def reshard():
            try:
                for slot in slots:
                    self.cluster.move(slot, to)
            except (OSError, Failed) as error:
                failures.append(error)
        mover = threading.Thread(target=reshard)
        mover.start()
        self.send(self.event("shop.List", 1))
        self.topics.generate(self.events, count, '{"event":"post_save","model":"shop.Product",'
                             '"pk":{i},"created":false}', key="shop.Product:{i}")
        mover.join()
        self.assertEqual(failures, [])
        self.wait_gone(self.cluster, keys)
        self.wait_gone(self.cluster, ["list:%d" % at for at in range(500)])
        self.applied()
        self.assertEqual(bus.metric("unstale_dead_letters_total"), 0)


if __name__ == "__main__":
    main()

"""redis_cluster - a private Redis Cluster on the loopback, and slots moved by hand.

Every node is a `RedisServer`. Three masters share the slots; `replicas=1` adds one to each. A
cluster is ready once all nodes agree that it is well, which takes about four seconds.
"""
from lib import process
from lib.redis import RedisError, RedisServer

SLOTS = 16384


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc


def slot_of(key):
    data = key if isinstance(key, bytes) else key.encode()
    first = data.find(b"{")
    last = data.find(b"}", first + 1)
    if first >= 0 and last > first + 1:
        data = data[first + 1:last]
    return crc16(data) % SLOTS


class Node(RedisServer):
    def __init__(self, tls=False, **options):
        self.bus = process.free_port()
        self.tls_port = process.free_port() if tls else None
        if tls:
            options["tls_port"] = self.tls_port
        super().__init__(start=False, db=0, cluster_enabled="yes", cluster_node_timeout=1500,
                         cluster_port=self.bus, cluster_replica_validity_factor=0,
                         repl_diskless_sync_delay=0, **options)

    @property
    def id(self):
        return self.cmd("CLUSTER", "MYID")


class RedisCluster:
    """`fill`, `existing` and `cmd` go to the node that owns the key, as a `RedisServer`'s do. With
    `tls=True` the nodes have TLS ports, too; the options then name their certificates."""

    def __init__(self, replicas=0, **options):
        self.masters = [Node(**options) for _ in range(3)]
        self.replicas = [Node(**options) for _ in range(3 * replicas)]
        self.nodes = self.masters + self.replicas
        self.owner = {}
        for node in self.nodes:
            node.start()
        self._join()

    @property
    def url(self):
        return "redis://127.0.0.1:%d" % self.masters[0].port

    @property
    def log(self):
        return self.masters[0].log

    def _join(self):
        share = SLOTS // 3 + 1
        for at, node in enumerate(self.masters):
            first, last = at * share, min((at + 1) * share, SLOTS) - 1
            node.cmd("CLUSTER", "ADDSLOTSRANGE", first, last)
            node.cmd("CLUSTER", "SET-CONFIG-EPOCH", at + 1)
            self.owner.update((slot, node) for slot in range(first, last + 1))
        for node in self.nodes[1:]:
            first = self.nodes[0]
            node.cmd("CLUSTER", "MEET", "127.0.0.1", first.tls_port or first.port, first.bus)
        process.wait_until(lambda: all(self._knows(node) == len(self.nodes) for node in self.nodes),
                           30, "all nodes of the cluster know each other")
        for at, node in enumerate(self.replicas):
            self._replicate(node, self.masters[at % 3])
        process.wait_until(self.is_well, 30, "the cluster is well")

    @staticmethod
    def _knows(node):
        return node.cmd("CLUSTER", "NODES").count(" connected")

    @staticmethod
    def _replicate(node, master):
        node.cmd("CLUSTER", "REPLICATE", master.id)
        process.wait_until(lambda: "master_link_status:up" in node.cmd("INFO", "replication"), 30,
                           "a replica of the cluster is in sync")

    def is_well(self):
        return all("cluster_state:ok" in node.cmd("CLUSTER", "INFO") for node in self.nodes
                   if node.child is not None and node.child.poll() is None)

    def node_of(self, key):
        return self.owner[slot_of(key)]

    def cmd(self, *words):
        return self.node_of(words[1]).cmd(*words)

    def pipeline(self, commands):
        """Each command's second word is its key; replies in order."""
        shares = {}
        for at, words in enumerate(commands):
            shares.setdefault(id(self.node_of(words[1])), []).append(at)
        replies = [None] * len(commands)
        for node in self.masters + self.replicas:
            places = shares.get(id(node))
            if places is None:
                continue
            for at, reply in zip(places, node.pipeline([commands[at] for at in places])):
                replies[at] = reply
        return replies

    def fill(self, keys, value="x"):
        bad = [reply for reply in self.pipeline([("SET", key, value) for key in keys])
               if reply != "OK"]
        if bad:
            raise process.Failed("the cluster refused SET: %s" % bad[0])

    def existing(self, keys):
        keys = list(keys)
        replies = self.pipeline([("EXISTS", key) for key in keys])
        bad = [reply for reply in replies if isinstance(reply, RedisError)]
        if bad:
            raise process.Failed("the cluster refused EXISTS: %s" % bad[0])
        return [key for key, there in zip(keys, replies) if there]

    # Slots that move, a step at a time.

    def begin_move(self, slot, to):
        source = self.owner[slot]
        to.cmd("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.cmd("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id)
        return source

    def move_keys(self, slot, to, keys=None):
        """These keys of the slot, or all that are there."""
        source = self.owner[slot]
        while True:
            some = keys if keys is not None else source.cmd("CLUSTER", "GETKEYSINSLOT", slot, 100)
            if not some:
                return
            source.cmd("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", *some)
            if keys is not None:
                return

    def end_move(self, slot, to):
        for node in [to, self.owner[slot]] + [n for n in self.masters if n is not to]:
            node.cmd("CLUSTER", "SETSLOT", slot, "NODE", to.id)
        self.owner[slot] = to

    def move(self, slot, to):
        if self.owner[slot] is to:
            return
        self.begin_move(slot, to)
        self.move_keys(slot, to)
        self.end_move(slot, to)

    def take_over(self, replica, master):
        """The tests' own map after a failover."""
        for slot, owner in self.owner.items():
            if owner is master:
                self.owner[slot] = replica

    def stop(self):
        for node in self.nodes:
            node.stop()

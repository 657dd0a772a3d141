"""sentinel - a master, a replica and three Sentinels that watch them, on the loopback."""
import os

from lib import process
from lib.redis import Client, RedisError, RedisServer, find_server

NAME = "cache"
CONFIG = """port %(port)d
bind 127.0.0.1
dir %(folder)s
sentinel monitor %(name)s 127.0.0.1 %(master)d 2
sentinel down-after-milliseconds %(name)s 1000
sentinel failover-timeout %(name)s 3000
sentinel parallel-syncs %(name)s 1
"""


class Sentinel:
    def __init__(self, master, password=None):
        self.password = password
        self.folder = process.private_folder("sentinel")
        self.port = process.free_port()
        self.log = os.path.join(self.folder, "sentinel.log")
        path = os.path.join(self.folder, "sentinel.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG % {"port": self.port, "folder": self.folder, "name": NAME,
                                 "master": master.port})
            if password:
                file.write("requirepass %s\nsentinel sentinel-pass %s\n" % (password, password))
        self.child = process.start([find_server(), path, "--sentinel"], log=self.log)

    def cmd(self, *words):
        client = Client(self.port, password=self.password)
        try:
            return client.cmd(*words)
        finally:
            client.close()

    def others(self):
        """How many other Sentinels and replicas it sees; None while it does not answer."""
        try:
            master = self.cmd("SENTINEL", "MASTER", NAME)
        except (OSError, RedisError):
            return None
        fields = dict(zip(master[::2], master[1::2]))
        return int(fields["num-other-sentinels"]), int(fields["num-slaves"])

    def stop(self):
        process.kill(self.child)


class Watched:
    """`master` and `replica` are `RedisServer`s as they were at the start; `password` is the Sentinels'."""

    def __init__(self, password=None, **options):
        self.master = RedisServer(db=0, repl_diskless_sync_delay=0, **options)
        self.replica = RedisServer(db=0, repl_diskless_sync_delay=0,
                                   replicaof="127.0.0.1 %d" % self.master.port, **options)
        process.wait_until(
            lambda: "master_link_status:up" in self.replica.cmd("INFO", "replication"), 30,
            "the replica is in sync")
        self.sentinels = [Sentinel(self.master, password) for _ in range(3)]
        process.wait_until(lambda: all(one.others() == (2, 1) for one in self.sentinels), 30,
                           "the Sentinels see each other and the replica")

    @property
    def settings(self):
        return {"url": "redis://nowhere.invalid:1/0",
                "sentinel": {"master": NAME,
                             "nodes": ["127.0.0.1:%d" % one.port for one in self.sentinels]}}

    def wait_for_failover(self):
        """The replica is the master now, and Sentinels say so."""
        def has_moved():
            address = self.sentinels[0].cmd("SENTINEL", "get-master-addr-by-name", NAME)
            return int(address[1]) == self.replica.port and \
                self._ask_replica("ROLE")[0] == "master"
        process.wait_until(has_moved, 30, "the replica took over")

    def _ask_replica(self, *words):
        """A Sentinel that promotes a server closes the connections of its clients."""
        self.replica.forget_client()
        return self.replica.cmd(*words)

    def stop(self):
        for one in self.sentinels:
            one.stop()
        self.replica.stop()
        self.master.stop()

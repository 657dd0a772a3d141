"""rehash - runs tests/tools/rehash against a server of its own and reads what it found."""
import unittest

from lib import process
from lib.redis import RedisServer, find_valkey


class RehashTest(unittest.TestCase):
    seconds = 300

    def setUp(self):
        self.notes = []

    def server(self, **options):
        server = RedisServer(db=0, **options)
        self.addCleanup(server.stop)
        return server

    def valkey(self, **options):
        program = find_valkey()
        if program is None:
            self.skipTest("no valkey-server (.ci/deps valkey)")
        return self.server(program=program, **options)

    def valkey_cluster(self):
        """One node that owns every slot: its SCAN cursor carries the slot."""
        node = self.valkey(cluster_enabled="yes", cluster_config_file="nodes.conf",
                           cluster_port=process.free_port())
        node.cmd("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        process.wait_until(lambda: "cluster_state:ok" in node.cmd("CLUSTER", "INFO"), 30,
                           "the cluster of one is well")
        return node

    def prove(self, mode, server, cluster=False, **sizes):
        words = [process.tool("rehash"), mode,
                 "redis://127.0.0.1:%d/0" % server.port] + ["--cluster"] * cluster
        for name, value in sizes.items():
            words += ["--" + name, str(value)]
        code, out, err = process.run(words, timeout=self.seconds)
        self.assertEqual(code, 0, out + err)
        found = dict(line.split() for line in out.splitlines())
        self.notes.append(" | ".join(out.splitlines()))
        self.assertEqual(found["missed"], "0")
        self.assertTrue(int(found["turns"]) > 0 or sizes, "the table moved: " + out)

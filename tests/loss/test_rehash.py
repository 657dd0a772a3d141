"""60 purges of 200,000 keys each join a walk wherever it is, while the table is rehashed up and down."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.rehash import RehashTest
from lib.suite import main


class LongRehashTest(RehashTest):
    seconds = 1800

    def test_redis_deletes(self):
        self.prove("delete", self.server())

    def test_redis_shortens(self):
        self.prove("expire", self.server())

    def test_valkey_deletes(self):
        self.prove("delete", self.valkey())

    def test_the_cursor_carries_a_slot(self):
        self.prove("delete", self.valkey_cluster(), cluster=True)


if __name__ == "__main__":
    main()

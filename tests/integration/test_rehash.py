"""No key is missed by a purge while the table grows and shrinks: a few seconds of tests/loss/test_rehash.py."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.rehash import RehashTest
from lib.suite import main


class ShortRehashTest(RehashTest):
    def test_redis(self):
        self.prove("delete", self.server(), joins=3, keys=5000, moving=60000)

    def test_the_cursor_carries_a_slot(self):
        self.prove("expire", self.valkey_cluster(), cluster=True, joins=2, keys=5000,
                   moving=60000)


if __name__ == "__main__":
    main()

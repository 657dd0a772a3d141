"""The outbox under fire, in short: Kafka, a relay and the project are killed once each.

`make loss` does it at length.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import outbox
from lib.suite import BusTest, main


class OutboxTest(BusTest):
    def test_every_commit_arrives_in_order(self):
        run = outbox.OutboxRun(self)
        outbox.fire(run, ["kafka", "relay", "writer"], 800, 0.03)


if __name__ == "__main__":
    main()

"""No change of a Django project is lost, whatever dies; and what goes without the outbox is told.

Thousands of changes in random transactions, a third of them rolled back, two threads on the same
rows, while Kafka is killed twice, the relay twice and the project once. The moments are random: the
seed is printed, UNSTALE_TEST_SEED repeats it.
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import outbox, process
from lib.suite import BusTest, main

COUNT = 5000
PACE = 0.05


class OutboxLossTest(BusTest):
    seconds = 400

    def test_every_commit_arrives_in_order(self):
        run = outbox.OutboxRun(self)
        outbox.fire(run, ["kafka", "relay", "writer", "kafka", "relay"], COUNT, PACE)

    def test_without_the_outbox_the_log_says_what_was_lost(self):
        run = outbox.OutboxRun(self, OUTBOX_IS_OFF="1",
                               OUTBOX_OPTIONS='{"message.timeout.ms": 1500}')
        writer, log = run.writer(COUNT, PACE)
        for part in (1, 2):
            run.wait_writer(writer, log, COUNT * part // 3)
            run.kill_kafka(3)
        self.assertEqual(writer.wait(outbox.SETTLE_SECONDS), 0, process.tail(log))
        committed, arrived = run.committed(), run.arrived()
        lost = sum(change not in arrived.get(pk, ()) for pk, changes in committed.items()
                   for change in changes)
        told = sum(map(int, re.findall(r"unstale ERROR (\d+) events? could not be sent",
                                       process.read(log))))
        self.notes.append("without the outbox: %d of %d committed changes lost; the log told of %d" %
                          (lost, outbox.total(committed), told))
        self.assertEqual(sorted(set(arrived) - set(committed)), [], "rolled back, and sent")
        self.assertGreater(lost, 0)
        self.assertGreaterEqual(told, lost, process.tail(log))


if __name__ == "__main__":
    main()

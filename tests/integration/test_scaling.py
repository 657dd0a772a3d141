"""The simulation of docs/scaling.md against the planner, and the document against the simulation."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))

import simulate
from lib import process
from lib.program import json_lines, rules_file, unstale
from lib.suite import main

RULES = {"version": 1, "caches": {"default": {"keys": "raw"}}, "rules": [
    {"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}}]}


class ScalingTest(unittest.TestCase):
    def planned(self, batches):
        """Keys that the planner sends for each of these batches."""
        path = os.path.join(process.private_folder("scaling"), "rules.json")
        rules_file(json.dumps(RULES), path)
        lines = "".join(json.dumps({"event": "bulk_update", "model": "shop.Product", "pks": batch})
                        + "\n" for batch in batches)
        code, out, err = unstale("explain", "--rules", path, "--format", "json", "-", input=lines)
        self.assertEqual(code, 0, err)
        return [[op["key"] for op in told["ops"]] for told in json_lines(out)]

    def test_the_planner_coalesces_as_the_simulation_says(self):
        ids = simulate.draw(1 << 14)
        for size in (64, 1024):
            batches = simulate.batches_of(ids, size)
            planned = self.planned(batches)
            self.assertEqual([sorted(keys) for keys in planned],
                             [sorted({"p:%d" % pk for pk in batch}) for batch in batches])
            self.assertEqual(sum(len(keys) for keys in planned), simulate.coalesced(ids, size))

    def test_what_is_drawn_follows_the_formula(self):
        ids = simulate.draw(1 << 16)
        probabilities = simulate.shares()
        for size in (64, 256, 1024):
            drawn = simulate.coalesced(ids, size) * size / len(ids)
            formula = simulate.expected_keys(size, probabilities)
            self.assertAlmostEqual(drawn / formula, 1.0, delta=0.01)

    def test_a_backlog_is_worked_off_at_the_difference_of_the_rates(self):
        service = simulate.Service("1 delete, hits")
        rate, seconds = 400000, 10
        _, _, caught_up = simulate.run(service, simulate.steady(rate, seconds * 1e6), 3e7)
        by_hand = rate * seconds / (service.rate() - rate)
        self.assertAlmostEqual(caught_up / 1e6 / by_hand, 1.0, delta=0.02)

    def test_the_document_has_the_tables_of_the_simulation(self):
        text = process.read(os.path.join(process.ROOT, "docs", "scaling.md"))
        out = subprocess.run([sys.executable, simulate.__file__], check=True, timeout=120,
                             capture_output=True, text=True).stdout
        for table in out.strip().split("\n\n"):
            self.assertIn(table, text)


if __name__ == "__main__":
    main()

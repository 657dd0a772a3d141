"""The demo: it passes with the rules that are shipped, and says which key is wrong with others."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process
from lib.program import environment, json_lines, unstale
from lib.suite import BusTest, main

DEMO = os.path.join(process.ROOT, "tests", "demo", "demo.py")
SHIPPED = os.path.join(process.ROOT, "config", "rules", "shop.json")


def demo(*arguments):
    return process.run([sys.executable, DEMO, "--build", process.build_dir()] + list(arguments),
                       env=environment(), timeout=120)


class DemoTest(BusTest):
    def broken(self, change):
        """The shipped rules with one thing changed, in a folder of their own."""
        rules = json.loads(process.read(SHIPPED))
        change({rule["name"]: rule for rule in rules["rules"]})
        folder = process.private_folder("rules")
        with open(os.path.join(folder, "shop.json"), "w", encoding="utf-8") as file:
            json.dump(rules, file)
        return folder

    def check_wrong(self, change, *keys):
        code, out, err = demo("--rules", self.broken(change))
        self.assertEqual(code, 1, out + err)
        wrong = [line.split()[1] for line in out.splitlines() if line.startswith("   wrong: ")]
        self.assertEqual(wrong, sorted(keys), out)
        for key in keys:
            self.assertRegex(out, r"WRONG +%s" % key)

    def test_the_shipped_rules_pass(self):
        code, out, err = demo()
        self.assertEqual(code, 0, out + err)
        self.assertRegex(out, r"\n\d+ keys as the rules say, 0 not")
        self.assertNotIn("WRONG", out)
        self.assertNotIn("\033", out)

    def test_only_the_new_category(self):
        def change(rules):
            keys = rules["product-objects-and-lists"]["do"]["delete"]
            keys[keys.index("products:category:{category_id}")] = \
                "products:category:{after.category_id?}"
        # Of the delete it is the old row that names category 7.
        self.check_wrong(change, "myapp:1:products:category:3", "myapp:1:products:category:7")

    def test_a_rule_that_is_off(self):
        self.check_wrong(lambda rules: rules["product-write-through-delete"].update(enabled=False),
                         "myapp:1:product:42:data", "{myapp:1:product:42:data}:v")

    def test_a_purge_that_reaches_too_far(self):
        def change(rules):
            rules["user-profile"]["do"] = {"purge": "profile_*"}
        self.check_wrong(change, "myapp:1:profile_8")

    def test_rules_that_are_refused(self):
        folder = self.broken(lambda rules: rules["user-profile"].update(whn={}))
        code, out, err = demo("--rules", folder)
        self.assertEqual(code, 1, out + err)
        self.assertIn("E201", err)

    def test_it_stays_until_it_is_told_to_go(self):
        log = os.path.join(process.private_folder("demo"), "log")
        self.watch("demo", log)
        home = process.private_folder("home")
        child = process.start([sys.executable, DEMO, "--build", process.build_dir(), "--stay"],
                              log=log, env=environment({"XDG_RUNTIME_DIR": home}))
        process.wait_until(lambda: "Ctrl-C" in process.read(log), 30, lambda: process.tail(log))
        text = process.read(log)
        event = json_lines(text.split("echo '")[1].split("'")[0])[0]
        code, out, err = unstale("emit", "--embedded", "-", input=json.dumps(event),
                                 env={"XDG_RUNTIME_DIR": home})
        self.assertEqual(code, 0, out + err)
        children = process.children(child.pid)
        self.assertEqual(len(children), 2, children)
        self.assertEqual(process.kill(child, signal.SIGINT), 0, process.tail(log))
        for pid in children:
            self.assertFalse(process.exists(pid))


if __name__ == "__main__":
    main()

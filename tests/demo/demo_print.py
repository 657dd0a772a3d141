"""demo_print - what the demo says: one block a change, coloured on a terminal only."""
import json
import os
import shutil
import textwrap

COLOURS = {"deleted": "33", "written": "32", "bumped": "36", "remembered": "2", "kept": "2",
           "wrong": "1;31", "title": "1", "good": "32"}
NARROWEST = 100
KEY_WIDTH = 42
ORDER = ["deleted", "written", "bumped", "remembered", "absent", "kept"]


def shorten(text, width):
    text = "".join(c if c.isprintable() else "\u00b7" for c in text)
    return text if len(text) <= width else text[:width - 1] + "\u2026"


class Printer:
    def __init__(self, out):
        self._out = out
        self._is_coloured = out.isatty() and not os.environ.get("NO_COLOR")
        self._width = max(shutil.get_terminal_size((140, 50)).columns, NARROWEST)
        self._steps = 0

    def _say(self, text=""):
        print(text, file=self._out, flush=True)

    def _paint(self, text, colour):
        code = COLOURS.get(colour)
        return "\033[%sm%s\033[0m" % (code, text) if self._is_coloured and code else text

    def step(self, step, told, before, after, verdicts):
        matched, letters = told
        self._steps += 1
        self._say(self._paint("%d  %s" % (self._steps, step["title"]), "title"))
        for event in step["events"]:
            self._say("   event  %s" % json.dumps(event, separators=(",", ":")))
        self._say("   rules  %s" % (", ".join(matched) or "none matched"))
        for letter in letters:
            self._say(self._paint("   aside  %s: %s" % (letter.get("rule") or letter["reason"],
                                                        letter["error"]), "wrong"))
        kept = [key for key, verdict in verdicts.items()
                if verdict.became == "kept" and not verdict.problem]
        rows = [(key, verdict) for key, verdict in verdicts.items() if key not in kept]
        rows.sort(key=lambda row: (not row[1].problem, ORDER.index(row[1].became)))
        for key, verdict in rows:
            self._row(key, verdict, before.get(key), after.get(key))
        self._kept(kept)
        self._say()

    def _kept(self, keys):
        """Keys that are after what they were before: their names suffice."""
        text = "%d keys, the same before and after: %s" % (len(keys), ", ".join(keys))
        for line in textwrap.wrap(text, self._width - 15, initial_indent="   kept        ",
                                  subsequent_indent=" " * 15, break_long_words=False,
                                  break_on_hyphens=False):
            self._say(self._paint(line, "kept"))

    def _row(self, key, verdict, before, after):
        room = self._width - KEY_WIDTH - 17
        values = "%s \u2192 %s" % (self._value(before, room // 2 - 2),
                                   self._value(after, room // 2 - 2))
        if verdict.problem:
            values += "  expected %s" % verdict.problem
        head = "WRONG" if verdict.problem else verdict.became
        line = "   %-10s  %s  %s" % (head, shorten(key, KEY_WIDTH).ljust(KEY_WIDTH), values)
        self._say(self._paint(line, "wrong" if verdict.problem else verdict.became))

    @staticmethod
    def _value(seen, room):
        return shorten(seen.text, room) if seen is not None else "\u2014"

    def by_hand(self, rows):
        self._say(self._paint("What the tutorials do by hand, and the keys it happened to",
                              "title"))
        for code, found in rows:
            mark = self._paint("done ", "good") if found else self._paint("WRONG", "wrong")
            self._say("   %s  %s" % (mark, code))
            self._say("          %s" % (", ".join(found) or "never happened"))
        self._say()

    def survivors(self, survivors, wrong):
        self._say(self._paint("What had to survive it all", "title"))
        for key, why in survivors.items():
            mark = self._paint("WRONG", "wrong") if key in wrong else self._paint("there", "good")
            self._say("   %s  %s  %s" % (mark, shorten(key, KEY_WIDTH).ljust(KEY_WIDTH), why))
        self._say()

    def summary(self, right, wrong, missing):
        line = "%d keys as the rules say, %d not (looked at after each of %d changes)" % (
            right, len(wrong), self._steps)
        self._say(self._paint(line, "wrong" if wrong or missing else "good"))
        for key in wrong:
            self._say("   wrong: %s" % key)
        for code in missing:
            self._say("   never seen: %s" % code)
        self._say("Rules: config/rules. Script: tests/demo/script.json. "
                  "Next: make run, and the README.")

    def address(self, stack, event):
        program = os.path.relpath(os.path.join(os.environ["UNSTALE_TEST_BUILD"], "unstale"))
        self._say("A private Redis and an embedded Kafka broker, for trying and testing.\n")
        self._say("console  http://127.0.0.1:%d/   (and /metrics, /healthz, /readyz)" %
                  stack.bus.port)
        self._say("brokers  %s" % stack.brokers)
        self._say("redis    %s   (filled with %d keys)" % (stack.redis.url,
                                                            stack.redis.cmd("DBSIZE")))
        self._say("rules    %s   (edit them: read again within two seconds)" %
                  os.path.relpath(stack.rules))
        self._say("log      %s\n" % stack.bus.log)
        self._say("send a change:\n   echo '%s' | %s emit --embedded -" % (event, program))
        self._say("watch what it does:\n   %s tail --embedded" % program)
        self._say("and look at the keys:\n   redis-cli -p %d -n %d keys 'myapp:*'\n" %
                  (stack.redis.port, stack.redis.db))
        self._say("Ctrl-C stops it and removes everything.")

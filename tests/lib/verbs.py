"""verbs - one rule of every kind, events for each, and what must be so afterwards: for tests of ways to
reach a Redis (rights, TLS, another server) rather than of what the verbs do."""
from lib.process import wait_until

RULES = {"version": 1,
         "caches": {"default": {"keys": "raw", "prefix": "cache:", "serializer": "raw"}},
         "rules": [
             {"name": "one", "when": {"model": "shop.Product"}, "do": {"delete": "p:{pk}"}},
             {"name": "count", "when": {"model": "shop.Counter"}, "do": {"bump": "n:{pk}"}},
             {"name": "store", "when": {"model": "shop.Item", "op": ["create", "update"]},
              "do": {"refresh": {"key": "i:{pk}", "value": "{after.name}", "ttl": "1h"}}},
             {"name": "plain", "when": {"model": "shop.Item", "op": ["create", "update"]},
              "do": {"refresh": {"key": "u:{pk}", "value": "{after.name}", "ttl": "1h",
                                 "guard": False}}},
             {"name": "soon", "when": {"model": "shop.Soon"},
              "do": {"expire": {"key": "s:{pk}", "ttl": "30s"}}},
             {"name": "lists", "when": {"model": "shop.List"}, "do": {"purge": "list:*"}},
             {"name": "fading", "when": {"model": "shop.Fade"},
              "do": {"expire": {"pattern": "fade:*", "ttl": "30s"}}},
             {"name": "tag", "when": {"model": "shop.Tag"}, "do": {"purge_tag": "tag:{pk}"}}]}


def _event(model, pk, **members):
    event = dict({"event": "post_save", "model": model, "pk": pk, "created": False}, **members)
    return {"key": "%s:%s" % (model, pk), "value": event}


class Verbs:
    """`store` is a server or a cluster; several rounds may follow one another."""

    def __init__(self, store):
        self.store = store
        self.round = 0
        self.gone = []

    def begin(self):
        """Fills the store; returns the events."""
        self.round += 1
        self.gone = ["cache:p:%d" % pk for pk in range(30)]
        self.gone += ["cache:list:%d" % at for at in range(30)]
        members = ["cache:m:%d" % at for at in range(10)]
        self.store.fill(self.gone + members + ["cache:n:1", "cache:s:1", "cache:fade:1"], value="5")
        self.store.cmd("SADD", "cache:tag:1", *members)
        self.gone += members + ["cache:tag:1"]
        name = "round %d" % self.round
        return [_event("shop.Product", pk) for pk in range(30)] + [
            _event("shop.Counter", 1), _event("shop.Soon", 1), _event("shop.List", 1),
            _event("shop.Item", 1, version=self.round, after={"name": name}),
            _event("shop.Fade", 1), _event("shop.Tag", 1)]

    def _value(self, key):
        return self.store.cmd("GET", "cache:" + key)

    def _fades(self, key):
        return 0 < self.store.cmd("PTTL", "cache:" + key) <= 30000

    def wrong(self):
        """The first thing that is not as it must be; None when all is."""
        left = self.store.existing(self.gone)
        name = "round %d" % self.round
        for what, is_so in (("gone: %s" % left[:3], not left),
                            ("bumped", int(self._value("n:1") or 0) > 5),
                            ("stored", self._value("i:1") == name),
                            ("stored without a guard", self._value("u:1") == name),
                            ("fading", self._fades("s:1") and self._fades("fade:1"))):
            if not is_so:
                return what
        return None

    def check(self, timeout=30):
        wait_until(lambda: self.wrong() is None, timeout, lambda: "is not so: %s" % self.wrong())

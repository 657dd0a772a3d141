"""rows_memory - what happens between a record's bytes and Redis, without Kafka."""
import os

from stack import DELETE, FOUR, FREE, FREE_REFRESH, REFRESH, THREE, call, process

SINGLE_WRITES = 20000
SINGLE_COMMANDS = 128  # a write of the replay, as an application's pipeline has them
DECODE_GOALS = {
    "decode_350_vs_jansson": (0.06, 0.07, "decode + 6 fields / jansson, 350 bytes"),
    "decode_2k_vs_jansson": (0.04, 0.045, "decode + 6 fields / jansson, 2 KB"),
    "decode_350_vs_yyjson": (1.3, 1.4, "decode / yyjson's parse, 350 bytes"),
    "decode_2k_vs_yyjson": (1.3, 1.4, "decode / yyjson's parse, 2 KB"),
    "plan-1-op": (None, None, "lookup + render + plan, 1 delete / snprintf() of its key"),
    "plan-1-op-zipf": (None, None, "the same, Zipf 0.99"),
    "plan-4-ops": (None, None, "lookup + render + plan, 4 operations / snprintf() of their keys"),
    "explain_10000_rules_vs_10": (1.5, None, "explain among 10,000 rules / among 10"),
    "load_10000_rules_vs_1s": (1.0, None, "loading 10,000 rules / 1 s"),
}
DECODE_NUMBERS = {"decode_350_vs_jansson": 1, "decode_2k_vs_jansson": 1,
                  "decode_350_vs_yyjson": 2, "decode_2k_vs_yyjson": 2}


def decode(stack):
    for program in ("decode", "plan", "rules"):
        stack.ratio_rows(call(program), DECODE_NUMBERS, DECODE_GOALS)
    _own_cost(stack)
    _bookkeeping(stack)


def _own_cost(stack):
    rules = stack.product_rules("misses", DELETE, others=200)
    stack.redis.cmd("FLUSHALL")
    lines = stack.each_round("own cost",
                             lambda: stack.memory(rules, stack.events, "stages"))
    stack.table.add("lookup + render + plan + emit, 1 delete among 200 rules",
                    [line["plan_ns"] + line["emit_ns"] for line in lines], "ns/event", number=9,
                    most=120, digits=0)
    for what in ("decode", "plan", "emit"):
        stack.table.add("of a batch's stages: " + what, [line[what + "_ns"] for line in lines],
                        "ns/event", digits=0)


def _bookkeeping(stack):
    for line in call("offsets").splitlines():
        name, middle, spread = line.split()[:3]
        low, high = spread.strip("[]").split("-")
        stack.table.add(name.replace("_", " ") + ", hold + advance + store",
                        [float(low), float(middle), float(high)], "ns/event", number=20, most=10)


def _replay_round(stack, rules, names, words=()):
    """The pipeline in memory over filled keys, then the very bytes it wrote from a dumb socket."""
    path = os.path.join(stack.folder, "recorded")
    stack.refill(*names)
    stack.memory(rules, stack.events, "record=" + path, *words)
    stack.refill(*names)
    line = stack.memory(rules, stack.events, *words)
    stack.refill(*names)
    replayed = stack.redis_call("replay", path)
    if replayed["refused"]:
        raise process.Failed("Redis refused %(refused)d commands of the replay" % replayed)
    return line, stack.events / replayed["seconds"]


def _hits_round(stack, rules):
    stack.refill()
    floor = stack.floor_unlink()
    line, replayed = _replay_round(stack, rules, ("product",))
    return line["rate"], floor["rate"], replayed


def redis(stack):
    add = stack.table.add
    hits = stack.each_round("memory, hits", lambda: _hits_round(
        stack, stack.product_rules("hits", DELETE)))
    add("1 delete, hits / raw UNLINK of as many keys", [rate / floor for rate, floor, _ in hits],
        "x", number=3, least=0.93, claim=0.85)
    add("1 delete, hits / replay of its bytes", [rate / replay for rate, _, replay in hits], "x",
        number=4, least=0.90, claim=0.85)
    add("1 delete, hits, in memory", [rate / 1e3 for rate, _, _ in hits], "k/s", digits=0)
    for name, title, do in (("three", "delete + bump + refresh", THREE),
                            ("free", "the same, no guard", FREE)):
        rules = stack.product_rules(name, do)
        rounds = stack.each_round("memory, " + name,
                                  lambda rules=rules: _replay_round(stack, rules, ("product",)))
        add(title + " / replay of its bytes", [line["rate"] / replay for line, replay in rounds],
            "x", number=4, least=0.90, claim=0.85)
        add(title + ", in memory", [line["rate"] / 1e3 for line, _ in rounds], "k/s", digits=0)


def _coalesce_round(stack, rules, *words):
    lines = []
    for extra in ((), ("apart",)):
        stack.refill("product", "list")
        lines.append(stack.with_server_cpu(
            lambda extra=extra: stack.memory(rules, stack.events, *words, *extra)))
    return lines


def coalesce(stack):
    add = stack.table.add
    for name, title, do in (("hits", "1 delete", DELETE), ("four", "4 operations", FOUR)):
        rules = stack.product_rules(name, do)
        rounds = stack.each_round("coalescing, " + title,
                                  lambda rules=rules: _coalesce_round(stack, rules, "zipf"),
                                  warm_up=False)
        add(title + ", Zipf 0.99: operations / those sent",
            [one["ops"] / (one["ops"] - one["coalesced"]) for one, _ in rounds], "x", number=11,
            least=1.45)
        add(title + ", Zipf 0.99: CPU of Redis / without coalescing",
            [one["server_seconds"] / apart["server_seconds"] for one, apart in rounds], "x",
            number=11 if name == "four" else "", most=0.65 if name == "four" else None)
        add(title + ", Zipf 0.99: rate / without", [one["rate"] / apart["rate"]
                                                    for one, apart in rounds], "x")
    rules = stack.product_rules("hits", DELETE)
    rounds = stack.each_round("coalescing, uniform", lambda: _coalesce_round(stack, rules))
    add("1 delete, each key once: rate / without coalescing",
        [one["rate"] / apart["rate"] for one, apart in rounds], "x", number=11, least=0.97,
        claim=0.90)


def _batched(stack, rules):
    stack.redis.cmd("FLUSHALL")
    # Once for the keys to be there, once to be measured: a newer version of a key that exists.
    stack.memory(rules, stack.events // 3, "version=1")
    line = stack.with_server_cpu(lambda: stack.memory(rules, stack.events // 3, "version=2"))
    return line["server_seconds"] / line["events"] * 1e6


def _single(stack, rules):
    """Each write a command of its own, many of them in a write of the socket."""
    path = os.path.join(stack.folder, "single")
    stack.redis.cmd("FLUSHALL")
    stack.memory(rules, SINGLE_WRITES, "batch=1", "version=2", "record=" + path)
    stack.redis.cmd("FLUSHALL")
    stack.memory(rules, SINGLE_WRITES, "version=1")
    line = stack.with_server_cpu(lambda: stack.redis_call("replay", path, SINGLE_COMMANDS))
    return line["server_seconds"] / SINGLE_WRITES * 1e6


def guard(stack):
    guarded = stack.product_rules("guarded", {"refresh": REFRESH})
    plain = stack.product_rules("unguarded", {"refresh": FREE_REFRESH})
    add = stack.table.add
    for name, how, most in (("batched", _batched, 1.7), ("one a command", _single, 2.2)):
        rounds = stack.each_round("guard, " + name, lambda how=how: (how(stack, guarded),
                                                                     how(stack, plain)),
                                  warm_up=False)
        add("guarded write, %s: CPU of Redis / SET EX" % name,
            [one / other for one, other in rounds], "x", number=16, most=most, claim=False)
        add("guarded write, %s: CPU of Redis" % name, [one for one, _ in rounds], "us/event")
        add("SET EX, %s: CPU of Redis" % name, [other for _, other in rounds], "us/event")

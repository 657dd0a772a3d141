"""rows_purge - a purge's walk beside a bare pass of SCAN, what others notice of it, and joining on the way."""
import json

from stack import DELETE, PURGES, call, event_format, process

CALM_MS = 5  # with an idle GET p99 above it, what a purge adds to latency cannot be told
SCAN_COUNT = 1000
REHASH = ("--joins", 4, "--keys", 50000, "--moving", 300000)


def purge(stack):
    _walks(stack)
    _joins(stack)
    _beside_others(stack)
    _by_pipeline(stack)


def _walk(stack, how, number):
    return stack.with_server_cpu(
        lambda: json.loads(call("walk", stack.redis.url, how, number)))


def _walk_round(stack):
    bare = stack.with_server_cpu(lambda: stack.redis_call("scan", SCAN_COUNT))
    return bare, {(how, number): _walk(stack, how, number)
                  for how in ("patterns", "restless") for number in (1, 10, 100)}


def _walks(stack):
    stack.redis.cmd("FLUSHALL")
    stack.fill(stack.keys, "sessions:user")
    rounds = stack.each_round("walks", lambda: _walk_round(stack))
    add = stack.table.add
    add("one bare pass of SCAN, COUNT %d, %d keys" % (SCAN_COUNT, stack.keys),
        [bare["seconds"] for bare, _ in rounds], "s")
    for number in (1, 10, 100):
        title = "a walk for %d pattern%s" % (number, "s" if number > 1 else "")
        add(title + ": CPU of Redis / bare pass",
            [walks["patterns", number]["server_seconds"] / bare["server_seconds"]
             for bare, walks in rounds], "x", number=12, most=1.05, claim=1.15)
        add(title + ", its rests left out: time / bare pass",
            [walks["restless", number]["seconds"] / bare["seconds"] for bare, walks in rounds],
            "x", number=12, most=1.2, claim=1.5)
        add(title + ", as it is, at a third of the server's time: time / bare pass",
            [walks["patterns", number]["seconds"] / bare["seconds"] for bare, walks in rounds],
            "x")


def _joins(stack):
    laps = [json.loads(call("walk", stack.redis.url, "join", stack.keys))["laps"]
            for _ in range(stack.rounds)]
    stack.table.add("a purge that joins half way round ends after", laps, "laps", number=14,
                    most=1.05, claim=1.1)
    values = dict(line.split() for line in call(
        "rehash", "delete", stack.redis.url, *REHASH, folder="tools").splitlines())
    stack.table.add("stable keys missed in %s joins while the table grows and shrinks" %
                    values["joins"], [float(values["missed"])], number=14, most=0, digits=0)
    stack.table.add("of them shown twice", [float(values["twice"]) * 100 / (
        float(values["joins"]) * float(values["keys"]))], "%", number=14, most=1)


def _beside_others(stack):
    """GETs beside a walk, and the server's own time for our commands."""
    values = {}
    for line in call("purge", "--keys", stack.keys).splitlines():
        name, value, _ = line.split()
        values[name] = float(value)
    is_calm = values["get_idle_p99"] <= CALM_MS
    if not is_calm:
        stack.say("idle GET p99 is %.1f ms: latency rows are shown, not judged" %
                  values["get_idle_p99"])
    add = stack.table.add
    add("purge of %d keys, 2 patterns" % stack.keys, [values["purge_seconds"]], "s")
    add("GET p50 idle, 200/s", [values["get_idle_p50"]], "ms", digits=3)
    add("GET p50 beside the purge / idle", [values["get_purge_p50"] / values["get_idle_p50"]], "x",
        number=15, most=1.3, claim=False)
    add("GET p50 beside the purge, less idle",
        [values["get_purge_p50"] - values["get_idle_p50"]], "ms", number=15, most=1,
        claim=None if is_calm else False, digits=3)
    add("server time of our commands, p99", [values["server_time_p99"]], "ms", number=15, most=1,
        claim=2 if is_calm else False, digits=3)
    add("server time of our commands, max", [values["server_time_max"]], "ms", number=15, most=1,
        claim=False, digits=3)


def _by_pipeline(stack):
    """A purge by way of the pipeline while other events go on: the poll loop does not wait."""
    topic, share = "purged", stack.keys // 10
    stack.redis.cmd("FLUSHALL")
    for number, name in ((share, "products:list"), (share, "products:category"),
                         (8 * share, "sessions:user")):
        stack.fill(number, name)
    stack.topic(topic)
    stack.kafka.topics.produce(topic, [{"key": "shop.Catalogue:1", "value": {
        "event": "post_save", "model": "shop.Catalogue", "pk": 1}}], partition=0)
    stack.kafka.topics.generate(topic, stack.events, event_format(), key="shop.Product:{i}")
    rules = stack.rules("purge", ("shop.Product", DELETE), ("shop.Catalogue", PURGES))
    line = stack.flow(rules, topic, 2 * stack.events + 1)
    left = stack.redis.cmd("DBSIZE")
    if left != 8 * share:
        raise process.Failed("%d keys are left of %d" % (left, 8 * share))
    stack.table.add("purge by way of the pipeline", [line["seconds"]], "s")
    stack.table.add("longest gap between polls meanwhile", [line["longest_gap_ms"]], "ms",
                    digits=0)

"""What an emit costs, beside confluent-kafka alone with the same bytes.

    python tests/bench_emit.py BROKERS TOPIC [--url URL --token TOKEN]

The rounds are interleaved, each figure is the median of its rounds: microseconds of the calling
thread's wall clock for an event, sending and callbacks in the background included. `by hand` is what
one would write without the package: json.dumps, produce and poll. `emit_later()` is what unstale.django
uses: its thread does the rest, in time that passes on the other processor, if there is one.

The last line is JSON: {"produce_us": of produce() alone, "emit_us": ..., "emit_later_us": ...,
"emit_ratio": emit() to produce() alone}.
"""
import argparse
import json
import statistics
import time

from confluent_kafka import Producer

from unstale import Emitter
from unstale.event import prepare

ROUNDS = 5
EVENTS = 20000
EVENT = {"event": "post_save", "model": "shop.Product", "pk": 42, "created": False,
         "ts": 1795341600123, "before": {"category_id": 7},
         "after": {"id": 42, "category_id": 3, "name": "Mug", "slug": "mug", "price": "9.50",
                   "stock": 12, "is_active": True}}


def of_raw(producer, topic):
    key, value = prepare(EVENT)

    def once():
        producer.produce(topic, value, key, on_delivery=ignore)
        producer.poll(0)
    return once


def of_hand(producer, topic):
    def once():
        producer.produce(topic, json.dumps(EVENT).encode(), b"shop.Product:42", on_delivery=ignore)
        producer.poll(0)
    return once


def ignore(_error, _message):
    pass


def measure(once, flush):
    """Microseconds a call; what it queued is sent before the next one is measured."""
    for _ in range(1000):
        once()
    flush()
    start = time.perf_counter()
    for _ in range(EVENTS):
        once()
    spent = time.perf_counter() - start
    flush()
    return spent / EVENTS * 1e6


def variants(arguments):
    settings = {"bootstrap.servers": arguments.brokers, "enable.idempotence": True}
    producer = Producer(settings)
    emitter = Emitter(arguments.brokers, arguments.topic)
    kafka = (lambda: producer.flush(60), lambda: emitter.flush(60))
    yield "produce() alone", of_raw(producer, arguments.topic), kafka[0]
    yield "by hand", of_hand(producer, arguments.topic), kafka[0]
    yield "emit()", lambda: emitter.emit(EVENT), kafka[1]
    yield "emit_later()", lambda: emitter.emit_later(EVENT), kafka[1]
    yield "emit(on_delivery)", lambda: emitter.emit(EVENT, on_delivery=ignore), kafka[1]
    if arguments.url:
        by_http = Emitter(transport="http", url=arguments.url, token=arguments.token)
        yield "emit() by HTTP", lambda: by_http.emit(EVENT), lambda: by_http.flush(120)
    yield "validate and encode", lambda: prepare(EVENT), lambda: None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("brokers")
    parser.add_argument("topic")
    parser.add_argument("--url")
    parser.add_argument("--token")
    arguments = parser.parse_args()
    found = {}
    todo = list(variants(arguments))
    for _ in range(ROUNDS):
        for name, once, flush in todo:
            found.setdefault(name, []).append(measure(once, flush))
    base = statistics.median(found["produce() alone"])
    for name, times in found.items():
        middle = statistics.median(times)
        print("%-20s %6.1f us  [%.1f-%.1f]  %.1fx" %
              (name, middle, min(times), max(times), middle / base))
    emit, later = (statistics.median(found[name]) for name in ("emit()", "emit_later()"))
    print(json.dumps({"produce_us": round(base, 2), "emit_us": round(emit, 2),
                      "emit_later_us": round(later, 2), "emit_ratio": round(emit / base, 2)}))


if __name__ == "__main__":
    main()

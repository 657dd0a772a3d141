"""Settings of librdkafka that an emitter takes, and those that it does not.

The same settings are refused, for the same reasons, as in the C library (bus/settings.c).
"""
from collections.abc import Mapping
from typing import Any

_FIXED: dict[str, tuple[str | None, str]] = {
    "bootstrap.servers": (None, "the argument brokers is for that"),
    "metadata.broker.list": (None, "the argument brokers is for that"),
    "transactional.id": (None, "events are not sent in transactions"),
    "enable.idempotence": ("true", "an event would be written twice, or out of order"),
    "acks": ("all", "a confirmed event could be lost"),
    "request.required.acks": ("all", "a confirmed event could be lost"),
    "partitioner": ("murmur2_random", "clients in other languages would use other partitions"),
    "delivery.report.only.error": ("false", "delivered events would not be reported"),
    "on_delivery": (None, "emit() takes it"),
    "error_cb": (None, "the emitter listens itself"),
    "logger": (None, "the log is that of the logger unstale.kafka"),
}


def setting_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_options(options: Mapping[str, Any]) -> None:
    """Raises ValueError for a setting that would break what the emitter promises."""
    for name, value in options.items():
        wanted, why = _FIXED.get(name, (setting_text(value), ""))
        given = "all" if wanted == "all" and setting_text(value) == "-1" else setting_text(value)
        if given != wanted:
            raise ValueError("setting %s is refused: %s" % (name, why))


def kafka_settings(brokers: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The whole configuration of the client, callbacks aside."""
    check_options(options)
    return {"bootstrap.servers": brokers, "client.id": "unstale-python",
            "enable.idempotence": True, "partitioner": "murmur2_random",
            # What waits while Kafka is away has its place in every worker process.
            "queue.buffering.max.kbytes": 65536, **options}

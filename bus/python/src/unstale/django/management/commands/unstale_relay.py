"""manage.py unstale_relay - sends the outbox to Kafka."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from unstale import Emitter

from ... import conf, outbox
from ...relay import LockedOut, Options, Relay, Stop, locks, parse_shards, rows


class Command(BaseCommand):
    help = (
        "Sends the events of the outbox to Kafka, and deletes each when Kafka has confirmed it."
        " Runs until SIGTERM. Several at once share the shards (PostgreSQL)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--database", default=DEFAULT_DB_ALIAS, help="whose outbox; one relay each")
        add("--once", action="store_true", help="send what is there, and end; 1: something is left")
        add("--timeout", type=float, default=60.0, help="seconds that --once may take (60)")
        add("--shards", help="only these of 0-15, as in 0-7 (PostgreSQL); else a fair share")
        add("--batch", type=int, default=500, help="rows under way at once (500)")
        add("--keep", type=float, default=0.0, metavar="HOURS", help="keep sent rows that long")
        add("--poll", type=float, default=1.0, help="seconds between looks when nothing wakes (1)")
        add("--grace", type=float, default=10.0, help="seconds that the end waits for Kafka (10)")
        add("--log-every", type=float, default=60.0, help="seconds between lines about lag (60)")
        add("--check", action="store_true", help="only say what waits; 1: too old, or too much")
        add("--max-age", type=float, default=60.0, help="--check: seconds that a row may wait (60)")
        add("--max-rows", type=int, help="--check: rows that may wait")
        add("--drop", type=int, action="append", metavar="ID", help="delete a row unsent, print it")
        add("--format", choices=["text", "json"], default="text", help="of --check")

    def handle(self, *args: Any, **options: Any) -> None:
        _log_to_stderr(options["verbosity"])
        try:
            if options["drop"]:
                self._drop(options)
            elif options["check"]:
                self._check(options)
            else:
                self._relay(options)
        except LockedOut as error:
            raise CommandError(str(error)) from None

    def _relay(self, options: dict[str, Any]) -> None:
        settings = conf.get()
        if settings.transport == "kafka" and settings.brokers_text() is None:
            raise CommandError("UNSTALE names no BROKERS: events have nowhere to go")
        _check_emitter()
        stop = Stop()
        relay = Relay(_make_emitter, _options(options), stop)
        stop.listen()
        if options["once"]:
            self._once(relay, options["timeout"])
        else:
            relay.run()

    def _once(self, relay: Relay, timeout: float) -> None:
        left = relay.drain(timeout)
        self.stdout.write(f"{relay.sent} events sent")
        if not relay.had:
            self.stdout.write(f"every shard is another relay's: {relay.others}")
        if left.rows:
            raise CommandError(f"{left.rows} events are left, the oldest for {left.oldest_s:.1f} s")

    def _check(self, options: dict[str, Any]) -> None:
        using = options["database"]
        lag = outbox.lag(using)
        holders = locks.locks_of(connections[using], None).holders()
        is_late = lag.oldest_s > options["max_age"]
        is_much = options["max_rows"] is not None and lag.rows > options["max_rows"]
        if options["format"] == "json":
            self.stdout.write(json.dumps({
                "rows": lag.rows, "oldest_s": round(lag.oldest_s, 3), "relays": holders,
                "ok": not (is_late or is_much)}))
        else:
            self.stdout.write(f"{lag.rows} events wait, the oldest for {lag.oldest_s:.1f} s;"
                              f" relays: {holders or 'none'}")
        if is_late or is_much:
            raise SystemExit(1)

    def _drop(self, options: dict[str, Any]) -> None:
        found = rows.drop(options["database"], options["drop"])
        for row in found:
            self.stdout.write(row.value)
        missing = set(options["drop"]) - {row.id for row in found}
        if missing:
            raise CommandError(f"not there: {', '.join(map(str, sorted(missing)))}")


def _options(options: dict[str, Any]) -> Options:
    try:
        shards = parse_shards(options["shards"]) if options["shards"] else None
    except ValueError as error:
        raise CommandError(str(error)) from None
    if options["batch"] < 1:
        raise CommandError("--batch must be 1 or more")
    return Options(
        using=options["database"], shards=shards, batch=options["batch"],
        keep_hours=options["keep"], poll_s=options["poll"], grace_s=options["grace"],
        log_every_s=options["log_every"],
    )


def _make_emitter() -> Emitter:
    """As the settings say, but for how long an event is tried: until Kafka has it."""
    settings = conf.get()
    members: dict[str, Any] = {"transport": settings.transport}
    for name in ("url", "token"):
        if getattr(settings, name) is not None:
            members[name] = getattr(settings, name)
    options = dict(settings.options)
    if settings.transport == "kafka":
        options["message.timeout.ms"] = 0
    return Emitter(settings.brokers_text(), settings.topic, options=options, raise_errors=True,
                   max_block_ms=1000, **members)


def _check_emitter() -> None:
    """Settings that will not do are told before a row is looked at, and connect to nothing."""
    try:
        _make_emitter().check()
    except (ValueError, TypeError) as error:
        raise CommandError(f"UNSTALE: {error}") from None


def _log_to_stderr(verbosity: int) -> None:
    """Where the project has said nothing about our log."""
    log = logging.getLogger("unstale")
    if log.hasHandlers():
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.WARNING if verbosity == 0 else logging.INFO)

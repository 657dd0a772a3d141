"""manage.py unstale_emit - tells of rows as they are now, as if each had just been saved.

For what no event told of: a restored backup, an import in SQL, a new rule. What such an event says
has changed is unknown, so every rule for the model matches.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldError, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, models, transaction

from unstale.event import encode

from ... import conf, delivery, events, labels, tracking

_AT_ONCE = 500
_FLUSH_S = 60.0


class Command(BaseCommand):
    help = "Publishes rows as they are now, so that every rule for their model acts on them."

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("label", help="the model, as in shop.Product")
        add("pks", nargs="*", metavar="pk", help="primary keys; of several columns: [1,2]")
        add("--filter", action="append", default=[], metavar="FIELD=VALUE",
            help="rows of which this holds, as in price__lt=10; JSON values such as [1,2] or null"
                 " are taken as such; repeatable")
        add("--exclude", action="append", default=[], metavar="FIELD=VALUE", help="but not these")
        add("--all", action="store_true", help="every row")
        add("--deleted", action="store_true", help="tell of pks without a row that they are gone")
        add("--database", default=DEFAULT_DB_ALIAS)
        add("--rate", type=float, help="events a second at most")
        add("--dry-run", action="store_true", help="print the events, send nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        model = _model(options["label"])
        self._options = options
        self._count = 0
        self._started = time.monotonic()
        self._missing: list[str] = []
        for event in self._events(model):
            self._put(event)
        if not options["dry_run"]:
            self._finish()
        if self._missing:
            raise CommandError(f"no row has the key {', '.join(self._missing)}")

    def _events(self, model: type[models.Model]) -> Iterator[dict[str, Any]]:
        options = self._options
        rows = model._base_manager.using(options["database"])
        try:
            if options["pks"]:
                yield from self._by_pk(model, rows, options["pks"])
            elif options["filter"] or options["exclude"] or options["all"]:
                rows = rows.filter(**_conditions(options["filter"]))
                if options["exclude"]:
                    rows = rows.exclude(**_conditions(options["exclude"]))
                for row in rows.order_by("pk").iterator(chunk_size=_AT_ONCE):
                    yield events.resync_event(row)
            else:
                raise CommandError("name rows: primary keys, --filter FIELD=VALUE, or --all")
        except (FieldError, ValidationError, ValueError, TypeError) as error:
            raise CommandError(str(error)) from None

    def _by_pk(self, model: Any, rows: Any, texts: list[str]) -> Iterator[dict[str, Any]]:
        for text in texts:
            pk = _value(text) if text.startswith("[") else text
            row = rows.filter(pk=tuple(pk) if isinstance(pk, list) else pk).first()
            if row is not None:
                yield events.resync_event(row)
            elif self._options["deleted"]:
                yield _gone(model, pk)
            else:
                self._missing.append(text)

    def _put(self, event: dict[str, Any]) -> None:
        self._count += 1
        if self._options["dry_run"]:
            events.clock.stamp(event)
            self.stdout.write(encode(event).decode())
            return
        if delivery.uses_outbox():
            with transaction.atomic(using=self._options["database"]):
                delivery.store(event, self._options["database"])
        else:
            delivery.send(event)
            if self._count % _AT_ONCE == 0:
                self._flush()
        if self._options["rate"]:
            time.sleep(max(0.0, self._started + self._count / self._options["rate"]
                           - time.monotonic()))

    def _flush(self) -> None:
        client = delivery.emitter()
        if client is None:
            raise CommandError("UNSTALE names nowhere to send to, or is not enabled")
        client.flush(_FLUSH_S)
        counters = client.counters()
        failed = sum(counters[name] for name in ("waiting", "failed", "refused", "invalid"))
        if failed:
            raise CommandError(f"{failed} events could not be sent; see the log of unstale")

    def _finish(self) -> None:
        if delivery.uses_outbox():
            self.stdout.write(f"{self._count} events are in the outbox")
        elif delivery.listener() is None:
            if self._count:
                self._flush()
            self.stdout.write(f"{self._count} events sent")


def _model(label: str) -> type[models.Model]:
    for model in apps.get_models():
        if model._meta.label.lower() == label.lower():
            if not tracking.is_watched(model, conf.get()):
                raise CommandError(f"{label} is not watched: see MODELS and EXCLUDE of UNSTALE")
            return model
    meant = labels.nearest(label, [model._meta.label for model in apps.get_models()])
    raise CommandError(f'no model is called "{label}"' + (f'; did you mean "{meant}"?'
                                                          if meant else ""))


def _gone(model: type[models.Model], pk: Any) -> dict[str, Any]:
    """Of a deleted row only its key is known."""
    plan = tracking.plan_of(model)
    keys = pk if isinstance(pk, list) else [pk]
    fields = {each.attname: each for each in model._meta.concrete_fields}
    row = {name: fields[name].to_python(key) for name, key in zip(plan.pk_names, keys, strict=True)}
    return events.deleted(plan, plan.pk(row), None, "resync")


def _conditions(texts: list[str]) -> dict[str, Any]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f'"{text}" is not FIELD=VALUE')
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    """Lists and null as JSON has them; else text, of which the field makes what it needs."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if value is None or isinstance(value, (list, bool)) else text

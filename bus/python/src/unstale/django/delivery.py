"""delivery - the way out of the process.

publish() is for whoever has an event: it leaves when the transaction of its database has been
committed, and not at all if that is rolled back. With the outbox it becomes a row of that very
transaction instead. send() is for what has been committed already.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS

from . import conf, events

log = logging.getLogger("unstale.django")


class _Process:
    """What this process has: its emitter, once one was needed, and tests that listen in."""

    def __init__(self) -> None:
        self.emitter: Any = None
        self.is_without = False
        self.lock = threading.Lock()
        self.listeners: list[Any] = []


_process = _Process()


def publish(event: events.Event, using: str | None = None) -> None:
    """Publishes an event with the transaction that is going on, or at once if there is none."""
    using = using or DEFAULT_DB_ALIAS
    if uses_outbox():
        store(event, using)
        return
    from . import commit

    commit.submit_event(event, using)


def uses_outbox() -> bool:
    return conf.get().outbox and not _process.listeners


def store(event: events.Event, using: str) -> None:
    """Makes the event a row of the transaction that is going on."""
    from . import outbox

    events.clock.stamp(event)
    outbox.store(events.fit(event), using)


def send(event: events.Event, is_small: bool = False) -> None:
    """Hands a committed event to the client of this process; tests that capture get it instead.
    `is_small`: it was made of columns that hold little, and nothing nested."""
    event = finished(event, is_small)
    if _process.listeners:
        _process.listeners[-1].append(event)
        return
    client = emitter()
    if client is None:
        return
    if is_small:
        client.emit_checked(event)
    else:
        client.emit(event)


def finished(event: events.Event, is_small: bool) -> events.Event:
    """The event with its time and id, and not larger than it may be."""
    events.clock.stamp(event)
    return event if is_small else events.fit(event)


def send_later(make: Callable[[], events.Event], is_small: bool) -> None:
    """send() of what `make` makes, in its place among the events, but not by this thread if that
    can be: it may take nothing that anybody changes."""
    if _process.listeners:
        _process.listeners[-1].append(make())
        return
    client = emitter()
    if client is not None:
        client.emit_later(make, is_checked=is_small)


def emitter() -> Any:
    """This process's emitter, made of the settings; None where they name nowhere to send to."""
    if _process.emitter is None and not _process.is_without:
        with _process.lock:
            if _process.emitter is None:
                _process.emitter = _made()
                _process.is_without = _process.emitter is None
    return _process.emitter


def _made() -> Any:
    from unstale import Emitter

    settings = conf.get()
    if not settings.enabled:
        return None
    if settings.transport == "kafka" and settings.brokers_text() is None:
        log.error("unstale: UNSTALE names no BROKERS: events are not sent")
        return None
    options = {"transport": settings.transport, "raise_errors": settings.raise_errors}
    for name in ("url", "token", "max_block_ms", "delay_ms"):
        if getattr(settings, name) is not None:
            options[name] = getattr(settings, name)
    if settings.options:
        options["options"] = dict(settings.options)
    return Emitter(settings.brokers_text(), settings.topic, **options)


def listener() -> Any:
    """The test that listens, if one does."""
    return _process.listeners[-1] if _process.listeners else None


def listen(heard: Any) -> None:
    """Lets a test have the events: it has append(event) and looked_at(connection)."""
    _process.listeners.append(heard)


def leave(heard: Any) -> None:
    _process.listeners = [each for each in _process.listeners if each is not heard]


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "UNSTALE":
        if _process.emitter is not None:
            _process.emitter.close(0)
        _process.emitter = None
        _process.is_without = False


setting_changed.connect(_forget)

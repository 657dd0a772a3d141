"""trouble - what happens when something here fails: the log says so, and the request goes on.

Errors of the database are not held back: a transaction that has met one cannot be committed, and
whoever runs it must know.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import DatabaseError

from . import conf

log = logging.getLogger("unstale.django")

Function = TypeVar("Function", bound=Callable[..., Any])


def note(name: str) -> None:
    """Logs the exception that is being handled, or raises it again where it is not to be hidden."""
    if conf.get().raise_errors or isinstance(sys.exc_info()[1], DatabaseError):
        raise  # noqa: PLE0704  (called while it is handled)
    log.exception("unstale: %s failed; an event is missing", name)


def quiet(function: Function) -> Function:
    """Makes a handler log what it raises, unless RAISE_ERRORS asks for more."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception:
            note(function.__qualname__)
            return None

    return cast(Function, guarded)

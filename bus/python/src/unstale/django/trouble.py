"""trouble - what happens when something here fails: the log says so, and the request goes on.

Errors of the database are not held back: a transaction that has met one cannot be committed, and
whoever runs it must know.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import DatabaseError

from . import conf

log = logging.getLogger("unstale.django")

Function = TypeVar("Function", bound=Callable[..., Any])


def quiet(function: Function) -> Function:
    """Makes a handler log what it raises, unless RAISE_ERRORS asks for more."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except DatabaseError:
            raise
        except Exception:
            if conf.get().raise_errors:
                raise
            log.exception("unstale: %s failed; an event is missing", function.__qualname__)
            return None

    return cast(Function, guarded)

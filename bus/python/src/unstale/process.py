"""What a process does to an emitter: it forks, and it ends.

Objects that are open in this process stand in `_open`. In the child of a fork each is told to
forget what it had; at the end of a process each is told to finish. `_made` are those that may not be
destroyed in a child: one that is closed and not collected yet would be, whenever the child collects.
"""
import atexit
import ctypes
import os
import sys
import weakref
from typing import Any, Protocol


class Ward(Protocol):
    def forget(self) -> None:
        """This process is the child of the one that the object was open in."""

    def finish(self) -> None:
        """The process ends."""


class Heirloom(Protocol):
    def abandon(self) -> None:
        """This process is a child: nothing of it may be ended."""


_open: set[Ward] = set()
_made: weakref.WeakSet[Heirloom] = weakref.WeakSet()
_held: list[Heirloom] = []  # over a fork, so that nothing collects them before they are abandoned
_ends_of: set[int] = set()  # processes whose end is watched


def watch(ward: Ward) -> None:
    _open.add(ward)
    if os.getpid() not in _ends_of:
        _ends_of.add(os.getpid())
        _watch_end()


def unwatch(ward: Ward) -> None:
    _open.discard(ward)


def keep(heirloom: Heirloom) -> None:
    _made.add(heirloom)


def _watch_end() -> None:
    atexit.register(_finish_all)
    # Processes of multiprocessing, and Celery's of billiard, end without atexit.
    for package in ("multiprocessing", "billiard"):
        util, process = (sys.modules.get("%s.%s" % (package, name)) for name in ("util", "process"))
        if util is not None and process is not None:
            util.Finalize(None, _finish_all, exitpriority=0)


def _finish_all() -> None:
    for ward in list(_open):
        ward.finish()


def _before_fork() -> None:
    _held.extend(_made)


def _after_fork() -> None:
    for heirloom in _held:
        heirloom.abandon()
    _held.clear()
    _made.clear()
    for ward in list(_open):
        ward.forget()


def leak(what: Any) -> None:
    """Never runs the object's destructor: in a forked child it would wait for threads that are not."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(what))


def is_green() -> bool:
    """True where threads are gevent's or eventlet's: then one that waits in C stops them all."""
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading"):
        return True
    eventlet = sys.modules.get("eventlet.patcher")
    return eventlet is not None and bool(eventlet.is_monkey_patched("thread"))


def has_threads() -> bool:
    """False under a uWSGI that stops Python's threads between two requests."""
    uwsgi = sys.modules.get("uwsgi")
    return uwsgi is None or "enable-threads" in uwsgi.opt


os.register_at_fork(before=_before_fork, after_in_parent=_held.clear, after_in_child=_after_fork)

"""process - children that die with the runner, conditions with deadlines, private folders.

Everything the tests start goes through `start`, so that nothing outlives the process that started
it: the kernel kills the child when its parent dies, and `atexit` kills what is left at a normal
end. Nothing here sleeps for its own sake: `wait_until` polls a condition and fails with what it
waited for. `ROOT` is the checkout, `build_dir` the folder of its programs.
"""
import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POLL_SECONDS = 0.02
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_alive = set()
_scratch = []


class Failed(AssertionError):
    """A condition that did not come true in time, or a program that did not do as it must."""


class Unbuilt(Exception):
    """A program of ours that is not there: no condition that may still come true."""


def build_dir():
    return os.path.join(ROOT, os.environ.get("UNSTALE_TEST_BUILD", "build"))


def tool(name):
    """A program of tests/tools."""
    path = os.path.join(build_dir(), "tests", "tools", name)
    if not os.access(path, os.X_OK):
        raise Unbuilt("%s is not built: make all tools examples" % os.path.relpath(path, ROOT))
    return path


def is_sanitized():
    """Whether the programs watch themselves, which takes calls and libraries that they have not otherwise."""
    return os.path.basename(build_dir()) in ("address-undefined", "thread")


def keep():
    return os.environ.get("UNSTALE_TEST_KEEP") == "1"


def wait_until(condition, timeout, what, every=POLL_SECONDS):
    """Polls until `condition()` is true and returns its value. `what` (text, or a function that
    makes it) says what did not come true; `every` is how finely a time is told by it."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed("not within %g s: %s" % (timeout, what() if callable(what) else what))
        time.sleep(every)


def free_port():
    """A TCP port that was free a moment ago: whoever takes it must check that it got it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def private_folder(name):
    """A folder of this process alone; removed at its end unless tests are run with --keep."""
    # A unix socket's path may hold 107 bytes, so the folder's own must be short.
    path = tempfile.mkdtemp(prefix="unstale-%s-" % name)
    atexit.register(_remove_folder, path, os.getpid())
    return path


def scratch():
    """A folder without any file of the project's in it, for programs that look around."""
    if not _scratch:
        _scratch.append(private_folder("cwd"))
    return _scratch[0]


def _remove_folder(path, owner):
    if os.getpid() == owner and not keep():
        shutil.rmtree(path, ignore_errors=True)


def _die_with_parent(parent):
    def prepare():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    return prepare


def start(arguments, log=None, **options):
    """Starts a child in a session of its own, its output appended to the file `log`."""
    output = open(log, "ab") if log else subprocess.DEVNULL
    try:
        child = subprocess.Popen(arguments, stdin=options.pop("stdin", subprocess.DEVNULL),
                                 stdout=options.pop("stdout", output),
                                 stderr=options.pop("stderr", output),
                                 preexec_fn=_die_with_parent(os.getpid()),
                                 start_new_session=True, **options)
    finally:
        if log:
            output.close()
    _alive.add(child)
    return child


def run(arguments, input=None, timeout=120, env=None, cwd=None):
    """Runs a program to its end; returns (exit code, standard output, standard error) as text."""
    child = start(arguments, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=cwd)
    data = input.encode() if isinstance(input, str) else input
    try:
        out, err = child.communicate(data, timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(child)
        raise Failed("still running after %g s: %s" % (timeout, " ".join(arguments))) from None
    _alive.discard(child)
    return child.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")


def freeze(child):
    """SIGSTOP; returns once none of its threads runs."""
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)


def kill(child, number=signal.SIGKILL, timeout=30):
    """Sends a signal and waits for the end; returns the exit code (negative: a signal)."""
    if child.poll() is None:
        child.send_signal(number)
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            raise Failed("process %d outlived signal %d by %g s" % (child.pid, number, timeout)) \
                from None
    _alive.discard(child)
    return child.returncode


def exists(pid):
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return read("/proc/%d/stat" % pid).rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def children(pid):
    found = set()
    for task in os.listdir("/proc/%d/task" % pid):
        found.update(int(word) for word in read("/proc/%d/task/%s/children" % (pid, task)).split())
    return sorted(found)


def tail(path, lines=40):
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 64 * 1024))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log at %s)" % path


def read(path):
    with open(path, "r", encoding="utf-8", errors="replace") as file:
        return file.read()


def _kill_all():
    for child in list(_alive):
        if child.poll() is None:
            try:
                child.send_signal(signal.SIGCONT)
                child.kill()
                child.wait(10)
            except (OSError, subprocess.TimeoutExpired) as error:
                print("process %d could not be ended: %s" % (child.pid, error), file=sys.stderr)


atexit.register(_kill_all)

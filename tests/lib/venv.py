"""venv - Python environments for the tests of bus/python, made once and kept.

`venv(NAME)` is the interpreter of an environment with what tests/requirements/NAME.txt pins. It
lies in .cache/venv/NAME-HASH; the hash is over that file and the interpreter it was made from, so a
change of either makes another. A marker is written last: an interrupted install is done again.
`find_python(NAME)` is the interpreter that an environment would be made from, or None: the system's
own where it fits, else one on PATH, else one of pyenv's. The package itself is not installed into
it but taken from the tree (`PYTHONPATH`), so that it is never an old copy.
"""
import fcntl
import functools
import glob
import hashlib
import os
import re
import shutil
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import process

REQUIREMENTS = os.path.join(process.ROOT, "tests", "requirements")
CACHE = os.path.join(process.ROOT, ".cache", "venv")
PACKAGE = os.path.join(process.ROOT, "bus", "python", "src")
INSTALL_SECONDS = 600
# The Pythons that a Django runs on: the first, and the first that is too new for it.
PYTHONS = {
    "django32": ((3, 10), (3, 11)),
    "django42": ((3, 11), (3, 14)),
    "django52": ((3, 11), (3, 15)),
    "django61": ((3, 12), (3, 16)),
}
# Every supported system has a Python for these; the others are for where one can be found.
NEEDED = ("django42", "django52")
OTHERS = ("django32", "django61")


def requirements(name):
    return os.path.join(REQUIREMENTS, name + ".txt")


@functools.lru_cache(maxsize=None)
def _version(python):
    """(major, minor, micro) of an interpreter that can make environments, else None."""
    code, out, _ = process.run([python, "-c", "import sys, ensurepip, venv; print(*sys.version_info[:3])"],
                               env=environment())
    return tuple(int(word) for word in out.split()) if code == 0 else None


def _candidates():
    yield "/usr/bin/python3"
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        yield from sorted(path for path in glob.glob(os.path.join(folder, "python3*"))
                          if re.fullmatch(r"python3(\.\d+)?", os.path.basename(path)))
    yield from sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python3")),
                      reverse=True)


def find_python(name):
    first, too_new = PYTHONS[name]
    for path in _candidates():
        if os.access(path, os.X_OK):
            version = _version(os.path.realpath(path))
            if version is not None and first <= version[:2] < too_new:
                return os.path.realpath(path)
    return None


def range_of(name):
    first, too_new = PYTHONS[name]
    return "Python %d.%d to %d.%d" % (*first, too_new[0], too_new[1] - 1)


def environment(extra=None):
    """The environment of this process without what would lead Python elsewhere."""
    env = {name: value for name, value in os.environ.items()
           if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")}
    env["PYTHONNOUSERSITE"] = "1"
    env.update(extra or {})
    return env


def venv(name):
    base = find_python(name)
    if base is None:
        raise process.Failed("%s: no %s here" % (name, range_of(name)))
    text = "%s %s\n%s" % (base, _version(base), process.read(requirements(name)))
    folder = os.path.join(CACHE, "%s-%s" % (name, hashlib.sha256(text.encode()).hexdigest()[:12]))
    os.makedirs(CACHE, exist_ok=True)
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, "complete")):
            _make(name, base, folder)
    return os.path.join(folder, "bin", "python")


def _make(name, base, folder):
    shutil.rmtree(folder, ignore_errors=True)
    _run([base, "-m", "venv", folder], "making %s" % folder)
    _run([os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet", "--no-input",
          "--disable-pip-version-check", "--only-binary", ":all:", "-r", requirements(name)],
         "installing %s" % requirements(name))
    with open(os.path.join(folder, "complete"), "w", encoding="ascii") as file:
        file.write(base + "\n")


def start(name, log):
    """Makes it in a process of its own, whose exit code is 0 if it is there afterwards."""
    return process.start([sys.executable, os.path.abspath(__file__), name], log=log)


def _run(arguments, what):
    code, out, err = process.run(arguments, timeout=INSTALL_SECONDS, env=environment())
    if code != 0:
        raise process.Failed("%s failed:\n%s%s" % (what, out, err))


if __name__ == "__main__":
    try:
        print(venv(sys.argv[1]))
    except process.Failed as error:
        sys.exit(str(error))

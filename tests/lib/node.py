"""node - packages from npm for tests, installed once and kept.

`modules(FOLDER)` is a node_modules with exactly what FOLDER/package-lock.json pins by checksum.
It lies in .cache/node/HASH; the hash is over both package files, so a change of either makes
another. No package's own scripts are run. A marker is written last: an interrupted install is done again.
"""
import fcntl
import hashlib
import os
import shutil

from lib import process

CACHE = os.path.join(process.ROOT, ".cache", "node")
FILES = ("package.json", "package-lock.json")
INSTALL_SECONDS = 300


def modules(folder):
    texts = [process.read(os.path.join(folder, name)) for name in FILES]
    target = os.path.join(CACHE, hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12])
    os.makedirs(CACHE, exist_ok=True)
    with open(target + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(target, "complete")):
            _install(folder, target)
    return os.path.join(target, "node_modules")


def _install(folder, target):
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    for name in FILES:
        shutil.copy(os.path.join(folder, name), target)
    code, out, err = process.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                                  "--no-update-notifier"], cwd=target, timeout=INSTALL_SECONDS)
    if code != 0:
        raise process.Failed("npm ci in %s failed:\n%s%s" % (target, out, err))
    with open(os.path.join(target, "complete"), "w", encoding="ascii"):
        pass

"""The part of the Dockerfile language that our Dockerfile is written in, carried out in chroots."""
import fnmatch
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def instructions(text):
    """(name, rest) of each instruction; continued lines are joined, comments dropped."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


class Stage:
    """One stage: a root folder and what the instructions so far have set."""

    def __init__(self, root, base):
        self.root, self.base = root, base
        self.environment = {"PATH": PATH, "HOME": "/root"}
        self.folder, self.user = "/", "0:0"
        self.entrypoint, self.command, self.healthcheck = [], [], []

    def inside(self, path):
        """The path on this machine of a path in the root, relative ones to WORKDIR."""
        return self.root / os.path.normpath(os.path.join(self.folder, path)).lstrip("/")

    def _argv(self, argv):
        """Reads WORKDIR in the root, so that the program sees the folder a container would."""
        enter = 'cd "$0" && exec "$@"'
        return ["chroot", f"--userspec={self.user}", str(self.root), "/bin/sh", "-c", enter,
                self.folder, *argv]

    def run(self, argv, extra=None):
        return subprocess.run(self._argv(argv), env={**self.environment, **(extra or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def start(self, argv, extra=None):
        """Starts a program on a root it cannot write to, as the compose file does; exec all the
        way, so that its pid is the one returned."""
        freeze = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        argv = ["unshare", "--mount", "/bin/sh", "-c", freeze, str(self.root), *self._argv(argv)]
        with open(self.root.parent / "service.log", "w") as log:
            return subprocess.Popen(argv, env={**self.environment, **(extra or {})},
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def log(self):
        return (self.root.parent / "service.log").read_text()


class Builder:
    def __init__(self, context, base, work):
        self.context, self.base, self.work = context, base, work
        self.stages, self.stage = {}, None

    def carry_out(self, name, rest):
        step = getattr(self, "do_" + name.lower(), None)
        if step is None:
            raise SystemExit(f"Dockerfile: {name} is not understood here")
        print(f"Dockerfile: {name} {' '.join(rest.split())[:100]}", flush=True)
        step(rest)

    def do_from(self, rest):
        words = rest.split()
        if words[0] != "debian:trixie-slim":
            raise SystemExit(f"Dockerfile: the root made here is debian:trixie-slim, not {words[0]}")
        name = words[2] if len(words) == 3 and words[1].upper() == "AS" else str(len(self.stages))
        root = self.work / name
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.base), str(root)], check=True)
        self.stage = self.stages[name] = Stage(root, self.base)

    def do_run(self, rest):
        stage = self.stage
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child",
                f"--mount-proc={stage.root}/proc", *stage._argv(["/bin/sh", "-c", rest])]
        with open(self.work / "run.log", "a") as log:
            done = subprocess.run(argv, env=stage.environment, stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=subprocess.STDOUT)
        if done.returncode:
            tail = "".join((self.work / "run.log").read_text().splitlines(True)[-40:])
            raise SystemExit(f"{tail}Dockerfile: this step failed: RUN {rest}")

    def do_copy(self, rest):
        words = rest.split()
        source = None
        if words[0].startswith("--from="):
            source = self.stages[words.pop(0)[len("--from="):]]
        *names, target = words
        for name in names:
            into = self.stage.inside(target)
            if source:
                copy(source.root / name.lstrip("/"), into, target.endswith("/"))
            else:
                self.copy_context(name, into, target.endswith("/"))

    def copy_context(self, name, into, into_folder):
        start = os.path.normpath(name)
        files = [f for f in context_files(self.context)
                 if start == "." or f == start or f.startswith(start + "/")]
        if not files:
            raise SystemExit(f"Dockerfile: COPY {name}: no such file in the context")
        for file in files:
            inner = os.path.relpath(file, start)
            target = into if inner == "." else into / inner
            copy(self.context / file, target, into_folder and inner == ".")

    def do_env(self, rest):
        for word in shlex.split(rest):
            name, _, value = word.partition("=")
            self.stage.environment[name] = value

    def do_workdir(self, rest):
        self.stage.folder = os.path.normpath(os.path.join(self.stage.folder, rest))
        self.stage.inside(".").mkdir(parents=True, exist_ok=True)

    def do_user(self, rest):
        self.stage.user = rest

    def do_entrypoint(self, rest):
        self.stage.entrypoint = json.loads(rest)

    def do_cmd(self, rest):
        self.stage.command = json.loads(rest)

    def do_healthcheck(self, rest):
        self.stage.healthcheck = json.loads(rest.partition("CMD")[2])

    def do_expose(self, rest):
        int(rest)

    def do_stopsignal(self, rest):
        if rest != "SIGTERM":
            raise SystemExit(f"Dockerfile: STOPSIGNAL {rest}: the service ends on SIGTERM")


def copy(source, target, into_folder):
    if into_folder:
        target = target / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def context_files(context):
    """What a build would be sent: files that git knows or would add, less .dockerignore."""
    listed = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others",
                             "--exclude-standard"], cwd=context, check=True,
                            stdout=subprocess.PIPE, text=True).stdout.splitlines()
    ignored = Path(context, ".dockerignore").read_text().split()

    def is_sent(file):
        parents = [file, *map(str, Path(file).parents)]
        return not any(fnmatch.fnmatch(p, pattern) for p in parents for pattern in ignored)

    return [f for f in listed if is_sent(f) and Path(context, f).exists()]


def build(context, base, work):
    """Carries out the Dockerfile in *context*; the stage that it ends with."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    builder = Builder(context, base, work)
    for name, rest in instructions((context / "Dockerfile").read_text()):
        builder.carry_out(name, rest)
    return builder.stage

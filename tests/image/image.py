#!/usr/bin/env python3
"""Runs the Dockerfile's own steps where no container engine runs, then tries the image.

Each stage is a copy of a plain Debian 13 root (made once with debootstrap), each RUN a chroot into
it, each COPY a copy from the work tree (less .dockerignore) or from an earlier stage. An
instruction that is not understood is an error. The compose file is judged by Compose itself, taken
out of Debian 13's package. Needs root; everything stays below --build.
"""
import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import dockerfile  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = "usr/libexec/docker/cli-plugins/docker-compose"


def output(*argv, **options):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def base_root(work):
    """A plain Debian 13, like the slim image: made once, from the mirror of this system."""
    base = work / "debian"
    if not base.exists():
        scratch = work / "debian.new"
        shutil.rmtree(scratch, ignore_errors=True)
        mirror = output(str(ROOT / ".ci/deps"), "--mirror").strip()
        print(f"debootstrap of Debian 13 (log in {work}/debootstrap.log)", flush=True)
        with open(work / "debootstrap.log", "w") as log:
            subprocess.run(["debootstrap", "--variant=minbase", "trixie", str(scratch), mirror],
                           check=True, stdout=log, stderr=subprocess.STDOUT)
        shutil.copy("/etc/resolv.conf", scratch / "etc/resolv.conf")
        scratch.rename(base)
    return base


def compose_program(work, base):
    program = work / "compose" / COMPOSE
    if not program.exists():
        scratch = work / "compose"
        shutil.rmtree(scratch, ignore_errors=True)
        fetch = "cd /tmp && apt-get -qq update && apt-get -qq download docker-compose"
        subprocess.run(["chroot", str(base), "sh", "-c", fetch], check=True)
        package = next((base / "tmp").glob("docker-compose_*.deb"))
        subprocess.run(["dpkg-deb", "-x", str(package), str(scratch)], check=True)
    return program


class Checks:
    """Named checks, each printed; the closing line counts them."""

    def __init__(self):
        self.passed = self.failed = 0

    def that(self, truth, name, detail=""):
        if truth:
            self.passed += 1
            print(f"ok      {name}")
        else:
            self.failed += 1
            print(f"FAILED  {name}\n{detail}".rstrip())

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 0 if self.passed and not self.failed else 1


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def check_contents(checks, image):
    found = image.run(["sh", "-c", "ldd /usr/bin/unstale"])
    checks.that(found.returncode == 0 and "not found" not in found.stdout,
                "every shared library is in the image", found.stdout)
    tools = image.run(["sh", "-c", "command -v gcc cc make curl wget python3 redis-server"])
    checks.that(tools.stdout == "", "no compiler, no downloader, no Redis in it", tools.stdout)
    who = image.run(["id", "-u"])
    checks.that(who.stdout.strip() not in ("", "0"), "its user is not root", who.stdout)
    size = int(output("du", "-sm", "--exclude=proc", str(image.root)).split()[0])
    base = int(output("du", "-sm", "--exclude=proc", str(image.base)).split()[0])
    checks.that(size - base < 60, "it adds less than 60 MB to Debian", f"{size - base} MB")


def check_program(checks, image):
    version = image.run([*image.entrypoint, "--version"])
    checks.that(version.returncode == 0 and "librdkafka" in version.stdout and
                "hiredis" in version.stdout, "unstale --version names its libraries",
                version.stdout + version.stderr)
    settings = image.run([*image.entrypoint, "settings"])
    checks.that(settings.returncode == 0 and "0.0.0.0:8089" in settings.stdout and
                "/etc/unstale/rules" in settings.stdout,
                "unstale settings shows the image's own", settings.stdout + settings.stderr)
    rules = image.run([*image.entrypoint, "check", "/etc/unstale/rules"])
    checks.that(rules.returncode == 0, "the rules in the image are sound",
                rules.stdout + rules.stderr)
    unknown = image.run([*image.entrypoint, "settings", "--brokrs", "x"])
    checks.that(unknown.returncode == 2, "an unknown option is a usage error", unknown.stderr)


def check_life(checks, image):
    """The container's own command, health check and end: Kafka and Redis away, the root read-only."""
    nowhere = f"127.0.0.1:{free_port()}"
    listen = f"127.0.0.1:{free_port()}"
    own = {"UNSTALE_HTTP_LISTEN": listen, "UNSTALE_KAFKA_BROKERS": nowhere,
           "UNSTALE_REDIS_URL": f"redis://{nowhere}/1"}
    before = image.run(image.healthcheck, own)
    checks.that(before.returncode == 1, "the health check fails while nothing runs",
                f"exit {before.returncode}: {before.stderr}")
    service = image.start([*image.entrypoint, *image.command], own)
    try:
        healthy = await_health(image, own, service)
        checks.that(healthy, "the health check passes while it runs", image.log())
        check_away(checks, image, service, f"http://{listen}")
    finally:
        if service.poll() is None:
            service.terminate()
        status = service.wait(timeout=30)
    checks.that(status == 0, "SIGTERM ends it with 0", f"status {status}\n{image.log()}")


def check_away(checks, image, service, url):
    status, answer = get(url + "/readyz")
    checks.that(status == 503 and isinstance(json.loads(answer), dict),
                "without Kafka and Redis it is not ready, and says why", f"{status} {answer}")
    checks.that(get(url + "/healthz")[0] == 200, "and yet alive", image.log())
    root = Path(f"/proc/{service.pid}/status").read_text()
    checks.that(f"\nUid:\t{image.user.split(':')[0]}\t" in root, "it runs as the image's user", root)
    checks.that(service.poll() is None, "it goes on trying", image.log())


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, json.dumps(str(error))


def await_health(image, own, service, patience_s=15):
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline and service.poll() is None:
        if image.run(image.healthcheck, own).returncode == 0:
            return True
        time.sleep(0.1)
    return False


def check_compose(checks, program, work):
    def judge(path):
        return subprocess.run([str(program), "-f", str(path), "--project-directory", str(ROOT),
                               "config", "--quiet"], capture_output=True, text=True)

    good = judge(ROOT / "docker-compose.yml")
    checks.that(good.returncode == 0, "Compose accepts docker-compose.yml", good.stderr)
    planted = work / "planted.yml"
    text = (ROOT / "docker-compose.yml").read_text()
    planted.write_text(text.replace("read_only:", "readonly:", 1))
    bad = judge(planted)
    checks.that(bad.returncode != 0 and "readonly" in bad.stderr,
                "Compose refuses a misspelt key", bad.stderr)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--build", default="build", help="where the roots are made")
    work = (ROOT / options.parse_args().build / "image").resolve()
    if os.geteuid() != 0:
        sys.exit("test-image makes a Debian root and needs to be root: sudo make test-image")
    work.mkdir(parents=True, exist_ok=True)
    base = base_root(work)
    checks = Checks()
    check_compose(checks, compose_program(work, base), work)
    image = dockerfile.build(ROOT, base, work / "stages")
    check_contents(checks, image)
    check_program(checks, image)
    check_life(checks, image)
    return checks.close()


if __name__ == "__main__":
    sys.exit(main())

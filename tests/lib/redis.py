"""redis - a private redis-server (or valkey-server) and a small client for it.

`RedisServer` listens on a free TCP port of the loopback and on a unix socket in its own folder. A
start succeeds only when the listener says that it is the process that was started: a port that was
taken in between would otherwise lead to somebody else's server. Restarting keeps port and folder,
so an append-only file comes back.
"""
import os
import shutil
import signal
import socket

from lib import process


class RedisError(Exception):
    """An error reply."""


class Client:
    """A connection that speaks RESP 2. Replies: str where UTF-8, else bytes; int; None; list."""

    def __init__(self, port=None, path=None, timeout=30, db=0, password=None):
        if path is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.settimeout(timeout)
            self._socket.connect(path)
        else:
            self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._file = self._socket.makefile("rb", 1 << 16)
        if password is not None:
            self.cmd("AUTH", password)
        if db:
            self.cmd("SELECT", db)

    def close(self):
        self._file.close()
        self._socket.close()

    def cmd(self, *words):
        reply = self.pipeline([words])[0]
        if isinstance(reply, RedisError):
            raise reply
        return reply

    def pipeline(self, commands, chunk=2000):
        """Sends many commands; returns their replies in order, error replies as RedisError."""
        replies = []
        for first in range(0, len(commands), chunk):
            part = commands[first:first + chunk]
            self._socket.sendall(b"".join(encode(words) for words in part))
            replies.extend(self._reply() for _ in part)
        return replies

    def _line(self):
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("redis closed the connection")
        return line[:-2]

    def _reply(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RedisError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._bulk(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else [self._reply() for _ in range(int(rest))]
        raise ConnectionError("not a reply: %r" % line)

    def _bulk(self, length):
        if length < 0:
            return None
        data = self._file.read(length + 2)
        if len(data) != length + 2:
            raise ConnectionError("redis closed the connection")
        try:
            return data[:-2].decode()
        except UnicodeDecodeError:
            return data[:-2]


def encode(words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


def find_server():
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        if path:
            return path
    raise process.Failed("neither redis-server nor valkey-server is installed (make deps does it)")


def find_valkey():
    """valkey-server of the system, or the one that `.ci/deps valkey` unpacked; None: neither."""
    own = os.path.join(process.ROOT, ".deps", "valkey", "usr", "bin", "valkey-server")
    return shutil.which("valkey-server") or (own if os.path.exists(own) else None)


class RedisServer:
    """`program` is the server to start. `options` are settings of redis.conf, underscores for
    dashes: `appendfsync="always"`."""

    def __init__(self, start=True, db=1, program=None, **options):
        self.folder = process.private_folder("redis")
        self.port = process.free_port()
        self.socket = os.path.join(self.folder, "s")
        self.log = os.path.join(self.folder, "redis.log")
        self.db = db
        self.program = program or find_server()
        self.options = {name.replace("_", "-"): value for name, value in options.items()}
        self.password = options.get("requirepass")
        self.child = None
        self._client = None
        if start:
            self.start()

    @property
    def url(self):
        secret = ":%s@" % self.password if self.password else ""
        return "redis://%s127.0.0.1:%d/%d" % (secret, self.port, self.db)

    @property
    def unix_url(self):
        return "unix://%s?db=%d" % (self.socket, self.db)

    def start(self, timeout=30):
        settings = {"bind": "127.0.0.1", "port": self.port, "unixsocket": self.socket,
                    "dir": self.folder, "save": "", "appendonly": "no", "daemonize": "no"}
        settings.update(self.options)
        arguments = [self.program]
        for name, value in settings.items():
            arguments += ["--" + name, str(value)]
        self.child = process.start(arguments, log=self.log)
        process.wait_until(self._is_ours, timeout,
                           lambda: "redis answers\n" + process.tail(self.log))

    def _is_ours(self):
        if self.child.poll() is not None:
            raise process.Failed("redis ended with %d\n%s" %
                                 (self.child.returncode, process.tail(self.log)))
        try:
            client = self.connect()
        except OSError:
            return False
        try:
            info = client.cmd("INFO", "server")
            client.cmd("PING")  # an error while an append-only file is being read
        except (OSError, RedisError):
            return False
        finally:
            client.close()
        if "process_id:%d\r\n" % self.child.pid not in info:
            raise process.Failed("port %d belongs to another redis" % self.port)
        return True

    def connect(self, db=None, timeout=30):
        return Client(path=self.socket, db=self.db if db is None else db, password=self.password,
                      timeout=timeout)

    @property
    def client(self):
        """The connection of the tests themselves, to the database of the rules."""
        if self._client is None:
            self._client = self.connect()
        return self._client

    def cmd(self, *words):
        return self.client.cmd(*words)

    def pipeline(self, commands):
        return self.client.pipeline(commands)

    def fill(self, keys, value="x"):
        replies = self.pipeline([("SET", key, value) for key in keys])
        bad = [reply for reply in replies if reply != "OK"]
        if bad:
            raise process.Failed("redis refused SET: %s" % bad[0])

    def existing(self, keys):
        """Those of `keys` that are there, in order."""
        keys = list(keys)
        return [key for key, there in zip(keys, self.pipeline([("EXISTS", k) for k in keys]))
                if there]

    def info(self, section, name):
        for line in self.cmd("INFO", section).splitlines():
            if line.startswith(name + ":"):
                return line.split(":", 1)[1]
        raise KeyError(name)

    def forget_client(self):
        if self._client is not None:
            self._client.close()
            self._client = None

    def stop(self):
        self.forget_client()
        if self.child is not None:
            self.child.send_signal(signal.SIGCONT)
            process.kill(self.child, signal.SIGTERM)

    def kill(self):
        self.forget_client()
        process.kill(self.child, signal.SIGKILL)

    def freeze(self):
        process.freeze(self.child)

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        self.start()

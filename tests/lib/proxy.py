"""proxy - a TCP proxy that stands between a client and a server of ours and does what networks do.

    proxy = Proxy(lambda: ("127.0.0.1", redis.port))

It passes bytes on until it is told otherwise:
  cut()        closes every connection; new ones are taken
  reset()      the same by RST, with whatever was on its way lost
  refuse()     as cut, and every new connection is reset until mend()
  stall()      keeps connections and passes nothing, in either direction (half-open) until mend()
  mute()       requests go through, replies do not, until mend()
  trickle(n)   replies leave n bytes at a time, with a pause after each, until mend()
  truncate(n)  the next reply of each connection that is open ends after n more bytes, then RST
  lie(bytes)   the next reply of each connection that is open is replaced by these bytes
  mend()       everything passes again; what was held back is passed on

`random_fault(random)` does one of them and mends it. All of it is thread-safe. `faults` counts
what was done. One thread a direction: simple, and fast enough for tests.
"""
import socket
import struct
import threading
import time

CHUNK = 1 << 16
TRICKLE_SECONDS = 0.002


def reset_socket(one):
    """Closes it with an RST instead of a FIN."""
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    close_socket(one)


def close_socket(one):
    # A thread that reads the socket keeps it open after close(); shutdown() wakes it.
    for step in (lambda: one.shutdown(socket.SHUT_RD), one.close):
        try:
            step()
        except OSError:
            pass


class Link:
    """One client and its connection to the server."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.client = client
        self.server = server
        self.left = None   # bytes of replies that still pass before the RST
        self.lie = None    # what stands for the next reply
        self.is_open = True

    def start(self):
        for source, target, is_reply in ((self.client, self.server, False),
                                         (self.server, self.client, True)):
            threading.Thread(target=self._pump, args=(source, target, is_reply),
                             daemon=True).start()

    def end(self, how=close_socket):
        self.is_open = False
        how(self.client)
        how(self.server)
        self.proxy.forget(self)

    def _pump(self, source, target, is_reply):
        try:
            while True:
                data = source.recv(CHUNK)
                if not data:
                    break
                self.proxy.wait_open(self, is_reply)
                if not self.is_open or not self._pass(target, data, is_reply):
                    return
        except OSError:
            pass
        if self.is_open:
            self.end()

    def _pass(self, target, data, is_reply):
        if is_reply and self.lie is not None:
            data, self.lie = self.lie, None
        if is_reply and self.left is not None:
            data = data[:self.left]
            self.left -= len(data)
        self._send(target, data, self.proxy.trickle_bytes if is_reply else 0)
        if is_reply and self.left == 0:
            self.end(reset_socket)
            return False
        return True

    @staticmethod
    def _send(target, data, piece):
        for at in range(0, len(data), piece) if piece else ():
            target.sendall(data[at:at + piece])
            time.sleep(TRICKLE_SECONDS)  # the fault itself: a slow network
        if not piece:
            target.sendall(data)


class Proxy:
    """`where` names the server when a connection comes: it may have moved in between."""

    def __init__(self, where, port=0):
        self.where = where
        self.faults = {}
        self.trickle_bytes = 0
        self._links = set()
        self._lock = threading.Condition()
        self._is_stalled = self._is_mute = self._refuses = False
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refuses:
                reset_socket(client)
                continue
            try:
                server = socket.create_connection(self.where(), timeout=10)
            except OSError:
                reset_socket(client)
                continue
            server.settimeout(None)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(self, client, server)
            with self._lock:
                self._links.add(link)
            link.start()

    def forget(self, link):
        with self._lock:
            self._links.discard(link)
            self._lock.notify_all()

    def wait_open(self, link, is_reply):
        with self._lock:
            self._lock.wait_for(lambda: not link.is_open or not (
                self._is_stalled or (is_reply and self._is_mute)))

    def links(self):
        with self._lock:
            return list(self._links)

    def _note(self, fault):
        self.faults[fault] = self.faults.get(fault, 0) + 1

    def cut(self):
        self._note("cut")
        for link in self.links():
            link.end()

    def reset(self):
        self._note("reset")
        for link in self.links():
            link.end(reset_socket)

    def refuse(self):
        self._refuses = True
        self._note("refuse")
        for link in self.links():
            link.end(reset_socket)

    def stall(self):
        self._note("stall")
        self._is_stalled = True

    def mute(self):
        self._note("mute")
        self._is_mute = True

    def trickle(self, nr):
        self._note("trickle")
        self.trickle_bytes = nr

    def truncate(self, nr):
        self._note("truncate")
        for link in self.links():
            link.left = nr

    def lie(self, reply):
        self._note("lie")
        for link in self.links():
            link.lie = reply

    def mend(self):
        self.trickle_bytes = 0
        self._refuses = False
        with self._lock:
            self._is_stalled = self._is_mute = False
            self._lock.notify_all()

    def random_fault(self, random, seconds):
        """One fault that lasts no longer than `seconds`; returns what it was."""
        name = random.choice(["cut", "reset", "refuse", "stall", "mute", "trickle", "truncate"])
        if name in ("trickle", "truncate"):
            nr = random.randrange(1, 200)
            getattr(self, name)(nr)
            text = "%s %d" % (name, nr)
        else:
            getattr(self, name)()
            text = name
        length = random.uniform(0, seconds)
        time.sleep(length)  # how long the fault lasts, not a wait for something
        self.mend()
        return "%s for %.2f s" % (text, length)

    def stop(self):
        close_socket(self._listener)
        self.refuse()

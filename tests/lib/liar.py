"""liar - a Redis that lies: it stands before a real one, passes commands on, and answers some of them
by what it was told to say, without passing those on.

    liar = Liar(redis.port)
    liar.lie({b"UNLINK": b"+OK\\r\\n"})      # every UNLINK from now on
    liar.truth()

A lie is bytes, a list of bytes (sent one after the other, for what has no end), or a function of nothing that
gives either. After bytes that end in CLOSE the connection is closed. `lies` counts what was told,
`connections` who came.
"""
import socket

from lib.listener import Listener

CLOSE = b"<close>"
EARLY = b"EARLY"  # told before anything was asked


def read_words(file):
    """One command: its words, and its bytes; None at the end."""
    head = file.readline()
    if not head:
        return None, None
    raw, words = [head], []
    for _ in range(int(head[1:])):
        size = file.readline()
        word = file.read(int(size[1:]) + 2)
        raw += [size, word]
        words.append(word[:-2])
    return words, b"".join(raw)


def read_reply(file):
    """The bytes of one reply."""
    head = file.readline()
    if not head:
        raise ConnectionResetError
    kind, number = head[:1], head[1:-2]
    if kind == b"$" and int(number) >= 0:
        return head + file.read(int(number) + 2)
    if kind == b"*":
        return head + b"".join(read_reply(file) for _ in range(max(0, int(number))))
    return head


class Liar:
    def __init__(self, port):
        self.real = port
        self.lies = self.connections = 0
        self._told = {}
        self._clients = set()
        self._listener = Listener(self._serve, self._admit)
        self.port = self._listener.port

    def lie(self, told):
        self.lies = self.connections = 0
        self._told = told

    def truth(self):
        self._told = {}

    def cut(self):
        for client in list(self._clients):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self._listener.stop()
        self.cut()

    def _admit(self, client):
        self.connections += 1
        self._clients.add(client)
        return True

    def _serve(self, client):
        try:
            with client, socket.create_connection(("127.0.0.1", self.real)) as real:
                if EARLY in self._told:
                    self._tell(client, EARLY)
                self._converse(client, real)
        except OSError:
            pass  # whoever is lied to may well leave
        finally:
            self._clients.discard(client)

    def _converse(self, client, real):
        asked, answers = client.makefile("rb"), real.makefile("rb")
        while True:
            words, raw = read_words(asked)
            if words is None:
                return
            if words[0] not in self._told:
                real.sendall(raw)
                client.sendall(read_reply(answers))
            elif not self._tell(client, words[0]):
                return

    def _tell(self, client, word):
        """False when the connection is to be closed."""
        lie = self._told[word]
        lie = lie() if callable(lie) else lie
        self.lies += 1
        for piece in [lie] if isinstance(lie, bytes) else lie:
            client.sendall(piece.replace(CLOSE, b""))
            if piece.endswith(CLOSE):
                return False
        return True

"""listener - a port of ours on loopback: a thread takes the connections, and another serves each."""
import socket
import threading


class Listener:
    """`serve(client)` is called for each connection, in a thread of its own; before that `admit(client)`
    for one after the other, which closes a connection and says False where it is not to be served."""

    def __init__(self, serve, admit):
        self._serve = serve
        self._admit = admit
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self._socket.accept()[0]
            except OSError:
                return
            if self._admit(client):
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def stop(self):
        """No more of them; those that are open stay so."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

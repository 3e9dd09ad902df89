"""What the servers of the checks have alike: a port and a thread for each connection."""
import socket
import threading


class Acceptor:
    """Listens on a free port. serve(sock), the subclass's, runs in a thread for each connection; an OSError ends it. Fields that it needs are set before __init__."""

    def __init__(self, backlog=64, buffer=None):
        self.conns = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        if buffer:  # connections inherit it
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.conns.append(sock)
            self.accepted(sock)

    def accepted(self, sock):
        threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            self.serve(sock)
        except OSError:
            pass

    def stop_accepting(self):
        try:  # wakes the thread that accepts: else it would keep the socket open
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def stop(self):
        """All connections end, too."""
        self.stop_accepting()
        for sock in self.conns:
            sock.close()

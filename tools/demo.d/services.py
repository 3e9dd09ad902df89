"""The services behind the demo's sidecar: HTTP ones, and Dubbo providers; and a client for each. Threads, one for each connection."""
import http.client
import socket
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "support"))
import dubbo  # noqa: E402


class Service:
    """A server on 127.0.0.1; `serve(file, socket)` answers one connection."""

    def __init__(self, name):
        self.name, self.calls, self.open = name, 0, set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        self.open.add(s)
        try:
            with s, s.makefile("rb") as f:
                self.serve(f, s)
        except OSError:
            pass
        self.open.discard(s)

    def stop(self):
        """As if the process had been killed."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for s in list(self.open):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class HttpService(Service):
    """Answers each request without a body with a line that says who answered."""

    def serve(self, f, s):
        while line := f.readline():
            while f.readline().strip():
                pass
            self.calls += 1
            body = f"{self.name} answers {line.decode().split()[1]}\n".encode()
            s.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))


class DubboProvider(Service):
    """Answers each call with a text that says who answered, heartbeats with heartbeats."""

    def serve(self, f, s):
        while len(head := f.read(16)) == 16:
            request_id, length = int.from_bytes(head[4:12], "big"), int.from_bytes(head[12:], "big")
            body = dubbo.Reader(f.read(length))
            if head[2] & dubbo.EVENT:
                s.sendall(dubbo.response(request_id, b"N", event=True))
                continue
            _, interface, _, method = (body.value() for _ in range(4))
            self.calls += 1
            s.sendall(dubbo.response(request_id, dubbo.value(4) + dubbo.value(f"{self.name} answers {interface.split('.')[-1]}.{method}")))


def http_get(port, path):
    """(status, text) of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def dubbo_call(port, method, attachments=None):
    """The text that one call of com.example.UserService returns."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s, s.makefile("rb") as f:
        s.sendall(dubbo.call(1, interface="com.example.UserService", method=method, args=("Ada",), attachments=attachments))
        head = f.read(16)
        answer = dubbo.Reader(f.read(int.from_bytes(head[12:], "big")))
        if head[3] != 20:
            return f"status {head[3]}: {answer.value()}"
        answer.value()  # that a value follows
        return answer.value()

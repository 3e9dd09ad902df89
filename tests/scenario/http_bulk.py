"""Large HTTP/1 bodies go from socket to socket inside the kernel when no filter reads them: nothing is lost, and the
connections serve on."""
import hashlib
import http.client
import os
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from gateway import Gateway, cluster, http_manager

BLOCK = random.randbytes(1 << 20)


def _digest(n):
    d = hashlib.sha256()
    for at in range(0, n, len(BLOCK)):
        d.update(BLOCK[:min(len(BLOCK), n - at)])
    return d.hexdigest()


class Origin:
    """GET /N: N bytes; PUT: the digest of the body. `stops_at`: breaks off after so many bytes of an answer."""

    def __init__(self, stops_at=None):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                n = int(self.path[1:])
                self.send_response(200)
                self.send_header("content-length", str(n))
                self.end_headers()
                for at in range(0, n, len(BLOCK)):
                    if stops_at is not None and at >= stops_at:
                        self.close_connection = True
                        return
                    self.wfile.write(BLOCK[:min(len(BLOCK), n - at)])

            def do_PUT(self):
                left, d = int(self.headers["content-length"]), hashlib.sha256()
                while left:
                    data = self.rfile.read(min(left, 1 << 18))
                    if not data:
                        return
                    d.update(data)
                    left -= len(data)
                self.send_response(200)
                self.send_header("content-length", "64")
                self.end_headers()
                self.wfile.write(d.hexdigest().encode())

            def log_message(self, *_):
                pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that leaves is part of the game
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def _gateway(name, origin, **extra):
    return Gateway(name, http_manager(**extra), [cluster("up", origin.port)])


class Splicing:
    """Whether the program was seen with a pipe that it hadn't before: what is spliced goes through one."""

    def __init__(self, g):
        self.fds, self.seen, self.looks = Path(f"/proc/{g.proc.pid}/fd"), False, 0

    def _pipes(self):
        found = set()
        for fd in self.fds.iterdir():
            try:
                found.add(os.readlink(fd))
            except FileNotFoundError:
                pass
        return {f for f in found if f.startswith("pipe:")}

    def _look(self):
        while not self.ended.wait(0.001):
            self.looks += 1
            self.seen = self.seen or bool(self._pipes() - self.before)

    def __enter__(self):
        self.before, self.ended = self._pipes(), threading.Event()
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


SIZES = (40_000_000, 1, 300_000, 12_345_678, 0, 70_000, 25_000_000)


def downloads_arrive_whole_on_one_connection():
    with Origin() as o, _gateway("downloads", o) as g:
        c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=20)
        with Splicing(g) as splicing:
            for n in SIZES:
                c.request("GET", f"/{n}")
                r = c.getresponse()
                d = hashlib.sha256()
                while data := r.read(1 << 18):
                    d.update(data)
                assert (r.status, d.hexdigest()) == (200, _digest(n)), n
        assert splicing.seen, f"nothing was spliced in {splicing.looks} looks"
        assert g.stat("http.ingress.downstream_cx_total") == 1
        assert g.stat("cluster.up.upstream_cx_total") == 1
        g.wait_for("http.ingress.downstream_rq_active", 0)
        return f"{sum(SIZES)} bytes"


def uploads_arrive_whole_on_one_connection():
    with Origin() as o, _gateway("uploads", o) as g:
        c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=20)
        with Splicing(g) as splicing:
            for n in SIZES:
                body = (BLOCK * (n // len(BLOCK) + 1))[:n]
                c.request("PUT", "/", body)
                r = c.getresponse()
                assert (r.status, r.read().decode()) == (200, _digest(n)), n
        assert splicing.seen, f"nothing was spliced in {splicing.looks} looks"
        assert g.stat("cluster.up.upstream_cx_total") == 1
        return f"{sum(SIZES)} bytes"


def a_slow_reader_gets_it_all():
    n = 30_000_000
    with Origin() as o, _gateway("slow", o) as g, socket.create_connection(("127.0.0.1", g.port)) as s:
        s.sendall(f"GET /{n} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
        got, d = b"", hashlib.sha256()
        while b"\r\n\r\n" not in got:
            got += s.recv(1000)
        got = got.split(b"\r\n\r\n", 1)[1]
        count = len(got)
        d.update(got)
        while data := s.recv(1 << 18):
            if random.random() < 0.03:
                time.sleep(0.02)
            d.update(data)
            count += len(data)
        assert (count, d.hexdigest()) == (n, _digest(n))


def a_body_whose_end_comes_late_leaves_no_splice_behind():
    """Its last bytes are read as always: the next message on the same two connections isn't the splice's any more."""
    n, late = 8_000_000, 1000

    def serve(origin):
        with origin.accept()[0] as c:
            for _ in range(4):
                head = b""
                while b"\r\n\r\n" not in head:
                    head += c.recv(65536)
                c.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % n)
                body = (BLOCK * (n // len(BLOCK) + 1))[:n]
                for piece in body[:-2 * late], body[-2 * late:-late], body[-late:]:
                    c.sendall(piece)
                    time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as origin:
        threading.Thread(target=serve, args=(origin,), daemon=True).start()
        with Gateway("late", http_manager(), [cluster("up", origin.getsockname()[1])]) as g:
            c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=20)
            for _ in range(4):
                c.request("GET", "/")
                r = c.getresponse()
                assert hashlib.sha256(r.read()).hexdigest() == _digest(n)
            assert g.stat("cluster.up.upstream_cx_total") == 1


def an_origin_that_breaks_off_breaks_off_the_answer():
    with Origin(stops_at=5 << 20) as o, _gateway("broken", o) as g:
        for _ in range(3):
            c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=20)
            c.request("GET", "/20000000")
            r = c.getresponse()
            try:
                r.read()
                raise AssertionError("a whole answer")
            except (http.client.IncompleteRead, ConnectionResetError):
                pass
        g.wait_for("http.ingress.downstream_cx_active", 0)
        g.wait_for("cluster.up.upstream_cx_active", 0)
        assert g.http("GET", "/100000").status == 200


def a_client_that_leaves_ends_the_request():
    with Origin() as o, _gateway("leaves", o) as g:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", g.port)) as s:
                s.sendall(b"GET /900000000 HTTP/1.1\r\nhost: a\r\n\r\n")
                left = 20 << 20
                while left > 0:
                    left -= len(s.recv(1 << 18))
        g.wait_for("http.ingress.downstream_cx_active", 0)
        g.wait_for("cluster.up.upstream_cx_active", 0)
        assert g.http("GET", "/100000").status == 200


def a_filter_that_reads_bodies_gets_them():
    filters = [{"name": "b", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
                                              "max_request_bytes": 30_000_000}},
               {"name": "r", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]
    n = 20_000_000
    with Origin() as o, _gateway("reads", o, http_filters=filters) as g:
        body = (BLOCK * (n // len(BLOCK) + 1))[:n]
        with Splicing(g) as splicing:
            assert g.http("PUT", "/", body=body).text == _digest(n)
        assert splicing.looks > 3 and not splicing.seen


def a_try_that_moves_bytes_is_not_idle():
    """per_try_idle_timeout: bytes that the kernel moves are activity, too."""
    n = 60_000_000
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s", "retry_policy": {"retry_on": "reset", "per_try_idle_timeout": "1s"}}}]
    with Origin() as o, Gateway("try-idle", http_manager(routes), [cluster("up", o.port)]) as g, socket.create_connection(("127.0.0.1", g.port)) as s:
        s.sendall(f"GET /{n} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
        got = b""
        while b"\r\n\r\n" not in got:
            got += s.recv(1000)
        count = len(got.split(b"\r\n\r\n", 1)[1])
        due = time.monotonic()
        while data := s.recv(1 << 18):
            count += len(data)
            due += 0.01 * len(data) / (1 << 18)
            time.sleep(max(0, due - time.monotonic()))
        assert count == n, count


def an_answer_before_the_end_of_an_upload():
    """The rest of the body goes nowhere; the next request is served."""
    early = socket.create_server(("127.0.0.1", 0))

    def answer_early():
        while True:
            sock, _ = early.accept()
            sock.recv(1 << 20)
            time.sleep(0.2)
            sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            threading.Thread(target=lambda s=sock: (time.sleep(2), s.close()), daemon=True).start()
    threading.Thread(target=answer_early, daemon=True).start()
    with Gateway("early", http_manager(), [cluster("up", early.getsockname()[1])]) as g:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", g.port), timeout=10) as s:
                s.sendall(b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 900000000\r\n\r\n")
                s.settimeout(0.05)
                try:
                    while True:
                        s.sendall(BLOCK)
                except OSError:
                    pass
                s.settimeout(10)
                got = s.recv(1000)
                assert got.startswith(b"HTTP/1.1 200"), got
        g.wait_for("http.ingress.downstream_cx_active", 0)
        g.wait_for("cluster.up.upstream_rq_active", 0)

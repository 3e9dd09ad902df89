"""A request that is held until it is whole, then sent: once, again after a failed attempt, or not at all."""
import json
import socket

from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin

BUFFER = {"name": "buffer", "typed_config": {"@type": TYPE + "http.buffer.v3.Buffer", "max_request_bytes": 100000}}
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}


class Failing(Origin):
    """Fails each request's first attempts: with 503 when it has read the body, or by closing the connection."""

    def __init__(self, failures, how):
        self.left, self.how, self.tries = failures, how, 0
        super().__init__()

    def answer(self, sock, f, request):
        self.tries += 1
        if not self.left:
            return super().answer(sock, f, request)
        self.left -= 1
        length = 0
        while (line := f.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        f.read(length)
        if self.how == "close":
            raise OSError("closed on purpose")
        sock.sendall(b"HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n")


def _routes(**action):
    return [{"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "10s", **action}}]


def _slowly(g, body):
    """A chunked POST, in two parts; what was answered."""
    with socket.create_connection(("127.0.0.1", g.port), timeout=10) as s:
        half = len(body) // 2
        s.sendall(b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n%x\r\n%s\r\n" % (half, body[:half]))
        g.wait_for("http.ingress.downstream_rq_active", 1)
        assert g.stat("cluster.up.upstream_rq_total") == 0, "it didn't wait"
        s.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) - half, body[half:]))
        answer = b""
        while data := s.recv(65536):
            answer += data
    return answer


def a_held_body_is_sent_again():
    for how in ("503", "close"):
        origin = Failing(2, how)
        try:
            routes = _routes(retry_policy={"retry_on": "5xx,reset", "num_retries": 2, "retry_back_off": {"base_interval": "0.01s"}})
            with Gateway("buffer_retry", http_manager(routes, http_filters=[BUFFER, ROUTER]), [cluster("up", origin.port)]) as g:
                answer = _slowly(g, b"x" * 50000)
                assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
                got = json.loads(answer.split(b"\r\n\r\n", 1)[1].split(b"\r\n")[1] if b"chunked" in answer else answer.split(b"\r\n\r\n", 1)[1])
                assert got["length"] == 50000 and dict(got["headers"])["content-length"] == "50000", got
                assert origin.tries == 3, origin.tries
                assert g.stat("cluster.up.upstream_rq_retry") == 2
        finally:
            origin.stop()


def a_body_over_the_limit_is_never_sent():
    origin = Origin()
    try:
        with Gateway("buffer_limit", http_manager(_routes(), http_filters=[BUFFER, ROUTER]), [cluster("up", origin.port)]) as g:
            assert g.http("POST", "/", body=b"x" * 100001).status == 413
            assert g.stat("cluster.up.upstream_rq_total") == 0
            assert g.http("POST", "/", body=b"x" * 100000).status == 200
    finally:
        origin.stop()


def an_upgrade_passes_where_a_route_says_so():
    """A tunnel has no end: the route leaves the filter out, and both ways flow."""
    listener = socket.create_server(("127.0.0.1", 0))
    per_route = {"buffer": {"@type": TYPE + "http.buffer.v3.BufferPerRoute", "disabled": True}}
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "up"}, "typed_per_filter_config": per_route}]
    manager = http_manager(routes, http_filters=[BUFFER, ROUTER], upgrade_configs=[{"upgrade_type": "websocket"}])
    try:
        with Gateway("buffer_upgrade", manager, [cluster("up", listener.getsockname()[1])]) as g, \
                socket.create_connection(("127.0.0.1", g.port), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
            listener.settimeout(10)
            upstream, _ = listener.accept()
            with upstream:
                upstream.settimeout(10)
                head = b""
                while b"\r\n\r\n" not in head:
                    head += upstream.recv(65536)
                assert b"upgrade: websocket" in head.lower(), head
                upstream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello")
                seen = b""
                while not seen.endswith(b"hello"):
                    data = client.recv(65536)
                    assert data, seen
                    seen += data
                assert seen.startswith(b"HTTP/1.1 101"), seen
                for word in (b"ping", b"pong" * 20000):
                    client.sendall(word)
                    back = b""
                    while len(back) < len(word):
                        back += upstream.recv(65536)
                    assert back == word
                    upstream.sendall(word)
                    back = b""
                    while len(back) < len(word):
                        back += client.recv(65536)
                    assert back == word
    finally:
        listener.close()

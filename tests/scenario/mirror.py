"""Routes that send a copy of each request to another cluster."""
import json

from gateway import Gateway, cluster, http_manager
from origin import Origin


class Recorder(Origin):
    """An origin that remembers what it was asked."""

    def __init__(self):
        self.seen = []
        super().__init__()

    def answer(self, sock, f, request):
        class Copy:
            def sendall(_, data):
                self.seen.append(json.loads(data.split(b"\r\n\r\n", 1)[1]))
                sock.sendall(data)
        super().answer(Copy(), f, request)


def _routes(**policy):
    return [{"match": {"prefix": "/"}, "route": {"cluster": "up", "request_mirror_policies": [{"cluster": "shadow", **policy}]}}]


def _pair(routes, check):
    up, shadow = Recorder(), Recorder()
    try:
        with Gateway("mirror", http_manager(routes), [cluster("up", up.port), cluster("shadow", shadow.port)]) as g:
            check(g, up, shadow)
    finally:
        up.stop()
        shadow.stop()


def bodies_are_copied_and_hosts_marked():
    def check(g, up, shadow):
        for size in (0, 10, 100_000):
            assert g.http("POST", f"/{size}", {"host": "a.test:80"}, b"x" * size).status == 200
        g.wait_for("cluster.shadow.upstream_rq_completed", 3)
        assert [s["length"] for s in up.seen] == [0, 10, 100_000]
        assert sorted(s["length"] for s in shadow.seen) == [0, 10, 100_000]
        assert {s["crc"] for s in up.seen} == {s["crc"] for s in shadow.seen}
        assert all(["host", "a.test-shadow:80"] in s["headers"] for s in shadow.seen), shadow.seen
        assert all(["host", "a.test:80"] in s["headers"] for s in up.seen)
    _pair(_routes(), check)


def a_mirror_that_is_away_harms_nobody():
    up = Recorder()
    away = Origin()
    away.stop()
    try:
        with Gateway("mirror-away", http_manager(_routes()), [cluster("up", up.port), cluster("shadow", away.port)]) as g:
            for _ in range(5):
                assert g.http("POST", "/", body=b"12345").status == 200
            g.wait_for("cluster.shadow.upstream_cx_connect_fail", 5)
            assert g.stat("http.ingress.downstream_rq_2xx") == 5
    finally:
        up.stop()


def no_share_no_copy():
    def check(g, up, shadow):
        for _ in range(5):
            g.http("GET", "/")
        assert g.stat("cluster.shadow.upstream_rq_total") == 0 and not shadow.seen
    _pair(_routes(runtime_fraction={"default_value": {"numerator": 0}}), check)

"""Which hosts of a cluster get requests: ejected and unhealthy ones don't, those that come back do, names are resolved."""
import threading
import time

from gateway import Gateway, cluster, http_manager
from origin import Origin


class Named(Origin):
    """Answers with its own name and a status that the check may change; /hc too."""

    def __init__(self, name):
        self.name, self.status = name, 200
        super().__init__()

    def answer(self, sock, f, request):
        length = 0
        while (line := f.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        f.read(length)
        sock.sendall(f"HTTP/1.1 {self.status} Status\r\ncontent-length: {len(self.name)}\r\n\r\n{self.name}".encode())


def _hosts(check, **extra):
    a, b = Named("a"), Named("b")
    try:
        with Gateway("hosts", http_manager(), [cluster("up", a.port, b.port, **extra)], args=("--concurrency", "2")) as g:
            check(g, a, b)
    finally:
        a.stop()
        b.stop()


def _answers(g, n=12):
    return {g.http("GET", "/").text for _ in range(n)}


def an_ejected_host_gets_nothing_and_comes_back():
    def check(g, a, b):
        assert _answers(g) == {"a", "b"}
        a.status = 500
        _answers(g)
        g.wait_for("cluster.up.outlier_detection.ejections_active", 1)
        assert _answers(g) == {"b"}
        a.status = 200
        g.wait_for("cluster.up.outlier_detection.ejections_active", 0)
        g.wait_for("cluster.up.membership_healthy", 2)
        assert _answers(g) == {"a", "b"}
    _hosts(check, outlier_detection={"consecutive_5xx": 3, "interval": "0.1s", "base_ejection_time": "0.5s", "max_ejection_percent": 50})


def active_checks_follow_the_host():
    def check(g, a, b):
        g.wait_for("cluster.up.membership_healthy", 2)
        a.status = 503
        g.wait_for("cluster.up.membership_healthy", 1)
        assert _answers(g) == {"b"}
        a.status = 200
        g.wait_for("cluster.up.membership_healthy", 2)
        assert _answers(g) == {"a", "b"}
    _hosts(check, health_checks=[{"timeout": "1s", "interval": "0.05s", "no_traffic_interval": "0.05s", "unhealthy_threshold": 1,
                                  "healthy_threshold": 1, "http_health_check": {"path": "/hc"}}])


def connections_come_from_the_clusters_source():
    peers = set()

    class Watching(Named):
        def answer(self, sock, f, request):
            peers.add((request[1], sock.getpeername()[0]))
            super().answer(sock, f, request)

    a = Watching("a")
    check = {"timeout": "1s", "interval": "0.05s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/hc"}}
    bind = {"source_address": {"address": "127.0.0.9", "port_value": 0}}
    try:
        with Gateway("hosts-source", http_manager(), [cluster("up", a.port, health_checks=[check], upstream_bind_config=bind)]) as g:
            assert g.http("GET", "/").text == "a"
        assert peers == {("/hc", "127.0.0.9"), ("/", "127.0.0.9")}, peers
    finally:
        a.stop()


def names_are_resolved_before_ready():
    a = Named("a")
    try:
        up = cluster("up", a.port)
        up["type"] = "STRICT_DNS"
        up["dns_lookup_family"] = "V4_ONLY"
        for locality in up["load_assignment"]["endpoints"]:
            for endpoint in locality["lb_endpoints"]:
                endpoint["endpoint"]["address"]["socket_address"]["address"] = "localhost"
        with Gateway("hosts-dns", http_manager(), [up]) as g:
            assert g.http("GET", "/").text == "a"
            assert g.stat("cluster.up.membership_total") == 1
    finally:
        a.stop()


def a_full_breaker_refuses_at_once():
    up = Origin()
    try:
        limits = {"thresholds": [{"max_requests": 2}]}
        with Gateway("hosts-breaker", http_manager(), [cluster("up", up.port, circuit_breakers=limits)], args=("--concurrency", "2")) as g:
            results = []
            threads = [threading.Thread(target=lambda: results.append(g.http("GET", "/delay/1500").status)) for _ in range(2)]
            for t in threads:
                t.start()
            g.wait_for("cluster.up.upstream_rq_active", 2)
            start = time.monotonic()
            refused = g.http("GET", "/")
            assert refused.status == 503 and refused.headers["x-envoy-overloaded"] == "true", vars(refused)
            assert time.monotonic() - start < 1.2
            assert g.stat("cluster.up.circuit_breakers.default.rq_open") == 1
            for t in threads:
                t.join()
            assert results == [200, 200], results
            assert g.http("GET", "/").status == 200
            assert g.stat("cluster.up.circuit_breakers.default.rq_open") == 0
    finally:
        up.stop()

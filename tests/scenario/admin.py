"""The admin pages: what they say of a running process, beyond what is compared with Envoy."""
import http.client
import json
import re
import socket
import time

from gateway import SPARING, Gateway, cluster, http_manager
from origin import Origin
from readiness import Readiness, patiently

CLUSTERS = 2000
BUSY_MS = 60  # main at a time, under a sanitizer (10 is the rule)


def clusters_count_by_host():
    """Over all workers: requests, connections, errors."""
    origins = [Origin(), Origin()]
    try:
        with Gateway("admin-hosts", http_manager(), [cluster("up", *[o.port for o in origins])]) as g:
            for _ in range(10):
                assert g.http("GET", "/").status == 200
            text = g.get("/clusters")
            total = {p: int(re.search(rf"^up::127.0.0.1:{p}::rq_total::(\d+)$", text, re.M)[1]) for p in (o.port for o in origins)}
            assert sum(total.values()) == 10 and all(total.values()), total
            hosts = json.loads(g.get("/clusters?format=json"))["cluster_statuses"][0]["host_statuses"]
            shown = [{s["name"]: int(s.get("value", 0)) for s in h["stats"]} for h in hosts]
            assert sum(h["rq_success"] for h in shown) == 10, shown
            assert all(h["cx_total"] >= h["cx_active"] and h["rq_active"] == 0 for h in shown), shown
            assert "no_such" not in g.get("/clusters?filter=no_such")
    finally:
        for o in origins:
            o.stop()


def a_client_that_leaves_harms_nobody():
    """/clusters waits for the workers; its client may be gone by then."""
    with Gateway("admin-leaves", http_manager(), [cluster("up", 1)]) as g:
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", g.admin)) as s:
                s.sendall(b"GET /clusters HTTP/1.1\r\nhost: a\r\n\r\n")
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert "up::observability_name::up" in g.get("/clusters")


def several_requests_on_one_connection():
    with Gateway("admin-pipeline", http_manager(), [cluster("up", 1)]) as g, socket.create_connection(("127.0.0.1", g.admin)) as s:
        s.sendall(b"GET /clusters HTTP/1.1\r\nhost: a\r\n\r\nGET /ready HTTP/1.1\r\nhost: a\r\n\r\nGET /nope HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        got = b""
        while block := s.recv(65536):
            got += block
        assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"200", b"404"], got


def wrong_parameters_are_told():
    with Gateway("admin-wrong", http_manager(), [cluster("up", 1)]) as g:
        assert "name_regex" in g.get("/config_dump?name_regex=(", ok=False)
        assert "no_such_field" in g.get("/config_dump?mask=no_such_field", ok=False)
        assert g.get("/logging", ok=False) == "Method GET not allowed, POST required."
        only = json.loads(g.get("/config_dump?mask=static_clusters"))["configs"]
        assert [c["@type"].rsplit(".", 1)[1] for c in only] == ["ClustersConfigDump"], only
        one = json.loads(g.get("/config_dump?resource=static_clusters&name_regex=u."))["configs"]
        assert [c["cluster"]["name"] for c in one] == ["up"]
        assert g.get("/config_dump?resource=static_clusters&name_regex=u") == "{}\n"
        assert "no_such" in g.get("/config_dump?resource=static_clusters&mask=no_such", ok=False)


PAGES = "/clusters", "/clusters?format=json", "/stats/prometheus", "/stats?filter=c0042.*membership_total", "/config_dump?include_eds"


def _pages_while_asked(g):
    """The pages, and what became of /ready meanwhile."""
    with Readiness(g.admin, g.proc.pid) as before:
        time.sleep(0.5)
    with Readiness(g.admin, g.proc.pid) as r:
        pages = [g.get(page) for page in PAGES]
    r.check(before.row, BUSY_MS)
    return pages, r.row


def large_pages_are_not_mains_work():
    """The pages of many clusters and their counters, while /ready is asked."""
    many = [cluster(f"c{i:04}", 1) for i in range(CLUSTERS)]
    with Gateway("admin-large", http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 204}}]), many, environment=SPARING) as g:
        (text, named, counted, found, dumped), row = patiently(lambda: _pages_while_asked(g))
        named = json.loads(named)["cluster_statuses"]
        dumped = {c["@type"].rsplit(".", 1)[1]: c for c in json.loads(dumped)["configs"]}
        names = [f"c{i:04}" for i in range(CLUSTERS)]
        assert re.findall(r"^(\w+)::observability_name", text, re.M) == names
        assert [c["name"] for c in named] == names
        assert [c["cluster"]["name"] for c in dumped["ClustersConfigDump"]["static_clusters"]] == names
        assert len(dumped["EndpointsConfigDump"]["static_endpoint_configs"]) == CLUSTERS
        assert counted.count("envoy_cluster_membership_total{") == CLUSTERS
        assert found == "cluster.c0042.membership_total: 1\n", found
        for page in ("/clusters", "/stats/prometheus", "/stats", "/config_dump"):  # whose clients don't wait
            with socket.create_connection(("127.0.0.1", g.admin)) as s:
                s.sendall(f"GET {page} HTTP/1.1\r\nhost: a\r\n\r\n".encode())
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert g.get("/ready") == "LIVE\n"
    return f"/ready {row}"


def it_ends_while_a_page_is_made():
    with Gateway("admin-ends", http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 204}}]), [cluster(f"c{i}", 1) for i in range(CLUSTERS)]) as g:
        with socket.create_connection(("127.0.0.1", g.admin)) as s, socket.create_connection(("127.0.0.1", g.admin)) as other:
            other.sendall(b"GET /clusters HTTP/1.1\r\nhost: a\r\n\r\n")
            s.sendall(b"GET /stats/prometheus HTTP/1.1\r\nhost: a\r\n\r\nGET /config_dump HTTP/1.1\r\nhost: a\r\n\r\n")
            g.post("/quitquitquit")
            g.ended = True
            assert g.proc.wait(15) == 0, g.words()


def a_long_page_waits_for_a_slow_client():
    """It is sent in pieces, and held only once."""
    with Gateway("admin-slow", http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 204}}]), [cluster(f"c{i}", 1) for i in range(CLUSTERS)]) as g:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(20)
            s.connect(("127.0.0.1", g.admin))
            conn = http.client.HTTPConnection("127.0.0.1", g.admin)
            conn.sock = s
            for _ in range(2):  # the connection goes on
                conn.request("GET", "/stats")
                answer = conn.getresponse()
                got = answer.read(4096)
                for _ in range(20):
                    assert g.get("/ready") == "LIVE\n"
                got += answer.read()
                assert got.count(b".membership_total: 1\n") == CLUSTERS and got.endswith(b"\n"), got[-300:]

"""What the program does with traffic while it ends or while the operator asks it to step back."""
import json
import threading
import time

from gateway import Gateway, cluster, http_manager
from origin import Origin
from ports import listening


def failing_the_health_check_closes_connections():
    """/healthcheck/fail: /ready says so, and each answer asks the client to leave."""
    origin = Origin()
    try:
        with Gateway("drain-health", http_manager(), [cluster("up", origin.port)]) as g:
            assert "connection" not in g.http("GET", "/").headers
            g.post("/healthcheck/fail")
            assert g.http("GET", "/").headers.get("connection") == "close"
            assert g.get("/ready", ok=False).strip() == "DRAINING"
            g.post("/healthcheck/ok")
            assert "connection" not in g.http("GET", "/").headers
    finally:
        origin.stop()


def draining_listeners_lets_requests_finish():
    """Requests in flight while listeners drain are answered."""
    origin = Origin()
    results = []
    try:
        with Gateway("drain-listeners", http_manager(), [cluster("up", origin.port)]) as g:
            def one():
                results.append(json.loads(g.http("GET", "/delay/800").text)["path"])
            threads = [threading.Thread(target=one) for _ in range(10)]
            for t in threads:
                t.start()
            g.wait_for("cluster.up.upstream_rq_active", 10)
            g.post("/drain_listeners?graceful")
            for t in threads:
                t.join()
            assert results == ["/delay/800"] * 10, results
    finally:
        origin.stop()


def a_graceful_drain_of_listeners_asks_clients_to_leave_first():
    """For the drain time connections are still accepted; then no more."""
    origin = Origin()
    try:
        with Gateway("drain-graceful", http_manager(), [cluster("up", origin.port)],
                     args=["--disable-hot-restart", "--drain-time-s", "2", "--drain-strategy", "immediate"]) as g:
            assert "connection" not in g.http("GET", "/").headers
            g.post("/drain_listeners?graceful")
            answer = g.http("GET", "/")
            assert (answer.status, answer.headers.get("connection")) == (200, "close"), vars(answer)
            end = time.monotonic() + 10
            while listening(g.port):
                assert time.monotonic() < end
                time.sleep(0.05)
            assert g.stat("listener_manager.listener_stopped") == 1
            assert g.get("/ready").strip() == "LIVE"
    finally:
        origin.stop()


def a_graceful_drain_of_inbound_listeners_leaves_others_alone():
    origin = Origin()
    try:
        with Gateway("drain-inbound", http_manager(), [cluster("up", origin.port)], listener={"traffic_direction": "OUTBOUND"},
                     args=["--disable-hot-restart", "--drain-time-s", "0", "--drain-strategy", "immediate"]) as g:
            g.post("/drain_listeners?graceful&inboundonly")
            for _ in range(20):
                answer = g.http("GET", "/")
                assert (answer.status, answer.headers.get("connection")) == (200, None), vars(answer)
    finally:
        origin.stop()

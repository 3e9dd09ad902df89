"""What the program does with traffic while it ends, while the operator asks it to step back, or when a listener is replaced under it."""
import http.client
import json
import signal
import socket
import threading
import time

import bolt_peer
from dubbo_peer import READONLY, SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, cluster, dubbo_manager, http_manager, rpc_manager
from lds_file import Listeners, listener, says
from origin import Origin
from ports import free_ports, listening

AT_ONCE = ["--disable-hot-restart", "--drain-strategy", "immediate"]
OPEN = http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "here"}}}])


def _wait(g, what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, g.words()
        time.sleep(0.02)


def _ask(conn):
    """Whether the answer leaves the connection open."""
    conn.request("GET", "/")
    r = conn.getresponse()
    r.read()
    assert r.status == 200, r.status
    return r.getheader("connection") != "close"


def _connect(port):
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    conn.connect()
    return conn


def _terminate(g):
    g.ended = True
    g.proc.send_signal(signal.SIGTERM)


def _state(g):
    return g.get("/ready", ok=False).strip()


def _tcp_proxy():
    return {"name": "t", "typed_config": {"@type": TYPE + "network.tcp_proxy.v3.TcpProxy", "stat_prefix": "t", "cluster": "up"}}


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
    """One without a direction is no inbound one."""
    for direction, is_asked in (("OUTBOUND", False), ("UNSPECIFIED", False), ("INBOUND", True)):
        with Gateway("drain-inbound", OPEN, [], listener={"traffic_direction": direction}, args=[*AT_ONCE, "--drain-time-s", "0"]) as g:
            kept = _connect(g.port)
            assert _ask(kept)
            g.post("/drain_listeners?graceful&inboundonly")
            if is_asked:
                _wait(g, lambda: not listening(g.port))
                assert not _ask(kept)
            else:
                assert all(_ask(kept) for _ in range(20)) and all(g.http("GET", "/").headers.get("connection") is None for _ in range(5))
            assert g.stat("listener_manager.listener_stopped") == is_asked
            g.post("/drain_listeners")
            _wait(g, lambda: not listening(g.port))
            assert g.stat("listener_manager.listener_stopped") == 1


def drained_listeners_may_go_on():
    """skip_exit: clients are asked to leave, whoever comes is served. Asked twice, nothing changes."""
    with Gateway("drain-skip", OPEN, [], args=[*AT_ONCE, "--drain-time-s", "1"]) as g:
        kept, idle = _connect(g.port), _connect(g.port)
        assert _ask(kept) and _ask(idle)
        for _ in range(2):
            g.post("/drain_listeners?graceful&skip_exit")
        g.post("/drain_listeners?graceful")  # is on already
        assert not _ask(kept)
        g.wait_for("drain.connections_open", 1)
        assert not _ask(idle)
        time.sleep(1.5)  # the drain time is over
        assert g.http("GET", "/").headers["connection"] == "close"
        assert g.stat("listener_manager.listener_stopped") == 0 and _state(g) == "LIVE"


def a_listener_that_is_replaced_after_the_stop_does_not_accept():
    first, second = free_ports(2)
    listeners = Listeners("drain-stopped")
    listeners.put(listener(first, says("one")))
    with listeners.gateway("drain-stopped", args=AT_ONCE) as g:
        _wait(g, lambda: listening(first))
        g.post("/drain_listeners")
        _wait(g, lambda: not listening(first))
        listeners.put(listener(second, says("two")))
        g.wait_for("listener_manager.listener_modified", 1)
        _wait(g, lambda: not listening(second))


def the_failing_health_check_spares_listeners_that_drain_when_modified_only():
    """drain_type."""
    port, = free_ports(1)
    listeners = Listeners("drain-type")
    listeners.put(listener(port, says("one"), drain_type="MODIFY_ONLY"))
    with listeners.gateway("drain-type", OPEN, args=AT_ONCE) as g:
        _wait(g, lambda: listening(port))
        kept = _connect(port)
        g.post("/healthcheck/fail")
        assert g.http("GET", "/").headers["connection"] == "close" and _ask(kept)
        assert g.stat("server.state") == 1 and g.stat("server.live") == 0
        g.post("/healthcheck/ok")
        assert g.stat("server.state") == 0 and g.stat("server.live") == 1
        listeners.put(listener(port, says("two"), drain_type="MODIFY_ONLY"))
        _wait(g, lambda: not _ask(kept))


# --- SIGTERM


def all_is_accepted_for_the_least_time():
    """--min-drain-time-s: not ready, clients are asked to leave, and those that come are served."""
    with Gateway("drain-min", OPEN, [], args=[*AT_ONCE, "--min-drain-time-s", "6", "--log-level", "info"]) as g:
        began = time.monotonic()
        kept = _connect(g.port)
        assert _ask(kept)
        _terminate(g)
        _wait(g, lambda: _state(g) == "DRAINING")
        assert not _ask(kept)
        assert g.http("GET", "/").headers["connection"] == "close"
        info = json.loads(g.get("/server_info"))
        assert info["state"] == "DRAINING" and info["drain"]["accepts"], info
        assert g.proc.wait(20) == 0
        assert time.monotonic() - began > 6, "not before, though nothing was open"


def of_a_sidecar_only_those_from_outside_are_asked_before():
    """While SIGTERM still accepts, the application's own connections stay as they are."""
    port, = free_ports(1)
    listeners = Listeners("drain-sidecar")
    listeners.put(listener(port, says("inbound"), traffic_direction="INBOUND"))
    with listeners.gateway("drain-sidecar", OPEN, listener={"traffic_direction": "OUTBOUND"}, args=[*AT_ONCE, "--min-drain-time-s", "6"]) as g:
        _wait(g, lambda: listening(port))
        ours, theirs = _connect(g.port), _connect(port)
        assert _ask(ours) and _ask(theirs)
        _terminate(g)
        _wait(g, lambda: _state(g) == "DRAINING")
        assert not _ask(theirs) and _ask(ours)
        ours.close()
        assert g.proc.wait(20) == 0


def connections_that_wait_to_be_accepted_are_served():
    """At SIGTERM: the kernel has told those clients that they are connected. They are more than a turn of the loop accepts."""
    with Gateway("drain-backlog", OPEN, [], args=["--disable-hot-restart", "--concurrency", "1"]) as g:
        g.proc.send_signal(signal.SIGSTOP)
        waiting = [_connect(g.port) for _ in range(200)]
        for conn in waiting:
            conn.request("GET", "/")
        _terminate(g)
        g.proc.send_signal(signal.SIGCONT)
        for conn in waiting:
            r = conn.getresponse()
            assert (r.status, r.read()) == (200, b"here"), vars(r)
        assert g.proc.wait(20) == 0


def clients_at_work_lose_nothing():
    """At SIGTERM a request may be on its way on each of their connections: it is answered, with the word that it was the last."""
    faults, told, late = [], [], []
    with Gateway("drain-work", OPEN, []) as g:
        def work(conn, answered):
            idle = 0.0
            try:
                while True:
                    try:
                        conn.request("GET", "/")
                    finally:
                        idle = time.monotonic() - answered
                    r = conn.getresponse()
                    r.read()
                    assert r.status == 200, r.status
                    if r.getheader("connection") == "close":
                        return told.append(True)
                    answered = time.monotonic()
            except (OSError, http.client.HTTPException) as e:
                (faults if idle < 0.5 else late).append(repr(e))  # one that the machine has let sleep longer may be too late
        threads = [threading.Thread(target=work, args=(_connect(g.port), time.monotonic())) for _ in range(16)]
        for t in threads:
            t.start()
        _wait(g, lambda: g.stat("http.ingress.downstream_rq_total") > 200)
        _terminate(g)
        assert g.proc.wait(20) == 0
        for t in threads:
            t.join()
        assert not faults and told and len(told) + len(late) == len(threads), (faults, len(told), late)


def idle_connections_end():
    """Soon, whatever the drain time is."""
    with Gateway("drain-idle", OPEN, []) as g:
        held = [socket.create_connection(("127.0.0.1", g.port), timeout=20) for _ in range(5)]
        held[0].sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert held[0].recv(1000).startswith(b"HTTP/1.1 200")
        g.wait_for("http.ingress.downstream_cx_active", 5)
        _terminate(g)
        for s in held:
            assert s.recv(1000) == b""
        assert g.proc.wait(20) == 0


def a_message_that_has_begun_is_waited_for():
    """At SIGTERM: its rest comes after more than the second that an idle connection has."""
    with Gateway("drain-begun", rpc_manager("nobody", protocols=["BOLT"]), [cluster("nobody")]) as g:
        with socket.create_connection(("127.0.0.1", g.port), timeout=20) as caller:
            call = bolt_peer.request(1, 0)
            caller.sendall(call[:-1])
            _terminate(g)
            g.wait_for("drain.connections_open", 1)
            time.sleep(2.5)
            caller.sendall(call[-1:])
            assert bolt_peer.answer(caller) == (1, 0)
            assert caller.recv(1) == b""
        assert g.proc.wait(20) == 0


def what_is_open_is_shown():
    """By protocol, by reason, by direction: in the stats, at /server_info, in the log."""
    provider = Provider(hold=True)
    try:
        with Gateway("drain-open", dubbo_manager(SERVICE, {"hello": "up"}), [cluster("up", provider.port)], listener={"traffic_direction": "INBOUND"},
                     args=["--disable-hot-restart", "--log-level", "info"]) as g, Consumer(g.port) as c:
            c.call()
            (sock, frame), = provider.take(1)
            _terminate(g)
            g.wait_for("drain.connections_open", 1)
            for name in ("open.dubbo", "busy_call", "open.inbound"):
                assert g.stat(f"drain.{name}") == 1, name
            assert g.stat("drain.open.http1") == g.stat("drain.idle_wait") == 0 and g.stat("server.state") == 1
            drain = json.loads(g.get("/server_info"))["drain"]
            assert drain["connections_open"] == drain["open"]["dubbo"] == drain["waiting"]["busy_call"] == 1 and not drain["accepts"], drain
            g.wait_for_log("1 connection is open: 1 dubbo; 1 busy_call")
            provider.answer(sock, frame)
            assert c.read().body == READONLY[16:]
            assert c.read().body == b"\x91\x01p"
            assert c.read() is None
            assert g.proc.wait(20) == 0
    finally:
        provider.stop()


def what_is_open_at_the_deadline_is_named_and_closed():
    origin = Origin()
    try:
        with Gateway("drain-deadline", _tcp_proxy(), [cluster("up", origin.port)], args=["--disable-hot-restart", "--drain-time-s", "1"]) as g:
            held = socket.create_connection(("127.0.0.1", g.port), timeout=20)
            g.wait_for("cluster.up.upstream_cx_active", 1)
            _terminate(g)
            assert held.recv(1) == b""
            assert g.proc.wait(20) == 0
            assert "is over: 1 connection is open: 1 tcp; 1 tcp, and closed now" in g.log_text(), g.words()
    finally:
        origin.stop()


# --- listeners that LDS replaces or removes


def a_removed_listener_drains():
    port, = free_ports(1)
    listeners = Listeners("drain-removed")
    listeners.put(listener(port, says("one")))
    with listeners.gateway("drain-removed", args=AT_ONCE) as g:
        _wait(g, lambda: listening(port))
        kept = [_connect(port) for _ in range(8)]  # of both workers
        assert all(_ask(conn) for conn in kept)
        listeners.put()
        _wait(g, lambda: not listening(port))
        g.wait_for("listener_manager.total_listeners_draining", 1)
        assert not any(_ask(conn) for conn in kept)
        g.wait_for("listener_manager.total_listeners_draining", 0)
        assert g.stat("http.ingress.downstream_cx_drain_close") == 8


def only_the_chains_that_changed_drain():
    """In place: connections of the others stay as they are, also when more versions come; another frame drains them all."""
    port, = free_ports(1)
    listeners = Listeners("drain-chains")

    def put(here, there, **extra):
        chains = [{"name": "here", "filter_chain_match": {"source_prefix_ranges": [{"address_prefix": "127.0.0.1", "prefix_len": 32}]}, "filters": [says(here)]}]
        listeners.put(listener(port, None, filter_chains=chains, default_filter_chain={"name": "there", "filters": [says(there)]}, **extra))

    def from_there():
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=("127.0.0.2", 0))
        conn.connect()
        return conn

    put("one", "one")
    with listeners.gateway("drain-chains", args=AT_ONCE) as g:
        _wait(g, lambda: listening(port))
        here, there = _connect(port), from_there()
        assert _ask(here) and _ask(there)
        put("one", "two")
        g.wait_for("listener_manager.listener_in_place_updated", 1)
        g.wait_for("listener_manager.total_filter_chains_draining", 1)
        assert not _ask(there) and _ask(here)
        g.wait_for("listener_manager.total_filter_chains_draining", 0)
        there = from_there()
        assert _ask(there)
        put("two", "two")
        g.wait_for("listener_manager.listener_in_place_updated", 2)
        g.wait_for("listener_manager.total_filter_chains_draining", 1)
        assert not _ask(here) and _ask(there)
        here = _connect(port)
        assert _ask(here)
        put("two", "two", traffic_direction="INBOUND")
        g.wait_for("listener_manager.total_listeners_draining", 1)
        assert not _ask(here) and not _ask(there)
        g.wait_for("listener_manager.total_listeners_draining", 0)


def what_has_not_left_a_replaced_listener_is_closed():
    origin = Origin()
    port, = free_ports(1)
    listeners = Listeners("drain-overdue")
    listeners.put(listener(port, _tcp_proxy()))
    try:
        with listeners.gateway("drain-overdue", clusters=[cluster("up", origin.port)], args=["--disable-hot-restart", "--drain-time-s", "1"]) as g:
            _wait(g, lambda: listening(port))
            held = socket.create_connection(("127.0.0.1", port), timeout=20)
            g.wait_for("cluster.up.upstream_cx_active", 1)
            listeners.put(listener(port, _tcp_proxy(), traffic_direction="INBOUND"))
            assert held.recv(1) == b""
            g.wait_for("drain.deadline_closed", 1)
            assert g.stat("tcp.t.downstream_cx_drain_close") == 1
            g.wait_for_log("listener dl: the drain time of a version is over: 1 connection is open: 1 tcp")
    finally:
        origin.stop()


def calls_of_a_replaced_listener_are_answered_first():
    """Dubbo: READONLY, then the answer; the connection ends when it has been idle for a while."""
    provider = Provider(hold=True)
    port, = free_ports(1)
    listeners = Listeners("drain-dubbo")
    listeners.put(listener(port, dubbo_manager(SERVICE, {"hello": "up"})))
    try:
        with listeners.gateway("drain-dubbo", clusters=[cluster("up", provider.port)], args=AT_ONCE) as g:
            _wait(g, lambda: listening(port))
            with Consumer(port) as c:
                c.call()
                (sock, frame), = provider.take(1)
                listeners.put(listener(port, dubbo_manager(SERVICE, {"hello": "up"}), traffic_direction="INBOUND"))
                event = c.read()
                assert event.event and event.body == READONLY[16:], event
                provider.answer(sock, frame)
                assert c.read().body == b"\x91\x01p"
                assert c.read() is None
            g.wait_for("listener_manager.total_listeners_draining", 0)
            assert g.stat("dubbo.dubbo.downstream_cx_drain_close") == 1 and g.stat("drain.deadline_closed") == 0
    finally:
        provider.stop()


def bolt_has_no_word_for_it():
    """Its callers are answered; the connection ends when it has been idle for a while."""
    port, = free_ports(1)
    listeners = Listeners("drain-bolt")
    listeners.put(listener(port, rpc_manager("nobody", protocols=["BOLT"])))
    with listeners.gateway("drain-bolt", clusters=[cluster("nobody")], args=AT_ONCE) as g:
        _wait(g, lambda: listening(port))
        with socket.create_connection(("127.0.0.1", port), timeout=20) as caller:
            caller.sendall(bolt_peer.request(1, 0))
            assert bolt_peer.answer(caller) == (1, 0)
            listeners.put()
            assert caller.recv(1) == b""
        g.wait_for("listener_manager.total_listeners_draining", 0)

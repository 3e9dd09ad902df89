"""Calls of Dubbo when something goes wrong, or is slow, around them."""
import json
import random
import signal
import socket
import tempfile
import time
from pathlib import Path

import dubbo as wire
from dubbo_peer import READONLY, SERVICE, WRITEABLE, Consumer, Provider
from gateway import TYPE, Gateway, address, cluster, dubbo_manager, rpc_manager
from ports import free_ports

ROUTES = {"gone": "nobody", "none": "empty", "refused": "dead", "hello|fire": "up"}


def _gateway(name, *ports, filters=(), **kw):
    manager = dubbo_manager(SERVICE, ROUTES)
    manager["typed_config"]["dubbo_filters"] = [*filters, {"name": "envoy.filters.dubbo.router"}]
    dead, = free_ports(1)
    return Gateway(f"dubbo-{name}", manager, [cluster("up", *ports), cluster("empty"), cluster("dead", dead)], **kw)


def _limit(calls):
    return {"name": "limit", "config": {
        "@type": TYPE + "http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "calls",
        "token_bucket": {"max_tokens": calls, "tokens_per_fill": calls, "fill_interval": "3600s"},
        "filter_enabled": {"default_value": {"numerator": 100}}, "filter_enforced": {"default_value": {"numerator": 100}}}}


def what_the_proxy_answers_itself():
    """By its own id each, on a connection that stays: exceptions that a consumer throws at once, or a status that lets it try elsewhere."""
    provider = Provider()
    with _gateway("answers", provider.port) as g, Consumer(g.port) as c:
        for method, status, words in (("other", 20, b"no route for a.Svc.other"), ("gone", 20, b"unknown cluster 'nobody'"),
                                      ("none", 80, b"no healthy upstream for 'empty'"), ("refused", 80, b"connection failure")):
            frame = c.ask(method)
            assert frame.status == status and words in frame.body, (method, frame)
            assert (b"java.lang.RuntimeException" in frame.body) == (status == 20), frame
        c.last += 1
        c.sock.sendall(wire.request_frame(c.last, b"\x05no ca"))  # ends in its first string's neighbour
        frame = c.read()
        assert frame.id == c.last and frame.status == 40 and b"decode" in frame.body, frame
        assert c.ask().body == b"\x91\x01p"
    provider.stop()


def a_lost_connection_answers_every_call_on_it():
    """Whether they waited for it or found it there (then they have no streams)."""
    provider = Provider()
    with _gateway("lost", provider.port, args=["--disable-hot-restart", "--concurrency", "1"]) as g, Consumer(g.port) as a, Consumer(g.port) as b:
        for n in range(2):
            provider.hold = True
            first = a.last + 1, b.last + 1
            for c in (a, b):
                for _ in range(8):
                    c.call()
            provider.take(16)
            assert len(provider.conns) == n + 1, "two consumers on one worker share a connection"
            provider.conns[-1].shutdown(socket.SHUT_RDWR)
            for c, id in zip((a, b), first):
                frames = [c.read() for _ in range(8)]
                assert sorted(f.id for f in frames) == list(range(id, id + 8)) and {f.status for f in frames} == {35}, frames
            provider.hold = False
            assert a.ask().body == b"\x91\x01p" and b.ask().status == 20
            assert g.stat("dubbo.dubbo.local_response_business_exception") == 16 * (n + 1)
        assert g.stat("dubbo.dubbo.request") == 36 and g.stat("dubbo.dubbo.response") == g.stat("dubbo.dubbo.request_twoway") == 4
        assert g.stat("dubbo.dubbo.request_active") == g.stat("cluster.up.upstream_rq_active") == 0
    provider.stop()


def consumers_leave_with_their_calls():
    """And so does a broken one; calls of others on the same connection go on."""
    provider = Provider()
    with _gateway("leave", provider.port, args=["--disable-hot-restart", "--concurrency", "1"]) as g, Consumer(g.port) as c:
        assert c.ask().status == c.ask().status == 20
        provider.hold = True
        c.call()
        for is_broken in (False, True):
            with Consumer(g.port) as leaving:
                for _ in range(4):
                    leaving.call()
                calls = provider.take(5 - is_broken)
                if is_broken:
                    leaving.sock.sendall(b"no frame of Dubbo")
                    assert leaving.read() is None
            g.wait_for("dubbo.dubbo.request_active", 1)
            if not is_broken:
                mine = calls[0]
            for call in calls[1 - is_broken:]:
                provider.answer(*call)
        provider.answer(*mine)
        assert c.read().id == c.last
        assert g.stat("cluster.up.upstream_rq_active") == 0 and g.stat("cluster.up.upstream_rq_tx_reset") == 8
        assert g.stat("dubbo.dubbo.cx_destroy_remote_with_active_rq") == 1
    provider.stop()


def a_call_that_meets_the_end_of_its_connection_goes_again():
    """The proxy reads both at once: the connection took no byte of the call, so no host has seen it."""
    for name, filters in (("plain", ()), ("filters", [_limit(1000)])):
        provider = Provider()
        with _gateway(f"end-{name}", provider.port, filters=filters, args=["--disable-hot-restart", "--concurrency", "1"]) as g, Consumer(g.port) as c:
            for n in range(3):
                assert c.ask().status == 20
            for is_call_first in (False, True) * 3:
                _stop(g.proc)
                if is_call_first:
                    c.call()
                provider.conns[-1].shutdown(socket.SHUT_RDWR)
                if not is_call_first:
                    c.call()
                g.proc.send_signal(signal.SIGCONT)
                frame = c.read()
                assert frame.status == 20 and frame.id == c.last, (name, is_call_first, frame)
            assert provider.count == 9 and g.stat("dubbo.dubbo.request") == g.stat("dubbo.dubbo.response_success") == 9
            assert g.stat("dubbo.dubbo.request_active") == g.stat("cluster.up.upstream_rq_active") == 0
        provider.stop()


def _stop(proc):
    proc.send_signal(signal.SIGSTOP)
    end = time.monotonic() + 10
    while Path(f"/proc/{proc.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
        assert time.monotonic() < end


def a_call_that_waits_behind_a_stuck_host_goes_again():
    """Its frame was never sent: when the connection ends, another one gets it. What was sent is lost."""
    provider = Provider(reads=False, buffer=4096)
    with _gateway("stuck", provider.port, args=["--disable-hot-restart", "--concurrency", "1"]) as g, Consumer(g.port, timeout=1) as a, Consumer(g.port) as b:
        sent = 0
        try:
            while sent < 64 << 20:
                a.call(args=("z" * 30000,))
                sent += 30000
        except socket.timeout:
            pass
        before, now = 0, g.stat("dubbo.dubbo.request")
        while before < now:  # what the kernel takes of it grows for a while
            time.sleep(0.2)
            before, now = now, g.stat("dubbo.dubbo.request")
        b.call()
        while g.stat("dubbo.dubbo.request") == before:
            time.sleep(0.02)
        provider.reads = True
        provider.conns[0].close()
        frame = b.read()
        assert frame.status == 20 and frame.body == b"\x91\x01p", frame
        statuses = [a.read().status for _ in range(now)]
        assert statuses.count(35) > 0 and statuses.count(20) > 0 and set(statuses) == {20, 35}, statuses
    provider.stop()


def pipelined_calls_come_back_to_who_made_them():
    """16 consumers with 8 calls each; the provider answers all 128 in no order."""
    provider = Provider(hold=True)
    with _gateway("pipelined", provider.port) as g:
        consumers = [Consumer(g.port) for _ in range(16)]
        for n, c in enumerate(consumers):
            for k in range(8):
                c.call(args=(f"{n}/{k + 1}",))
        calls = provider.take(128)
        assert len(provider.conns) <= 2, "one connection a worker"
        assert len({(s, f.id) for s, f in calls}) == 128
        random.shuffle(calls)
        for sock, frame in calls:
            body = frame.body
            text = next(f"{n}/{k + 1}" for n in range(16) for k in range(8) if bytes([len(f"{n}/{k + 1}")]) + f"{n}/{k + 1}H".encode() in body)
            provider.answer(sock, frame, text)
        for n, c in enumerate(consumers):
            for _ in range(8):
                f = c.read()
                assert f.body[2:].decode() == f"{n}/{f.id}", (n, f)
            c.sock.close()
    provider.stop()


def a_late_answer_is_for_nobody():
    """The consumer has gone; its answer must not reach another one's call."""
    provider = Provider(hold=True)
    with _gateway("late", provider.port, args=["--disable-hot-restart", "--concurrency", "1"]) as g, Consumer(g.port) as other:
        with Consumer(g.port) as c:
            c.call()
            (sock, frame), = provider.take(1)
        g.wait_for("dubbo.dubbo.request_active", 0)
        other.call()
        (_, second), = provider.take(1)
        assert second.id != frame.id
        provider.answer(sock, frame, "late")
        provider.answer(sock, frame, "late again")
        provider.answer(sock, second, "right")
        assert other.read().body == b"\x91\x05right"
    provider.stop()


def a_provider_that_says_readonly_gets_no_more_calls():
    """Its open call is answered; its connection stays to hear WRITEABLE; calls go to the other one until then."""
    one, two = Provider("one", hold=True), Provider("two", hold=True)
    with _gateway("readonly", one.port, two.port, args=["--disable-hot-restart", "--concurrency", "1"]) as g, Consumer(g.port) as c:
        c.call(), c.call()
        (sock, frame), = one.take(1)
        (other, second), = two.take(1)
        sock.sendall(READONLY)
        g.wait_for("cluster.up.upstream_cx_close_notify", 1)
        two.hold = False
        two.answer(other, second)
        assert c.read().body == b"\x91\x03two"
        for _ in range(20):
            assert c.ask().body == b"\x91\x03two"
        one.answer(sock, frame)
        assert c.read().body == b"\x91\x03one"
        assert one.count == 1 and "/readonly" in g.get("/clusters") and g.stat("cluster.up.upstream_cx_active") == 2
        one.hold = False
        sock.sendall(WRITEABLE)
        end = time.monotonic() + 10
        while c.ask().body != b"\x91\x03one":
            assert time.monotonic() < end
        assert "/readonly" not in g.get("/clusters")
    one.stop(), two.stop()


def readonly_is_the_host_s_and_every_worker_knows():
    """It says so on one of two workers' connections; 10 ms later no worker sends it a call."""
    one, two = Provider("one"), Provider("two")
    with _gateway("readonly-workers", one.port, two.port) as g:
        consumers = []
        end = time.monotonic() + 10
        while len(one.conns) < 2 or len(two.conns) < 2:
            assert time.monotonic() < end, "calls of two workers"
            consumers.append(Consumer(g.port))
            for _ in range(4):
                consumers[-1].ask()
        for told in (0, 1):
            one.conns[told].sendall(READONLY)
            time.sleep(0.01)
            before = one.count
            for c in consumers * 8:
                assert (body := c.ask().body) == b"\x91\x03two", (told, body, one.count - before, len(consumers))
            assert one.count == before
            one.conns[told].sendall(WRITEABLE)
            end = time.monotonic() + 10
            while one.count == before:
                assert time.monotonic() < end
                consumers[0].ask()
        one.conns[0].sendall(READONLY)
        two.conns[0].sendall(READONLY)
        time.sleep(0.01)
        assert {c.ask().body for c in consumers * 4} == {b"\x91\x03one", b"\x91\x03two"}, "when all say so, they go on"
    one.stop(), two.stop()


def a_host_that_refuses_connections_costs_no_call():
    """No host has seen the call: it goes to another one."""
    provider = Provider()
    dead = free_ports(2)
    with _gateway("refused", *dead, provider.port) as g, Consumer(g.port) as c:
        for _ in range(12):
            assert c.ask().body == b"\x91\x01p"
    provider.stop()


def a_consumer_that_does_not_read_is_given_up():
    """Its own answers pile up to a limit; then it is closed. Another consumer is served all the while."""
    provider = Provider(size=1 << 20, hold=True)
    with _gateway("slow-consumer", provider.port, args=["--disable-hot-restart", "--concurrency", "1"]) as g, Consumer(g.port) as other, \
            Consumer(g.port, buffer=4096) as slow:
        for _ in range(64):  # 64 MiB of answers, of which none is read
            slow.call()
        calls = provider.take(64)
        provider.hold = False
        for call in calls:
            provider.answer(*call)
        g.wait_for("dubbo.dubbo.response_error_caused_connection_close", 1)
        assert other.ask().status == 20
        g.wait_for("dubbo.dubbo.request_active", 0)
        got = 0
        while more := slow.sock.recv(1 << 20):
            got += len(more)
        assert got < 32 << 20, f"{got >> 20} MiB were kept for it"
    provider.stop()


def a_provider_that_does_not_read_stops_its_consumers_only():
    """What they may send is bounded; calls of others to another provider go on."""
    stuck, free = Provider(reads=False), Provider("free")
    manager = dubbo_manager(SERVICE, {"fire": "stuck", "hello": "free"})
    with Gateway("dubbo-stuck", manager, [cluster("stuck", stuck.port), cluster("free", free.port)], args=["--disable-hot-restart", "--concurrency", "1"]) as g, \
            Consumer(g.port, timeout=1.5) as c, Consumer(g.port) as other:
        sent = 0
        try:
            while sent < 256 << 20:
                c.call("fire", args=("z" * 30000,))
                sent += 30000
        except socket.timeout:
            pass
        assert sent < 64 << 20, f"{sent >> 20} MiB were taken from a consumer whose provider doesn't read"
        assert other.ask().body == b"\x91\x04free"
    stuck.stop(), free.stop()


def one_way_calls_leave_nothing_behind():
    provider = Provider()
    with _gateway("oneway", provider.port) as g, Consumer(g.port) as c:
        for _ in range(50):
            c.call("fire", twoway=False)
        assert c.ask().status == 20
        end = time.monotonic() + 10
        while provider.count < 51:
            assert time.monotonic() < end, provider.count
            time.sleep(0.02)
        assert g.stat("dubbo.dubbo.request_oneway") == 50 and g.stat("dubbo.dubbo.request_active") == 0
        assert g.stat("cluster.up.upstream_rq_active") == 0
    provider.stop()


def draining_says_readonly_and_answers_first():
    provider = Provider(hold=True)
    with _gateway("drain", provider.port) as g, Consumer(g.port) as c:
        c.call()
        (sock, frame), = provider.take(1)
        g.ended = True
        g.proc.send_signal(signal.SIGTERM)
        event = c.read()
        assert event.event and not event.twoway and event.body == b"\x01R", event
        provider.answer(sock, frame)
        assert c.read().body == b"\x91\x01p"
        assert c.read() is None, "closed once nothing is under way"
        assert g.proc.wait(10) == 0
    provider.stop()


def a_failing_health_check_says_readonly_and_writeable():
    """/healthcheck/fail and /ok: to every consumer of every worker at once, also to one that comes meanwhile; all are served all the while."""
    provider = Provider()
    with _gateway("failing", provider.port) as g:
        consumers = [Consumer(g.port) for _ in range(8)]
        for _ in range(2):
            for page, word in (("/healthcheck/fail", b"\x01R"), ("/healthcheck/ok", b"\x01W")):
                g.post(page)
                g.post(page)  # it is said once
                for c in consumers:
                    event = c.read()
                    assert event.event and not event.twoway and event.body == word, (page, event)
                    assert c.ask().body == b"\x91\x01p"
                with Consumer(g.port) as late:
                    late.call()
                    assert word != b"\x01R" or late.read().body == word
                    assert late.read().body == b"\x91\x01p"
        assert g.stat("dubbo.dubbo.response_success") == 4 * 8 + 4
    provider.stop()


def drained_listeners_say_readonly():
    """Gracefully or at once; inbound only: not to those of an outbound listener."""
    provider = Provider()
    for query in ("", "?graceful"):
        with _gateway("drain-listeners", provider.port, args=["--disable-hot-restart", "--drain-strategy", "immediate"]) as g, Consumer(g.port) as c:
            assert c.ask().status == 20
            g.post("/drain_listeners" + query)
            assert c.read().body == b"\x01R" and c.ask().status == 20
            g.post("/healthcheck/fail")
            g.post("/healthcheck/ok")  # doesn't take it back
            assert c.ask().status == 20
    with _gateway("drain-inbound", provider.port, listener={"traffic_direction": "OUTBOUND"}) as g, Consumer(g.port) as c:
        assert c.ask().status == 20
        g.post("/drain_listeners?inboundonly&graceful")
        g.post("/drain_listeners?inboundonly")
        assert c.ask().status == c.ask().status == 20
    provider.stop()


def a_drain_after_a_failing_health_check_ends_the_connection():
    provider = Provider(hold=True)
    with _gateway("fail-drain", provider.port) as g, Consumer(g.port) as c:
        c.call()
        (sock, frame), = provider.take(1)
        g.post("/healthcheck/fail")
        assert c.read().body == b"\x01R"
        g.ended = True
        g.proc.send_signal(signal.SIGTERM)
        provider.answer(sock, frame)
        assert c.read().body == b"\x91\x01p"
        assert c.read() is None, "told once, closed once nothing is under way"
        assert g.proc.wait(10) == 0
    provider.stop()


def a_cluster_may_have_a_connection_for_each_client():
    """connection_pool_per_downstream_connection: nobody else's calls are on it, and it ends with the client's."""
    _connections_are_not_shared(dubbo_manager(SERVICE, {"hello": "up"}), connection_pool_per_downstream_connection=True)


def a_listener_may_have_a_connection_for_each_client():
    """rpc_proxy's `shared: false`."""
    _connections_are_not_shared(rpc_manager("up", shared=False))


def _connections_are_not_shared(manager, **of_cluster):
    provider = Provider()
    with Gateway("dubbo-unshared", manager, [cluster("up", provider.port, **of_cluster)], args=["--disable-hot-restart", "--concurrency", "1"]) as g:
        consumers = [Consumer(g.port) for _ in range(4)]
        provider.hold = True
        for _ in range(3):
            for c in consumers:
                c.call()
        calls = provider.take(12)
        assert len(provider.conns) == len({s for s, _ in calls}) == 4
        assert g.stat("cluster.up.upstream_cx_active") == 4
        mine = {s: [f for other, f in calls if other == s] for s in provider.conns}
        assert all(len(frames) == 3 for frames in mine.values()), "three calls of one consumer each"
        consumers[0].sock.close()
        g.wait_for("cluster.up.upstream_cx_active", 3)
        for call in calls:
            try:
                provider.answer(*call)
            except OSError:
                pass
        for c in consumers[1:]:
            assert [c.read().status for _ in range(3)] == [20] * 3
            c.sock.close()
        g.wait_for("cluster.up.upstream_cx_active", 0)
        assert g.stat("cluster.up.upstream_cx_total") == 4 and g.stat("cluster.up.upstream_rq_active") == 0
    provider.stop()


def calls_follow_a_new_table():
    """Routes are remembered with a call's head; a listener that is replaced must not find those of the old one."""
    one, two = Provider("one"), Provider("two")
    manager = dubbo_manager(SERVICE, {"hello": "one"})
    with tempfile.TemporaryDirectory() as folder:
        lds = Path(folder) / "lds.json"

        def write(to):
            filters = [dubbo_manager(SERVICE, {"hello": to})]
            listener = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "l", "address": address(g.port), "filter_chains": [{"filters": filters}]}
            (Path(folder) / "new").write_text(json.dumps({"resources": [listener]}))
            (Path(folder) / "new").replace(lds)

        g = Gateway("dubbo-new-table", manager, [cluster("one", one.port), cluster("two", two.port)],
                    bootstrap={"dynamic_resources": {"lds_config": {"path_config_source": {"path": str(lds)}}}})
        g.without_listeners()
        write("one")
        with g:
            for n, to in enumerate(("one", "two") * 4):
                if n:
                    write(to)
                    g.wait_for("listener_manager.lds.update_success", n + 1)
                end = time.monotonic() + 10
                while (answer := _try(g.port)) != to:
                    assert time.monotonic() < end, f"{answer}, not {to}"
                for _ in range(8):
                    assert _try(g.port) == to
    one.stop(), two.stop()


def _try(port):
    try:
        with Consumer(port) as c:
            for _ in range(2):
                c.call()
            frames = [f for f in (c.read(), c.read(), ) if f and not f.event]
            return frames[-1].body[2:].decode() if frames else None
    except OSError:
        return None


def message_filters_work_on_calls():
    """local_ratelimit in a Dubbo chain: what is over the limit is an exception that stock consumers don't try again."""
    provider = Provider()
    with _gateway("filters", provider.port, filters=[_limit(2)]) as g, Consumer(g.port) as c:
        answers = [c.ask() for _ in range(4)]
        assert [b"RuntimeException" in a.body for a in answers] == [False, False, True, True], answers
        assert {a.status for a in answers} == {20} and provider.count == 2
    provider.stop()

"""Dubbo frames above 64 KiB go on in parts: what is held of them, what becomes of broken ones, and of those over the limit."""
import collections
import queue
import random
import socket
import struct
import tempfile
import threading
import time
from pathlib import Path

import dubbo as wire
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import SPARING, TYPE, Gateway, cluster, dubbo_manager, rpc_manager

MIB = 1 << 20
LONG = 8 * MIB - 4096
ONE_WORKER = ["--disable-hot-restart", "--concurrency", "1"]
ROUTES = {"none": "empty", "hello|blob": "up"}


def _gateway(name, *ports, **kw):
    return Gateway(f"dubbo-parts-{name}", dubbo_manager(SERVICE, ROUTES), [cluster("up", *ports), cluster("empty")], args=ONE_WORKER, **kw)


def _binary(n):
    """In chunks, as Java writes it; its bytes differ."""
    data = random.Random(n).randbytes(n)
    return b"".join((b"A" if at + 0x8000 < n else b"B") + struct.pack(">H", len(part)) + part
                    for at in range(0, n, 0x8000) for part in [data[at:at + 0x8000]])


BLOB = _binary(LONG)
ANSWER = b"\x91" + BLOB


def _long_call(id, method="blob", blob=BLOB):
    return wire.call(id, interface=SERVICE, method=method, args=[blob], types="[B")


class _Peer(Provider):
    """Calls are answered by the test, one after the other on a connection; of a long answer so much is sent as it says."""

    def __init__(self, **kw):
        self.sends = collections.defaultdict(threading.Lock)
        super().__init__(hold=True, **kw)

    def send(self, sock, frame, body=ANSWER, upto=None):
        try:
            with self.sends[sock]:
                sock.sendall(wire.response(frame.id, body)[:upto])
        except OSError:  # the proxy has given it up, or the check is over
            pass

    def send_later(self, *args, **kw):
        threading.Thread(target=self.send, args=args, kwargs=kw, daemon=True).start()


def long_calls_go_both_ways():
    """Byte for byte, with short ones around them, through one connection of the consumer; also by filters that want all of it."""
    edit = {"name": "edit", "typed_config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {
        "request_mutations": [{"append": {"header": {"key": "k", "value": "v"}}}]}}}
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    for name, manager in (("plain", dubbo_manager(SERVICE, ROUTES)), ("stream", rpc_manager("up", measure_call_times=True)),
                          ("edited", rpc_manager("up", http_filters=[edit, router]))):
        provider = _Peer()
        with Gateway(f"dubbo-parts-{name}", manager, [cluster("up", provider.port), cluster("empty")], args=ONE_WORKER) as g, Consumer(g.port, timeout=30) as c:
            for n in range(3):
                c.call()
                sender = threading.Thread(target=c.sock.sendall, args=(_long_call(100 + n),))
                sender.start()
                calls = provider.take(2)
                sender.join()
                long = next(f for _, f in calls if len(f.body) > MIB)
                assert BLOB in long.body and (name == "edited") == (b"\x01k\x01v" in long.body), name
                for sock, frame in calls:
                    provider.send_later(sock, frame, ANSWER if frame is long else b"\x91\x01p")
                answers = {f.id: f.body for f in (c.read(), c.read())}
                assert answers == {c.last: b"\x91\x01p", 100 + n: ANSWER}, (name, {k: len(v) for k, v in answers.items()})
            scope = "dubbo.dubbo" if name == "plain" else "rpc.dubbo"
            assert g.stat(f"{scope}.response_success") == g.stat(f"{scope}.request") == 6
            assert g.stat(f"{scope}.request_active") == g.stat("cluster.up.upstream_rq_active") == 0
        provider.stop()


def little_is_held_for_a_slow_reader():
    """Less than 256 KiB each; their other calls, and those of others, go on."""
    provider, slow = _Peer(buffer=16384), []
    with _gateway("reader", provider.port, environment=SPARING) as g, Consumer(g.port, timeout=30) as other:
        other.call()
        provider.send(*provider.take(1)[0], b"\x91\x01p")
        assert other.read().status == 20
        before = g.memory_kb()
        for n in range(16):
            c = Consumer(g.port, buffer=16384, timeout=30)
            slow.append(c)
            c.call()
            (sock, frame), = provider.take(1)
            provider.send_later(sock, frame)
            g.wait_for("cluster.up.upstream_rq_active", n + 1)
            g.wait_for("dubbo.dubbo.response", 2 * n + 2)  # it has begun
            other.call()
            provider.send(*provider.take(1)[0], b"\x91\x01p")
            assert other.read().status == 20
        held = (g.memory_kb() - before) / 16
        assert held < 256 + 64, f"{held:.0f} KiB for each"  # with its three sockets' objects, and a sanitizer's
        for c in slow:
            assert c.read().body == ANSWER
            assert c.call() and provider.send(*provider.take(1)[0], b"\x91\x01p") is None and c.read().body == b"\x91\x01p"
        g.wait_for("dubbo.dubbo.request_active", 0)
    provider.stop()


def little_is_held_for_a_slow_provider():
    """Less than 256 KiB of each request; what was called before on the same connection is answered meanwhile."""
    provider, stuck = _Peer(), _Peer(reads=False, buffer=16384)
    routes = {"blob": "stuck", "hello": "up"}
    with Gateway("dubbo-parts-provider", dubbo_manager(SERVICE, routes), [cluster("up", provider.port), cluster("stuck", stuck.port)], args=ONE_WORKER,
                 environment=SPARING) as g:
        consumers = [Consumer(g.port, timeout=60) for _ in range(16)]
        before = g.memory_kb()
        for c in consumers:
            c.call()
            threading.Thread(target=c.sock.sendall, args=(_long_call(c.last + 1),), daemon=True).start()
        for _ in consumers:
            provider.send(*provider.take(1)[0], b"\x91\x01p")
        for c in consumers:
            assert c.read().body == b"\x91\x01p"
        g.wait_for("cluster.stuck.upstream_flow_control_backed_up_total", 16)
        held = (g.memory_kb() - before) / 16
        assert held < 256 + 64, f"{held:.0f} KiB for each"
        assert len(stuck.conns) == 16
        for sock in stuck.conns:
            threading.Thread(target=stuck.serve, args=(sock,), daemon=True).start()
        for _ in consumers:
            sock, frame = stuck.take(1)[0]
            assert BLOB in frame.body
            stuck.send(sock, frame, b"\x91\x04long")
        for c in consumers:
            frame = c.read()
            assert frame.id == c.last + 1 and frame.body == b"\x91\x04long"
    provider.stop()
    stuck.stop()


def a_provider_that_goes_in_the_middle_of_an_answer_breaks_that_call():
    """Its caller finds it broken; the others, before and behind it, are whole, and no connection of a consumer ends."""
    for upto in (MIB, len(ANSWER) + 15):
        provider = _Peer()
        with _gateway("broken", provider.port) as g, Consumer(g.port, timeout=30) as c:
            frames = queue.Queue()
            threading.Thread(target=lambda: [frames.put(c.read()) for _ in range(3)], daemon=True).start()
            c.call()
            (sock, frame), = provider.take(1)
            provider.send(sock, frame, upto=upto)
            g.wait_for("dubbo.dubbo.response", 1)
            c.call()
            (short_sock, short), = provider.take(1)
            assert short_sock is not sock, "the connection is taken"
            provider.send(short_sock, short, b"\x91\x01p")
            sock.shutdown(socket.SHUT_RDWR)
            broken, whole = frames.get(timeout=20), frames.get(timeout=20)
            assert broken.id == 1 and broken.status == 20 and len(broken.body) == len(ANSWER) and broken.body.endswith(b"E" * 65536)
            assert broken.body[:upto - 66000] == ANSWER[:upto - 66000]
            assert whole.id == 2 and whole.body == b"\x91\x01p"
            c.call()
            provider.send(*provider.take(1)[0], b"\x91\x01p")
            assert frames.get(timeout=20).id == 3 and g.stat("dubbo.dubbo.request_active") == 0
        provider.stop()


def a_provider_that_goes_in_the_middle_of_a_request_is_a_lost_connection():
    provider = _Peer(reads=False, buffer=16384)
    with _gateway("lost", provider.port) as g, Consumer(g.port, timeout=30) as c:
        sender = threading.Thread(target=c.sock.sendall, args=(_long_call(1),))
        sender.start()
        g.wait_for("cluster.up.upstream_flow_control_backed_up_total", 1)
        provider.conns[0].close()
        frame = c.read()
        assert frame.id == 1 and frame.status == 35, frame
        sender.join()
        provider.reads = True
        c.last = 1
        c.call()
        provider.send(*provider.take(1)[0], b"\x91\x01p")
        assert c.read().body == b"\x91\x01p"
    provider.stop()


def a_consumer_that_goes_in_the_middle_takes_nobody_with_it():
    """Its half request reaches no provider's service, its half answer keeps no connection."""
    provider = _Peer()
    with _gateway("gone", provider.port) as g, Consumer(g.port, timeout=30) as other:
        with Consumer(g.port) as c:
            c.sock.sendall(_long_call(1)[:MIB])
            g.wait_for("cluster.up.upstream_rq_active", 1)
        g.wait_for("cluster.up.upstream_rq_active", 0)
        g.wait_for("cluster.up.upstream_cx_active", 0)
        assert provider.take(1)[0][1].body is None, "a whole call"
        with Consumer(g.port, buffer=16384) as c:
            c.call()
            provider.send_later(*provider.take(1)[0])
            g.wait_for("dubbo.dubbo.response", 1)
        g.wait_for("cluster.up.upstream_rq_active", 0)
        other.call()
        provider.send(*provider.take(1)[0], b"\x91\x01p")
        assert other.read().body == b"\x91\x01p" and provider.count == 3
    provider.stop()


def a_call_without_a_host_is_answered_before_its_end():
    """What is still to come of it is dropped."""
    provider = _Peer()
    with _gateway("answered", provider.port) as g, Consumer(g.port, timeout=30) as c:
        for status, method in ((80, "none"), (20, "other")):
            c.last += 1
            c.sock.sendall(_long_call(c.last, method))
            frame = c.read()
            assert frame.id == c.last and frame.status == status, frame
        c.call()
        provider.send(*provider.take(1)[0], b"\x91\x01p")
        assert c.read().body == b"\x91\x01p"
        assert g.stat("dubbo.dubbo.request") == 3
    provider.stop()


def frames_over_the_limit_cost_their_call_only():
    """Of a request and of an answer: an exception that isn't tried again, a flag in the log, a stat; the connections stay."""
    provider = _Peer()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        access = [{"name": "file", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(log),
                   "log_format": {"text_format_source": {"inline_string": "%REQ(:PATH)% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"}}}}]
        for n, (name, manager) in enumerate((("plain", dubbo_manager(SERVICE, ROUTES)), ("logged", rpc_manager("up", access_log=access)))):
            with Gateway(f"dubbo-parts-limit-{name}", manager, [cluster("up", provider.port), cluster("empty")], args=ONE_WORKER) as g, \
                    Consumer(g.port, timeout=30) as c:
                c.sock.sendall(_long_call(1, blob=_binary(9 * MIB)))
                frame = c.read()
                assert frame.id == 1 and frame.status == 20 and b"java.lang.RuntimeException" in frame.body and b"larger than" in frame.body, frame
                c.last = 1
                for _ in range(2):
                    c.call()
                    c.call("blob")
                    calls = provider.take(2)
                    provider.send(*calls[1], b"\x91" + _binary(9 * MIB))
                    provider.send(*calls[0], b"\x91\x01p")
                    answers = {f.id: f.body for f in (c.read(), c.read())}
                    assert answers[c.last - 1] == b"\x91\x01p" and b"larger than" in answers[c.last], answers
                assert len(provider.conns) == n + 1
                scope = "dubbo.dubbo" if name == "plain" else "rpc.dubbo"
                assert g.stat(f"{scope}.request_over_limit") == 1 and g.stat("cluster.up.upstream_rq_answer_over_limit") == 2
        lines = log.read_text().splitlines()
        assert lines.count("/a.Svc/blob DPE rpc_call_over_limit") == 1 and lines.count("/a.Svc/blob UPE rpc_answer_over_limit") == 2, lines
    provider.stop()


def a_consumer_over_its_cap_is_flagged():
    """Those of its calls that were open then."""
    provider = _Peer()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        access = [{"name": "file", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(log),
                   "log_format": {"text_format_source": {"inline_string": "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n"}}}}]
        with Gateway("dubbo-parts-cap", rpc_manager("up", access_log=access), [cluster("up", provider.port)], args=ONE_WORKER) as g, \
                Consumer(g.port, buffer=4096) as slow:
            for _ in range(64):
                slow.call()
            for call in provider.take(64):
                provider.send(*call, b"\x91" + _binary(MIB))
            g.wait_for("rpc.dubbo.response_error_caused_connection_close", 1)
            g.wait_for("rpc.dubbo.request_active", 0)
        assert log.read_text().splitlines().count("OM downstream_output_over_cap") > 20
    provider.stop()


def both_limits_are_options():
    """What is so long that it goes in parts, by a connection of its own; what a consumer may leave unread."""
    for over, count in ((None, 2), (MIB, 1)):
        provider = _Peer()
        with Gateway("dubbo-parts-over", rpc_manager("up", use_caller_timeout=False, **({"stream_requests_over_bytes": over} if over else {})), [cluster("up", provider.port)], args=ONE_WORKER) as g, \
                Consumer(g.port, timeout=30) as c:
            c.call()
            c.sock.sendall(_long_call(2, blob=_binary(400_000)))
            calls = provider.take(2)
            assert len(provider.conns) == count, (over, len(provider.conns))
            for sock, frame in calls:
                provider.send(sock, frame, b"\x91\x01p")
            assert {c.read().id, c.read().id} == {1, 2}
        provider.stop()
    provider, kept = _Peer(), []
    for cap in (MIB, 24 * MIB):
        with Gateway("dubbo-parts-unread", rpc_manager("up", max_unread_bytes=cap), [cluster("up", provider.port)], args=ONE_WORKER) as g, Consumer(g.port, buffer=4096) as slow:
            for _ in range(64):
                slow.call()
            for call in provider.take(64):
                provider.send(*call, b"\x91" + _binary(MIB))
            g.wait_for("rpc.dubbo.response_error_caused_connection_close", 1)
            g.wait_for("rpc.dubbo.request_active", 0)
            kept.append(g.stat("rpc.dubbo.response"))  # of 1 MiB each: the kernel takes some, too
    assert kept[0] + 12 < kept[1] < 48, kept
    provider.stop()

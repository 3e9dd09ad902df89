"""Dubbo consumers while connections to their providers are killed, and while an outrigger asks them to leave."""
import json
import re
import signal
import socket
import struct
import subprocess
import time

import dubbo as wire
from chaos import Chaos, Relay, established, wait_until
from dubbo_peer import READONLY, WRITEABLE, Consumer
from dubbo_peer import Provider as FakeProvider
from gateway import TYPE, Gateway, address, cluster, dubbo_manager, rpc_manager
from java_peers import SERVICE, Steady, build, command, consumer, shared
from ports import free_ports

# what both lines make of status 35: a network exception with the proxy's words
SO_TIMESTAMPNS = 35
IDEMPOTENT = "sayHello", "placeOrder"  # two of the five kinds of call that are mixed
LOST = r"org\.apache\.dubbo\.rpc\.RpcException code 1: Failed to invoke .*reset reason: connection termination"


def _ten_percent_are_killed(module):
    """Only calls that a provider may have seen fail, none of a method that is listed as idempotent, each with what the SDK makes of status 35; the consumer
    keeps its connection."""
    manager = rpc_manager("up", idempotent_methods=[{"exact": f"{SERVICE}/{method}"} for method in IDEMPOTENT])
    a, b = shared("a", "b", module=module)
    relays = Relay(a.port, 1), Relay(b.port, 2)
    with Gateway(f"interop-chaos-{module}", manager, [cluster("up", *(r.port for r in relays))]) as g, \
            Steady(g.port, seconds=8, rate=300, module=module, extra=("--method", "mixed", "--timeout", "20000")) as steady:
        wait_until(lambda: g.stat("rpc.dubbo.response_success") > 100, "the calls don't begin", 60)
        connections = established(g.port)
        with Chaos(*relays) as chaos:
            wait_until(lambda: (chaos.killed >= 10 and g.stat("rpc.dubbo.response_success") > 1500) or not steady.lives(), "calls", 60)
        assert established(g.port) == connections and len(connections) == 1, "the consumer's connection"
        calls, failures, out = steady.finish()
        answered = g.stat("rpc.dubbo.local_response_business_exception")
        destroyed = [g.stat(f"rpc.dubbo.cx_destroy_{side}_with_active_rq") for side in ("local", "remote")]
        for r in relays:
            r.stop()
    errors = re.findall(r"^error x(\d+) (.*)$", out, re.M)
    strange = [what for _, what in errors if not re.match(LOST, what) or re.search(r"method:? ({})\b".format("|".join(IDEMPOTENT)), what)]
    assert not strange and sum(int(n) for n, _ in errors) == failures, (strange[:2], failures)
    assert calls == 2400 and chaos.killed >= 10, (calls, chaos.killed)
    assert failures == answered and 0 < failures <= chaos.lost + 16 * chaos.killed and destroyed == [0, 0], (failures, answered, chaos.lost, destroyed)
    return f"{chaos.killed} connections killed with {chaos.lost} calls on them, {failures} failed"


def ten_percent_of_connections_are_killed_3():
    return _ten_percent_are_killed("dubbo3")


def ten_percent_of_connections_are_killed_2_7():
    return _ten_percent_are_killed("dubbo27")


# what goes in parts is kept by nobody, so that it can't go again; a one-way call is gone with its connection
KINDS = ("sayHello,add,placeOrder,placeOrderNull,failChecked,failRuntime,slow,touch,echoAttachment,attachments,responseAttachment,echo,sum,"
         "genericAdd,genericOrder,next,times,genericFail,async")


def _every_kind_outlives_its_provider(module):
    """All that isn't long, while 10 % of the connections are killed: where a call may go again none fails."""
    manager = rpc_manager("up", idempotent_methods=[{"prefix": f"{SERVICE}/"}])
    a, b = shared("a", "b", module=module)
    relays = Relay(a.port, 1), Relay(b.port, 2)
    with Gateway(f"interop-chaos-kinds-{module}", manager, [cluster("up", *(r.port for r in relays))]) as g:
        with Chaos(*relays) as chaos:
            passed, failed, out = consumer(g.port, "--attach", "x-tag=blue", "--method", KINDS, "--count", 60, "--concurrency", 8, "--timeout", 20000, module=module)
        for r in relays:
            r.stop()
        assert (passed, failed) == (60 * len(KINDS.split(",")), 0), out[-1500:]
        assert chaos.killed >= 5 and chaos.lost, (chaos.killed, chaos.lost)
        assert g.stat("listener.127.0.0.1_%d.downstream_cx_total" % g.port) <= 2, "the consumer's connection, and its generic reference's"
    return f"{chaos.killed} connections killed with {chaos.lost} calls on them"


def every_kind_outlives_its_provider_3():
    return _every_kind_outlives_its_provider("dubbo3")


def every_kind_outlives_its_provider_2_7():
    return _every_kind_outlives_its_provider("dubbo27")


# --- rows of what the proxy answers itself: one listener each, so that tries can be counted

def _http_filter(name, message, **fields):
    return {"name": name, "config": {"@type": TYPE + f"http.{message}", **fields}}


LIMIT = _http_filter("limit", "local_ratelimit.v3.LocalRateLimit", stat_prefix="calls",
                     token_bucket={"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "3600s"},
                     filter_enabled={"default_value": {"numerator": 100}}, filter_enforced={"default_value": {"numerator": 100}})
DENY = _http_filter("deny", "rbac.v3.RBAC", rules={"action": "DENY", "policies": {"all": {"permissions": [{"any": True}], "principals": [{"any": True}]}}})


def _block(kind, **rule):
    """Sentinel with one rule, an application for each."""
    resource = {} if kind == "system" else {"resource": f"{SERVICE}:sayHello(java.lang.String)"}
    return {"name": "sentinel", "config": {"@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "application": kind, "operations": {
        "disable_metric_log": True, "disable_block_log": True, "disable_command_centre": True}, "rules": {kind: [{"inline_string": json.dumps([{**resource, **rule}])}]}}}


RUNTIME, RPC = "java.lang.RuntimeException", "org.apache.dubbo.rpc.RpcException"

# name: (cluster, filters, class, code, words of the message, tries of the consumer, calls that reach a provider)
ROWS = {
    "fine": ("fine", (), None, "", "hello w", 1, 1),
    "limited": ("fine", (LIMIT,), RUNTIME, "", "local_rate_limited", 1, 0),
    "denied": ("fine", (DENY,), RUNTIME, "", "RBAC: access denied", 1, 0),
    "blocked": ("fine", (_block("flow", count=0),), RUNTIME, "", "SentinelBlockException: FlowException", 1, 0),
    "hot": ("fine", (_block("param_flow", paramIdx=0, count=0),), RUNTIME, "", "SentinelBlockException: ParamFlowException", 1, 0),
    "system": ("fine", (_block("system", qps=0),), RUNTIME, "", "SentinelBlockException: SystemBlockException", 1, 0),
    "authority": ("fine", (_block("authority", strategy=1, limitApp="bad"),), RUNTIME, "", "SentinelBlockException: AuthorityException", 1, 0),
    "unrouted": (None, (), RUNTIME, "", "no route for demo.api.DemoService.sayHello", 1, 0),
    "unknown": ("nobody", (), RUNTIME, "", "unknown cluster 'nobody'", 1, 0),
    "empty": ("empty", (), RPC, "code 1", "no healthy upstream for 'empty'", 3, 0),
    "refused": ("refused", (), RPC, "code 1", "connection failure", 3, 0),
    "full": ("full", (), RPC, "code 1", "overflow", 3, 0),
    "lost": ("lost", (), RPC, "code 1", "connection termination", 3, 3),
    "broken": ("broken", (), RPC, "code 1", "HessianProtocolException: expected string at 0x45", 3, 3),
    "late": ("mute", (), RPC, "code 2", "upstream request timeout", 3, 3),
    "undecodable": ("fine", (), RPC, "code 1", "Tried 3 times of the providers", 3, 0),
    "contradicting": ("fine", (), RUNTIME, "", "the call's attachments contradict its fields", 1, 0),
}
# what is called, where it isn't sayHello: a generic call of no method; another interface in the frame's field than the one that Java dispatches on; by whom
CALLED = {"undecodable": "nameless", "contradicting": "sayHello/interface=evil.Service", "authority": "sayHello/dubboApplication=bad"}


# without it 2.7 takes several addresses for registries
CLUSTER_OF = {"dubbo3": (), "dubbo27": ("--param", "cluster=failover")}


class _Ends(FakeProvider):
    """Ends the connection at every call."""

    def answer(self, sock, frame, text=None):
        sock.shutdown(socket.SHUT_RDWR)


class _Breaks(FakeProvider):
    """Ends the connection in the middle of an answer that is too long to be held."""

    def answer(self, sock, frame, text=None):
        body = b"\x91" + (b"R\x80\x00" + b"x" * 2 ** 15) * 31 + wire.string("x" * 2 ** 15)
        sock.sendall(wire.response(frame.id, body)[:2 ** 19])
        sock.shutdown(socket.SHUT_RDWR)


class _Mute(FakeProvider):
    def answer(self, sock, frame, text=None):
        pass


def _row_listener(name, n, port):
    to, filters, *_ = ROWS[name]
    if name in ("late", "contradicting"):
        manager = rpc_manager(to, **({"request_timeout": "0.3s"} if name == "late" else {"strict_attachments": True}))
    else:
        manager = dubbo_manager(SERVICE, {".*": to} if to else {"nothing": "fine"})
        manager["typed_config"]["dubbo_filters"] = [*filters, {"name": "envoy.filters.dubbo.router"}]
    manager["typed_config"]["stat_prefix"] = name
    return {"name": f"{name}-{n}", "address": address(port), "filter_chains": [{"filters": [manager]}]}


def _what_consumers_see(module, rows=tuple(ROWS), *more):
    """Class, code and message of the exception, and how often a provider was reached. The consumer has two addresses, without which 2.7 never tries again,
    and makes the retries that Dubbo makes by itself. more: further options of it."""
    build()
    fine, lost, mute, broken = [FakeProvider("hello w") for _ in range(2)], [_Ends(), _Ends()], [_Mute(), _Mute()], [_Breaks(), _Breaks()]
    dead, free = free_ports(2), free_ports(2 * len(rows))
    ports = dict(zip(rows, zip(free[::2], free[1::2])))
    clusters = [cluster("fine", *(p.port for p in fine)), cluster("lost", *(p.port for p in lost)), cluster("mute", *(p.port for p in mute)),
                cluster("broken", *(p.port for p in broken)),
                cluster("refused", *dead), cluster("empty"),
                cluster("full", *(p.port for p in fine), circuit_breakers={"thresholds": [{"max_requests": 0}]})]
    g = Gateway(f"interop-rows-{module}{len(rows)}", None, clusters)
    g.bootstrap["static_resources"]["listeners"] = [_row_listener(name, n, port) for name, pair in ports.items() for n, port in enumerate(pair)]
    g.write()
    with g:
        for port in ports["limited"]:
            with Consumer(port) as c:  # takes the one token
                c.call()
                c.read()
        r = subprocess.run(command(module, "demo.dubbo.Refusals", *(a for name in rows for a in ("--case", "{}={},{}/{}".format(name, *ports[name], CALLED.get(name, "sayHello")))), *CLUSTER_OF[module], *more),
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        seen = {line.split("|")[0]: line.split("|")[1:] for line in r.stdout.splitlines() if "|" in line}
        wrong = []
        for name in rows:
            _, _, kind, code, words, tries, _ = ROWS[name]
            got = seen.get(name, ["", "", ""])
            made = g.stat(f"dubbo.{name}.request") + g.stat(f"rpc.{name}.request") + g.stat(f"dubbo.{name}.request_decoding_error") - 2 * (name == "limited")
            if (got[0], *got[1:2]) != ((kind, code) if kind else ("ok", "hello w")) or (kind and words not in got[2]) or made != tries:
                wrong.append((name, got, made))
        assert not wrong, [(n, [t[:200] + " … " + t[max(t.find("cause:"), 200):][:400] for t in got], made) for n, got, made in wrong]
        hits = [sum(ROWS[name][-1] for name in rows if ROWS[name][0] == to) for to in ("fine", "lost", "mute", "broken")]
        assert [sum(p.count for p in group) for group in (fine, lost, mute, broken)] == hits, [[p.count for p in group] for group in (fine, lost, mute, broken)]
    for p in fine + lost + mute + broken:
        p.stop()


def what_consumers_see_3():
    _what_consumers_see("dubbo3")


def what_consumers_see_2_7():
    _what_consumers_see("dubbo27")


def what_consumers_of_fastjson2_see():
    """The same, in their own serialization: exceptions that aren't tried again, and texts. (What reaches a provider here is answered in Hessian2; arguments aren't read.)"""
    rows = [name for name, row in ROWS.items() if not row[-1] and name not in ("undecodable", "hot")]
    assert len(rows) > 10
    _what_consumers_see("dubbo3", rows, "--serialization", "fastjson2")


# --- an outrigger that asks its consumers to leave


def _requests(g):
    return g.stat("dubbo.dubbo.request")


def _gets_calls(g, wanted):
    """Whether calls come (or come no more, once those under way are in): asked for half a second."""
    before = _requests(g)
    time.sleep(0.5)
    return (_requests(g) > before) == wanted


def a_consumer_leaves_an_outrigger_that_drains_and_comes_back():
    """Two addresses, no retries, 200 calls a second: none fails while one of them fails its health check, is well again, drains its listeners, ends."""
    provider = FakeProvider("hello w\u00f6rld")
    manager = dubbo_manager(SERVICE, {".*": "up"})
    with Gateway("interop-leave-a", manager, [cluster("up", provider.port)]) as a, Gateway("interop-leave-b", manager, [cluster("up", provider.port)], args=["--disable-hot-restart", "--drain-strategy", "immediate"]) as b, \
            Steady(a.port, b.port, seconds=14) as steady:
        wait_until(lambda: _requests(a) > 100 and _requests(b) > 100, "the calls don't begin", 60)
        a.post("/healthcheck/fail")
        time.sleep(0.1)  # the consumer's turn
        assert _gets_calls(a, False) and _gets_calls(b, True)
        a.post("/healthcheck/ok")
        wait_until(lambda: _gets_calls(a, True), "WRITEABLE brings it back", 5)
        b.post("/drain_listeners?graceful")
        time.sleep(0.1)
        assert _gets_calls(b, False) and _gets_calls(a, True)
        b.ended = True
        b.proc.send_signal(signal.SIGTERM)
        assert b.proc.wait(20) == 0
        assert _gets_calls(a, True)
        calls, failures, out = steady.finish()
        assert (calls, failures) == (2800, 0), out[-1500:]
    provider.stop()


def a_consumer_leaves_an_outrigger_that_gets_sigterm():
    """For a provider that speaks to it directly: the same two addresses, one of them behind outrigger."""
    a, = shared("a")
    with Gateway("interop-leave-term", dubbo_manager(SERVICE, {".*": "up"}), [cluster("up", a.port)]) as g, Steady(g.port, a.port, seconds=8) as steady:
        wait_until(lambda: _requests(g) > 200, "the calls don't begin", 60)
        g.ended = True
        g.proc.send_signal(signal.SIGTERM)
        assert g.proc.wait(20) == 0
        calls, failures, out = steady.finish()
        assert (calls, failures) == (1600, 0), out[-1500:]


# --- a provider that asks its callers to leave


class _Stamped(FakeProvider):
    """Notes when the kernel got each read's bytes, of which the last call is one."""

    def __init__(self, name):
        self.calls_at = []
        super().__init__(name)

    def serve(self, sock):
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        rest = b""
        try:
            while True:
                data, notes, *_ = sock.recvmsg(1 << 16, 64)
                if not data:
                    return
                rest += data
                at = time.time_ns()  # of bytes that came before the option was set
                for _, kind, stamp in notes:
                    if kind == SO_TIMESTAMPNS:
                        seconds, ns = struct.unpack("qq", stamp)
                        at = seconds * 10**9 + ns
                while len(rest) >= 16 and len(rest) >= (n := 16 + int.from_bytes(rest[12:16], "big")):
                    frame, rest = wire.Frame(rest[2], rest[3], int.from_bytes(rest[4:12], "big"), rest[16:n]), rest[n:]
                    if not frame.event:
                        self.calls_at.append(at)
                        self.answer(sock, frame)
        except OSError:
            pass


def a_provider_that_says_readonly_gets_no_call_10_ms_later():
    """1,000 calls a second of a Java consumer, two providers, of which one says READONLY and WRITEABLE again and again: by the kernel's clock."""
    one, two = _Stamped("hello w\u00f6rld"), FakeProvider("hello w\u00f6rld")
    late = []
    with Gateway("interop-readonly", dubbo_manager(SERVICE, {".*": "up"}), [cluster("up", one.port, two.port)]) as g, \
            Steady(g.port, seconds=8, rate=1000) as steady:
        for _ in range(20):
            seen = len(one.calls_at)
            wait_until(lambda: len(one.calls_at) > seen + 20, "the calls don't begin", 60)
            before = two.count
            one.conns[0].sendall(READONLY)
            said = time.time_ns()
            wait_until(lambda: two.count > before + 40, "calls go to the other one", 10)
            late.append(max([at - said for at in one.calls_at if at > said], default=0) / 1e6)
            one.conns[0].sendall(WRITEABLE)
        calls, failures, out = steady.finish()
        assert (calls, failures) == (8000, 0), out[-800:]
        assert sorted(late)[-2] < 10, late
    one.stop(), two.stop()
    return f"the last call came {max(late):.2f} ms after"

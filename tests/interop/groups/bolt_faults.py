"""SOFA RPC consumers while connections to their providers are killed, and what they see of each answer of the proxy's own."""
import json
import re
import socket
import subprocess

import bolt_peer
import java_peers
from chaos import Chaos, Relay, established, wait_until
from gateway import TYPE, Gateway, address, cluster
from java_peers import SERVICE, Providers
from ports import free_ports
from sofa_peers import Steady, consumer, manager, provider, rpc_manager, shared

LOST = r"java\.lang\.Exception: (add|repeat|echoAttachment) got com\.alipay\.sofa\.rpc\.core\.exception\.SofaRpcException: \S+ConnectionClosedException: Connection closed!"
IDEMPOTENT = "sayHello", "placeOrder"  # two of the five kinds of call that are mixed


def a_killed_provider_fails_its_open_calls_only():
    """Two providers, one is killed under load; the consumer doesn't retry. Its connection stays."""
    checks = [{"timeout": "1s", "interval": "0.2s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp_health_check": {}}]
    with Providers(provider("k"), provider("l")) as (a, b), \
            Gateway("interop-bolt-kill", manager(), [cluster("up", a.port, b.port, health_checks=checks)]) as g, Steady(g.port, seconds=6) as steady:
        wait_until(lambda: a.calls() > 300 or not steady.lives(), "the calls don't begin", 60)
        a.kill()
        at_kill = b.calls()
        calls, failures, out = steady.finish()
        assert calls == 1200 and failures <= 16, out[-800:]
        assert b.calls() - at_kill > 300, "the calls after the kill did not reach the other provider"
        assert g.stat("listener.127.0.0.1_%d.downstream_cx_total" % g.port) <= 2, "the consumer's connection was closed"
        return f"{failures} of {calls} failed"


def ten_percent_of_connections_are_killed():
    """Only calls that a provider may have seen fail, none of a method that is listed as idempotent, each with what the SDK makes of status 16; the consumer keeps its
    connection."""
    routes = rpc_manager(idempotent_methods=[{"exact": f"{SERVICE}/{method}"} for method in IDEMPOTENT])
    a, b = shared("a", "b", args=("--quiet",))
    relays = Relay(a.port, 1, bolt_peer.Frames), Relay(b.port, 2, bolt_peer.Frames)
    with Gateway("interop-bolt-chaos", routes, [cluster("up", *(r.port for r in relays))]) as g, \
            Steady(g.port, seconds=8, rate=300, extra=("--method", "mixed", "--timeout", "20000")) as steady:
        wait_until(lambda: g.stat("rpc.rpc.response_success") > 100, "the calls don't begin", 60)
        connections = established(g.port)
        with Chaos(*relays) as chaos:
            wait_until(lambda: (chaos.killed >= 10 and g.stat("rpc.rpc.response_success") > 1500) or not steady.lives(), "calls", 60)
        assert established(g.port) == connections and len(connections) == 1, "the consumer's connection"
        calls, failures, out = steady.finish()
        answered = g.stat("rpc.rpc.local_response_business_exception")
        destroyed = [g.stat(f"rpc.rpc.cx_destroy_{side}_with_active_rq") for side in ("local", "remote")]
        for r in relays:
            r.stop()
    errors = re.findall(r"^error x(\d+) (.*)$", out, re.M)
    strange = [what for _, what in errors if not re.match(LOST, what)]
    assert not strange and sum(int(n) for n, _ in errors) == failures, (strange[:2], failures)
    assert calls == 2400 and chaos.killed >= 10, (calls, chaos.killed)
    assert failures == answered and 0 < failures <= chaos.lost + 16 * chaos.killed and destroyed == [0, 0], (failures, answered, chaos.lost, destroyed)
    return f"{chaos.killed} connections killed with {chaos.lost} calls on them, {failures} failed"


# a one-way call is gone with its connection
KINDS = ("sayHello,add,placeOrder,placeOrderNull,failChecked,failRuntime,slow,touch,echoAttachment,attachments,responseAttachment,echo,sum,large,largeResponse,"
         "next,times,reverse,genericAdd")


def every_kind_outlives_its_provider():
    """While 10 % of the connections are killed: where a call may go again none fails."""
    a, b = shared("a", "b")
    relays = Relay(a.port, 1, bolt_peer.Frames), Relay(b.port, 2, bolt_peer.Frames)
    with Gateway("interop-bolt-chaos-kinds", rpc_manager(idempotent_methods=[{"prefix": f"{SERVICE}/"}]), [cluster("up", *(r.port for r in relays))]) as g:
        with Chaos(*relays) as chaos:
            passed, failed, out = consumer(g.port, "--attach", "x-tag=blue", "--method", KINDS, "--count", "60", "--concurrency", "8", "--timeout", "20000")
        for r in relays:
            r.stop()
        assert (passed, failed) == (60 * len(KINDS.split(",")), 0), out[-1500:]
        assert chaos.killed >= 5 and chaos.lost, (chaos.killed, chaos.lost)
    return f"{chaos.killed} connections killed with {chaos.lost} calls on them"


# --- rows of what the proxy answers itself: two listeners each, so that tries can be counted

def _http_filter(name, message, **fields):
    return {"name": name, "config": {"@type": TYPE + f"http.{message}", **fields}}


LIMIT = _http_filter("limit", "local_ratelimit.v3.LocalRateLimit", stat_prefix="calls",
                     token_bucket={"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "3600s"},
                     filter_enabled={"default_value": {"numerator": 100}}, filter_enforced={"default_value": {"numerator": 100}})
DENY = _http_filter("deny", "rbac.v3.RBAC", rules={"action": "DENY", "policies": {"all": {"permissions": [{"any": True}], "principals": [{"any": True}]}}})
BLOCK = {"name": "sentinel", "config": {"@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "operations": {
    "disable_metric_log": True, "disable_block_log": True, "disable_command_centre": True}, "rules": {
        "flow": [{"inline_string": json.dumps([{"resource": f"{SERVICE}#sayHello(java.lang.String)", "count": 0}])}]}}}
RPC = "com.alipay.sofa.rpc.core.exception.SofaRpcException"
TIMEOUT = "com.alipay.sofa.rpc.core.exception.SofaTimeOutException"

# name: (cluster, filters, method, class, words of the message, tries of a consumer that may try twice more, of which reach a provider)
ROWS = {
    "fine": ("fine", (), "sayHello", None, "hello w", 1, 1),
    "limited": ("fine", (LIMIT,), "sayHello", RPC, "local_rate_limited", 1, 0),
    "denied": ("fine", (DENY,), "sayHello", RPC, "RBAC: access denied", 1, 0),
    "blocked": ("fine", (BLOCK,), "sayHello", RPC, "SentinelBlockException: FlowException", 1, 0),
    "unrouted": (None, (), "sayHello", RPC, "no route for demo.api.DemoService.sayHello", 1, 0),
    "unknown": ("nobody", (), "sayHello", RPC, "unknown cluster 'nobody'", 1, 0),
    "empty": ("empty", (), "sayHello", RPC, "InvokeServerBusyException", 3, 0),
    "refused": ("refused", (), "sayHello", RPC, "InvokeServerBusyException", 3, 0),
    "full": ("full", (), "sayHello", RPC, "InvokeServerBusyException", 3, 0),
    "lost": ("lost", (), "sayHello", RPC, "ConnectionClosedException", 1, 1),
    "late": ("mute", (), "sayHello", TIMEOUT, "InvokeTimeoutException: Rpc invocation timeout[responseCommand TIMEOUT]", 3, 3),
    "undecodable": ("fine", (), "slashed", RPC, "CodecException", 1, 0),
}


def _row_listener(name, n, port):
    to, filters, *_ = ROWS[name.rstrip("+")]
    if to == "mute":
        m = rpc_manager(request_timeout="0.3s", rpc_route_config={"name": "r", "services": [{"name": "s", "interface": SERVICE, "routes": [
            {"name": "all", "match": {}, "route": {"cluster": to}}]}]}, stat_prefix=name)
    else:
        m = manager({".*": to} if to else {"nothing": "fine"}, filters=filters, prefix=name)
    return {"name": f"{name}-{n}", "address": address(port), "filter_chains": [{"filters": [m]}]}


def what_consumers_see():
    """Class and message of the exception, and how often a provider was reached: of a stock consumer with two addresses, which makes one try, and (row+) of one that may
    make two more."""
    fine = shared("a", "b")
    lost, mute = [bolt_peer.Silent(ends=True) for _ in range(2)], [bolt_peer.Silent() for _ in range(2)]
    names = [n for row in ROWS for n in (row, row + "+")]
    dead, free = free_ports(2), free_ports(2 * len(names))
    ports = dict(zip(names, zip(free[::2], free[1::2])))
    clusters = [cluster("fine", *(p.port for p in fine)), cluster("lost", *(p.port for p in lost)), cluster("mute", *(p.port for p in mute)),
                cluster("refused", *dead), cluster("empty"),
                cluster("full", *(p.port for p in fine), circuit_breakers={"thresholds": [{"max_requests": 0}]})]
    g = Gateway("interop-bolt-rows", None, clusters)
    g.bootstrap["static_resources"]["listeners"] = [_row_listener(name, n, port) for name, pair in ports.items() for n, port in enumerate(pair)]
    g.write()
    with g:
        for n, port in enumerate(ports["limited"] + ports["limited+"]):  # takes the one token
            with socket.create_connection(("127.0.0.1", port), timeout=10) as taker:
                taker.sendall(bolt_peer.request(n, 1, [("sofa_head_target_service", f"{SERVICE}:1.0"), ("sofa_head_method_name", "none")]))
                assert bolt_peer.answer(taker)[0] == n
        r = subprocess.run(java_peers.command("sofa", "demo.sofa.Refusals", *(a for n in names for a in ("--case", "{}={},{}/{}".format(n, *ports[n], ROWS[n.rstrip("+")][2])
                                                                                                        + ("/2" if n[-1] == "+" else "")))),
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        seen = {line.split("|")[0]: line.split("|")[1:] for line in r.stdout.splitlines() if "|" in line}
        wrong = []
        for name in names:
            _, _, _, kind, words, tries, _ = ROWS[name.rstrip("+")]
            got = seen.get(name, ["", "", ""])
            made = g.stat(f"bolt.{name}.request") + g.stat(f"rpc.{name}.request") + g.stat(f"bolt.{name}.request_decoding_error") - 2 * name.startswith("limited")
            if got[0] != (kind or "ok") or words not in got[2 if kind else 1] or made != (tries if name[-1] == "+" else 1):
                wrong.append((name, got, made))
        assert not wrong, wrong
        hits = [sum(row[-1] + min(row[-1], 1) for row in ROWS.values() if row[0] == to) for to in ("fine", "lost", "mute")]
        assert [sum(p.calls() for p in fine), *(sum(p.count for p in group) for group in (lost, mute))] == hits, hits
    for p in lost + mute:
        p.stop()

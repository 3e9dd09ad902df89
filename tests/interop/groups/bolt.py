"""Real SOFA RPC consumers through outrigger to real providers, on Bolt."""
import os
import re
import subprocess
import time

import java_peers
from gateway import TYPE, Gateway, cluster
from java_peers import SERVICE, Providers

ANY = ".*"
KINDS = 17


def _provider(name, *args):
    return java_peers.Provider(name, *args, module="sofa", main="demo.sofa.Provider")


def _command(port, *args):
    return java_peers.command("sofa", "demo.sofa.Consumer", "--url", f"bolt://127.0.0.1:{port}", *args)


def _consumer(port, *args, heap="256m"):
    """Runs one to its end: (passed, failed, what it said)."""
    environment = {**os.environ, "JOPTS": f"-Xmx{heap} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    r = subprocess.run(_command(port, *args), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, env=environment)
    found = re.findall(r"^(\d+) passed, (\d+) failed", r.stdout, re.M)
    assert found, (r.stdout + r.stderr)[-1000:]
    return int(found[-1][0]), int(found[-1][1]), r.stdout


def _manager(routes=None, before=(), filters=()):
    """routes: method name or pattern -> cluster. before: whole route configurations that are tried first."""
    return {"name": "bolt", "typed_config": {
        "@type": "type.googleapis.com/outrigger.extensions.filters.network.bolt_proxy.v1.BoltProxy", "stat_prefix": "bolt",
        "route_config": [*before, {"name": "r", "interface": SERVICE, "routes": [
            {"match": {"method": {"name": {"safe_regex": {"regex": pattern}}}}, "route": {"cluster": to}} for pattern, to in (routes or {ANY: "up"}).items()]}],
        "bolt_filters": [*filters, {"name": "envoy.filters.dubbo.router"}]}}


def _count(g, name):
    return int(re.search(rf"^{re.escape(name)}: (\d+)$", g.get("/stats"), re.M)[1])


def every_kind_of_call():
    """Objects, exceptions, one-way, baggage both ways, generic calls, large arguments and results."""
    with Providers(_provider("a")) as (a,), Gateway("interop-bolt-kinds", _manager(), [cluster("up", a.port)]) as g:
        passed, failed, out = _consumer(g.port, "--attach", "x-tag=blue", "--header", "my-head=v", "--count", "10", "--concurrency", "4")
        assert (passed, failed) == (KINDS * 10, 0), out[-1500:]
        assert len(re.findall(r"^call \w+.*baggage=\{.*x-tag=blue", a.text(), re.M)) >= KINDS * 10, a.text()[-800:]
        assert _count(g, "bolt.bolt.request_oneway") == 10 and _count(g, "bolt.bolt.response_business_exception") == 20, g.get("/stats")
        assert _count(g, "cluster.up.upstream_cx_total") <= 2 * 2, "calls of all connections share one to the provider, for each worker"


def ten_thousand_calls_64_at_a_time():
    with Providers(_provider("a", "--quiet")) as (a,), Gateway("interop-bolt", _manager(), [cluster("up", a.port)]) as g:
        passed, failed, out = _consumer(g.port, "--method", "sayHello", "--count", "10000", "--concurrency", "64", "--timeout", "20000", "--connections", "4")
        assert (passed, failed) == (10_000, 0), out[-800:]


def eight_megabytes():
    with Providers(_provider("a", "--quiet")) as (a,), Gateway("interop-bolt-huge", _manager(), [cluster("up", a.port)]) as g:
        passed, failed, out = _consumer(g.port, "--method", "huge", "--count", "3", heap="512m")
        assert (passed, failed) == (3, 0), out[-800:]


def by_method_and_unique_id():
    """Two providers, of which one serves another unique id of the service: a route's group."""
    routes = [{"name": "u", "interface": SERVICE, "group": "u1", "routes": [{"match": {"method": {"name": {"safe_regex": {"regex": ".*"}}}}, "route": {"cluster": "unique"}}]}]
    with Providers(_provider("a"), _provider("b"), _provider("c", "--uniqueId", "u1")) as (a, b, c), \
            Gateway("interop-bolt-routes", _manager({"sayHello": "first", ANY: "second"}, before=routes),
                    [cluster("first", a.port), cluster("second", b.port), cluster("unique", c.port)]) as g:
        passed, failed, out = _consumer(g.port, "--method", "sayHello,add", "--count", "20", "--no-generic")
        assert (passed, failed) == (40, 0), out[-800:]
        passed, failed, out = _consumer(g.port, "--method", "sayHello,add", "--count", "20", "--uniqueId", "u1", "--no-generic")
        assert (passed, failed) == (40, 0), out[-800:]
        seen = [p.calls(m) for p in (a, b, c) for m in ("sayHello", "add")]
        assert seen == [20, 0, 0, 20, 20, 20], seen


def a_killed_provider_fails_its_open_calls_only():
    """Two providers, one is killed under load; the consumer doesn't retry. Its connection stays."""
    checks = [{"timeout": "1s", "interval": "0.2s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp_health_check": {}}]
    with Providers(_provider("a"), _provider("b")) as (a, b), \
            Gateway("interop-bolt-kill", _manager(), [cluster("up", a.port, b.port, health_checks=checks)]) as g:
        steady = subprocess.Popen(_command(g.port, "--no-generic", "--hold", "6", "--rate", "200", "--warm", "50", "--concurrency", "16"),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        end = time.monotonic() + 60
        while a.calls() < 300:
            assert time.monotonic() < end and steady.poll() is None, "the calls don't begin"
            time.sleep(0.05)
        a.kill()
        at_kill = b.calls()
        out, _ = steady.communicate(timeout=120)
        calls, failures = map(int, re.search(r"calls=(\d+) failures=(\d+) ", out).groups())
        assert calls == 1200 and failures <= 16, out[-800:]
        assert b.calls() - at_kill > 300, "the calls after the kill did not reach the other provider"
        assert _count(g, "listener.127.0.0.1_%d.downstream_cx_total" % g.port) <= 2, "the consumer's connection was closed"
        return f"{failures} of {calls} failed"


def _error(out, method):
    return re.search(rf"^ERR {method} .*$", out, re.M)[0]


def local_replies_are_exceptions():
    """No route, nobody there, a limit: the consumer gets the exception of each at once, with its text if it has one."""
    with Providers(_provider("a")) as (a,), \
            Gateway("interop-bolt-replies", _manager({"sayHello": "up", "add": "nobody", "touch": "missing"}),
                    [cluster("up", a.port), cluster("nobody", 1)]) as g:
        passed, failed, out = _consumer(g.port, "--method", "sayHello,add,touch,slow", "--no-generic")
        assert (passed, failed) == (1, 3), out[-1500:]
        assert "SofaRpcException" in _error(out, "slow") and "no route for" in _error(out, "slow"), out
        assert "unknown cluster" in _error(out, "touch") or "missing" in _error(out, "touch"), out
        assert "SofaR" in _error(out, "add"), out
        assert a.calls() == 1, a.text()
        passed, failed, out = _consumer(g.port, "--method", "sayHello", "--count", "5", "--no-generic")
        assert (passed, failed) == (5, 0), out[-800:]


def _set(key, value):
    return {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def _edited(*mutations, provider=(), consumer=()):
    """What a real provider makes of a call whose headers were changed: target service, method and requestProps, which the header map has been put into."""
    mutate = {"name": "mutate", "config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {"request_mutations": list(mutations)}}}
    asks = {"name": "x-never", "present_match": True, "invert_match": True}  # so that the header map is read
    route = {"name": "all", "interface": "*", "routes": [{"match": {"method": {"name": {"safe_regex": {"regex": ANY}}}, "headers": [asks]}, "route": {"cluster": "up"}}]}
    with Providers(_provider("a", "--props", *provider)) as (a,), \
            Gateway("interop-bolt-edits", _manager(before=[route], filters=[mutate]), [cluster("up", a.port)]) as g:
        passed, failed, out = _consumer(g.port, "--method", "sayHello", "--no-generic", *consumer)
        assert (passed, failed) == (1, 0), out[-800:]
        return re.search(r"^props (\S+) (\S+) .*? (\{.*)$", a.text(), re.M).groups()


def what_the_provider_takes_of_an_edited_call():
    """The header map's word counts, entry by entry; what it hasn't comes from requestProps: so a removed entry must leave both."""
    service, method, props = _edited(_set("rpc_req_baggage.x-tag", "green"), _set("added", "1"), {"remove": "my-head"}, _set("tri-consumer-appname", "other"),
                                     consumer=("--attach", "x-tag=blue", "--attach", "y-tag=kept", "--header", "my-head=v"))
    assert (service, method) == (SERVICE + ":1.0", "sayHello")
    assert "x-tag=green" in props and "y-tag=kept" in props and "blue" not in props, props
    assert "added=1" in props and "app=other" in props and "my-head" not in props, props


def a_call_is_sent_to_another_unique_id():
    service, _, props = _edited(_set("tri-service-group", "u1"), provider=("--uniqueId", "u1"))
    assert service == SERVICE + ":1.0:u1" and f"service={SERVICE}:1.0:u1" in props, (service, props)


def _rpc_manager(**extra):
    """rpc_proxy, on a port that Dubbo's consumers may use, too."""
    return {"name": "rpc", "typed_config": {
        "@type": "type.googleapis.com/outrigger.extensions.filters.network.rpc_proxy.v1.RpcProxy", "stat_prefix": "rpc", "protocols": ["DUBBO", "BOLT"],
        "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}], **extra}}


def by_argument_on_a_sniffed_port():
    """The text of sayHello's argument, the first one of add, a field of an order: read from sofa-hessian."""
    def route(method, path, value, cluster):
        return {"name": method, "match": {"method": {"exact": method}, "arguments": [{"path": path, "value": value}]}, "route": {"cluster": cluster}}
    routes = {"name": "r", "services": [{"name": "s", "interface": SERVICE, "routes": [
        route("sayHello", "0", {"exact": "w\u00f6rld"}, "first"), route("add", "0", {"range": {"start": 40, "end": 41}}, "first"),
        route("placeOrder", "0.urgent", {"exact": "true"}, "first"), route("slow", "0", {"exact": "31"}, "first"),
        {"name": "rest", "match": {}, "route": {"cluster": "second"}}]}]}
    with Providers(_provider("a"), _provider("b")) as (a, b), \
            Gateway("interop-bolt-arguments", _rpc_manager(rpc_route_config=routes), [cluster("first", a.port), cluster("second", b.port)]) as g:
        passed, failed, out = _consumer(g.port, "--method", "sayHello,add,placeOrder,slow,touch", "--count", "5", "--no-generic")
        assert (passed, failed) == (25, 0), out[-800:]
        seen = {m: (a.calls(m), b.calls(m)) for m in ("sayHello", "add", "placeOrder", "slow", "touch")}
        assert seen == {"sayHello": (5, 0), "add": (5, 0), "placeOrder": (5, 0), "slow": (0, 5), "touch": (0, 5)}, seen


def a_deadline_is_a_timeout():
    """Status 7: the consumer says so before its own 15 s are over; its connection goes on."""
    routes = {"name": "r", "services": [{"name": "s", "interface": SERVICE, "routes": [{"name": "all", "match": {}, "route": {"cluster": "up"}}]}]}
    with Providers(_provider("a")) as (a,), Gateway("interop-bolt-deadline", _rpc_manager(rpc_route_config=routes, request_timeout="0.01s"), [cluster("up", a.port)]) as g:
        passed, failed, out = _consumer(g.port, "--method", "slow", "--count", "3", "--no-generic")
        assert (passed, failed) == (0, 3) and "imeout" in _error(out, "slow"), out[-1500:]
        assert _count(g, "rpc.rpc.request") == 3, g.get("/stats")

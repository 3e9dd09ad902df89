"""Real SOFA RPC consumers through outrigger to real providers, on Bolt."""
import os
import re
import subprocess
import time

import java_peers
from gateway import Gateway, bolt_manager, cluster
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


def _manager(routes=None, **extra):
    return bolt_manager(SERVICE, routes or {ANY: "up"}, **extra)


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

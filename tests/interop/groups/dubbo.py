"""Real Dubbo consumers (3.3 and 2.7) through outrigger to real providers."""
import re
import signal
import time

from gateway import Gateway, cluster, dubbo_manager
from java_peers import SERVICE, Provider, Providers, Steady, consumer, shared

ANY = ".*"


def _manager(routes=None):
    return dubbo_manager(SERVICE, routes or {ANY: "up"})


def _counts(g):
    """What the proxy has counted of it: for a failure's message."""
    return re.findall(r"^((?:dubbo|cluster\.up\.upstream_cx|listener\.[^:]*downstream_cx_)[^:]*: [1-9]\d*)$", g.get("/stats"), re.M)


def ten_thousand_calls():
    a, = shared("a")
    with Gateway("interop-dubbo", _manager(), [cluster("up", a.port)]) as g:
        # 20 s: the first calls wait for two cold Java machines to load their classes
        passed, failed, out = consumer(g.port, "--method", "sayHello", "--count", "10000", "--concurrency", "16", "--timeout", "20000")
        assert (passed, failed) == (10_000, 0), f"{out[-600:]} {_counts(g)}"


def by_method_to_two_providers():
    a, b = shared("a", "b")
    with Gateway("interop-dubbo-methods", _manager({"sayHello": "first", ANY: "second"}), [cluster("first", a.port), cluster("second", b.port)]) as g:
        passed, failed, out = consumer(g.port, "--method", "sayHello,add", "--count", "50", "--concurrency", "4")
        assert (passed, failed) == (100, 0), out[-800:]
        seen = [a.calls("sayHello"), a.calls("add"), b.calls("sayHello"), b.calls("add")]
        assert seen == [50, 0, 0, 50], seen


def killing_one_of_two_fails_no_call():
    """The consumer's own retries (2, as stock) cover what was in flight; nothing else may fail. The provider is killed, not stopped."""
    checks = [{"timeout": "1s", "interval": "0.2s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp_health_check": {}}]
    with Providers(Provider("k"), Provider("l")) as (a, b), \
            Gateway("interop-dubbo-kill", _manager(), [cluster("up", a.port, b.port, health_checks=checks)]) as g, \
            Steady(g.port, seconds=6, extra=("--retries", "2")) as steady:
        _await_calls(a, 300, steady)
        a.kill()
        at_kill = b.calls()
        calls, failures, out = steady.finish()
        assert (calls, failures) == (1200, 0), out[-800:]
        assert b.calls() - at_kill > 300, "the calls after the kill did not reach the other provider"
        return re.search(r"p50_us.*", out)[0]


def _await_calls(provider, count, steady):
    end = time.monotonic() + 60
    while provider.calls() < count:
        assert time.monotonic() < end and steady.lives(), "the calls don't begin"
        time.sleep(0.05)


def a_provider_that_stops_gracefully_fails_no_call():
    """Its READONLY event takes it out; the consumer does not retry."""
    with Providers(Provider("k"), Provider("l")) as (a, b), Gateway("interop-dubbo-stop", _manager(), [cluster("up", a.port, b.port)]) as g, \
            Steady(g.port, seconds=6) as steady:
        _await_calls(a, 300, steady)
        a.proc.send_signal(signal.SIGTERM)
        calls, failures, out = steady.finish()
        assert (calls, failures) == (1200, 0), out[-800:]

"""Real Dubbo consumers (3.3 and 2.7) through outrigger to real providers."""
import re
import signal
import subprocess
import time

import places
from gateway import Gateway, cluster, dubbo_manager
from ports import free_ports

JAVA = places.ROOT / "tests/interop/java/run.sh"
SERVICE = "demo.api.DemoService"
ANY = ".*"


def _build():
    places.program("java"), places.program("mvn")
    r = subprocess.run([JAVA, "build"], capture_output=True, text=True)
    if r.returncode:
        raise places.Missing(f"the Java peers don't build: {(r.stdout + r.stderr)[-800:]}")


class _Provider:
    def __init__(self, name, *args, module="dubbo3"):
        _build()
        self.port, = free_ports(1)
        self.log = open(places.scratch("interop-dubbo") / f"{name}.log", "w+")
        self.proc = subprocess.Popen([JAVA, module, "demo.dubbo.Provider", "--port", str(self.port), "--name", name, *args],
                                     stdin=subprocess.PIPE, stdout=self.log, stderr=self.log)

    def wait(self):
        end = time.monotonic() + 60
        while "ready" not in self.text():
            assert self.proc.poll() is None and time.monotonic() < end, f"provider: {self.text()[-800:]}"
            time.sleep(0.1)
        return self

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def calls(self, method=r"\w+"):
        return len(re.findall(rf"^call {method}\b", self.text(), re.M))

    def kill(self, how=signal.SIGKILL):
        self.proc.send_signal(how)
        self.proc.wait()


class _Providers:
    """Several at once; killed at the end."""

    def __init__(self, *providers):
        self.providers = [p.wait() for p in providers]

    def __enter__(self):
        return self.providers

    def __exit__(self, *_):
        for p in self.providers:
            if p.proc.poll() is None:
                p.kill()


def _consumer(port, *args, module="dubbo3", timeout=240):
    r = subprocess.run([JAVA, module, "demo.dubbo.Consumer", "--url", f"dubbo://127.0.0.1:{port}", *args], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=timeout)
    found = re.findall(r"^(\d+) passed, (\d+) failed", r.stdout, re.M)
    assert found, (r.stdout + r.stderr)[-1000:]
    return int(found[-1][0]), int(found[-1][1]), r.stdout


def _manager(routes=None):
    return dubbo_manager(SERVICE, routes or {ANY: "up"})


def _counts(g):
    """What the proxy has counted of it: for a failure's message."""
    return re.findall(r"^((?:dubbo|cluster\.up\.upstream_cx|listener\.[^:]*downstream_cx_)[^:]*: [1-9]\d*)$", g.get("/stats"), re.M)


def ten_thousand_calls():
    with _Providers(_Provider("a", "--quiet")) as (a,), Gateway("interop-dubbo", _manager(), [cluster("up", a.port)]) as g:
        # 20 s: the first calls wait for two cold Java machines to load their classes
        passed, failed, out = _consumer(g.port, "--method", "sayHello", "--count", "10000", "--concurrency", "16", "--timeout", "20000")
        assert (passed, failed) == (10_000, 0), f"{out[-600:]} {_counts(g)}"


def every_kind_of_call():
    """Objects, exceptions, one-way, attachments, generic calls, large arguments and results."""
    with _Providers(_Provider("a")) as (a,), Gateway("interop-dubbo-kinds", _manager(), [cluster("up", a.port)]) as g:
        passed, failed, out = _consumer(g.port, "--attach", "x-tag=blue", "--count", "20", "--concurrency", "4")
        assert failed == 0 and passed == 18 * 20, out[-1500:]


def every_kind_of_call_of_2_7():
    with _Providers(_Provider("old", module="dubbo27")) as (a,), Gateway("interop-dubbo-27", _manager(), [cluster("up", a.port)]) as g:
        passed, failed, out = _consumer(g.port, "--attach", "x-tag=blue", "--count", "5", module="dubbo27")
        assert failed == 0 and passed == 18 * 5, out[-1500:]


def by_method_to_two_providers():
    with _Providers(_Provider("a"), _Provider("b")) as (a, b), \
            Gateway("interop-dubbo-methods", _manager({"sayHello": "first", ANY: "second"}), [cluster("first", a.port), cluster("second", b.port)]) as g:
        passed, failed, out = _consumer(g.port, "--method", "sayHello,add", "--count", "50", "--concurrency", "4")
        assert (passed, failed) == (100, 0), out[-800:]
        seen = [a.calls("sayHello"), a.calls("add"), b.calls("sayHello"), b.calls("add")]
        assert seen == [50, 0, 0, 50], seen


def killing_one_of_two_fails_no_call():
    """The consumer's own retries (2, as stock) cover what was in flight; nothing else may fail. The provider is killed, not stopped."""
    checks = [{"timeout": "1s", "interval": "0.2s", "unhealthy_threshold": 1, "healthy_threshold": 1, "tcp_health_check": {}}]
    with _Providers(_Provider("a"), _Provider("b")) as (a, b), \
            Gateway("interop-dubbo-kill", _manager(), [cluster("up", a.port, b.port, health_checks=checks)]) as g:
        consumer = subprocess.Popen([JAVA, "dubbo3", "demo.dubbo.Consumer", "--url", f"dubbo://127.0.0.1:{g.port}", "--hold", "8", "--rate", "200",
                                     "--warm", "50", "--concurrency", "16", "--retries", "2"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        end = time.monotonic() + 60
        while a.calls() < 300:
            assert time.monotonic() < end and consumer.poll() is None, "the calls don't begin"
            time.sleep(0.05)
        a.kill()
        at_kill = b.calls()
        out, _ = consumer.communicate(timeout=90)
        assert re.search(r"calls=1600 failures=0 ", out), out[-800:]
        assert b.calls() - at_kill > 300, "the calls after the kill did not reach the other provider"
        return re.search(r"p50_us.*", out)[0]


def a_provider_that_stops_gracefully_fails_no_call():
    """Its READONLY event takes it out; the consumer does not retry."""
    with _Providers(_Provider("a"), _Provider("b")) as (a, b), Gateway("interop-dubbo-stop", _manager(), [cluster("up", a.port, b.port)]) as g:
        consumer = subprocess.Popen([JAVA, "dubbo3", "demo.dubbo.Consumer", "--url", f"dubbo://127.0.0.1:{g.port}", "--hold", "8", "--rate", "200",
                                     "--warm", "50", "--concurrency", "16"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        end = time.monotonic() + 60
        while a.calls() < 300:
            assert time.monotonic() < end and consumer.poll() is None, "the calls don't begin"
            time.sleep(0.05)
        a.proc.send_signal(signal.SIGTERM)
        out, _ = consumer.communicate(timeout=90)
        assert re.search(r"calls=1600 failures=0 ", out), out[-800:]

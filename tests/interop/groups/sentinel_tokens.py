"""Sentinel for Java's own token server, asked by the proxy's token client, and by a whole proxy for its calls."""
import collections
import contextlib
import json
import re
import signal
import subprocess
import time

import places
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import Gateway, cluster, dubbo_manager
from ports import free_ports

RUN = places.ROOT / "tests/sentinel/java/run.sh"
FLOW, PLENTY, EACH, HOT, UNKNOWN = 101, 102, 103, 202, 999  # of the server's rules


def _program():
    for build in ("release", "asan"):
        if (path := places.ROOT / "build" / build / "tests/sentinel_tokens").exists():
            return path
    raise places.Missing("no sentinel_tokens: cmake --build --preset asan")


@contextlib.contextmanager
def _server(port=None):
    places.program("java"), places.program("mvn")
    r = subprocess.run([RUN, "build"], capture_output=True, text=True)
    if r.returncode:
        raise places.Missing(f"the token server doesn't build: {(r.stdout + r.stderr)[-800:]}")
    port = port or free_ports(1)[0]
    proc = subprocess.Popen([RUN, "oracle.TokenServer", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in proc.stdout:
            if line == "ready\n":
                break
        yield port, proc
    finally:
        proc.kill()
        proc.wait()


class _Asker:
    def __init__(self, port, namespace="demo-app"):
        self.proc = subprocess.Popen([_program(), f"127.0.0.1:{port}", namespace], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, question):
        self.proc.stdin.write(question + "\n")
        return self.proc.stdout.readline().strip()

    def status(self, question):
        answer = self.ask(question)
        assert re.fullmatch(r"-?\d+ \d+", answer), answer
        return int(answer.split()[0])

    def end(self):
        self.proc.stdin.close()
        assert self.proc.wait(10) == 0


def _fresh_second():
    """The server's windows are 10 x 100 ms: what was asked before doesn't count any more."""
    time.sleep(1.2)


def grants_and_refuses():
    with _server() as (port, _):
        asker = _Asker(port)
        asker.status(f"flow {PLENTY} 1")  # the server has loaded its classes
        _fresh_second()
        assert [asker.status(f"flow {FLOW} 1") for _ in range(7)] == [0] * 5 + [1] * 2
        assert asker.status(f"prioritized {FLOW} 1") in (1, 2)
        _fresh_second()
        assert [asker.status(f"flow {FLOW} 3"), asker.status(f"flow {FLOW} 3")] == [0, 1]
        assert asker.status(f"flow {UNKNOWN} 1") == 3
        assert [asker.status(f"param {HOT} 1 k") for _ in range(3)] == [0, 0, 1]
        assert asker.status(f"param {HOT} 1 other") == 0
        assert asker.status(f"param {HOT} 1 7 key 8") == 0
        assert asker.status("flow 0 1") == -4
        asker.end()


def limits_for_each_client_count_connections():
    with _server() as (port, _):
        askers = []
        for clients in (1, 2):
            askers.append(_Asker(port))
            askers[-1].status(f"flow {PLENTY} 1")
            _fresh_second()
            granted = sum(askers[i % clients].status(f"flow {EACH} 1") == 0 for i in range(14))
            assert granted == 5 * clients, (clients, granted)
        for asker in askers:
            asker.end()


def many_questions_are_answered_in_order():
    with _server() as (port, _):
        asker = _Asker(port)
        asker.ask(f"many {PLENTY} 2000")  # warm
        _fresh_second()
        began = time.monotonic()
        said = asker.ask(f"many {PLENTY} 20000")
        assert said == "0 x 20000", said
        asker.end()
        return f"{20000 / (time.monotonic() - began):.0f}/s"


def a_server_that_dies_fails_at_once_and_is_found_again():
    port, = free_ports(1)
    with _server(port) as (_, proc):
        asker = _Asker(port)
        assert asker.status(f"flow {PLENTY} 1") == 0
        proc.kill()
        proc.wait()
        began = time.monotonic()
        assert {asker.status(f"flow {PLENTY} 1") for _ in range(100)} == {-1}
        assert time.monotonic() - began < 2
    with _server(port):
        end = time.monotonic() + 30
        while asker.status(f"flow {PLENTY} 1") != 0:  # turns its loop, too
            assert time.monotonic() < end
            time.sleep(0.05)
    asker.end()


def a_stopped_server_blocks_nobody():
    with _server() as (port, proc):
        asker = _Asker(port)
        assert asker.status(f"flow {PLENTY} 1") == 0
        proc.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        answers = [asker.status(f"flow {PLENTY} 1") for _ in range(3)]
        took = time.monotonic() - began
        assert set(answers) == {-1} and took < 3 * 2.2, (answers, took)  # each waits its 2 s at most
        proc.send_signal(signal.SIGCONT)
        asker.end()


def _gateway(name, provider, port, flow_id, kind="flow"):
    """Its own count is 1: what passes beyond it was granted."""
    rule = {"resource": f"{SERVICE}:hello(java.lang.String,int)", "count": 1, "paramIdx": 0, "clusterMode": True, "clusterConfig": {"flowId": flow_id, "thresholdType": 1}}
    manager = dubbo_manager(SERVICE, {".*": "up"})
    manager["typed_config"]["dubbo_filters"] = [{"name": "sentinel", "config": {
        "@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "application": "demo-app", "rules": {kind: [{"inline_string": json.dumps([rule])}]},
        "cluster_client": {"server_address": "127.0.0.1", "server_port": port, "request_timeout_ms": 2000}}}, {"name": "envoy.filters.dubbo.router"}]
    return Gateway(f"interop-tokens-{name}", manager, [cluster("up", provider.port)])


def _connected(g, state=2):
    g.wait_for("sentinel.demo-app.token_client_state", state, 30)


def _call(consumer, count, argument="x"):
    """What came of the calls, by what was said."""
    frames = [consumer.ask("hello", args=(argument, 7)) for _ in range(count)]
    return collections.Counter("blocked" if b"SentinelBlockException: " in f.body else f.status for f in frames)


def calls_obey_the_server():
    """Five a second of the server's rule, though the call's own says 1; with two proxies five for both together; when the server dies, the rule's own."""
    provider = Provider()
    with _server() as (port, server), _gateway("one", provider, port, FLOW) as g, Consumer(g.port) as c:
        _connected(g)
        _call(c, 1)  # the server has loaded its classes
        _fresh_second()
        assert _call(c, 8) == {20: 5, "blocked": 3}
        with _gateway("two", provider, port, FLOW) as g2, Consumer(g2.port) as c2:
            _connected(g2)
            _fresh_second()
            assert sum((_call(one, 1) for one in (c, c2) * 5), collections.Counter()) == {20: 5, "blocked": 5}
        g.wait_for("sentinel.demo-app.token_refused", g.stat("sentinel.demo-app.block_flow"))
        assert g.stat("sentinel.demo-app.token_failed") == 0
        server.kill()
        server.wait()
        _connected(g, 1)
        time.sleep(1.05 - time.time() % 1)
        assert _call(c, 4) == {20: 1, "blocked": 3}
    assert provider.count == 1 + 5 + 5 + 1


def many_calls_are_granted():
    """More than the rule's own count, all of them: each had an answer."""
    provider = Provider()
    with _server() as (port, _), _gateway("many", provider, port, PLENTY) as g, Consumer(g.port) as c:
        _connected(g)
        _call(c, 1)
        _fresh_second()
        began = time.monotonic()
        assert _call(c, 2000) == {20: 2000}
        took = time.monotonic() - began
        g.wait_for("sentinel.demo-app.token_granted", 2001)
        return f"{2000 / took:.0f} calls/s, one at a time"


def hot_arguments_are_counted_by_the_server():
    """Two a second of each value, whatever the call's own rule says."""
    provider = Provider()
    with _server() as (port, _), _gateway("hot", provider, port, HOT, "param_flow") as g, Consumer(g.port) as c:
        _connected(g)
        _call(c, 1, "warm")
        _fresh_second()
        assert [_call(c, 3, value) for value in ("a", "b")] == [{20: 2, "blocked": 1}] * 2
        assert _call(c, 1, "c") == {20: 1}
        g.wait_for("sentinel.demo-app.block_param_flow", 2)
        g.wait_for("sentinel.demo-app.token_refused", 2)

"""Sentinel for Java's token client asks outrigger's token server, and beside it Sentinel's own: the same grants and refusals."""
import collections
import contextlib
import json
import os
import re
import shutil
import subprocess
import time

import java_peers
import places
from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin
from ports import free_ports

CLIENT = places.ROOT / "tests/interop/java/run.sh"
SERVER = places.ROOT / "tests/sentinel/java/run.sh"
FLOW, PLENTY, EACH, HOT, UNKNOWN = 101, 102, 103, 202, 999  # as oracle.TokenServer has them
OK, BLOCKED, SHOULD_WAIT, NO_RULE, TOO_MANY = 0, 1, 2, 3, -2
TRIES, APART = 20, 1000  # the rules are there TRIES times, with ids so far apart


def _cluster(flow_id, count, threshold):
    return {"resource": f"flow-{flow_id}", "count": count, "clusterMode": True, "clusterConfig": {"flowId": flow_id, "thresholdType": threshold}}


RULES = [_cluster(flow_id + n * APART, count, threshold) for n in range(TRIES) for flow_id, count, threshold in ((FLOW, 5, 1), (PLENTY, 1000000, 1), (EACH, 5, 0))]
PARAMS = [{"resource": f"hot-{n}", "paramIdx": 0, "count": 2, "clusterMode": True, "clusterConfig": {"flowId": HOT + n * APART, "thresholdType": 1}} for n in range(TRIES)]


def _gateway(name, port, origin, application="gate", rules=(), logs=None, **server):
    spaces = [{"name": "demo-app", "flow": {"inline_string": json.dumps(RULES)}, "param_flow": {"inline_string": json.dumps(PARAMS)}}]
    sentinel = {"name": "sentinel", "typed_config": {
        "@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "application": application,
        "rules": {"flow": [{"inline_string": json.dumps(list(rules))}]},
        "cluster_server": {"address": "127.0.0.1", "port": port, "namespaces": spaces, **server},
        **({"operations": {"log_folder": str(logs), "disable_command_centre": True}} if logs else {})}}
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    return Gateway(f"interop-token-server-{name}", http_manager(http_filters=[sentinel, router]), [cluster("up", origin.port)])


@contextlib.contextmanager
def _ours(name, qps=None, **more):
    port, = free_ports(1)
    flow = {"flow": {"max_allowed_qps": qps}} if qps else {}
    with _gateway(name, port, Origin(), **flow, **more) as g:
        g.wait_for("sentinel.gate.token_server.state", 2)
        yield port, g


@contextlib.contextmanager
def _javas(qps=None, logs=None):
    places.program("java"), places.program("mvn")
    r = subprocess.run([SERVER, "build"], capture_output=True, text=True)
    if r.returncode:
        raise places.Missing(f"the token server doesn't build: {(r.stdout + r.stderr)[-800:]}")
    port, = free_ports(1)
    proc = subprocess.Popen([SERVER, "oracle.TokenServer", str(port), *([str(qps)] if qps else [])], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                            env={**os.environ, **({"LOGS": str(logs)} if logs else {})})
    try:
        for line in proc.stdout:
            if line == "ready\n":
                break
        yield port
    finally:
        proc.kill()
        proc.wait()


class _Client:
    """A Java application's token client, which waits for its own notes: see Tokens.java."""

    def __init__(self, port, application="demo-app", timeout_ms=2000):
        java_peers.build()
        options = f"-Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dproject.name={application} -Dcsp.sentinel.log.dir={places.scratch('interop-token-server') / 'logs'}"
        self.proc = subprocess.Popen([CLIENT, "sentinel", "demo.sentinel.Tokens", str(port), str(timeout_ms)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, text=True, env={**os.environ, "JOPTS": options})
        for line in self.proc.stdout:
            if line == "ready\n":
                break
        self.ask([f"flow {PLENTY} 1", f"param {HOT} 1 warm", f"prioritized {PLENTY} 1"])

    def ask(self, questions):
        """[(status, remaining, wait)], and when the first was asked and the last answered (s)."""
        self.proc.stdin.write("".join(q + "\n" for q in questions))
        self.proc.stdin.flush()
        rows = [[int(n) for n in self.proc.stdout.readline().split()] for _ in questions]
        return [tuple(row[:3]) for row in rows], rows[0][3] / 1000, rows[-1][4] / 1000

    def early(self):
        """How many answers were faster than the client noted their question."""
        return self.ask(["early"])[0][0][0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.stdin.close()
        self.proc.wait(10)


def _at(moment):
    time.sleep(max(0, moment - time.time()))


def _other_id(question, tries):
    kind, flow_id, *rest = question.split(" ")
    return " ".join((kind, str(int(flow_id) + tries * APART), *rest))


def _in_windows(client, *scripts):
    """Their answers. Each script is (s from a whole second on, questions), all of which must be asked and answered within a window of 100 ms: tried again if the machine
    was too slow. Each try has flow ids of its own: what one that was broken off has borrowed stays borrowed until somebody asks for that id again, however long that takes
    (what_is_borrowed_waits_for_the_next_question)."""
    for tries in range(TRIES):
        second, said = int(time.time()) + 2, []
        for offset, questions in scripts:
            _at(second + offset)
            answers, first, last = client.ask([_other_id(q, tries) for q in questions])
            if first < second + offset - 0.001 or last > second + offset - offset % 0.1 + 0.098:
                break
            said.append(answers)
        if len(said) == len(scripts):
            return said
    raise AssertionError(f"the machine is too slow: {len(scripts[len(said)][1])} questions took {last - first:.3f} s, {first - second - scripts[len(said)][0]:.3f} s late")


GRANTS = [(0.01, [f"flow {FLOW} 1"] * 7 + [
    f"flow {UNKNOWN} 1", f"flow {PLENTY} 7", f"param {HOT} 1 k", f"param {HOT} 1 k", f"param {HOT} 1 k", f"param {HOT} 1 other", f"param {HOT} 1 7 key 8", f"param {HOT} 2 7",
    f"param {HOT} 1 7", f"param {HOT} 1 7", f"param {UNKNOWN} 1 x", f"flow {EACH} 5", f"flow {EACH} 1"]),
    (1.31, [f"flow {FLOW} 3", f"flow {FLOW} 3", f"flow {FLOW} 2", f"param {HOT} 2 k"])]
# full at a second's beginning: what leaves with the next window may be borrowed just before
PRIORITY = [(0.01, [f"flow {PLENTY} 1"]), (1.21, [f"flow {FLOW} 1"] * 5 + [f"prioritized {FLOW} 1"]),
            (2.12, [f"flow {FLOW} 1", f"prioritized {FLOW} 2", f"prioritized {FLOW} 3", f"prioritized {FLOW} 1"]), (2.22, [f"flow {FLOW} 1"])]
GUARD = [(0.01, [f"flow {PLENTY} 1"] * 65)]


def answers_as_javas_does():
    """Global limits, more than one token, hot parameters by type and together, an id nobody knows, waits of who has priority, the guard of 60 questions a second; with what remains."""
    said = []
    for server in (_javas(60), _ours("both", 60)):
        with server as at, _Client(at[0] if isinstance(at, tuple) else at) as client:
            said.append([_in_windows(client, *scripts) for scripts in (GRANTS, PRIORITY, GUARD)])
    for javas, ours in zip(*said):
        assert javas == ours, (javas, ours)
    (first, later), (_, early, borrowed, paid), (guarded,) = said[1]
    assert [a[0] for a in first[:8]] == [OK] * 5 + [BLOCKED] * 2 + [NO_RULE] and [a[1] for a in first[:5]] == [4, 3, 2, 1, 0], first
    assert [a[0] for a in later] == [OK, BLOCKED, OK, OK], later
    assert early[-1] == (BLOCKED, 0, 0), early
    assert [a[0] for a in borrowed] == [BLOCKED, SHOULD_WAIT, SHOULD_WAIT, BLOCKED] and borrowed[1][2] == 100, borrowed
    assert paid[0][0] == BLOCKED, paid
    assert [a[0] for a in guarded].count(TOO_MANY) == 5 and guarded[-1][0] == TOO_MANY, guarded


# all of a second's; what leaves with the next window is borrowed; nobody asks for two seconds, then somebody does
BORROWED = [(1.21, [f"flow {FLOW} 1"] * 5), (2.12, [f"prioritized {FLOW} 2", f"prioritized {FLOW} 3"]), (4.21, [f"flow {FLOW} 1"] * 5 + [f"prioritized {FLOW} 1"])]


def what_is_borrowed_waits_for_the_next_question():
    """Of both servers: it is taken from the next window that anybody asks in, even if that is long after the time that it was borrowed from."""
    said = []
    for server in (_javas(), _ours("borrowed")):
        with server as at, _Client(at[0] if isinstance(at, tuple) else at) as client:
            said.append(_in_windows(client, *BORROWED))
    assert said[0] == said[1], said
    granted, borrowed, late = said[1]
    assert granted == [(OK, n, 0) for n in (4, 3, 2, 1, 0)] and borrowed == [(SHOULD_WAIT, 0, 100)] * 2 and late == [(BLOCKED, 0, 0)] * 6, said


# that never fit, whenever they are asked
REFUSED = [f"flow {FLOW} 6"] * 3 + [f"prioritized {FLOW} 7", f"param {HOT} 3 k", f"param {HOT} 3 k", f"param {HOT} 3 7", f"param {HOT} 1 fits", f"flow {UNKNOWN} 1"]
LINES = {f"flow|block|{FLOW}": 25, f"flow|block_request|{FLOW}": 4, f"flow|occupied_block|{FLOW}": 1, f"param|block|{HOT}|k": 2, f"param|block|{HOT}|7": 1,
         f"param|pass|{HOT}": 2}  # the client's first question is one of them


def server_logs_have_the_same_lines():
    """Of the same questions, but for their time: what was refused, by flow id and value."""
    folder = places.scratch("interop-token-server-logs")
    for name, server in (("java", lambda logs: _javas(logs=logs)), ("ours", lambda logs: _ours("logs", logs=logs))):
        logs = folder / name
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        with server(logs) as at, _Client(at[0] if isinstance(at, tuple) else at) as client:
            client.ask(REFUSED)
            end = time.monotonic() + 15
            while True:
                said = collections.Counter()
                path = logs / "sentinel-server.log"
                for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
                    m = re.fullmatch(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\|1\|(.*)\|(\d+),0\r\n", line)
                    assert m, (name, line)
                    said[m[1].decode()] += int(m[2])
                if said == LINES:
                    break
                assert time.monotonic() < end, (name, said)
                time.sleep(0.2)


def limits_for_each_client_count_clients():
    """Of the same namespace, as of both servers; one that leaves counts no more."""
    for server in (_javas(), _ours("clients")):
        with server as at:
            port = at[0] if isinstance(at, tuple) else at
            with _Client(port) as first:
                with _Client(port) as second, _Client(port, "somebody.else"):
                    answers, = _in_windows(first, (0.01, [f"flow {EACH} 1"] * 6))
                    assert [a[:2] for a in answers] == [(OK, n) for n in (9, 8, 7, 6, 5, 4)], answers
                    answers, = _in_windows(second, (0.01, [f"flow {EACH} 10", f"flow {EACH} 1"]))
                    assert [a[0] for a in answers] == [OK, BLOCKED], answers
                end = time.monotonic() + 10
                while True:
                    answers, = _in_windows(first, (0.01, [f"flow {EACH} 1"] * 6))
                    if [a[0] for a in answers] == [OK] * 5 + [BLOCKED]:
                        break
                    assert time.monotonic() < end, answers


def many_questions_are_answered():
    """20,000 of a Java client, one after the other: each of them."""
    with _ours("many") as (port, g), _Client(port) as client:
        began = time.monotonic()
        for _ in range(20):
            answers, _, _ = client.ask([f"flow {PLENTY} 1"] * 1000)
            assert {a[0] for a in answers} == {OK}, collections.Counter(answers)
        rate = 20000 / (time.monotonic() - began)
        g.wait_for(f"sentinel.gate.token_server.flow.{PLENTY}.pass", 20002)
        return f"{rate:.0f}/s, {client.early()} before the client had noted its question"


def a_java_client_and_the_proxys_own_calls_share_a_limit():
    """The proxy's rules ask its own server, by the same flow id."""
    rule = {"resource": "GET:/asked", "count": 1, "clusterMode": True, "clusterConfig": {"flowId": 7, "thresholdType": 1}}
    origin, (port,) = Origin(), free_ports(1)
    shared = {"name": "demo-app", "flow": {"inline_string": json.dumps([{**rule, "count": 10}])}}
    with _gateway("shared", port, origin, rules=[rule], namespaces=[shared]) as g, _Client(port) as client:
        for tries in range(1, TRIES + 1):
            second = int(time.time()) + 2
            _at(second + 0.01)
            answers, _, _ = client.ask(["flow 7 1"] * 6)
            statuses = [g.http("GET", "/asked").status for _ in range(6)]
            if time.time() < second + 0.9:
                break
        else:
            raise AssertionError("the machine is too slow")
        assert [a[0] for a in answers] == [OK] * 6 and statuses == [200] * 4 + [429] * 2, (answers, statuses)
        g.wait_for("sentinel.gate.token_server.local", 6 * tries)

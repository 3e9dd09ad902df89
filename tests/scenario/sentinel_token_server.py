"""Outrigger as a token server: what it grants to clients over TCP and to its own requests, whom it turns away, and how it is told what to be."""
import collections
import concurrent.futures
import json
import os
import re
import socket
import struct
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import places
from gateway import TYPE, Gateway, address, cluster, http_manager
from origin import Origin
from ports import free_ports
from windows import in_one_second

SENTINEL = "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel"
API = "type.googleapis.com/envoy.config."
PING, FLOW, PARAM = 0, 1, 2
OK, BLOCKED, NO_RULE, TOO_MANY, BAD_REQUEST, FAIL = 0, 1, 3, -2, -4, -1
LONG = {"sampleCount": 10, "windowIntervalMs": 600000}  # ten minutes: a check needn't look at the clock


def _tokens(n):
    """The count of a LONG rule that grants so many, one at a time: what was granted counts by the second, what is asked for doesn't."""
    return 1 + (n - 1) / 600 + 1e-9


def _rule(flow_id, count, threshold=1, resource=None, **window):
    return {"resource": resource or f"r{flow_id}", "count": count, "clusterMode": True,
            "clusterConfig": {"flowId": flow_id, "thresholdType": threshold, "fallbackToLocalWhenFail": True, **window}}


def _space(name, flow=(), param=()):
    return {"name": name, "flow": {"inline_string": json.dumps(list(flow))}, "param_flow": {"inline_string": json.dumps(list(param))}}


def _manager(server, rules=(), client=None, **config):
    sentinel = {"@type": SENTINEL, "application": "shop", "rules": {"flow": [{"inline_string": json.dumps(list(rules))}]}, **config}
    if server is not None:
        sentinel["cluster_server"] = {"address": "127.0.0.1", **server}
    if client is not None:
        sentinel["cluster_client"] = client
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    return http_manager(http_filters=[{"name": "sentinel", "typed_config": sentinel}, router])


class _Server:
    """A gateway with a token server that listens."""

    def __init__(self, name, spaces, origin=None, command_port=None, rules=(), client=None, waits=True, **server):
        self.port, = free_ports(1)
        operations = {"operations": {"log_folder": str(places.scratch(f"token-server-{name}-logs")), "command_port": command_port}} if command_port else {}
        manager = _manager({"port": self.port, "namespaces": spaces, **server}, rules, client, **operations)
        self.origin = origin or Origin()
        self.gateway = Gateway(f"token-server-{name}", manager, [cluster("up", self.origin.port)])
        self.waits = waits

    def __enter__(self):
        g = self.gateway.__enter__()
        if self.waits:
            g.wait_for("sentinel.shop.token_server.state", 2)
        return g, self.port

    def __exit__(self, *args):
        try:
            return self.gateway.__exit__(*args)
        finally:
            self.origin.stop()


class _Client:
    def __init__(self, port, name=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.file = self.sock.makefile("rb")
        self.xid = 0
        self.count = self.ping(name) if name else None

    def send(self, payload):
        self.sock.sendall(struct.pack(">H", len(payload)) + payload)

    def receive(self):
        head = self.file.read(2)
        return self.file.read(struct.unpack(">H", head)[0]) if len(head) == 2 else None

    def ping(self, name):
        raw = name.encode()
        self.send(struct.pack(">iBi", 0, PING, len(raw)) + raw)
        return struct.unpack(">iBbi", self.receive())[3]

    def ask(self, flow_id, count=1, prioritized=False, values=None):
        """(status, remaining, wait)"""
        self.xid += 1
        question = struct.pack(">iBqi", self.xid, FLOW if values is None else PARAM, flow_id, count)
        if values is None:
            question += bytes([prioritized])
        else:
            question += struct.pack(">i", len(values)) + b"".join(b"\7" + struct.pack(">i", len(v.encode())) + v.encode() for v in values)
        self.send(question)
        xid, _, *answer = struct.unpack(">iBbii", self.receive())
        assert xid == self.xid
        return tuple(answer)

    def status(self, *args, **more):
        return self.ask(*args, **more)[0]

    def is_closed(self):
        try:
            return not self.file.read(1)
        except ConnectionError:
            return True

    def close(self):
        self.file.close()
        self.sock.close()


def _stat(g, name):
    return g.stat(f"sentinel.shop.token_server.{name}")


def _get(at, command, /, **form):
    data = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{at}/{command}", data), timeout=20) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def _quoted(value):
    return urllib.parse.quote(json.dumps(value))


def clients_of_a_namespace_share_its_limits():
    """Global ones and those for each client; values; ids that nobody has; and what the stats say of it."""
    spaces = [_space("a", [_rule(1, 1, **LONG), _rule(2, 1, 0, **LONG)], [{**_rule(1, 1, **LONG), "paramIdx": 0}]), _space("b", [_rule(3, 1, 0, **LONG)])]
    with _Server("shared", spaces) as (g, port):
        first, second, other = _Client(port, "a"), _Client(port, "a"), _Client(port, "b")
        assert (first.count, second.count, other.count) == (1, 2, 1)
        assert first.ask(1) == (OK, 0, 0) and second.status(1) == BLOCKED
        assert first.status(2, 3) == BLOCKED and first.status(2, 2) == OK and second.status(2, 2) == BLOCKED
        assert other.status(3, 2) == BLOCKED and other.status(3) == OK
        assert first.status(1, values=["x"]) == OK and first.status(1, values=["x", "y"]) == BLOCKED and second.status(1, values=["y"]) == OK
        assert first.status(9) == NO_RULE and first.status(0) == BAD_REQUEST and first.status(1, -1) == BAD_REQUEST
        second.close()
        g.wait_for("sentinel.shop.token_server.connections", 2)
        g.wait_for("sentinel.shop.token_server.flow.1.pass", 1)
        assert _stat(g, "flow.1.block") == 1 and _stat(g, "flow.2.pass") == 2 and _stat(g, "flow.2.block") == 5
        assert _stat(g, "param.1.pass") == 2 and _stat(g, "flow.3.pass") == 1 and _stat(g, "flow.3.block") == 2
        assert _stat(g, "flows") == 4 and _stat(g, "namespaces") == 4, "a, b, default, shop"
        assert _stat(g, "accepted") == 3 and _stat(g, "no_rule") == 1 and _stat(g, "bad_request") == 2


def each_namespace_has_a_guard():
    with _Server("guard", [_space("a", [_rule(1, 1000)]), _space("b", [_rule(2, 1000)])], flow={"max_allowed_qps": 50}) as (g, port):
        client = _Client(port, "a")
        statuses = [client.status(1) for _ in range(60)]
        assert statuses[:50] == [OK] * 50 and set(statuses) <= {OK, TOO_MANY}
        while (status := client.status(1)) != TOO_MANY:
            assert status == OK
        assert client.status(2) == OK, "another namespace's"
        end = time.monotonic() + 10
        while not _stat(g, "too_many"):
            assert time.monotonic() < end
            time.sleep(0.05)


def many_questions_at_a_time_are_all_answered():
    """20,000 that one client sends without waiting, then 1,250 each of 16 clients; in the order in which they were asked."""
    def asked(client, many):
        questions = [struct.pack(">HiBqiB", 18, n + 1, FLOW, 1, 1, 0) for n in range(many)]
        sender = threading.Thread(target=client.sock.sendall, args=(b"".join(questions),))
        sender.start()
        for n in range(many):
            xid, _, status, _, _ = struct.unpack(">iBbii", client.receive())
            assert (xid, status) == (n + 1, OK), (n, xid, status)
        sender.join()
    with _Server("many", [_space("a", [_rule(1, 10**9)])], flow={"max_allowed_qps": 10**9}) as (g, port):
        asked(_Client(port, "a"), 20000)
        clients = [_Client(port, "a") for _ in range(16)]
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            list(pool.map(asked, clients, [1250] * len(clients)))
        g.wait_for("sentinel.shop.token_server.ok", 40000)


def bad_input_is_counted_and_harms_nobody():
    """Frames that are none end their connection; what is no question gets no answer; names that are none get a refusal; connections beyond the limit are closed."""
    with _Server("bad", [_space("a", [_rule(1, 2, **LONG)])], max_connections=4) as (g, port):
        good = _Client(port, "a")
        silent = _Client(port)
        for payload in (b"", b"x", b"\0\0\0\1\x63", b"\0\0\0\1\1", struct.pack(">iBqii", 1, PARAM, 1, 1, -1), struct.pack(">iBqii", 1, PARAM, 1, 1, 10**9),
                        struct.pack(">iBqiib", 1, PARAM, 1, 1, 1, 99), struct.pack(">iBi", 0, PING, 2**31 - 1)):
            silent.send(payload)
        silent.send(struct.pack(">iBi", 0, PING, 0))
        assert silent.receive() == struct.pack(">iBb", 0, PING, FAIL)
        silent.send(struct.pack(">iBi", 0, PING, 300) + b"x" * 300)
        assert silent.receive() == struct.pack(">iBb", 0, PING, FAIL)
        silent.send(struct.pack(">iBqi", 7, FLOW, 1, 1))
        assert struct.unpack(">iBbii", silent.receive())[:3] == (7, FLOW, OK), "without the byte that says whether it has priority"
        silent.close()
        for garbage in (b"\xff" * 5000, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\4\0"):
            broken = _Client(port)
            broken.sock.sendall(garbage)
            assert broken.is_closed()
        g.wait_for("sentinel.shop.token_server.connections", 1)
        more = [_Client(port, "a") for _ in range(3)]
        extra = _Client(port)
        assert extra.is_closed() and [c.count for c in more] == [2, 3, 4]
        assert good.status(1) == OK and good.status(1, 2) == BLOCKED
        g.wait_for("sentinel.shop.token_server.over_limit", 1)
        assert _stat(g, "garbage") == 3 and _stat(g, "malformed") == 8, (_stat(g, "garbage"), _stat(g, "malformed"))


def clients_that_say_nothing_are_disconnected():
    with _Server("idle", [_space("a", [_rule(1, 1000)])], idle_seconds=1) as (g, port):
        busy, silent = _Client(port, "a"), _Client(port, "a")
        begin = time.monotonic()
        waiter = threading.Thread(target=silent.is_closed)
        waiter.start()
        while waiter.is_alive():
            assert busy.status(1) == OK and time.monotonic() - begin < 15
            time.sleep(0.05)
        assert time.monotonic() - begin > 0.9
        assert busy.status(1) == OK
        g.wait_for("sentinel.shop.token_server.idle", 1)


def requests_of_the_proxy_ask_it_without_a_connection():
    """A client and 20 concurrent callers share a limit; not one more passes. The proxy itself counts as a client of its own namespace."""
    origin = Origin()
    rules = [_rule(1, 1, resource="GET:/asked"), _rule(5, 1, resource="GET:/own"), _rule(77, 2, resource="GET:/unknown")]
    spaces = [_space("a", [_rule(1, _tokens(201), **LONG)]), _space("shop", [_rule(5, _tokens(60), 0, **LONG)])]
    with _Server("embedded", spaces, origin, rules=rules, client={"request_timeout_ms": 5000}) as (g, port):
        client = _Client(port, "a")
        assert client.status(1) == OK
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            statuses = list(pool.map(lambda _: g.http("GET", "/asked").status, range(250)))
        assert sorted(statuses) == [200] * 200 + [429] * 50, (statuses.count(200), len(statuses))
        assert client.status(1) == BLOCKED
        assert [g.http("GET", "/own").status for _ in range(62)] == [200] * 60 + [429] * 2
        assert _Client(port, "shop").count == 2
        g.wait_for("sentinel.shop.token_server.local", 312)
        assert g.stat("sentinel.shop.token_granted") == 260 and g.stat("sentinel.shop.token_refused") == 52
        assert g.stat("sentinel.shop.token_client_state") == 0
        assert in_one_second(lambda: [g.http("GET", "/unknown").status for _ in range(3)]) == [200, 200, 429], "no such rule there: by its own count"


def commands_make_a_server_of_a_client():
    """As a dashboard does it: client of another proxy's server, server, client again, nothing; rules, namespaces and settings are sent by commands."""
    command, = free_ports(1)
    rule = _rule(1, 3, resource="GET:/asked")
    with _Server("other", [_space("shop", [_rule(1, _tokens(10), **LONG)])]) as (_, other), \
            _Server("switch", [], command_port=command, rules=[rule], client={"request_timeout_ms": 5000}, waits=False, begins_by_command=True) as (g, port):
        def ask(count, path="/asked"):
            return [g.http("GET", path).status for _ in range(count)]

        def config(**values):
            return _get(command, "cluster/client/modifyConfig", data=_quoted(values))
        mode = json.loads(_get(command, "getClusterMode")[1])
        assert mode == {"mode": -1, "clientAvailable": True, "serverAvailable": True, "lastModified": -1}, mode
        assert config(serverHost="127.0.0.1", serverPort=other, requestTimeout=5000) == (200, "success")
        assert _get(command, "setClusterMode?mode=0") == (200, "success")
        g.wait_for("sentinel.shop.token_client_state", 2)
        assert ask(12) == [200] * 10 + [429] * 2, "ten that the other server has"

        assert _get(command, "setClusterMode?mode=1") == (200, "success")
        g.wait_for("sentinel.shop.token_server.state", 2)
        assert json.loads(_get(command, "getClusterMode")[1])["mode"] == 1 and g.stat("sentinel.shop.token_client_state") == 0
        assert in_one_second(lambda: ask(4)) == [200] * 3 + [429], "it has no rules yet: by its own count"
        assert _get(command, "cluster/server/modifyFlowRules", namespace="shop", data=_quoted([_rule(1, _tokens(60) / 2, **LONG)])) == (200, "success")
        assert _get(command, "cluster/server/modifyNamespaceSet", data=_quoted(["market"])) == (200, "success")
        assert _get(command, "cluster/server/modifyParamRules", namespace="market", data=_quoted([{**_rule(8, 1, **LONG), "paramIdx": 0}])) == (200, "success")
        assert _get(command, "cluster/server/modifyFlowConfig", data=_quoted({"exceedCount": 2, "maxAllowedQps": 40000})) == (200, "success")
        client = _Client(port, "market")
        assert client.status(8, values=["v"]) == OK and client.status(8, values=["v"]) == BLOCKED
        assert ask(62) == [200] * 60 + [429] * 2, "half of it, doubled"
        info = json.loads(_get(command, "cluster/server/info")[1])
        local = info.pop("requestLimitData")
        groups = {group["namespace"]: group for group in info.pop("connection")}
        assert {row["namespace"]: row["maxAllowedQps"] for row in local} == {"default": 40000, "shop": 40000, "market": 40000}
        assert groups["market"] == {"namespace": "market", "connectedCount": 1, "connectionSet": [
            {"address": "127.0.0.1:%d" % client.sock.getsockname()[1], "host": "127.0.0.1"}]} and groups["shop"]["connectedCount"] == 1
        assert sorted(info.pop("namespaceSet")) == ["default", "market", "shop"]
        assert info == {"appName": "shop", "embedded": True, "port": port, "transport": {"idleSeconds": 600, "port": port}, "flow": {
            "exceedCount": 2, "maxOccupyRatio": 1, "intervalMs": 1000, "sampleCount": 10, "maxAllowedQps": 40000, "namespace": "default"}}, info
        assert [r["clusterConfig"]["flowId"] for r in json.loads(_get(command, "cluster/server/flowRules")[1])] == [1]
        assert [r["clusterConfig"]["flowId"] for r in json.loads(_get(command, "cluster/server/paramRules?namespace=market")[1])] == [8]
        assert json.loads(_get(command, "cluster/server/paramRules?namespace=shop")[1]) == []
        metric = json.loads(_get(command, "cluster/server/metricList?namespace=market")[1])
        assert metric["r8"][0]["flowId"] == 8 and metric["r8"][0]["topParams"] == {"v": 1 / 600}, metric
        metric = json.loads(_get(command, "cluster/server/metricList?namespace=shop")[1])["r1"][0]
        assert metric["passQps"] == 0.1 and metric["blockQps"] > 0, metric
        moved, = free_ports(1)
        assert _get(command, f"cluster/server/modifyTransportConfig?port={moved}&idleSeconds=77") == (200, "success")
        assert client.is_closed()
        end = time.monotonic() + 10
        while True:
            try:
                assert _Client(moved, "market").count == 1
                break
            except ConnectionRefusedError:
                assert time.monotonic() < end
        assert json.loads(_get(command, "cluster/server/fetchConfig")[1])["transport"] == {"idleSeconds": 77, "port": moved}
        assert "transport" not in json.loads(_get(command, "cluster/server/fetchConfig?namespace=market")[1])

        assert _get(command, "setClusterMode?mode=0") == (200, "success")
        g.wait_for("sentinel.shop.token_client_state", 2)
        g.wait_for("sentinel.shop.token_server.state", 0)
        assert ask(2) == [429] * 2, "the other server has no more"
        assert _get(command, "setClusterMode?mode=-1") == (200, "success")
        g.wait_for("sentinel.shop.token_client_state", 0)
        assert in_one_second(lambda: ask(4)) == [200] * 3 + [429]


def modes_change_while_requests_ask():
    """Server, client of another one, nothing, for 3 s under load, and at the end it stops in the middle: every request gets an answer, soon."""
    command, = free_ports(1)
    rule = {**_rule(1, 5, resource="GET:/asked"), "count": 10**6}
    statuses, slowest, is_over = [], [0], threading.Event()

    def load(g):
        while not is_over.is_set():
            begin = time.monotonic()
            try:
                statuses.append(g.http("GET", "/asked").status)
            except OSError:
                assert is_over.is_set()
            slowest[0] = max(slowest[0], time.monotonic() - begin)
    with _Server("else", [_space("shop", [_rule(1, 10**6)])]) as (_, other), \
            _Server("modes", [_space("shop", [_rule(1, 10**6)])], command_port=command, rules=[rule], client={"request_timeout_ms": 1000}) as (g, _):
        data = _quoted({"serverHost": "127.0.0.1", "serverPort": other, "requestTimeout": 1000})
        assert _get(command, "cluster/client/modifyConfig", data=data) == (200, "success")
        threads = [threading.Thread(target=load, args=(g,)) for _ in range(6)]
        for t in threads:
            t.start()
        end, changes = time.monotonic() + 3, 0
        while time.monotonic() < end:
            for mode in (0, 1, -1, 1):
                assert _get(command, f"setClusterMode?mode={mode}") == (200, "success")
                time.sleep(0.03)
                changes += 1
        is_over.set()
    for t in threads:
        t.join()
    assert len(statuses) > 20 and set(statuses) == {200} and slowest[0] < 5 and changes > 8, (len(statuses), set(statuses), slowest, changes)


def files_of_rules_are_watched():
    """What is written to a namespace's file holds soon, for clients that are there; what is no list, or goes away, changes nothing; commands hold until then."""
    folder = places.scratch("token-server-files")
    flow, param, (command,) = folder / "flow.json", folder / "param.json", free_ports(1)

    def write(path, text):
        path.with_suffix(".new").write_text(text)
        os.rename(path.with_suffix(".new"), path)
    write(flow, json.dumps([_rule(1, 1000)]))
    write(param, "[]")
    spaces = [{"name": "a", "flow": {"filename": str(flow)}, "param_flow": {"filename": str(param)}}, _space("b", [_rule(4, 1000)])]
    with _Server("files", spaces, command_port=command) as (g, port):
        client, other = _Client(port, "a"), _Client(port, "b")

        def until(wanted, flow_id, count=1, values=None):
            end = time.monotonic() + 15
            while client.status(flow_id, count, values=values) != wanted:
                assert time.monotonic() < end, (wanted, flow_id, g.words())
                time.sleep(0.02)

        def said_by(words, times):
            end = time.monotonic() + 15
            while g.log_text().count(words) < times:
                assert time.monotonic() < end, (words, g.words())
                time.sleep(0.02)
        assert client.status(1) == OK and client.status(2) == NO_RULE
        write(flow, json.dumps([_rule(1, 0), _rule(2, 1000)]))
        until(OK, 2)
        assert client.status(1) == BLOCKED
        write(param, json.dumps([{**_rule(3, 1000), "paramIdx": 0}]))
        until(OK, 3, values=["x"])
        for n, bad in enumerate(("{", "{}", "[" * 300)):
            write(flow, bad)
            said_by(f"rules of {flow} are refused", n + 1)
            assert client.status(2) == OK and client.status(1) == BLOCKED
        os.unlink(flow)
        assert _get(command, "cluster/server/modifyFlowRules", namespace="a", data=_quoted([_rule(1, 1000)])) == (200, "success")
        until(OK, 1)
        assert client.status(2) == NO_RULE
        write(flow, json.dumps([_rule(2, 1000), {"resource": "x", "count": -1}]))
        until(NO_RULE, 1)
        assert client.status(2) == OK and other.status(4) == OK


def it_is_shown_on_the_page_and_tells_its_log():
    """Name spaces with their clients, flow ids with what they granted and refused; and sentinel-server.log, a line for each second and key."""
    (command,), log = free_ports(1), places.scratch("token-server-shown-logs") / "sentinel-server.log"
    log.unlink(missing_ok=True)
    spaces = [_space("a<b", [_rule(1, 1, **LONG), {"resource": "bad", "count": -1, "clusterMode": True}], [{**_rule(2, 1, **LONG), "paramIdx": 0}])]
    with _Server("shown", spaces, command_port=command) as (g, port):
        client = _Client(port, "a<b")
        assert client.status(1) == OK and client.status(1, 3) == BLOCKED and client.status(2, values=["v"]) == OK and client.status(2, values=["v"]) == BLOCKED
        shop, = json.loads(g.get("/sentinel"))["applications"]
        server = shop["token_server"]
        assert (server["state"], server["address"], server["connections"]) == ("STARTED", f"127.0.0.1:{port}", 1), server
        spaces = {s["name"]: s for s in server["namespaces"]}
        assert set(spaces) == {"default", "shop", "a<b"} and spaces["shop"]["clients"] == 1 and spaces["default"]["rules"] == 0, spaces
        own = spaces["a<b"]
        assert own["served"] is True and (own["clients"], own["rules"], own["rejected"]) == (1, 2, 1) and "count" in own["fault"], own
        flow, param = server["flows"]
        assert (flow["kind"], flow["flow_id"], flow["namespace"], flow["resource"], flow["count"], flow["for_each_client"]) == ("flow", 1, "a<b", "r1", 1, False), flow
        assert (flow["pass"], flow["block"], flow["waiting"]) == (1, 3, 0) and flow["block_qps"] > 0, flow
        assert (param["kind"], param["flow_id"], param["pass"], param["block"]) == ("paramFlow", 2, 1, 1), param
        one, = json.loads(g.get("/sentinel?filter=r2$"))["applications"]
        assert [f["flow_id"] for f in one["token_server"]["flows"]] == [2]
        table = g.get("/sentinel?format=html")
        assert "<h3>token server</h3>" in table and f"STARTED, 127.0.0.1:{port}, 1 connections" in table and "<td>a&lt;b</td><td>1</td>" in table, table
        assert "<td>r1</td><td>flow</td><td>1</td><td>a&lt;b</td><td>1</td>" in table, table
        end, counts = time.monotonic() + 15, {}
        while counts != {"flow|block|1": 3, "flow|block_request|1": 1, "param|pass|2": 1, "param|block|2|v": 1}:
            assert time.monotonic() < end, counts
            time.sleep(0.1)
            lines = log.read_text().splitlines() if log.exists() else []
            counts = collections.Counter()
            for line in lines:
                stamp, kind, key, count = re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\|(1)\|(.*)\|(\d+),0", line).groups()
                counts[key] += int(count)
    with Gateway("token-server-none", _manager(None), [cluster("up", 1)]) as g:
        shop, = json.loads(g.get("/sentinel"))["applications"]
        assert "token_server" not in shop and "token server" not in g.get("/sentinel?format=html")


def commands_that_say_nonsense_change_nothing():
    command, = free_ports(1)
    with _Server("nonsense", [_space("a", [_rule(1, 1, **LONG)])], command_port=command) as (_, port):
        before = [_get(command, f"cluster/server/{what}") for what in ("fetchConfig", "flowRules", "paramRules")]
        for name, form, wanted in (
                ("modifyFlowRules", {"namespace": "a"}, (400, "empty data")),
                ("modifyFlowRules", {"data": "[]"}, (400, "empty namespace")),
                ("modifyFlowRules", {"namespace": "a", "data": "{"}, (400, "decode cluster flow rules error")),
                ("modifyParamRules", {"namespace": "a", "data": "{}"}, (400, "decode cluster param rules error")),
                ("modifyFlowRules", {"namespace": "nobody", "data": "[]"}, (200, "success")),
                ("modifyFlowConfig", {"data": "[1]"}, (400, "decode cluster server flow config error")),
                ("modifyFlowConfig", {"data": "%%%"}, (400, "decode cluster server flow config error")),
                ("modifyFlowConfig", {"data": _quoted({"exceedCount": -1})}, (200, "success")),
                ("modifyFlowConfig", {"data": _quoted({"intervalMs": 1000, "sampleCount": 3})}, (200, "success")),
                ("modifyNamespaceSet", {"data": "{}"}, (400, "decode client cluster config error")),
                ("modifyNamespaceSet", {"data": "[1]"}, (400, "decode client cluster config error")),
                ("modifyTransportConfig", {"port": "1"}, (400, "invalid empty idleSeconds")),
                ("modifyTransportConfig", {"idleSeconds": "1"}, (400, "invalid empty port")),
                ("modifyTransportConfig", {"port": "x", "idleSeconds": "1"}, (400, "invalid parameter")),
                ("modifyTransportConfig", {"port": "70000", "idleSeconds": "1"}, (200, "success")),
                ("metricList", {"x": "y"}, (400, "failed: namespace cannot be empty"))):
            assert _get(command, f"cluster/server/{name}", **form) == wanted, (name, form, _get(command, f"cluster/server/{name}", **form))
        assert before == [_get(command, f"cluster/server/{what}") for what in ("fetchConfig", "flowRules", "paramRules")]
        assert _Client(port, "a").status(1) == OK


def configurations_come_and_go_while_clients_ask():
    """Rules, limits, ports, with and without the server, while clients ask: nobody is refused an answer but by the end of the connection."""
    folder = places.scratch("token-server-versions-files")
    listener, first, second = free_ports(3)
    path, origin, version = folder / "lds.json", Origin(), [0]

    def put(server):
        version[0] += 1
        manager = _manager(server, [_rule(1, 5, resource="GET:/asked")])
        rows = [{"@type": API + "listener.v3.Listener", "name": "dl", "address": address(listener), "filter_chains": [{"filters": [manager]}]}]
        path.with_suffix(".new").write_text(json.dumps({"version_info": str(version[0]), "resources": rows}))
        os.rename(path.with_suffix(".new"), path)

    def until(port, wanted, limit=1):
        end = time.monotonic() + 15
        while True:
            try:
                client = _Client(port, "a")
                status = client.status(1, limit)
                client.close()
                if status == wanted:
                    return
            except (ConnectionError, TypeError):
                if wanted is None:
                    return
            assert time.monotonic() < end, (port, wanted, g.words())
            time.sleep(0.02)
    put({"port": first, "namespaces": [_space("a", [_rule(1, 100)])]})
    try:
        with Gateway("token-server-versions", _manager(None, application="other"), [cluster("up", origin.port)], bootstrap={"dynamic_resources": {"lds_config": {
                "path_config_source": {"path": str(path)}, "resource_api_version": "V3"}}}) as g:
            g.wait_until_live()
            until(first, OK)
            for _ in range(3):
                put({"port": first, "namespaces": [_space("a", [_rule(1, 0)])]})
                until(first, BLOCKED)
                put({"port": second, "namespaces": [_space("a", [_rule(1, 100)])]})
                until(second, OK)
                until(first, None)
                put({"port": second, "namespaces": [_space("b", [_rule(1, 100)])]})
                until(second, BLOCKED, 101)
                put({"port": second})
                until(second, NO_RULE)
                put(None)
                until(second, None)
                put({"port": first, "namespaces": [_space("a", [_rule(1, 100)])]})
                until(first, OK)
            assert g.stat("listener_manager.lds.update_rejected") == 0
            for bad in ({"port": 70000}, {"address": "x"}, {"namespaces": [{"name": " "}]}, {"namespaces": [{"name": "a", "flow": {"inline_string": "{"}}]},
                        {"flow": {"sample_count": 7}}, {"flow": {"exceed_count": -1}}, {"idle_seconds": 10**8}, {"max_connections": 10**8}):
                before = g.stat("listener_manager.lds.update_rejected")
                put({"port": first, **bad})
                g.wait_for("listener_manager.lds.update_rejected", before + 1)
            until(first, OK)
    finally:
        origin.stop()

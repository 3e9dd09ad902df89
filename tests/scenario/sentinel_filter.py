"""Sentinel's rules for HTTP requests and Dubbo calls: in line and from a file that is edited while calls go on."""
import asyncio
import collections
import http.client
import json
import os
import re
import shutil
import socket
import threading
import time

import bolt_peer
import dubbo as wire
import places
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, cluster, dubbo_manager, http_manager, rpc_manager
from origin import Origin
from windows import whole_second

SENTINEL = "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel"
PER_ROUTE = SENTINEL + "PerRoute"
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
BLOCKED = "Blocked by Sentinel (flow limiting)"


def _inline(*rules):
    return [{"inline_string": json.dumps(rules)}]


def _flow(resource, count, **more):
    return {"resource": resource, "grade": 1, "count": count, **more}


def _http(name, rules, routes=None, origin=None, listener=None, **config):
    filters = [{"name": "sentinel", "typed_config": {"@type": SENTINEL, "application": "shop", "rules": rules, **config}}, ROUTER]
    return Gateway(f"sentinel-{name}", http_manager(routes, http_filters=filters), [cluster("up", origin.port)] if origin else [], listener=listener)


def _dubbo(name, provider, rules, listener=None, **config):
    manager = dubbo_manager(SERVICE, {".*": "up"})
    manager["typed_config"]["dubbo_filters"] = [{"name": "sentinel", "config": {"@type": SENTINEL, "application": "shop", "rules": rules, **config}},
                                                {"name": "envoy.filters.dubbo.router"}]
    return Gateway(f"sentinel-{name}", manager, [cluster("up", provider.port)], listener=listener)


def http_requests_over_the_limit_are_refused():
    origin = Origin()
    try:
        with _http("http", {"flow": _inline(_flow("GET:/a", 3), {"resource": "", "count": 1})}, origin=origin) as g:
            whole_second()
            answers = [g.http("GET", "/a?x=1") for _ in range(6)]
            assert [a.status for a in answers] == [200] * 3 + [429] * 3, answers
            assert answers[3].text == BLOCKED, answers[3]
            assert g.http("POST", "/a").status == g.http("GET", "/b").status == 200, "other resources"
            assert g.stat("sentinel.shop.pass") == 5 and g.stat("sentinel.shop.block_flow") == 3
            assert g.stat("sentinel.shop.rules_loaded") == g.stat("sentinel.shop.rules_rejected") == 1
            g.wait_for_log("is left out")  # with its reason
    finally:
        origin.stop()


def calls_over_the_limit_are_thrown_at_once():
    """The method's rule, then the interface's, which counts the calls of all methods, those too that the method's rule blocked."""
    provider = Provider()
    with _dubbo("dubbo", provider, {"flow": _inline(_flow(f"{SERVICE}:hello(java.lang.String,int)", 2), _flow(SERVICE, 4))}) as g, Consumer(g.port) as c:
        whole_second()
        frames = [c.ask("hello", args=("x", 7)) for _ in range(3)]
        assert [b"FlowException" in f.body for f in frames] == [False, False, True], frames
        blocked = frames[2]
        assert blocked.status == 20 and blocked.body[0] == 0x93 and b"java.lang.RuntimeException" in blocked.body, blocked
        assert b"SentinelBlockException: FlowException" in blocked.body, blocked
        others = [c.ask("other") for _ in range(2)]
        assert [b"FlowException" in f.body for f in others] == [False, True], others
        assert provider.count == 3
        assert g.stat("sentinel.shop.pass") == 3 and g.stat("sentinel.shop.block_flow") == 2
    provider.stop()


def _rules_file(name, *rules):
    folder = places.scratch(name)
    shutil.rmtree(folder)
    folder.mkdir()
    path = folder / "flow.json"
    path.write_text(json.dumps(rules))
    return path


def _move(path, text):
    new = path.with_name("new")
    new.write_text(text)
    os.rename(new, path)


def a_file_of_rules_is_edited():
    """In place, and by another that takes its place. What is no list leaves the rules as they are; those that don't change keep what they counted."""
    path = _rules_file("sentinel-file-rules", _flow("GET:/a", 0), _flow("GET:/slow", 1, controlBehavior=2, maxQueueingTimeMs=60000))
    origin = Origin()
    try:
        with _http("file", {"flow": [{"filename": str(path)}]}, origin=origin) as g:
            assert g.http("GET", "/a").status == 429
            path.write_text(json.dumps([_flow("GET:/a", 1000)]))
            g.wait_for("sentinel.shop.rules_update", 2)
            _until(lambda: g.http("GET", "/a").status == 200)
            for n, text in enumerate(("[{", '{"resource": "GET:/a"}')):
                _move(path, text)
                g.wait_for("sentinel.shop.source_rejected", n + 1)
                assert g.http("GET", "/a").status == 200 and g.stat("sentinel.shop.rules_loaded") == 1
            _move(path, json.dumps([_flow("GET:/a", 0), {"resource": "GET:/a", "count": -1}]))
            _until(lambda: g.http("GET", "/a").status == 429)
            assert g.stat("sentinel.shop.rules_loaded") == g.stat("sentinel.shop.rules_rejected") == 1
            os.remove(path)
            assert g.http("GET", "/a").status == 429
    finally:
        origin.stop()


def a_file_as_sentinel_golang_writes_it():
    """Enforced where it is marked, and what Java's rules can't say left out; without the mark the same text is a rule without its index."""
    path = _rules_file("sentinel-golang-rules", {"id": "7", "resource": "GET:/a", "metricType": 1, "paramIndex": 0, "threshold": 1, "durationInSec": 600},
                       {"resource": "GET:/a", "metricType": 1, "paramKey": "who", "threshold": 1, "durationInSec": 600})
    origin = Origin()
    ask = lambda g: [g.http("GET", f"/a?who={who}").status for who in ("x", "x", "y", "x")]
    rejected = lambda g: [(r["index"], r["reason"]) for r in json.loads(g.get("/sentinel"))["applications"][0]["rules"]["rejected"]]
    try:
        sources = {"param_flow": [{"filename": str(path)}]}
        with _http("golang", {"dialect": "GOLANG", **sources}, origin=origin, parameters=[{"query": "who"}]) as g:
            assert ask(g) == [200, 429, 200, 429] and g.stat("sentinel.shop.rules_loaded") == 1
            assert rejected(g) == [(1, "paramKey: only paramIndex is known")], rejected(g)
            _move(path, path.read_text().replace('"threshold": 1', '"threshold": 0'))
            g.wait_for("sentinel.shop.rules_update", 2)
            _until(lambda: g.http("GET", "/a?who=z").status == 429)
        with _http("golang-unmarked", sources, origin=origin, parameters=[{"query": "who"}]) as g:
            assert ask(g) == [200] * 4 and g.stat("sentinel.shop.rules_loaded") == 0
            assert sorted(rejected(g)) == [(0, "paramIdx: needed"), (1, "paramIdx: needed")], rejected(g)
    finally:
        origin.stop()


def the_admin_page():
    """Rules, what was left out and why, each resource with what it counted and its breakers."""
    origin = Origin()
    rules = {"flow": _inline(_flow("GET:/a", 1), {"resource": "r", "count": -1}),
             "degrade": _inline({"resource": "GET:/a", "grade": 2, "count": 1, "timeWindow": 1}, {"resource": "GET:/a", "grade": 0, "count": 9, "timeWindow": 1})}
    try:
        with _http("admin", rules, origin=origin) as g:
            whole_second()
            for path in ("/a", "/a", "/b\"c"):
                g.http("GET", path)
            shop, = json.loads(g.get("/sentinel"))["applications"]
            assert shop["application"] == "shop" and shop["on"] is True and shop["rules"]["loaded"] == 3, shop
            assert shop["rules"]["rejected"] == [{"kind": "flow", "source": "inline", "index": 1, "reason": "count: must be a number >= 0"}], shop["rules"]
            assert shop["inbound"]["minute_pass"] == 2 and shop["inbound"]["minute_block"] == 1, shop["inbound"]
            a, b = shop["resources"]
            assert (a["name"], b["name"]) == ("GET:/a", 'GET:/b"c') and b["minute_pass"] == 1 and "breakers" not in b, (a, b)
            assert a["minute_pass"] == a["minute_block"] == a["flow_rules"] == 1 and a["breakers"] == ["CLOSED", "CLOSED"] and a["threads"] == 0, a
            one, = json.loads(g.get("/sentinel?application=shop&filter=/a$"))["applications"]
            assert [r["name"] for r in one["resources"]] == ["GET:/a"]
            assert not json.loads(g.get("/sentinel?application=other"))["applications"]
            table = g.get("/sentinel?format=html&filter=c$")
            assert "<h2>shop</h2>" in table and "<td>GET:/b&quot;c</td>" in table and "GET:/a" not in table and "rule 1 of inline: count" in table, table
            flow, slow, failing = shop["rules"]["in_force"]
            assert (flow["kind"], flow["resource"], flow["limit_app"], flow["rule"]["count"], flow["blocked"]) == ("flow", "GET:/a", "default", 1.0, 1), flow
            assert [(r["kind"], r["rule"]["grade"], r["blocked"]) for r in (slow, failing)] == [("degrade", 2, 0), ("degrade", 0, 0)], shop["rules"]
            assert len(one["rules"]["in_force"]) == 3 and "&quot;controlBehavior&quot;:0" in g.get("/sentinel?format=html&filter=a$")
            assert '<td>GET:/a</td><td>flow</td><td>default</td><td>{&quot;' in g.get("/sentinel?format=html")
            assert "<td>CLOSED, CLOSED</td>" in g.get("/sentinel?format=html")
            assert "Error while parsing filter" in g.get("/sentinel?filter=(", ok=False)
    finally:
        origin.stop()


def _until(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


class _Timed(Origin):
    """Notes when each request came."""

    def __init__(self):
        self.times = []
        super().__init__()

    def answer(self, sock, f, request):
        self.times.append(time.time())
        super().answer(sock, f, request)


async def _one(port, idle, seen):
    """A request on a connection that nobody uses, or a new one."""
    reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
    sent = time.time()
    writer.write(b"GET /limited HTTP/1.1\r\nhost: h\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head)[1])
    await reader.readexactly(length)
    seen.append((int(sent), int(time.time()), int(head.split()[1])))
    idle.append((reader, writer))


async def _offer(port, rate, seconds):
    """Open loop: each request at its time, whatever became of those before. [(the second when it was sent, that when it was answered, status)]"""
    idle, seen, tasks, start = [], [], [], time.monotonic()
    for n in range(rate * seconds):
        await asyncio.sleep(max(0.0, start + n / rate - time.monotonic()))
        tasks.append(asyncio.create_task(_one(port, idle, seen)))
    await asyncio.gather(*tasks)
    for _, writer in idle:
        writer.close()
    return seen


def _by_second(seen, least):
    """{second: how many passed in it: at least, at most}, of seconds in which so many were sent and answered. A busy machine delivers late: what was sent in
    one second and answered in another was decided in either."""
    asked = collections.Counter(sent for sent, answered, _ in seen if sent == answered)
    passed = [(sent, answered) for sent, answered, status in seen if status == 200]
    return {s: (passed.count((s, s)), sum(sent <= s <= answered for sent, answered in passed)) for s in asked if asked[s] >= least}


def a_limit_a_second_is_kept_under_load():
    """Three times as much as the limit, on both workers: each whole second has the limit, and not one more."""
    origin = _Timed()
    try:
        with _http("load", {"flow": _inline(_flow("GET:/limited", 100))}, origin=origin) as g:
            whole_second()
            seen = asyncio.run(_offer(g.port, 300, 5))
            passed, whole = sum(status == 200 for *_, status in seen), _by_second(seen, 200)
            assert len(whole) >= 3 and all(least <= 101 and most >= 99 for least, most in whole.values()), whole
            assert g.stat("sentinel.shop.pass") == passed == len(origin.times)
            assert g.stat("sentinel.shop.block_flow") == len(seen) - passed
            return f"{[least for least, _ in whole.values()]} a second"
    finally:
        origin.stop()


def rules_change_under_load():
    """New versions all the while: what didn't change goes on where it was, and nobody is lost or kept waiting."""
    path = _rules_file("sentinel-reload-rules")
    path.write_text("[]")
    origin, stopped, versions = _Timed(), threading.Event(), 0

    def write():
        nonlocal versions
        while not stopped.wait(0.05):
            versions += 1
            _move(path, json.dumps([_flow("GET:/limited", 100), _flow("GET:/limited", 1000000, controlBehavior=1), *(_flow(f"r{n}", versions) for n in range(500))]))

    try:
        with _http("reload", {"flow": [{"filename": str(path)}]}, origin=origin) as g:
            writer = threading.Thread(target=write)
            writer.start()
            g.wait_for("sentinel.shop.rules_loaded", 502)
            whole_second()
            seen = asyncio.run(_offer(g.port, 200, 4))
            stopped.set()
            writer.join()
            whole = _by_second(seen, 150)
            assert len(whole) >= 2 and all(least <= 101 and most >= 99 for least, most in whole.values()), whole
            assert {status for *_, status in seen} == {200, 429} and g.stat("sentinel.shop.rules_update") > 20, g.stat("sentinel.shop.rules_update")
            return f"{g.stat('sentinel.shop.rules_update')} versions"
    finally:
        stopped.set()
        origin.stop()


def requests_are_spaced():
    """Each waits for its turn; who leaves meanwhile has had his, and who would wait too long is refused."""
    origin = _Timed()
    try:
        with _http("paced", {"flow": _inline(_flow("GET:/paced", 10, controlBehavior=2, maxQueueingTimeMs=550))}, origin=origin) as g:
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(g.http("GET", "/paced").status)) for _ in range(10)]
            for t in threads:
                t.start()
            assert g.http("GET", "/other").status == 200, "others don't wait"
            for t in threads:
                t.join()
            paced = sorted(origin.times[-sum(s == 200 for s in answers):])
            assert answers.count(429) >= 2 and answers.count(200) >= 6, answers
            assert paced[-1] - paced[0] > 0.09 * (len(paced) - 1) - 0.05, paced
            assert g.stat("sentinel.shop.wait") >= 5 and g.stat("sentinel.shop.waiting") == 0
            first, second = http.client.HTTPConnection("127.0.0.1", g.port), http.client.HTTPConnection("127.0.0.1", g.port)
            for c in (first, second):
                c.request("GET", "/paced")
            g.wait_for("sentinel.shop.waiting", 1)
            count = len(origin.times)
            second.close()
            first.close()
            g.wait_for("sentinel.shop.wait_cancelled", 1)
            g.wait_for("sentinel.shop.waiting", 0)
            assert len(origin.times) <= count + 1
    finally:
        origin.stop()


def hot_arguments_of_calls():
    """By value and type, each with a count of its own; of a list each element; an argument that isn't there counts nowhere."""
    provider = Provider()
    rule = {"resource": f"{SERVICE}:find(java.lang.String,int)", "grade": 1, "paramIdx": 0, "count": 1, "durationInSec": 600}
    items = dict(rule, paramIdx=-1, count=2, paramFlowItemList=[{"object": "7", "count": 1, "classType": "int"}, {"object": "8", "count": 1}])
    with _dubbo("hot", provider, {"param_flow": _inline(rule, dict(items, resource=f"{SERVICE}:last(java.lang.String,int)"))}) as g, Consumer(g.port) as c:
        def passes(method, *args):
            return b"ParamFlowException" not in c.ask(method, args=args).body
        assert [passes("find", who, 1) for who in ("x", "x", "y", "x", "y", None, None)] == [True, False, True, False, False, True, True]
        assert [passes("last", "a", n) for n in (7, 7, 8, 8, 8)] == [True, False, True, True, False], "8 is the text, not the int"
        assert [passes("other", "x", 1) for _ in range(3)] == [True] * 3
        assert g.stat("sentinel.shop.block_param_flow") == 5
    provider.stop()


def arguments_have_the_types_that_java_gives_them():
    """What Hessian carries alike is told apart by the method's parameters; of lists each element counts, of null none."""
    provider = Provider()
    texts = b"\x72" + wire.string("[string") + wire.string("a") + wire.string("hot")
    rows = [  # descriptor, Class.getName(), argument, item, its class: as Java has it, and one that it isn't
        ("S", "short", 7, "7", "short", "int"), ("Ljava/lang/Short;", "java.lang.Short", 7, "7", "java.lang.Short", "long"), ("B", "byte", 7, "7", "byte", "short"),
        ("I", "int", 7, "7", "int", "String"), ("J", "long", 1 << 40, str(1 << 40), "long", "String"), ("J", "long", 7, "7", "long", "int"),
        ("D", "double", 1.5, "1.5", "double", "float"), ("F", "float", 1.5, "1.5", "float", "double"), ("Z", "boolean", True, "true", "boolean", "String"),
        ("C", "char", "x", "x", "char", "String"), ("Ljava/lang/String;", "java.lang.String", "7", "7", "String", "int"),
        ("Ljava/lang/Object;", "java.lang.Object", 7, "7", "java.lang.Integer", "short"), ("[Ljava/lang/String;", "[Ljava.lang.String;", texts, "hot", "", "int")]
    rules = []
    for n, (_, name, _, item, right, wrong) in enumerate(rows):
        for method, kind in (("right", right), ("wrong", wrong)):
            items = [{"object": item, "count": 0, "classType": kind}]
            if not (method == "wrong" and kind == "int" and not item.isdigit()):  # no number: no rule
                rules.append({"resource": f"{SERVICE}:{method}{n}({name})", "paramIdx": 0, "count": 9, "paramFlowItemList": items})
    with _dubbo("types", provider, {"param_flow": _inline(*rules)}) as g, Consumer(g.port) as c:
        assert g.stat("sentinel.shop.rules_loaded") == len(rules), g.get("/sentinel")
        for n, (descriptor, _, argument, *_) in enumerate(rows):
            seen = [b"ParamFlowException" in c.ask(f"{method}{n}", args=(argument,), types=descriptor).body for method in ("right", "wrong")]
            assert seen == [True, False], (rows[n], seen)
            if descriptor not in "SBIJDFZC":
                assert c.ask(f"right{n}", args=(None,), types=descriptor).body == b"\x91\x01p", rows[n]
    provider.stop()


def what_stands_behind_a_long_argument_counts():
    """Arguments and attachments of a call whose frame would go on in parts."""
    provider = Provider()
    rules = {"param_flow": _inline({"resource": f"{SERVICE}:put(java.lang.String,java.lang.String)", "grade": 1, "paramIdx": 1, "count": 0}),
             "authority": _inline({"resource": f"{SERVICE}:get(java.lang.String)", "strategy": 1, "limitApp": "bad"})}
    filters = [{"name": "sentinel", "typed_config": {"@type": SENTINEL, "application": "shop", "rules": rules}}, ROUTER]
    with Gateway("sentinel-long", rpc_manager("up", http_filters=filters), [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        long = b"".join(b"R" + bytes([0x80, 0]) + b"x" * 0x8000 for _ in range(40)) + b"\0"
        assert b"ParamFlowException" in c.ask("put", args=(long, "hot"), types="Ljava/lang/String;Ljava/lang/String;").body
        assert b"AuthorityException" in c.ask("get", args=(long,), types="Ljava/lang/String;", attachments={"dubboApplication": "bad"}).body
        assert c.ask("get", args=(long,), types="Ljava/lang/String;", attachments={"dubboApplication": "good"}).body == b"\x91\x01p"
    provider.stop()


def callers_are_known_by_their_attachment():
    provider = Provider()
    rules = {"authority": _inline({"resource": SERVICE, "strategy": 1, "limitApp": "bad"}),
             "flow": _inline(_flow(SERVICE, 1, limitApp="greedy"), _flow(SERVICE, 0, limitApp="other", grade=1))}
    with _dubbo("origin", provider, rules) as g, Consumer(g.port) as c:
        def ask(application=None):
            body = c.ask(attachments={"dubboApplication": application} if application else None).body
            thrown = re.search(rb"SentinelBlockException: (\w+?Exception)", body)
            return thrown and thrown[1]
        assert ask() is None and ask("greedy") is None, "who doesn't say is limited by no name"
        assert ask("bad") == b"AuthorityException"
        assert ask("greedy") == ask("somebody") == b"FlowException"
    provider.stop()


def a_header_may_be_an_attachment_of_another_name():
    """`X Who` is the header x%20who, for what asks for a header: of who calls, and of a parameter."""
    provider = Provider()
    rules = {"authority": _inline({"resource": SERVICE, "strategy": 1, "limitApp": "bad"}),
             "param_flow": _inline({"resource": f"{SERVICE}:hello()", "paramIdx": 0, "count": 0,
                                    "paramFlowItemList": [{"object": "many", "count": 1000, "classType": "java.lang.String"}]})}
    with _dubbo("encoded", provider, rules, origins=[{"header": "x%20who"}], parameters=[{"value": {"header": "x%20key"}}]) as g, Consumer(g.port) as c:
        def ask(**attachments):
            body = c.ask(attachments={k.replace("_", " "): v for k, v in attachments.items()}).body
            thrown = re.search(rb"SentinelBlockException: (\w+?Exception)", body)
            return thrown and thrown[1]
        assert ask() is None and ask(x_who="good", x_key="many") is None
        assert ask(x_who="bad", x_key="many") == ask(X_Who="bad") == b"AuthorityException"
        assert ask(x_who="good", x_key="few") == b"ParamFlowException"
    provider.stop()


def calls_without_answers_and_exceptions():
    """A one-way call is over when it was sent on; an exception is counted, and opens a breaker."""
    provider = Provider()
    rules = {"degrade": _inline({"resource": f"{SERVICE}:fails()", "grade": 2, "count": 1, "minRequestAmount": 1, "timeWindow": 600}),
             "flow": _inline(_flow(f"{SERVICE}:fire()", 1, grade=0))}
    with _dubbo("ends", provider, rules) as g, Consumer(g.port) as c:
        assert c.ask("other").status == 20, "there is a connection to send them on"
        for _ in range(5):
            c.call("fire", twoway=False)
        assert c.ask("fire").body == b"\x91\x01p"
        g.wait_for("sentinel.shop.pass", 7)
        assert provider.count == 7, "none was under way when the next came"
        provider.hold = True
        for _ in range(2):
            c.call("fails")
            (sock, frame), = provider.take(1)
            sock.sendall(wire.response(frame.id, b"\x90" + wire.string("no Throwable")))
            assert c.read().body[0] == 0x90
        assert b"DegradeException" in c.ask("fails").body
        assert g.stat("sentinel.shop.error") == 2 and g.stat("sentinel.shop.block_degrade") == 1
    provider.stop()


def outbound_calls_have_no_origin_and_are_no_inbound_traffic():
    provider = Provider()
    rules = {"system": _inline({"qps": 0}), "authority": _inline({"resource": SERVICE, "strategy": 0, "limitApp": "nobody"}),
             "flow": _inline(_flow(SERVICE, 0, strategy=2, refResource="sentinel_default_context", limitApp="default"))}
    with _dubbo("outbound", provider, {k: v for k, v in rules.items() if k != "flow"}, listener={"traffic_direction": "OUTBOUND"}) as g, Consumer(g.port) as c:
        assert c.ask(attachments={"dubboApplication": "x"}).status == 20 and provider.count == 1
    with _dubbo("outbound-chain", provider, {"flow": rules["flow"]}, traffic="OUTBOUND") as g, Consumer(g.port) as c:
        assert b"FlowException" in c.ask().body, "the default context"
    with _dubbo("inbound", provider, {"flow": rules["flow"]}) as g, Consumer(g.port) as c:
        assert c.ask().body == b"\x91\x01p"
    with _dubbo("inbound-system", provider, {"system": rules["system"]}) as g, Consumer(g.port) as c:
        assert b"SystemBlockException" in c.ask().body
    provider.stop()


def routes_have_resources_and_fallbacks_of_their_own():
    origin = Origin()
    routes = [{"match": {"prefix": "/items/"}, "route": {"cluster": "up"}, "typed_per_filter_config": {
                  "sentinel": {"@type": PER_ROUTE, "resource": "items", "fallback": {"status": 503, "content_type": "application/json", "body": {"inline_string": "[]"}}}}},
              {"match": {"prefix": "/free"}, "route": {"cluster": "up"}, "typed_per_filter_config": {"sentinel": {"@type": PER_ROUTE, "disabled": True}}},
              {"match": {"prefix": "/"}, "name": "rest", "route": {"cluster": "up"}}]
    rules = {"flow": _inline(_flow("items", 2), _flow("rest", 0), _flow("GET:/free", 0))}
    try:
        with _http("routes", rules, routes, origin, http_resource="ROUTE_NAME") as g:
            whole_second()
            answers = [g.http("GET", f"/items/{n}") for n in range(3)]
            assert [a.status for a in answers] == [200, 200, 503], answers
            assert answers[2].text == "[]" and answers[2].headers["content-type"] == "application/json", answers[2]
            assert g.http("GET", "/free").status == 200
            assert g.http("GET", "/x").status == 429
    finally:
        origin.stop()


def _recorded(name):
    return bytes.fromhex("".join((places.ROOT / "tests/vectors" / name).read_text().split()))


def generic_calls_are_those_they_mean():
    """By the method and the types that their arguments name, and by the arguments of that method."""
    provider = Provider()
    rule = {"resource": "demo.api.DemoService:add(int,int)", "paramIdx": 0, "count": 9, "paramFlowItemList": [{"object": "40", "count": 0, "classType": "int"}]}
    filters = [{"name": "sentinel", "typed_config": {"@type": SENTINEL, "application": "shop", "rules": {"param_flow": _inline(rule)}}}, ROUTER]
    with Gateway("sentinel-generic", rpc_manager("up", http_filters=filters), [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        c.sock.sendall(_recorded("dubbo/d33-generic-add.req.hex"))
        assert b"SentinelBlockException: ParamFlowException" in c.read().body
    assert not provider.count
    provider.stop()


def calls_of_bolt():
    """Named with the types that its SofaRequest carries; told as an error that no SDK tries again."""
    provider = bolt_peer.Silent()
    service, method = "demo.api.DemoService", "demo.api.DemoService#add(int,int)"
    add = _recorded("bolt/sofa-add.req.hex")
    rules = {"authority": _inline({"resource": service, "strategy": 1, "limitApp": "nobody"}, {"resource": method, "strategy": 1, "limitApp": "gold-consumer"}),
             "param_flow": _inline({"resource": method, "paramIdx": 1, "count": 0, "paramFlowItemList": [{"object": "-8", "count": 9, "classType": "int"}]})}
    for kind, exception in (("authority", b"AuthorityException"), ("param_flow", b"ParamFlowException")):
        filters = [{"name": "sentinel", "typed_config": {"@type": SENTINEL, "application": "shop", "rules": {kind: rules[kind]}}}, ROUTER]
        manager = rpc_manager("up", http_filters=filters, protocols=["DUBBO", "BOLT"])
        with Gateway("sentinel-bolt", manager, [cluster("up", provider.port)]) as g, socket.create_connection(("127.0.0.1", g.port), timeout=10) as sock:
            sock.sendall(add)
            frame = sock.recv(1 << 16)
            assert frame[10:12] == b"\0\0" and b"SentinelBlockException: " + exception in frame, frame
            assert g.stat(f"sentinel.shop.block_{kind}") == 1
    assert not provider.count
    provider.stop()


def rules_have_stats():
    """What each blocked, of every kind, by its id or place; in Prometheus application, resource and rule are labels; a reload keeps it."""
    origin = Origin()
    path = _rules_file("sentinel-rule-stats", _flow("GET:/a", 0, id=77), _flow("GET:/b.c", 9), _flow("GET:/b.c", 0))
    rules = {"flow": [{"filename": str(path)}], "param_flow": _inline({"resource": "GET:/p", "paramIdx": 0, "count": 0}),
             "degrade": _inline({"resource": "GET:/a", "grade": 2, "count": 1, "timeWindow": 1}), "system": _inline({"qps": 1000})}
    try:
        with _http("rule-stats", rules, origin=origin) as g:
            for target in ("/a", "/a", "/b.c"):
                assert g.http("GET", target).status == 429
            rule = "sentinel.shop.rule."
            assert (g.stat(rule + "GET_a.flow_77.blocked"), g.stat(rule + "GET_b.c.flow_at_0.blocked"), g.stat(rule + "GET_b.c.flow_at_1.blocked")) == (2, 0, 1)
            assert g.stat(rule + "GET_a.degrade_at_0.blocked") == g.stat(rule + "__total_inbound_traffic__.system_qps.blocked") == g.stat(rule + "GET_p.paramFlow_at_0.blocked") == 0
            text = g.get("/stats/prometheus")
            assert 'envoy_sentinel_rule_blocked{outrigger_sentinel_application="shop",outrigger_sentinel_resource="GET_b.c",outrigger_sentinel_rule="flow_at_1"} 1' in text, re.findall(".*sentinel_rule.*", text)
            _move(path, json.dumps([_flow("new", 0), _flow("GET:/a", 0.5, id=77)]))
            g.wait_for("sentinel.shop.rules_update", 2)
            assert g.http("GET", "/a").status == 429 and g.stat(rule + "GET_a.flow_77.blocked") == 3
            assert "GET_b.c.flow_at" not in g.get("/stats"), "it is no more"
    finally:
        origin.stop()


def resources_have_stats():
    """Of what each did, once its second is over; in Prometheus application and resource are labels. Names from clients are no lines of their own."""
    origin = Origin()
    try:
        with _http("stats", {"flow": _inline(_flow("GET:/a", 2))}, origin=origin, max_resource_stats=3) as g:
            whole_second()
            assert [g.http("GET", "/a").status for _ in range(3)] == [200, 200, 429]
            for path in ("/b%22%0a%5c", "/c\"\\{}", "/later"):
                g.http("GET", path)
            g.wait_for("sentinel.shop.resource.GET_a.pass", 2)
            g.wait_for('sentinel.shop.resource.GET_c"\\{}.pass', 1)
            assert [g.stat(f"sentinel.shop.resource.GET_a.{n}") for n in ("block", "success", "exception")] == [1, 2, 0]
            text = g.get("/stats/prometheus")
            assert 'envoy_sentinel_resource_pass{outrigger_sentinel_application="shop",outrigger_sentinel_resource="GET_a"} 2' in text, text[-2000:]
            assert 'outrigger_sentinel_resource="GET_c\\"\\\\{}"} 1' in text, re.findall(".*sentinel_resource_pass.*", text)
            assert "later" not in text + g.get("/stats"), "one too many"
            assert 'envoy_sentinel_pass{outrigger_sentinel_application="shop"} 5' in text
    finally:
        origin.stop()

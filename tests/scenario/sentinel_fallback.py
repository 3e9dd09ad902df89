"""What requests that Sentinel blocks get instead: the last good answer, another cluster's answer; how requests are named by texts with operators; the record log."""
import http.client
import json
import re
import socket
import time

import bolt_peer
import places
from acceptor import Acceptor
from dubbo_peer import SERVICE, Consumer, Provider, wire
from gateway import TYPE, Gateway, cluster, http_manager, rpc_manager
from origin import Origin

SENTINEL = "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel"
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
BLOCKED = "Blocked by Sentinel (flow limiting)"
ONE_WORKER = ["--disable-hot-restart", "--concurrency", "1"]  # each keeps its own answers
METHOD = [{"value": {"header": ":method"}}]  # a hot parameter that is always the same
LAST = {"answer_cache": {}, "fallback": {"last_answer": True}}


class _Telling(Origin):
    """Answers with the fields that the request's x-say lists, and a body that says how many came before it."""

    def __init__(self):
        self.count = 0
        super().__init__()

    def answer(self, sock, f, request):
        said = ""
        while (line := f.readline().strip()):
            name, _, value = line.decode().partition(":")
            said = value.strip() if name.lower() == "x-say" else said
        self.count += 1
        body = f"answer {self.count}".encode()
        fields = "".join(f"{field.strip()}\r\n" for field in said.split("|") if field)
        sock.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nx-count: {self.count}\r\n{fields}\r\n".encode() + body)


def _times(count, resource):
    """So often it passes in this test, however long that takes."""
    return {"resource": resource, "paramIdx": 0, "count": count, "durationInSec": 10000}


def _sentinel(rules, **config):
    return {"name": "sentinel", "typed_config": {"@type": SENTINEL, "application": "shop", "parameters": METHOD,
                                                 "rules": {kind: [{"inline_string": json.dumps(r)}] for kind, r in rules.items()}, **config}}


def _http(name, rules, *origins, **config):
    return Gateway(f"sentinel-fallback-{name}", http_manager(http_filters=[_sentinel(rules, **config), ROUTER]),
                   [cluster(n, o.port) for n, o in zip(("up", "second"), origins)], args=ONE_WORKER)


def _rpc(name, rules, *providers, protocols=("DUBBO",), **config):
    manager = rpc_manager("up", http_filters=[_sentinel(rules, **config), ROUTER], protocols=list(protocols))
    return Gateway(f"sentinel-fallback-{name}", manager, [cluster(n, p.port) for n, p in zip(("up", "second"), providers)], args=ONE_WORKER)


def _ask(g, path, **headers):
    """Status, fields and body of a GET, on a connection of its own."""
    c = http.client.HTTPConnection("127.0.0.1", g.port, timeout=10)
    c.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    r = c.getresponse()
    got = r.status, {k.lower(): v for k, v in r.getheaders()}, r.read().decode()
    c.close()
    return got


def http_requests_get_the_last_good_answer():
    origin = _Telling()
    try:
        with _http("http", {"param_flow": [_times(1, "GET:/a")]}, origin, **LAST) as g:
            assert _ask(g, "/a?x", x_say="etag: e|connection: x-hop|x-hop: 1")[2] == "answer 1"
            status, fields, body = _ask(g, "/a?x")
            assert (status, body) == (200, "answer 1") and fields["x-count"] == "1" and fields["etag"] == "e", (status, fields, body)
            assert fields["age"] in ("0", "1") and fields["content-length"] == "8", fields
            assert _ask(g, "/a?y")[::2] == (429, BLOCKED)
            assert origin.count == 1
            assert g.stat("sentinel.shop.fallback_answer") == 1 and g.stat("sentinel.shop.block_param_flow") == 2 and g.stat("sentinel.shop.answers") == 1
    finally:
        origin.stop()


def answers_that_are_somebody_s_own_are_not_kept():
    origin = _Telling()
    rows = [({"x_say": "cache-control: private"}, {}, False), ({"x_say": "cache-control: max-age=1,  No-Store"}, {}, False), ({"x_say": "set-cookie: a=b"}, {}, False),
            ({"x_say": "vary: *"}, {}, False), ({"cookie": "a=b"}, {"cookie": "a=b"}, False), ({"authorization": "x"}, {}, False),
            ({"authorization": "x", "x_say": "cache-control: public"}, {}, True), ({"x_say": "cache-control: max-age=9"}, {}, True),
            ({"x_say": "vary: X-Lang", "x_lang": "de"}, {"x_lang": "de"}, True), ({"x_say": "vary: X-Lang", "x_lang": "de"}, {"x_lang": "fr"}, False)]
    try:
        with _http("private", {"param_flow": [{**_times(1, ".*"), "regex": True}]}, origin, **LAST) as g:
            for n, (first, then, is_kept) in enumerate(rows):
                assert _ask(g, f"/{n}", **first)[0] == 200
                status = _ask(g, f"/{n}", **then)[0]
                assert status == (200 if is_kept else 429), (first, then, status)
    finally:
        origin.stop()


def an_answer_that_is_too_large_is_not_kept():
    origin = Origin()
    try:
        with _http("large", {"param_flow": [{**_times(1, ".*"), "regex": True}]}, origin, answer_cache={"max_bytes": 100000, "max_body_bytes": 60000},
                   fallback={"last_answer": True, "body": {"inline_string": "sorry"}, "status": 503}) as g:
            for size, kept in ((60001, False), (60000, True), (50000, True)):
                assert len(_ask(g, f"/size/{size}")[2]) == size
                status, _, body = _ask(g, f"/size/{size}")
                assert (status, len(body)) == ((200, size) if kept else (503, 5)), (size, status, len(body))
            assert g.stat("sentinel.shop.answer_too_large") == 1
            assert g.stat("sentinel.shop.answers") == 1 and 50000 < g.stat("sentinel.shop.answer_bytes") < 51000, "the older has gone"
    finally:
        origin.stop()


def calls_get_the_last_good_answer():
    """To the same method with the same arguments; in the frame of a call that passed."""
    provider = Provider()
    with _rpc("dubbo", {"param_flow": [_times(2, f"{SERVICE}:hello(java.lang.String,int)")]}, provider, **LAST) as g, Consumer(g.port) as c:
        first = c.ask("hello", args=("x", 7), attachments={"trace": "1"})
        other = c.ask("hello", args=("y", 7), attachments={"trace": "2"})
        assert first.status == other.status == 20
        provider.name = "later"
        again = c.ask("hello", args=("x", 7), attachments={"trace": "3"})
        assert (again.status, again.body) == (20, first.body), again
        assert b"SentinelBlockException" in c.ask("hello", args=("z", 7)).body, "other arguments"
        assert b"SentinelBlockException" in c.ask("hello", args=("x", 7), dubbo_version="2.0.1").body, "who doesn't read attachments"
        assert b"SentinelBlockException" in c.ask("hello", args=("x", 7), attachments={"group": "g"}).body, "other providers"
        assert provider.count == 2
        assert g.stat("sentinel.shop.fallback_answer") == 1
    provider.stop()


class _Annotating(Provider):
    """Answers with attachments, one of which is no header's value as it is."""

    def answer(self, sock, frame, text=None):
        said = {"dubbo": "2.0.2", "x-note": "two\nlines", "x-last": "z"}
        entries = b"".join(wire.string(k) + wire.string(v) for k, v in said.items())
        sock.sendall(wire.response(frame.id, b"\x94" + wire.string(self.name) + b"H" + entries + b"Z"))


def attachments_of_an_answer_stay_as_they_came():
    """Though a filter behind Sentinel has made headers of them; what that has added comes again, too."""
    provider = _Annotating()
    edit = {"name": "edit", "typed_config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {
        "response_mutations": [{"append": {"header": {"key": "x-by", "value": "proxy"}}}]}}}
    sentinel = _sentinel({"param_flow": [_times(1, f"{SERVICE}:hello()")]}, **LAST)
    with Gateway("sentinel-fallback-attachments", rpc_manager("up", http_filters=[sentinel, edit, ROUTER]), [cluster("up", provider.port)],
                 args=ONE_WORKER) as g, Consumer(g.port) as c:
        first, again = c.ask("hello"), c.ask("hello")
        assert b"two\nlines" in first.body and b"x-by\x05proxy" in first.body, first
        assert (again.status, again.body) == (20, first.body), (first, again)
        assert provider.count == 1 and g.stat("sentinel.shop.fallback_answer") == 1
    provider.stop()


def methods_of_one_resource_have_answers_of_their_own():
    provider = Provider()
    with _rpc("one-resource", {"param_flow": [_times(1, "all")]}, provider, resources=[{"names": ["all"]}], **LAST) as g, Consumer(g.port) as c:
        first = c.ask("hello", args=("x",))
        assert b"SentinelBlockException" in c.ask("goodbye", args=("x",)).body
        assert c.ask("hello", args=("x",)).body == first.body
    provider.stop()


class _BoltProvider(Acceptor):
    """Answers every call alike, as a recorded provider did."""

    def __init__(self, frame):
        self.frame, self.count = frame, 0
        super().__init__()

    def serve(self, sock):
        frames = bolt_peer.Frames()
        while data := sock.recv(1 << 16):
            for is_call, _, rid, _ in frames.feed(data):
                self.count += is_call
                sock.sendall(self.frame[:5] + rid.to_bytes(4, "big") + self.frame[9:])


def _recorded(name):
    return bytes.fromhex("".join((places.ROOT / "tests/vectors" / name).read_text().split()))


def calls_of_bolt_get_the_last_good_answer():
    """Their key is configured: an argument."""
    ask, answer = _recorded("bolt/sofa-add.req.hex"), _recorded("bolt/sofa-add.resp.hex")
    provider = _BoltProvider(answer)
    with _rpc("bolt", {"param_flow": [_times(1, "demo.api.DemoService#add(int,int)")]}, provider, protocols=("DUBBO", "BOLT"),
              answer_cache={"key": "%ARGUMENT(1)%"}, fallback={"last_answer": True}) as g, socket.create_connection(("127.0.0.1", g.port), timeout=10) as sock:
        got = []
        for _ in range(2):
            sock.sendall(ask)
            got.append(sock.recv(1 << 16))
        assert got[0] == got[1] and got[0][9:] == answer[9:], got
        assert provider.count == 1 and g.stat("sentinel.shop.fallback_answer") == 1
    provider.stop()


def another_cluster_answers():
    """With its own breaker open or not: Sentinel doesn't ask again."""
    first, second = _Telling(), _Telling()
    try:
        with _http("cluster", {"param_flow": [_times(1, "GET:/a")]}, first, second, fallback={"cluster": "second"}) as g:
            assert [_ask(g, "/a")[0] for _ in range(4)] == [200] * 4
            assert (first.count, second.count) == (1, 3)
            assert g.stat("sentinel.shop.fallback_cluster") == g.stat("sentinel.shop.block_param_flow") == 3 and g.stat("sentinel.shop.pass") == 1
            assert g.stat("cluster.second.upstream_rq_200") == 3
    finally:
        first.stop()
        second.stop()
    provider, other = Provider("first"), Provider("second")
    with _rpc("dubbo-cluster", {"param_flow": [_times(1, f"{SERVICE}:hello()")]}, provider, other, fallback={"cluster": "second"}) as g, Consumer(g.port) as c:
        assert [b"second" in c.ask("hello").body for _ in range(3)] == [False, True, True]
    provider.stop()
    other.stop()


def a_cluster_that_is_not_there_answers_so():
    origin = _Telling()
    try:
        with _http("nowhere", {"flow": [{"resource": "GET:/a", "count": 0}]}, origin, fallback={"cluster": "nowhere"}) as g:
            assert _ask(g, "/a")[0] == 503 and _ask(g, "/b")[0] == 200
    finally:
        origin.stop()


def requests_are_named_by_texts():
    """The outer resource, and the inner one; what has no value leaves the usual names."""
    origin = _Telling()
    rules = {"flow": [{"resource": "tenant-t", "count": 0}, {"resource": "u:/a", "count": 0}]}
    resources = [{"names": ["tenant-%REQ(x-tenant)%", "%REQ(x-tenant)%:%PATH(NQ)%"]}]
    try:
        with _http("names", rules, origin, resources=resources) as g:
            said = [_ask(g, path, x_tenant=tenant)[0] for path, tenant in (("/a?1", "t"), ("/a?2", "u"), ("/b", "u"))] + [_ask(g, "/a")[0]]
            assert said == [429, 429, 200, 200], said
            page, = json.loads(g.get("/sentinel"))["applications"]
            names = [r["name"] for r in page["resources"]]
            assert names == ["tenant-t", "t:/a", "tenant-u", "u:/a", "u:/b", "GET:/a"], names
    finally:
        origin.stop()
    provider = Provider()
    with _rpc("call-names", {"param_flow": [_times(1, "gold:hello")]}, provider, resources=[{"names": ["%SERVICE%", "%ATTACHMENT(level)%:%METHOD%"]}]) as g, \
            Consumer(g.port) as c:
        said = [c.ask("hello", args=("x",), attachments={"level": level}).body for level in ("gold", "gold", "tin")]
        assert ["ParamFlowException" in str(body) for body in said] == [False, True, False], said
        said = [c.ask("hello", args=("x",)).body for _ in range(2)]
        names = [r["name"] for r in json.loads(g.get("/sentinel"))["applications"][0]["resources"]]
        assert names == [SERVICE, "gold:hello", "tin:hello", f"{SERVICE}:hello(java.lang.String)"], names
    provider.stop()


def who_calls_is_in_the_attachment_that_is_named():
    """remote.application only where it is configured; the first of the list that isn't empty."""
    provider = Provider()
    rules = {"authority": [{"resource": SERVICE, "strategy": 1, "limitApp": "bad"}]}
    origins = [{"attachment": "dubboApplication"}, {"attachment": "remote.application"}]
    rows = [({"remote.application": "bad"}, True), ({"dubboApplication": "", "remote.application": "bad"}, True), ({"dubboApplication": "good", "remote.application": "bad"}, False)]
    for configured in ({}, {"origins": origins}):
        with _rpc("origins", rules, provider, **configured) as g, Consumer(g.port) as c:
            for attachments, is_bad in rows:
                body = c.ask("hello", attachments=attachments).body
                assert (b"AuthorityException" in body) == (is_bad and bool(configured)), (configured, attachments, body)
    provider.stop()


def parameters_are_attachments_arguments_and_fields():
    provider = Provider()
    hot = [{"resource": SERVICE + ":hello(java.lang.String,int)", "paramIdx": n, "count": 0, "paramFlowItemList": [{"object": "ok", "count": 99, "classType": "String"}]}
           for n in range(3)]
    with _rpc("parameters", {"param_flow": hot}, provider, parameters=[{"value": {"attachment": "user"}}, {"value": {"argument": "0"}}, {"value": {"header": "x-h"}}]) as g, \
            Consumer(g.port) as c:
        rows = [("ok", {"user": "ok", "x-h": "ok"}, True), ("ok", {}, True), ("bad", {}, False), ("ok", {"user": "bad"}, False), ("ok", {"x-h": "bad"}, False)]
        for argument, attachments, passes in rows:
            body = c.ask("hello", args=(argument, 7), attachments=attachments).body
            assert (b"ParamFlowException" not in body) == passes, (argument, attachments, body)
    provider.stop()


def one_name_too_many_passes_and_is_told():
    """Resources and contexts have their limits; so has a name's length."""
    origin = _Telling()
    folder = places.scratch("sentinel-fallback-limits") / "logs"
    for old in folder.glob("*"):
        old.unlink()
    try:
        with _http("limits", {"flow": [{"resource": ".*", "regex": True, "count": 0}]}, origin, max_resources=2,
                   operations={"log_folder": str(folder), "disable_command_centre": True}) as g:
            assert [_ask(g, p)[0] for p in ("/a", "/b", "/c", "/" + "d" * 3000)] == [429, 429, 200, 200]
            g.wait_for("sentinel.shop.resource_overflow", 2)
            assert g.stat("sentinel.shop.resources") == 2

            def lines():
                return "".join(f.read_text() for f in folder.glob("sentinel-record.log.*.0"))
            deadline = time.monotonic() + 10
            while "exceeds the threshold" not in lines() and time.monotonic() < deadline:
                time.sleep(0.1)
            text = lines()
        stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} "
        assert re.search(stamp + r"INFO \[FlowRuleManager\] Flow rules received: \[\{.*\"resource\":\"\.\*\"", text), text
        assert re.search(stamp + r"WARNING Amount of resources or contexts exceeds the threshold 2 or 2000\.", text), text
    finally:
        origin.stop()


def rules_that_are_left_out_are_recorded():
    origin = _Telling()
    folder = places.scratch("sentinel-fallback-record") / "logs"
    for old in folder.glob("*"):
        old.unlink()
    try:
        for disabled in (True, False):
            with _http("record", {"flow": [{"resource": "r", "count": -1}]}, origin,
                       operations={"log_folder": str(folder), "disable_command_centre": True, "disable_record_log": disabled, "log_name_use_pid": True}):
                pass
            names = [f.name for f in folder.glob("sentinel-record*")]
            assert bool(names) != disabled, names
        assert re.fullmatch(r"sentinel-record\.log\.pid\d+\.\d{4}-\d\d-\d\d\.0", names[0]), names
        text = (folder / names[0]).read_text()
        assert "WARNING [FlowRuleManager] Ignoring invalid rule when loading new rules: rule 0 of inline: count: must be a number >= 0\n" in text, text
    finally:
        origin.stop()

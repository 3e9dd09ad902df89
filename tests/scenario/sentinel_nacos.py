"""Sentinel's rules from a Nacos server: what it pushes holds at once; without it what it said last holds; whatever it does, requests go on."""
import json
import shutil
import time

import places
from acceptor import Acceptor
from contention import Contention, holds_within
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, cluster, dubbo_manager, http_manager
from nacos_server import NacosServer
from origin import Origin
from windows import in_one_second

SENTINEL = "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel"
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
NOTHING = {"degrade": "", "system": "", "authority": "", "param_flow": ""}  # but flow rules


def _flow(count, resource="GET:/a", **more):
    return {"resource": resource, "grade": 1, "count": count, **more}


def _rules(*rules):
    return json.dumps(rules)


def _folder(name, is_new=True):
    folder = places.scratch(f"sentinel-nacos-{name}") / "snapshots"
    if is_new:
        shutil.rmtree(folder, ignore_errors=True)
    return folder


def _sentinel(name, *servers, is_new=True, **nacos):
    servers = [s if isinstance(s, str) else f"127.0.0.1:{s.port}" for s in servers]
    source = {"servers": servers, "snapshot_folder": str(_folder(name, is_new)), **NOTHING, **nacos}
    return {"@type": SENTINEL, "application": "shop", "rules": {"nacos": [source]}}


def _gateway(name, origin, config):
    manager = http_manager(http_filters=[{"name": "sentinel", "typed_config": config}, ROUTER])
    return Gateway(f"sentinel-nacos-{name}", manager, [cluster("up", origin.port)])


def _passes(g, count, path="/a"):
    """How many of the next requests in one second of the windows."""
    return in_one_second(lambda: [g.http("GET", path).status for _ in range(count)]).count(200)


def _until(condition, seconds=30, what="it"):
    end = time.monotonic() + seconds
    while not (got := condition()):
        assert time.monotonic() < end, f"{what} doesn't come true"
        time.sleep(0.01)
    return got


def _snapshots(name):
    """The texts of its snapshots of flow rules: one, or none. They are written later than what they say is in force."""
    return [path.read_text() for path in _folder(name, False).rglob("shop-flow-rules")]


def _in_force(g, updates):
    g.wait_for("sentinel.shop.nacos_update", updates)


def what_is_pushed_holds_within_a_second():
    origin = Origin()
    with NacosServer() as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(3)))
        with _gateway("push", origin, _sentinel("push", nacos, namespace="public")) as g:
            assert _passes(g, 6) == 3, "from the first request on"
            for count in (5, 0, 4):
                _until(lambda: nacos.asked[-1][0] == "listen")
                updates, pushes, contention = g.stat("sentinel.shop.rules_update"), nacos.pushes, Contention(g.proc.pid)
                nacos.publish("shop-flow-rules", _rules(_flow(count)))
                _until(lambda: nacos.pushes > pushes, what="the server's push")
                holds_within(1, lambda: g.stat("sentinel.shop.rules_update") > updates, nacos.pushed, contention, "a pushed rule")
                assert _passes(g, 6) == count
            nacos.publish("shop-flow-rules", None)
            g.wait_for("sentinel.shop.rules_loaded", 0)
            assert _passes(g, 8) == 8, "a configuration that was removed takes its rules along"
            nacos.publish("shop-flow-rules", _rules(_flow(1)))
            g.wait_for("sentinel.shop.rules_loaded", 1)
            assert _passes(g, 4) == 1
        assert nacos.asked[0] == ("listen", {"Listening-Configs": "shop-flow-rules\x02SENTINEL_GROUP\x02\x01"}), f"the public one has no name: {nacos.asked[0]}"
    origin.stop()


def every_kind_has_its_data_id():
    """With its namespace, group and names; the dashboard's records, and rules that aren't valid, among them."""
    origin = Origin()
    with NacosServer() as nacos:
        put = lambda data_id, *rules: nacos.publish(data_id, _rules(*rules), "RULES", "prod")
        put("shop-flow-rules", {"id": 7, "app": "shop", "ip": "10.0.0.1", "port": 8719, "gmtCreate": 1, "gmtModified": 2, **_flow(2)}, {"resource": "", "count": 1})
        put("breakers", {"resource": "GET:/b", "grade": 2, "count": 1, "timeWindow": 5, "minRequestAmount": 1, "statIntervalMs": 1000})
        put("shop-system-rules", {"qps": 100000})
        put("shop-authority-rules", {"id": 3, "app": "shop", "rule": {"resource": "GET:/c", "limitApp": "nobody", "strategy": 0}})
        put("shop-param-rules", {"id": 4, "app": "shop", "rule": {"resource": "GET:/d", "paramIdx": 0, "count": 1}})
        config = _sentinel("kinds", nacos, namespace="prod", group="RULES", degrade="breakers", system=None, authority=None, param_flow=None)
        config.update(traffic="INBOUND", parameters=[{"query": "id"}], origins=[{"header": "app"}])
        with _gateway("kinds", origin, config) as g:
            assert g.stat("sentinel.shop.rules_loaded") == 5 and g.stat("sentinel.shop.rules_rejected") == 1, g.get("/sentinel")
            assert _passes(g, 4) == 2
            assert g.http("GET", "/c", headers={"app": "other"}).status == 429, "authority"
            assert [g.http("GET", f"/d?id={i}").status for i in (1, 1, 2)] == [200, 429, 200], "hot parameters"
            g.wait_for_log("rule 1 of flow (shop-flow-rules of RULES, Nacos")  # which was left out, and from where
    origin.stop()


def rules_as_sentinel_golang_writes_them():
    """From a source that is marked; the one beside it, of the same server, is Java's."""
    origin = Origin()
    with NacosServer() as nacos:
        nacos.publish("go", _rules({"resource": "GET:/a", "threshold": 2}))
        nacos.publish("java", _rules(_flow(1, "GET:/b")))
        config = _sentinel("golang", nacos, flow="go", dialect="GOLANG")
        config["rules"]["nacos"].append({**config["rules"]["nacos"][0], "flow": "java", "dialect": "JAVA"})
        with _gateway("golang", origin, config) as g:
            assert g.stat("sentinel.shop.rules_loaded") == 2 and g.stat("sentinel.shop.rules_rejected") == 0, g.get("/sentinel")
            assert (_passes(g, 4), _passes(g, 3, "/b")) == (2, 1)
    origin.stop()


def unchanged_rules_keep_their_windows():
    """One of two rules changes, in the middle of a second; the other has counted on. What is published again as it was changes nothing."""
    origin = Origin()
    with NacosServer() as nacos:
        keeps = _flow(1 / 60, "GET:/keeps", controlBehavior=2, maxQueueingTimeMs=1)  # one a minute
        nacos.publish("shop-flow-rules", _rules(keeps, _flow(3)))
        with _gateway("windows", origin, _sentinel("windows", nacos)) as g:
            assert g.http("GET", "/keeps").status == 200 and g.http("GET", "/keeps").status == 429
            nacos.publish("shop-flow-rules", _rules(keeps, _flow(1)))
            _in_force(g, 2)
            assert g.http("GET", "/keeps").status == 429, "its queue goes on"
            assert _passes(g, 3) == 1
            updates = g.stat("sentinel.shop.rules_update")
            nacos.publish("shop-flow-rules", _rules(keeps, _flow(1)))
            nacos.publish("shop-flow-rules", " " + _rules(keeps, _flow(1)))
            _in_force(g, 3)
            assert g.http("GET", "/keeps").status == 429
            assert g.stat("sentinel.shop.rules_update") == updates + 1
    origin.stop()


def a_text_that_is_no_list_changes_nothing():
    origin = Origin()
    with NacosServer() as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(2)))
        with _gateway("garbage-text", origin, _sentinel("garbage-text", nacos)) as g:
            nacos.publish("shop-flow-rules", "{not json")
            g.wait_for("sentinel.shop.source_rejected", 1)
            assert _passes(g, 4) == 2
            g.wait_for_log("flow rules of shop-flow-rules of SENTINEL_GROUP")
            nacos.publish("shop-flow-rules", _rules(_flow(3)))
            _in_force(g, 3)
            assert _passes(g, 4) == 3
    origin.stop()


def logins_and_expired_tokens():
    """A token is asked for before the first question; one that the server forgets is asked for anew, and what was pushed meanwhile holds."""
    origin = Origin()
    with NacosServer(users={"proxy": "s3cret+&=ü"}) as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(2)))
        folder = places.scratch("sentinel-nacos-login")
        (folder / "password").write_text("s3cret+&=ü\n", "utf-8")
        account = {"username": "proxy", "password": {"filename": str(folder / "password")}}
        with _gateway("login", origin, _sentinel("login", nacos, **account)) as g:
            assert _passes(g, 4) == 2
            assert nacos.count("login") == 1 and nacos.asked[0][0] == "login", nacos.asked
            nacos.expire_tokens()
            nacos.publish("shop-flow-rules", _rules(_flow(3)))  # the question that hangs is answered; the next one isn't allowed
            _in_force(g, 2)
            assert _passes(g, 5) == 3 and nacos.count("login") == 2
            _until(lambda: _snapshots("login") == [_rules(_flow(3))], what="the snapshot")
            assert "s3cret" not in g.log_text()
    with NacosServer(users={"proxy": "another"}, port=nacos.port, texts=nacos.texts) as nacos, _gateway("login", origin, _sentinel("login", nacos, is_new=False, **account)) as g:
        g.wait_for("sentinel.shop.nacos_unreachable", 1)
        assert _passes(g, 5) == 3, "who isn't let in has the snapshot"
    origin.stop()


def tokens_are_renewed_before_they_end():
    origin = Origin()
    with NacosServer(users={"proxy": "pw"}, token_ttl=2, hold=0.3) as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(2)))
        config = _sentinel("renewed", nacos, username="proxy", password={"inline_string": "pw"})
        with _gateway("renewed", origin, config) as g:
            _until(lambda: nacos.count("login") >= 3, 15, "a third login")
            assert _passes(g, 3) == 2
            g.wait_for("sentinel.shop.nacos_unreachable", 0)
    origin.stop()


def a_start_without_the_server_has_the_snapshot():
    origin = Origin()
    with NacosServer() as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(2)))
        with _gateway("snapshot", origin, _sentinel("snapshot", nacos)) as g:
            assert _passes(g, 4) == 2
            _until(lambda: _snapshots("snapshot") == [_rules(_flow(2))], what="the snapshot")
    with _gateway("snapshot", origin, _sentinel("snapshot", nacos, is_new=False)) as g:
        assert _passes(g, 4) == 2, "of the snapshot"
        g.wait_for("sentinel.shop.nacos_unreachable", 1)
        g.wait_for_log("those of their snapshot hold")
        nacos.texts["", "SENTINEL_GROUP", "shop-flow-rules"] = _rules(_flow(3))
        with NacosServer(port=nacos.port, texts=nacos.texts):
            _in_force(g, 1)
            assert _passes(g, 5) == 3, "the server is back, with other rules"
            g.wait_for("sentinel.shop.nacos_unreachable", 0)
    with NacosServer(port=nacos.port) as empty, _gateway("snapshot", origin, _sentinel("snapshot", empty, is_new=False)) as g:
        g.wait_for("sentinel.shop.rules_loaded", 0)
        assert _passes(g, 5) == 5, "they were removed meanwhile"
        _until(lambda: not _snapshots("snapshot"), what="the end of the snapshot")
    origin.stop()


def without_server_and_snapshot_there_are_no_rules():
    origin = Origin()
    with NacosServer() as gone:
        pass
    with _gateway("nothing", origin, _sentinel("nothing", gone)) as g:
        assert _passes(g, 5) == 5
        g.wait_for_log("there is no snapshot, so there are none")
    origin.stop()


def the_next_server_is_asked():
    """Of three the first is gone, the second has nothing but garbage to say."""
    class Garbage(Acceptor):
        def serve(self, sock):
            sock.recv(65536)
            sock.sendall(b"\x00\x01\x02 what?\r\n\r\n")
            sock.close()

    origin, garbage = Origin(), Garbage()
    with NacosServer() as gone:
        pass
    with NacosServer() as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(2)))
        with _gateway("next", origin, _sentinel("next", gone, f"http://127.0.0.1:{garbage.port}/", f"localhost:{nacos.port}")) as g:
            assert _passes(g, 4) == 2
            g.wait_for("sentinel.shop.nacos_unreachable", 0)
    garbage.stop()
    origin.stop()


def a_server_that_stalls_holds_up_nothing():
    """It takes the connection and says nothing: the start waits for 3 s, then there are no rules; the next server has them."""
    class Stall(Acceptor):
        def serve(self, sock):
            while sock.recv(65536):
                pass

    origin, stall = Origin(), Stall()
    before = time.monotonic()
    with _gateway("stall", origin, _sentinel("stall", f"127.0.0.1:{stall.port}")) as g:
        assert 2 < time.monotonic() - before < 20
        assert g.http("GET", "/a").status == 200
    with NacosServer() as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(2)))
        with _gateway("stall", origin, _sentinel("stall", f"127.0.0.1:{stall.port}", nacos)) as g:
            _in_force(g, 1)
            assert _passes(g, 4) == 2
    stall.stop()
    origin.stop()


def answers_that_are_none():
    """500, a wrong check sum, a body cut short, a list that isn't one, 409, each for one text: it is asked for again, others aren't held up."""
    origin = Origin()
    with NacosServer() as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(2)))
        nacos.publish("other", _rules(_flow(1, "GET:/other")))
        config = _sentinel("none", nacos)
        config["rules"]["nacos"].append({**config["rules"]["nacos"][0], "flow": "other"})
        with _gateway("none", origin, config) as g:
            assert _passes(g, 4) == 2 and _passes(g, 3, "/other") == 1
            count = 2

            def answers(handler):
                what, parameters = nacos.asked[-1]
                if what != "get" or parameters["dataId"] != "other" or not left:
                    return False
                left.pop()(handler)
                return True

            cut = lambda h: (h.send_response(200), h.send_header("Content-Length", "100"), h.end_headers(), h.wfile.write(b"["), setattr(h, "close_connection", True))
            wrong_sum = lambda h: h._say(200, "[]", Content_MD5="0" * 32)
            nacos.answer = answers
            for fault in (lambda h: h._say(500, "caused: null"), wrong_sum, cut, lambda h: h._say(409, "requested file is being modified"), lambda h: h._say(403, "no")):
                left = [fault]
                count += 1
                nacos.publish("other", _rules(_flow(count, "GET:/other")))
                nacos.publish("shop-flow-rules", _rules(_flow(count)))
                _in_force(g, 2 * (count - 1))
                assert not left and _passes(g, count + 2, "/other") == count and _passes(g, count + 2) == count
            nacos.answer = None
    origin.stop()


def garbage_for_a_list_of_changes():
    origin = Origin()
    with NacosServer(hold=0.2) as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(2)))
        with _gateway("list", origin, _sentinel("list", nacos)) as g:
            assert _passes(g, 4) == 2
            said = ["%zz", "<html>login</html>", "a" * 100]

            def answers(handler):
                if nacos.asked[-1][0] != "listen" or not said:
                    return False
                handler._say(200, said.pop())
                return True

            nacos.answer = answers
            _until(lambda: not said)
            nacos.publish("shop-flow-rules", _rules(_flow(3)))
            _in_force(g, 2)
            assert _passes(g, 4) == 3
    origin.stop()


def a_server_that_restarts():
    origin = Origin()
    nacos = NacosServer()
    nacos.publish("shop-flow-rules", _rules(_flow(2)))
    with _gateway("restart", origin, _sentinel("restart", nacos)) as g:
        assert _passes(g, 4) == 2
        nacos.stop()
        g.wait_for("sentinel.shop.nacos_unreachable", 1)
        assert _passes(g, 4) == 2, "what was known holds"
        with NacosServer(port=nacos.port, texts=nacos.texts) as again:
            again.publish("shop-flow-rules", _rules(_flow(3)))
            _in_force(g, 2)
            assert _passes(g, 5) == 3
    assert not nacos.faults, nacos.faults
    origin.stop()


def calls_obey_it():
    provider = Provider()
    with NacosServer() as nacos:
        nacos.publish("shop-flow-rules", _rules(_flow(2, f"{SERVICE}:hello(java.lang.String,int)")))
        manager = dubbo_manager(SERVICE, {".*": "up"})
        manager["typed_config"]["dubbo_filters"] = [{"name": "sentinel", "config": _sentinel("dubbo", nacos)}, {"name": "envoy.filters.dubbo.router"}]
        with Gateway("sentinel-nacos-dubbo", manager, [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
            def blocked(count):
                return in_one_second(lambda: [b"FlowException" in c.ask("hello", args=("x", 7)).body for _ in range(count)]).count(True)

            assert blocked(5) == 3
            nacos.publish("shop-flow-rules", _rules(_flow(4, f"{SERVICE}:hello(java.lang.String,int)")))
            _in_force(g, 2)
            assert blocked(5) == 1
    provider.stop()


def what_it_can_not_be():
    for field, value, fault in (("servers", [], "rules.nacos[0].servers: at least one is required"),
                                ("servers", ["https://h:1"], "'https://h:1' is none"),
                                ("servers", ["h:0"], "'h:0' is none"),
                                ("group", "a b", "rules.nacos[0].group: has a character"),
                                ("flow", "a/b", "rules.nacos[0].flow: 'a/b' has a character"),
                                ("context_path", "nacos", "rules.nacos[0].context_path: must begin with"),
                                ("long_poll_timeout_ms", 10, "rules.nacos[0].long_poll_timeout_ms: must be from 1000"),
                                ("password", {"filename": "/no/such"}, "rules.nacos[0].password")):
        config = _sentinel("wrong", "127.0.0.1:1")
        config["rules"]["nacos"][0][field] = value
        g = Gateway("sentinel-nacos-wrong", http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}], http_filters=[{"name": "sentinel", "typed_config": config}, ROUTER]), [])
        try:
            with g:
                raise AssertionError(f"it starts with {field}: {value}")
        except RuntimeError as e:
            assert fault in str(e), (field, str(e))

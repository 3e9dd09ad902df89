"""Sentinel's rules for HTTP requests and Dubbo calls: in line and from a file that is edited while calls go on."""
import http.client
import json
import os
import shutil
import threading
import time

import places
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, cluster, dubbo_manager, http_manager
from origin import Origin

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


def _whole_second():
    """Begins where a second of the windows does, so that what follows is in one."""
    time.sleep(1 - time.time() % 1 + 0.01)


def http_requests_over_the_limit_are_refused():
    origin = Origin()
    try:
        with _http("http", {"flow": _inline(_flow("GET:/a", 3), {"resource": "", "count": 1})}, origin=origin) as g:
            _whole_second()
            answers = [g.http("GET", "/a?x=1") for _ in range(6)]
            assert [a.status for a in answers] == [200] * 3 + [429] * 3, answers
            assert answers[3].text == BLOCKED, answers[3]
            assert g.http("POST", "/a").status == g.http("GET", "/b").status == 200, "other resources"
            assert g.stat("sentinel.shop.pass") == 5 and g.stat("sentinel.shop.block_flow") == 3
            assert g.stat("sentinel.shop.rules_loaded") == g.stat("sentinel.shop.rules_rejected") == 1
            assert "is left out" in g.log_text(), "with its reason"
    finally:
        origin.stop()


def calls_over_the_limit_are_thrown_at_once():
    """The method's rule, then the interface's, which counts the calls of all methods, those too that the method's rule blocked."""
    provider = Provider()
    with _dubbo("dubbo", provider, {"flow": _inline(_flow(f"{SERVICE}:hello(java.lang.String,int)", 2), _flow(SERVICE, 4))}) as g, Consumer(g.port) as c:
        _whole_second()
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


def _until(holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)

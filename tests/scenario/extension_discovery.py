"""ECDS: message filters whose configuration comes from a file of its own, for HTTP and for calls."""
import json
import os
import shutil
import threading
import time

import places
from contention import Contention, holds_within
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, address, cluster, http_manager, rpc_manager
from origin import Origin
from windows import in_one_second

ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
SENTINEL = "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel"
MUTATION = TYPE + "http.header_mutation.v3.HeaderMutation"
FAULT = TYPE + "http.fault.v3.HTTPFault"
STATS = "extension_config_discovery.http_filter.it."


def _mutation(value):
    return {"@type": MUTATION, "mutations": {"request_mutations": [{"append": {"header": {"key": "x-from", "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}]}}


def _fault(percentage=0, seconds=None, status=None):
    share = {"numerator": percentage, "denominator": "HUNDRED"}
    return {"@type": FAULT, **({"abort": {"http_status": status, "percentage": share}} if status else {}),
            **({"delay": {"fixed_delay": f"{seconds}s", "percentage": share}} if seconds else {})}


def _sentinel(*rules, **more):
    return {"@type": SENTINEL, "application": "shop", "rules": {"flow": [{"inline_string": json.dumps(rules)}]}, **more}


def _flow(count, resource="GET:/a", **more):
    return {"resource": resource, "grade": 1, "count": count, **more}


def _answer(config, name="it", version="1"):
    resource = {"@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig", "name": name, "typed_config": config}
    return json.dumps({"version_info": version, "resources": [resource] if config else []})


class _File:
    """Outside of the gateway's own folder, which is emptied when that starts."""

    def __init__(self, name, text=None):
        folder = places.scratch(f"ecds-{name}-files")
        shutil.rmtree(folder)
        folder.mkdir()
        self.path = folder / "filter.json"
        self.path.write_text(text if text is not None else "")

    def move(self, text):
        """When it was there."""
        new = self.path.with_suffix(".new")
        new.write_text(text)
        os.rename(new, self.path)
        return time.monotonic()


def _discovered(file, *types, name="it", **more):
    source = {"path_config_source": {"path": str(file.path)}, "resource_api_version": "V3"}
    return {"name": name, "config_discovery": {"config_source": source, "type_urls": list(types), **more}}


def _gateway(name, *filters, origin=None, routes=None):
    return Gateway(f"ecds-{name}", http_manager(routes, http_filters=[*filters, ROUTER]), [cluster("up", origin.port)] if origin else [])


def _until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def _sent(g, name="x-from", path="/"):
    """What the origin got under that name; the status of an answer that isn't its."""
    answer = g.http("GET", path)
    return dict(json.loads(answer.text)["headers"]).get(name) if answer.status == 200 else answer.status


def a_changed_file_changes_the_filter():
    origin = Origin()
    file = _File("change", _answer(_mutation("one")))
    with _gateway("change", _discovered(file, MUTATION), origin=origin) as g:
        assert _sent(g) == "one", "from the first request on"
        for i in range(5):
            contention = Contention(g.proc.pid)
            moved = file.move(_answer(_mutation(f"v{i}"), version=str(i)))
            holds_within(1, lambda: _sent(g) == f"v{i}", moved, contention, "a changed file")
        assert g.stat(STATS + "config_reload") == 6 and g.stat(STATS + "config_fail") == 0
        assert g.stat(STATS + "update_success") >= 6
        contention, before = Contention(g.proc.pid), g.stat(STATS + "version")
        moved = file.move(_answer(_mutation("v4"), version="same"))
        holds_within(1, lambda: g.stat(STATS + "version") != before, moved, contention, "a version of what was there")
        dump = json.loads(g.get("/config_dump?resource=ecds_filters"))["configs"]
        assert [d["@type"] for d in dump] == ["type.googleapis.com/envoy.admin.v3.EcdsConfigDump.EcdsFilterConfig"], dump
        assert dump[0]["ecds_filter"]["name"] == "it" and dump[0]["ecds_filter"]["typed_config"]["@type"] == MUTATION, dump
    origin.stop()


def what_is_refused_keeps_what_is_in_force():
    origin = Origin()
    file = _File("refused", _answer(_mutation("one")))
    with _gateway("refused", _discovered(file, MUTATION), origin=origin) as g:
        for n, (text, fault) in enumerate((
                ("{", ""),
                (_answer(_fault()), "resources[0].typed_config: a envoy.extensions.filters.http.fault.v3.HTTPFault is none of the type_urls"),
                (_answer(_mutation("two"), name="other"), "expected the TypedExtensionConfig 'it', this is 'other'"),
                (_answer(None), "there must be one TypedExtensionConfig, 'it'; there are 0"),
                (_answer({"@type": TYPE + "http.router.v3.Router"}), "is none of the type_urls"),
                (_answer({"@type": MUTATION + "PerRoute"}), "is the configuration of a route"),
        )):
            file.move(text)
            g.wait_for(STATS + "config_fail", n + 1)
            assert _sent(g) == "one"
            g.wait_for_log(fault)
        assert g.stat(STATS + "update_failure") == 1 and g.stat(STATS + "update_rejected") == 5
        assert "error_state" in g.get("/config_dump")
        file.move(_answer(_mutation("two")))
        _until(lambda: _sent(g) == "two")
    origin.stop()


def without_any_configuration_requests_are_answered_with_500():
    origin = Origin()
    file = _File("missing", _answer(_fault()))
    with _gateway("missing", _discovered(file, MUTATION), origin=origin) as g:
        answer = g.http("GET", "/")
        assert answer.status == 500 and answer.text == "", answer
        file.move(_answer(_mutation("one")))
        _until(lambda: g.http("GET", "/").status == 200)
    origin.stop()


def the_default_holds_until_something_else_comes():
    origin = Origin()
    file = _File("default", _answer(_fault()))
    for name, more in (("default", {}), ("default-at-once", {"apply_default_config_without_warming": True})):
        file.move(_answer(_fault()))
        with _gateway(name, _discovered(file, MUTATION, default_config=_mutation("default"), **more), origin=origin) as g:
            assert _sent(g) == "default"
            file.move(_answer(_mutation("one")))
            _until(lambda: _sent(g) == "one")
            file.move(_answer(None))
            g.wait_for(STATS + "config_fail", 2)
            assert _sent(g) == "one"
    origin.stop()


def a_request_keeps_the_filter_it_began_with():
    """It is delayed by one, whose successor aborts."""
    origin = Origin()
    file = _File("keeps", _answer(_fault(100, seconds=4)))
    with _gateway("keeps", _discovered(file, FAULT, MUTATION), origin=origin) as g:
        answers = []
        slow = threading.Thread(target=lambda: answers.append(g.http("GET", "/")))
        slow.start()
        g.wait_for("http.ingress.fault.active_faults", 1)
        file.move(_answer(_fault(100, status=418)))
        g.wait_for(STATS + "config_reload", 2)
        g.settle()
        assert g.http("GET", "/").status == 418 and not answers
        file.move(_answer(_mutation("other type")))
        _until(lambda: g.http("GET", "/").status == 200)
        slow.join()
        assert answers[0].status == 200 and "x-from" not in answers[0].text.lower(), answers
    origin.stop()


def many_changes_under_load():
    origin = Origin()
    file = _File("load", _answer(_mutation("0")))
    with _gateway("load", _discovered(file, FAULT, MUTATION), origin=origin) as g:
        seen, stop = [], threading.Event()

        def load():
            while not stop.is_set():
                try:
                    seen.append(g.http("GET", "/").status)
                except OSError as e:
                    seen.append(str(e))

        threads = [threading.Thread(target=load) for _ in range(4)]
        for t in threads:
            t.start()
        for i in range(100):
            file.move(_answer(_mutation(str(i)) if i % 3 else _fault(0, seconds=1), version=str(i)))
            time.sleep(0.01)
        end = time.monotonic() + 30
        while len(seen) <= 50 and time.monotonic() < end:
            time.sleep(0.01)
        stop.set()
        for t in threads:
            t.join()
        assert set(seen) == {200} and len(seen) > 50, (len(seen), set(seen))
    origin.stop()


def a_route_may_switch_it_and_configure_it():
    """What a route says for a filter of another type doesn't count for this one."""
    origin = Origin()
    per_route = lambda v: {"@type": MUTATION + "PerRoute", "mutations": {"request_mutations": [{"append": {"header": {"key": "x-route", "value": v}}}]}}
    routes = [{"match": {"prefix": "/off"}, "route": {"cluster": "up"}, "typed_per_filter_config": {"it": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}}},
              {"match": {"prefix": "/more"}, "route": {"cluster": "up"}, "typed_per_filter_config": {"it": per_route("here")}},
              {"match": {"prefix": "/"}, "route": {"cluster": "up"}}]
    file = _File("route", _answer(_mutation("one")))
    with _gateway("route", _discovered(file, MUTATION, FAULT), origin=origin, routes=routes) as g:
        assert not _sent(g, path="/off") and not _sent(g, "x-route")
        assert _sent(g, path="/more") == "one" and _sent(g, "x-route", "/more") == "here"
        file.move(_answer(_fault(100, status=418)))
        _until(lambda: g.http("GET", "/").status == 418)
        assert g.http("GET", "/more").status == 418 and g.http("GET", "/off").status == 200
    origin.stop()


def sentinel_keeps_what_it_has_counted():
    """One of its rules changes; the other's queue goes on, and so do breakers: the application's state is found by its name."""
    origin = Origin()
    keeps = _flow(1 / 60, "GET:/keeps", controlBehavior=2, maxQueueingTimeMs=1)  # one a minute
    file = _File("sentinel", _answer(_sentinel(keeps, _flow(1))))
    with _gateway("sentinel", _discovered(file, SENTINEL), origin=origin) as g:
        def passes(count):
            return in_one_second(lambda: [g.http("GET", "/a").status for _ in range(count)]).count(200)

        assert passes(4) == 1
        assert g.http("GET", "/keeps").status == 200 and g.http("GET", "/keeps").status == 429
        contention = Contention(g.proc.pid)
        moved = file.move(_answer(_sentinel(keeps, _flow(3)), version="2"))
        holds_within(1, lambda: g.stat("sentinel.shop.rules_update") == 2, moved, contention, "a changed file")
        assert g.http("GET", "/keeps").status == 429, "its queue goes on"
        assert passes(5) == 3
        assert g.stat("sentinel.shop.rules_loaded") == 2, "those of the version before are gone"
        file.move(_answer(_sentinel("no rule"), version="3"))
        g.wait_for("sentinel.shop.rules_rejected", 1)
        assert passes(5) == 5
    origin.stop()


def calls_have_such_filters_too():
    provider = Provider()
    file = _File("calls", _answer(_sentinel(_flow(2, f"{SERVICE}:hello(java.lang.String,int)"))))
    manager = rpc_manager("up")
    manager["typed_config"]["http_filters"] = [_discovered(file, SENTINEL, FAULT), ROUTER]
    with Gateway("ecds-calls", manager, [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        def blocked(count):
            return in_one_second(lambda: [b"FlowException" in c.ask("hello", args=("x", 7)).body for _ in range(count)]).count(True)

        assert blocked(5) == 3
        file.move(_answer(_sentinel(_flow(4, f"{SERVICE}:hello(java.lang.String,int)")), version="2"))
        g.wait_for("sentinel.shop.rules_update", 2)
        assert blocked(5) == 1
        file.move(_answer(_fault(100, status=503)))
        _until(lambda: b"fault filter abort" in c.ask("hello", args=("x", 7)).body)
    file.move(_answer(_mutation("none of its types")))
    with Gateway("ecds-calls", manager, [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        assert c.ask("hello", args=("x", 7)).status == 80, "no configuration: others may be asked"
        file.move(_answer(_sentinel()))
        _until(lambda: c.ask("hello", args=("x", 7)).status == 20)
    provider.stop()


def listeners_that_change_ask_for_it_again():
    """Over LDS: the new version has the filter at once, another file and other types are no obstacle."""
    origin = Origin()
    folder = places.scratch("ecds-lds-files")
    shutil.rmtree(folder)
    folder.mkdir()
    first, second = _File("lds1", _answer(_mutation("one"))), _File("lds2", _answer(_mutation("two")))

    def put(*filters, wanted):
        manager = http_manager(http_filters=[*filters, ROUTER])
        listener = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "dl", "address": address(g.port), "filter_chains": [{"filters": [manager]}]}
        new = folder / "new"
        new.write_text(json.dumps({"resources": [listener]}))
        os.rename(new, folder / "lds.json")
        return wanted

    g = Gateway("ecds-lds", http_manager(), [cluster("up", origin.port)],
                bootstrap={"dynamic_resources": {"lds_config": {"path_config_source": {"path": str(folder / "lds.json")}}}})
    g.bootstrap["static_resources"].pop("listeners", None)
    g.bootstrap.setdefault("static_resources", {})
    g.write()
    put(_discovered(first, MUTATION), wanted="one")
    with g:
        g.wait_until_live()

        def shows(value):
            _until(lambda: _sent(g) == value)

        shows("one")
        put(_discovered(second, MUTATION), wanted="two")
        shows("two")
        put(_discovered(first, MUTATION, FAULT), wanted="one")
        shows("one")
        first.move(_answer(_mutation("three")))
        shows("three")
        put({"name": "it", "typed_config": _mutation("inline")}, wanted="inline")
        shows("inline")
        put(_discovered(first, MUTATION), wanted="three")
        shows("three")
    origin.stop()


def what_it_can_not_be():
    file = _File("wrong", _answer(_mutation("one")))
    good = _discovered(file, MUTATION)
    change = lambda **c: {**good, "config_discovery": {**good["config_discovery"], **c}}
    for filters, fault in (([change(type_urls=[])], "type_urls"),
                           ([change(type_urls=["no.such.Type"])], "config_discovery.type_urls[0]: no HTTP filter of this program has the type 'no.such.Type'"),
                           ([change(type_urls=[ROUTER["typed_config"]["@type"]])], "config_discovery.type_urls[0]: 'it' is terminal"),
                           ([change(apply_default_config_without_warming=True)], "config_discovery.apply_default_config_without_warming: needs a default_config"),
                           ([change(default_config=_fault())], "config_discovery.default_config: a envoy.extensions.filters.http.fault.v3.HTTPFault is none of the type_urls"),
                           ([change(config_source={"path_config_source": {"path": "/no/such"}})], "config_discovery.config_source.path_config_source.path: '/no/such' does not exist"),
                           ([change(config_source={"ads": {}})], "config_discovery.config_source.ads")):
        g = _gateway("wrong", *filters, routes=[{"match": {"prefix": "/"}, "direct_response": {"status": 200}}])
        try:
            with g:
                raise AssertionError(f"it starts: {filters}")
        except RuntimeError as e:
            assert fault in str(e), (fault, str(e))

"""Dubbo's own rules choose among a cluster's providers: as YAML of Dubbo's, as messages, for calls and for HTTP."""
import collections
import json
import pathlib
import time

import places
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, address, cluster, dubbo_manager, http_manager
from lane import Named

RULES = "type.googleapis.com/outrigger.filters.dubbo_rules.v1.DubboRules"
RULE = "type.googleapis.com/outrigger.config.route.v1.Dubbo"
FILES = pathlib.Path(__file__).parent / "dubbo_rules"


class _Providers:
    """hosts: {name: labels}; a provider for each, in one cluster."""

    def __init__(self, hosts, kind=Provider):
        self.all, self.hosts = {name: kind(name) for name in hosts}, hosts

    def cluster(self, name="up", **extra):
        hosts = [{"endpoint": {"address": address(p.port)}, "metadata": {"filter_metadata": {"envoy.lb": self.hosts[n]}}} for n, p in self.all.items()]
        return {"name": name, "type": "STATIC", "connect_timeout": "1s",
                "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]}, **extra}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in self.all.values():
            p.stop()


def _manager(**config):
    manager = dubbo_manager(SERVICE, {".*": "up"})
    manager["typed_config"]["dubbo_filters"] = [{"name": "rules", "config": {"@type": RULES, **config}}, {"name": "envoy.filters.dubbo.router"}]
    return manager


def _who(c, method="hello", args=("x", 7), times=8, **attachments):
    """Who answers: {name or status: how often}."""
    seen = collections.Counter()
    for _ in range(times):
        f = c.ask(method, args=args, attachments={k.replace("__", "."): v for k, v in attachments.items()})
        seen[bytes(f.body[2:]).decode() if f.status == 20 else f.status] += 1
    return dict(seen)


def tags_from_dubbos_yaml():
    hosts = {"plain1": {"application": "shop"}, "plain2": {"application": "shop"}, "gray": {"application": "shop", "env": "gray"},
             "own": {"application": "shop", "dubbo.tag": "own"}}
    with _Providers(hosts) as p, Gateway("dubbo_rules_tag", _manager(sources=[{"filename": str(FILES / "shop.tag-router.yaml")}]), [p.cluster()]) as g, Consumer(g.port) as c:
        plain = {"plain1": 4, "plain2": 4}
        assert _who(c) == plain, "no tag: who has none"
        assert _who(c, dubbo__tag="gray") == {"gray": 8}
        assert _who(c, dubbo__tag="gray|team1") == {"gray": 8}, "level by level"
        assert _who(c, dubbo__tag="own") == {"own": 8}, "a tag of the provider's own"
        assert _who(c, dubbo__tag="other") == plain
        assert _who(c, dubbo__tag="other", dubbo__force__tag="true") == {80: 8}, "forced: nobody"
        assert g.stat("dubbo.dubbo.dubbo_rules.narrowed") == 40 and g.stat("dubbo.dubbo.dubbo_rules.none_left") == 8
        assert g.stat("cluster.up.upstream_rq_total") == 40


def conditions_of_v30():
    hosts = {"hz1": {"region": "hangzhou"}, "hz2": {"region": "hangzhou"}, "bj": {"region": "beijing", "slow": True}}
    rules = [{"@type": RULE + "ConditionRule", "configVersion": "v3.0", "scope": "service", "force": True, "runtime": True, "enabled": True, "key": SERVICE, "conditions": [
        "method=read* => region=$region", "method=write & attachments[user]=admin,root => region=beijing", "method=write & arguments[1]=1~9 => slow!=true",
        "method=nothing & arguments[0]=null => region=beijing", "method=blocked =>", "application=batch => slow=true"]}]
    consumer = {"application": "cart", "parameters": {"region": "beijing"}}
    with _Providers(hosts) as p, Gateway("dubbo_rules_v30", _manager(rules=rules, consumer=consumer), [p.cluster()]) as g, Consumer(g.port) as c:
        everyone, hangzhou = {"hz1", "hz2", "bj"}, {"hz1", "hz2"}
        assert set(_who(c)) == everyone
        assert _who(c, "readAll") == {"bj": 8}
        assert _who(c, "write", ("x", 77), user="root") == {"bj": 8}
        assert set(_who(c, "write", ("x", 77), user="guest")) == everyone
        assert _who(c, "write", ("x", 5), user="guest") == {80: 8}, "who has no label slow is not unlike true either: forced"
        assert _who(c, "blocked") == {80: 8}
        assert _who(c, "nothing", (None,)) == {"bj": 8} and set(_who(c, "nothing", ("x",))) == everyone, "null's text is null"
        assert set(_who(c, "blocked2")) == everyone
        assert g.stat("dubbo.dubbo.dubbo_rules.none_left") == 16 and hangzhou


def destinations_of_v31():
    hosts = {"a1": {"env": "a"}, "a2": {"env": "a"}, "b": {"env": "b"}}
    with _Providers(hosts) as p, Gateway("dubbo_rules_v31", _manager(sources=[{"filename": str(FILES / "svc.condition-router.yaml")}]), [p.cluster()]) as g, Consumer(g.port) as c:
        seen = _who(c, "shared", times=400)
        assert 60 < seen["b"] < 140, f"a quarter of 400: {seen}"
        assert abs(seen["a1"] - seen["a2"]) <= 2, f"the cluster's round robin within a destination: {seen}"
        assert _who(c, "denied") == {80: 8}
        assert _who(c, "onlyb") == {"b": 8}
        assert set(_who(c, "else")) == set(hosts)


def mesh_rules():
    hosts = {"v1": {"application": "demo", "env-sign": "v1"}, "v2": {"application": "demo", "env-sign": "v2"}, "none": {"application": "demo"}}
    with _Providers(hosts) as p, Gateway("dubbo_rules_mesh", _manager(sources=[{"filename": str(FILES / "demo.MESHAPPRULE.yaml")}]), [p.cluster()]) as g, Consumer(g.port) as c:
        assert _who(c, "find") == {"v1": 8}
        assert _who(c, "find", user="beta") == {"v2": 8}
        assert _who(c, "find", ("big", 100)) == {"v2": 8}, "an argument from 100 on"
        assert _who(c, "kind", ("7",)) == {"v2": 8} and _who(c, "kind", ("true",)) == {"v2": 8}, "strings are strings"
        assert _who(c, "kind", (True,)) == {"v1": 8}, "a boolean is none"
        for other in (7, False, None):
            assert set(_who(c, "kind", (other,), times=40)) == {"v1", "v2"}, f"{other} is neither: half and half"
        assert _who(c, "count") == {"v1": 8}, "v3 has no providers: the fallback"
        assert set(_who(c, "other", times=40)) == {"v1", "v2"}, "half and half"


def rules_and_health_and_new_hosts():
    """Who is left is who of the rule's is healthy; nobody else steps in. A host set that changes is looked at anew."""
    folder = places.scratch("dubbo_rules_eds")
    hosts = {"a": {"env": "a"}, "b": {"env": "b"}, "c": {"env": "a"}}
    rules = [{"@type": RULE + "ConditionRule", "scope": "service", "key": SERVICE, "force": True, "conditions": ["=> env=a"]}]
    with _Providers(hosts) as p:
        def write(names, ill=()):
            listed = [{"endpoint": {"address": address(p.all[n].port)}, "health_status": "UNHEALTHY" if n in ill else "HEALTHY",
                       "metadata": {"filter_metadata": {"envoy.lb": hosts[n]}}} for n in names]
            part = folder / "eds.part"
            part.write_text(json.dumps({"resources": [{"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "cluster_name": "up",
                                                       "endpoints": [{"lb_endpoints": listed}]}]}))
            part.rename(folder / "eds.json")

        write("ab")
        up = {"name": "up", "type": "EDS", "connect_timeout": "1s", "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
              "eds_cluster_config": {"eds_config": {"path_config_source": {"path": str(folder / "eds.json")}}}}
        with Gateway("dubbo_rules_hosts", _manager(rules=rules), [up]) as g, Consumer(g.port) as c:
            assert _who(c) == {"a": 8}
            write("abc")
            g.wait_for("cluster.up.membership_total", 3)
            assert set(_who(c)) == {"a", "c"}
            write("abc", ill="a")
            g.wait_for("cluster.up.membership_healthy", 2)
            assert _who(c) == {"c": 8}
            write("abc", ill="ac")
            g.wait_for("cluster.up.membership_healthy", 1)
            assert _who(c) == {80: 8}, "b isn't the rule's"


def rules_replaced_while_calls_go_on():
    """A resource of their own type, from a file that is moved into place: as a response, or as Dubbo's YAML alone. A bad one changes nothing."""
    folder = places.scratch("dubbo_rules_rds")
    hosts = {"a": {"env": "a"}, "b": {"env": "b"}}
    source = {"path_config_source": {"path": str(folder / "rules.yaml")}}

    def write(text):
        (folder / "part").write_text(text)
        (folder / "part").rename(folder / "rules.yaml")

    def response(env, name="mine"):
        rule = {"@type": RULE + "ConditionRule", "scope": "service", "key": SERVICE, "force": True, "conditions": [f"=> env={env}"]}
        other = {"@type": RULE + "Rules", "name": "other", "rules": []}
        return json.dumps({"version_info": "one", "resources": [other, {"@type": RULE + "Rules", "name": name, "rules": [rule]}]})

    def bare(env):
        return f"scope: service\nforce: true\nkey: {SERVICE}\nconditions:\n  - => env={env}\n---\nkey: up\ntags:\n  - name: x\n    addresses: [1.1.1.1]\n"

    def shown():
        item, = json.loads(g.get("/config_dump?resource=dynamic_dubbo_rules"))["configs"]
        return item

    write(response("a"))
    with _Providers(hosts) as p, Gateway("dubbo_rules_discovery", _manager(discovery={"config_source": source, "rules_name": "mine"}), [p.cluster()]) as g, Consumer(g.port) as c:
        assert _who(c) == {"a": 8}
        first = shown()
        assert first["name"] == "mine" and first["version_info"] == "one" and first["last_updated"] and "error_state" not in first, first
        assert first["dubbo_rules"]["rules"][0]["conditions"] == ["=> env=a"], first
        assert first["@type"] == "type.googleapis.com/outrigger.admin.v1.DubboRulesConfigDump.DynamicDubboRules"
        for done, (text, want) in enumerate([(response("b"), "b"), (bare("a"), "a"), (bare("b"), "b"), (response("a"), "a")], 2):
            write(text)
            g.wait_for("dubbo_rules.mine.update_success", done)
            end = time.monotonic() + 5
            while (seen := _who(c)) != {want: 8}:  # the workers hear of it a moment later
                assert time.monotonic() < end and set(seen) <= set(hosts), f"{seen} {text}"
        for failed, text in enumerate([response("b", "another"), bare("b").replace("=> env", "=> "), bare("b").replace("1.1.1.1", "nobody")], 1):
            write(text)
            g.wait_for("dubbo_rules.mine.update_attempt", 5 + failed)
            end = time.monotonic() + 5
            while g.stat("dubbo_rules.mine.update_rejected") + g.stat("dubbo_rules.mine.update_failure") < failed:
                assert time.monotonic() < end, g.words()
            assert _who(c) == {"a": 8}, f"the last good ones hold: {text}"
            now = shown()
            assert now["dubbo_rules"]["rules"][0]["conditions"] == ["=> env=a"] and now["error_state"]["last_update_attempt"] >= now["last_updated"], now
            g.wait_for_log(now["error_state"]["details"])
        for said in ("there is no DubboRules 'mine'", "tags[0].addresses[0]: 'nobody' is no address"):
            g.wait_for_log(said)
        write(response("b"))
        g.wait_for("dubbo_rules.mine.update_success", 6)
        assert "error_state" not in shown()
        assert "DubboRulesConfigDump" in g.get("/config_dump")
        for i in range(30):  # with calls in between
            write(bare("ab"[i % 2]))
            assert set(_who(c)) <= {"a", "b"}


def http_requests_too():
    hosts = {"plain": {}, "gray": {"dubbo.tag": "gray"}}
    routes = [{"match": {"prefix": "/free"}, "route": {"cluster": "up"}, "typed_per_filter_config": {"rules": {"@type": RULES}}},
              {"match": {"prefix": "/"}, "route": {"cluster": "up"}}]
    filters = [{"name": "rules", "typed_config": {"@type": RULES, "rules": [
        {"@type": RULE + "ConditionRule", "scope": "service", "key": "org.Hello", "force": True, "conditions": ["method=secret =>"]}]}},
        {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}]
    with _Providers(hosts, Named) as p, Gateway("dubbo_rules_http", http_manager(routes, http_filters=filters), [p.cluster(), cluster("x", 1)]) as g:
        def who(path, **headers):
            answers = [g.http("POST", path, {k.replace("__", "."): v for k, v in headers.items()}) for _ in range(4)]
            return {json.loads(a.text)["name"] if a.status == 200 else a.status for a in answers}

        assert who("/org.Hello/find") == {"plain"} and who("/org.Hello/find", dubbo__tag="gray") == {"gray"}
        assert who("/org.Hello/secret") == {503}
        assert who("/free") == {"plain", "gray"}, "of a route: no rules"


def refusals():
    """A wrong rule is refused with its place; scripts with where to go instead."""
    cases = [
        ({"rules": [{"@type": RULE + "ConditionRule", "scope": "service", "key": "s", "conditions": ["method=a => host=1", "method= => host=1"]}]},
         "rules[0].conditions[1]: before =>: byte 7: nothing follows '='"),
        ({"rules": [{"@type": RULE + "ConditionRule", "scope": "service", "key": "s", "condition": []}]}, "condition: no such field"),
        ({"rules": [{"@type": RULE + "ScriptRule", "scope": "application", "key": "s", "type": "javascript", "script": "x"}]},
         "rules[0].script: scripts aren't run: a condition rule or a route says the same, see docs/rpc-routing.md"),
        ({"sources": [{"inline_string": "configVersion: v3.0\nscope: application\nkey: a\ntype: javascript\nscript: |\n  x\n"}]}, "scripts aren't run"),
        ({"sources": [{"inline_string": "key: a\ntags:\n- name: x\n  address: [1]\n"}]}, "sources[0]: line:4:3: tags[0].address: no such field"),
        ({"sources": [{"inline_string": "key: a\ntags: [{name: x}]\n---\nkey: b\ntags: [{name: x, addresses: [nowhere]}]\n"}]},
         "sources[0], document 2.tags[0].addresses[0]: 'nowhere' is no address"),
        ({"sources": [{"filename": str(FILES / "nothing.yaml")}]}, "nothing.yaml' can't be read"),
        ({"sources": [{"inline_string": "affinityAware: {key: region, ratio: 20}\n"}]}, "no rule of Dubbo's that is known here"),
    ]
    for i, (config, said) in enumerate(cases):
        g = Gateway(f"dubbo_rules_refused{i}", _manager(**config), [cluster("up", 1)])
        try:
            with g:
                raise AssertionError(f"taken: {config}")
        except RuntimeError as e:
            assert said in str(e), f"{config}\nsaid: {e}"

"""Dubbo's own rules over real providers: Dubbo 3.3 and 2.7, told apart by endpoint metadata, for real consumers that know of no rule."""
from gateway import Gateway, address, dubbo_manager
from java_peers import SERVICE, consumer, shared

RULES = "type.googleapis.com/outrigger.filters.dubbo_rules.v1.DubboRules"


def _cluster(hosts):
    """hosts: [(provider, labels)]"""
    listed = [{"endpoint": {"address": address(p.port)}, "metadata": {"filter_metadata": {"envoy.lb": labels}}} for p, labels in hosts]
    return {"name": "up", "type": "STATIC", "connect_timeout": "1s", "load_assignment": {"cluster_name": "up", "endpoints": [{"lb_endpoints": listed}]}}


def _manager(*texts, **config):
    manager = dubbo_manager(SERVICE, {".*": "up"})
    manager["typed_config"]["dubbo_filters"] = [{"name": "rules", "config": {"@type": RULES, "sources": [{"inline_string": t} for t in texts], **config}},
                                                {"name": "envoy.filters.dubbo.router"}]
    return manager


def _calls(g, method, *args, module="dubbo3", count=20):
    passed, failed, out = consumer(g.port, "--method", method, "--count", str(count), "--concurrency", "2", "--timeout", "20000", *args, module=module)
    return passed, failed, out[-800:]


def tags_of_rule_and_provider():
    """The consumers of both lines mark their calls by attachment, as Dubbo's own do."""
    rule = "configVersion: v3.0\nkey: shop\ntags:\n  - name: gray\n    match:\n      - key: env\n        value: {exact: gray}\n"
    (base, gray), (own,) = shared("a", "b"), shared("a", module="dubbo27")
    with Gateway("interop-dubbo-rules-tag", _manager(rule), [_cluster([(base, {"application": "shop"}), (gray, {"application": "shop", "env": "gray"}),
                                                                          (own, {"application": "shop", "dubbo.tag": "own"})])]) as g:
        def seen():
            return [p.calls("sayHello") for p in (base, gray, own)]

        for module in ("dubbo3", "dubbo27"):
            before = seen()
            for tag, want in (("gray", [0, 20, 0]), ("own", [0, 0, 20]), ("other", [20, 0, 0]), (None, [20, 0, 0])):
                attach = ("--attach", f"dubbo.tag={tag}") if tag else ()
                passed, failed, out = _calls(g, "sayHello", *attach, module=module)
                assert (passed, failed) == (20, 0), out
                now = seen()
                assert [b - a for a, b in zip(before, now)] == want, f"{module} {tag}: {before} {now}"
                before = now
        passed, failed, out = _calls(g, "sayHello", "--attach", "dubbo.tag=other", "--attach", "dubbo.force.tag=true", count=3)
        assert (passed, failed) == (0, 3), out
        assert seen() == before


def conditions_by_method_and_attachment():
    rules = ("configVersion: v3.0\nscope: service\nforce: true\nkey: demo.api.DemoService\nconditions:\n"
             "  - method=sayHello => env=gray\n  - method=add & attachments[user]=root => env=blue\n  - method=add & attachments[user]!=root => env!=blue\n")
    gray, blue = shared("a", "b")
    with Gateway("interop-dubbo-rules-conditions", _manager(rules), [_cluster([(gray, {"env": "gray"}), (blue, {"env": "blue"})])]) as g:
        passed, failed, out = _calls(g, "sayHello,add", "--attach", "user=root")
        assert (passed, failed) == (40, 0), out
        assert [gray.calls("sayHello"), gray.calls("add"), blue.calls("sayHello"), blue.calls("add")] == [20, 0, 0, 20]
        passed, failed, out = _calls(g, "add", "--attach", "user=guest")
        assert (passed, failed) == (20, 0), out
        assert [gray.calls("add"), blue.calls("add")] == [20, 20]


def weights_of_v31_and_mesh():
    v31 = ("configVersion: v3.1\nscope: service\nkey: demo.api.DemoService\nconditions:\n  - from: {match: method=add}\n"
           "    to: [{match: env=gray, weight: 25}, {match: env=blue, weight: 75}]\n")
    mesh = ("apiVersion: service.dubbo.apache.org/v1alpha1\nkind: VirtualService\nspec:\n  hosts: [up]\n  dubbo:\n"
            "  - services: [{prefix: demo.api.}]\n    routedetail:\n    - match: [{method: {name_match: {exact: sayHello}, argc: 1}}]\n"
            "      route: [{destination: {host: up, subset: none, fallback: {destination: {host: up, subset: blue}}}}]\n"
            "---\napiVersion: service.dubbo.apache.org/v1alpha1\nkind: DestinationRule\nspec: {host: up, subsets: [{name: none, labels: {env: x}}, {name: blue, labels: {env: blue}}]}\n")
    gray, blue = shared("a", "b")
    with Gateway("interop-dubbo-rules-weights", _manager(v31, mesh), [_cluster([(gray, {"env": "gray"}), (blue, {"env": "blue"})])]) as g:
        passed, failed, out = _calls(g, "add", count=400)
        assert (passed, failed) == (400, 0), out
        assert 60 < gray.calls("add") < 140 and gray.calls("add") + blue.calls("add") == 400, gray.calls("add")
        passed, failed, out = _calls(g, "sayHello")
        assert (passed, failed) == (20, 0), out
        assert [gray.calls("sayHello"), blue.calls("sayHello")] == [0, 20]

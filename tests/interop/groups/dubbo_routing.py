"""Real Dubbo consumers whose calls go to one of two providers by what they say."""
from gateway import Gateway, call_manager, cluster, rule
from java_peers import SERVICE, consumer, shared

COUNT = 5


def _gateway(name, rules, a, b, **service):
    return Gateway(f"interop-routing-{name}", call_manager({"interface": SERVICE, "routes": rules, **service}), [cluster("a", a.port), cluster("b", b.port)])


def _calls(g, kinds, *args, module="dubbo3"):
    passed, failed, out = consumer(g.port, "--method", ",".join(kinds), "--count", COUNT, "--timeout", "20000", *args, module=module)
    assert (passed, failed) == (COUNT * len(kinds), 0), out[-1200:]


# kind of call -> the provider it is for, the rules that say so: first one that must not match, then the one that must
BY_VALUE = {
    "sayHello": ("a", {"0": "world"}, {"0": "w\u00f6rld"}),
    "add": ("b", {"0": {"range": {"start": 0, "end": 40}}}, {"0": {"range": {"start": 40, "end": 41}}, "1": {"modulo": {"divisor": 10, "remainder": {"start": 2, "end": 3}}}}),
    "next": ("a", {"0": {"in": {"values": ["PAID", "SHIPPED"]}}}, {"0": "NEW"}),
    "sum": ("b", {"0[1]": "2"}, {"0[1]": "-2", "0[2]": {"range": {"start": 1 << 40, "end": (1 << 40) + 1}}}),
    "placeOrder": ("a", {"0.status": "PAID"}, {
        "0.status": "NEW", "0.parent.status": "PAID", "0.items[1].sku": "sku-2", "0.items[1].qty": {"range": {"start": 70000, "end": 70001}},
        "0.tags[\"colour\"]": "blue", "0.customerId": "9007199254740993", "0.amount": {"double_range": {"start": 12.25, "end": 12.5}},
        "0.urgent": "true", "0.note": {"null_value": True}, "0.tags.none": {"present": False}}),
}


def _by_argument_values(module):
    """String, int, enum, element of an array; of a POJO its fields, lists, maps, nulls."""
    rules = []
    for kind, (to, no, yes) in BY_VALUE.items():
        rules += [rule("b" if to == "a" else "a", kind, no), rule(to, kind, yes), rule("b" if to == "a" else "a", kind)]
    a, b = shared("a", "b", module=module)
    with _gateway(f"arguments-{module}", rules, a, b) as g:
        _calls(g, BY_VALUE, module=module)
        for kind, (to, _, _) in BY_VALUE.items():
            seen = a.calls(kind), b.calls(kind)
            assert seen == ((COUNT, 0) if to == "a" else (0, COUNT)), (kind, seen)


def by_argument_values_3():
    _by_argument_values("dubbo3")


def by_argument_values_2_7():
    _by_argument_values("dubbo27")


def by_attachment_and_application():
    rules = [rule("a", attachments={"x-tag": {"prefix": "gr"}}), rule("a", application={"in": {"values": ["shop", "web"]}}), rule("b")]
    a, b = shared("a", "b")
    with _gateway("attachments", rules, a, b) as g:
        for args, to_a in ((("--attach", "x-tag=gray"), 1), (("--attach", "x-tag=blue"), 1), (("--app", "shop"), 2), (("--app", "other"), 2)):
            before = b.calls()
            _calls(g, ["sayHello"], *args)
            seen = a.calls(), b.calls() - before
            assert seen == (to_a * COUNT, COUNT * (args[1] in ("x-tag=blue", "other"))), (args, seen)


def by_group_and_version():
    services = [{"interface": SERVICE, "version": "1.2.3", "group": "g1", "routes": [rule("a")]},
                {"interface": SERVICE, "routes": [rule("b", version="2.0.0", group="g2")]}]
    (a,), (b,) = shared("a", args=("--version", "1.2.3", "--group", "g1")), shared("b", args=("--version", "2.0.0", "--group", "g2"))
    with Gateway("interop-routing-groups", call_manager(*services), [cluster("a", a.port), cluster("b", b.port)]) as g:
        _calls(g, ["sayHello"], "--version", "1.2.3", "--group", "g1", "--no-generic")
        assert (a.calls(), b.calls()) == (COUNT, 0)
        _calls(g, ["sayHello"], "--version", "2.0.0", "--group", "g2", "--no-generic")
        assert (a.calls(), b.calls()) == (COUNT, COUNT)

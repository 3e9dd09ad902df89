"""Calls go where what they say leads them: argument values, attachments, application, version and group."""
import struct
import subprocess

import places
from dubbo import string, value
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import Gateway, call_manager, cluster, rule

ORDER = "demo.Order"


def _order(status, *items, customer=7):
    """An object with an enum, a list of objects and a long, as Java writes it."""
    out = b"C" + string(ORDER) + value(3) + string("status") + string("items") + string("customer")
    out += b"\x60" + b"C" + string("demo.Status") + value(1) + string("name") + b"\x61" + string(status)
    out += b"V" + string("java.util.ArrayList") + value(len(items))
    for i, (sku, count) in enumerate(items):
        if not i:
            out += b"C" + string("demo.Item") + value(2) + string("sku") + string("count")
        out += b"\x62" + string(sku) + value(count)
    return out + b"L" + struct.pack(">q", customer)


def _place(status="NEW", *items, **kw):
    return {"method": "place", "args": [_order(status, *items, **kw)], "types": f"L{ORDER.replace('.', '/')};"}


class _Places:
    """Providers named as the clusters, a gateway with the rules, a consumer."""

    def __init__(self, name, *services, to=("a", "b", "c")):
        self.providers = [Provider(n) for n in to]
        self.gateway = Gateway(f"call-routes-{name}", call_manager(*services), [cluster(p.name, p.port) for p in self.providers])

    def __enter__(self):
        self.gateway.__enter__()
        self.consumer = Consumer(self.gateway.port)
        return self

    def to(self, **call):
        """The name of the provider that answered, or "-" when there is no route."""
        frame = self.consumer.ask(**call)
        if frame.status == 20 and frame.body[:1] == b"\x91":
            return frame.body[2:].decode()
        assert b"no route for" in frame.body, frame
        return "-"

    def __exit__(self, *e):
        self.consumer.sock.close()
        self.gateway.__exit__(*e)
        for p in self.providers:
            p.stop()


def _service(*rules, interface=SERVICE, **kw):
    return {"interface": interface, "routes": list(rules), **kw}


def by_argument_values():
    """Strings, numbers, booleans, null; fields, enums and elements of objects; the first rule that matches."""
    with _Places("arguments", _service(
            rule("a", "hello", {"0": "gold"}),
            rule("b", "hello", {"0": {"in": {"values": ["silver", "7"]}}, "1": {"range": {"start": 5, "end": 10}}}),
            rule("c", "hello", {"0": {"null_value": True}}),
            rule("b", "hello", {"1": {"modulo": {"divisor": 100, "remainder": {"start": 0, "end": 10}}}}),
            rule("c", "hello", {"2": "true"}),
            rule("a", "place", {"0.status": "PAID", "0.items[1].count": {"range": {"start": 3, "end": 4}}}),
            rule("b", "place", {"0.items[0].sku": {"prefix": "vip-"}}),
            rule("c", "place", {"0.customer": {"range": {"start": 1 << 40, "end": 1 << 41}}}))) as p:
        assert p.to(args=["gold", 5]) == "a"
        assert p.to(args=["silver", 5]) == "b" and p.to(args=[7, 9]) == "b"
        assert p.to(args=["silver", 10]) == "-"
        assert p.to(args=[None, 55], types="Ljava/lang/String;I") == "c"
        assert p.to(args=["x", 1203]) == "b" and p.to(args=["x", 1210]) == "-"
        assert p.to(args=["x", 50, True]) == "c" and p.to(args=["x", 50, False]) == "-"
        assert p.to(args=[]) == "-"
        items = ("sku-1", 1), ("sku-2", 3)
        assert p.to(**_place("PAID", *items)) == "a" and p.to(**_place("NEW", *items)) == "-"
        assert p.to(**_place("NEW", ("vip-1", 1))) == "b" and p.to(**_place("NEW")) == "-"
        assert p.to(**_place("NEW", *items, customer=(1 << 40) + 1)) == "c"
        assert p.to(**_place("PAID", *items)) == "a"


def by_attachments_application_version_and_group():
    with _Places("attachments", _service(rule("a"), version="1.0.0", group="blue"), _service(
            rule("b", application={"in": {"values": ["shop", "web"]}}),
            rule("c", attachments={"xTag": "gray", "weight": {"range": {"start": 10, "end": 20}}}),
            rule("a", version={"prefix": "2."}),
            rule("b", attachments={"only": {"present": True}}, arguments={"0": "x"}))) as p:
        assert p.to(version="1.0.0", attachments={"group": "blue"}) == "a"
        assert p.to(version="1.0.0", attachments={"group": "green"}) == "-"
        assert p.to(attachments={"remote.application": "web"}) == "b" and p.to(attachments={"remote.application": "other"}) == "-"
        assert p.to(attachments={"xtag": "gray", "weight": "15"}) == "c"
        assert p.to(attachments={"xtag": "gray", "xTag": "blue", "weight": "15"}) == "-"
        assert p.to(attachments={"xTag": "gray", "weight": 20}) == "-"
        assert p.to(version="2.1.0") == "a"
        assert p.to(args=["x"], attachments={"only": None}) == "b" and p.to(args=["y"], attachments={"only": None}) == "-"


def many_values_of_one_argument():
    """A rule for each of a thousand texts, and what is the default."""
    rules = [rule("a" if n % 2 else "b", "hello", {"0": f"user-{n}"}) for n in range(1000)]
    with _Places("many", _service(*rules, rule("c", "hello"))) as p:
        for n in (0, 1, 2, 499, 500, 999):
            assert p.to(args=[f"user-{n}"]) == ("a" if n % 2 else "b"), n
        assert p.to(args=["user-1000"]) == "c" and p.to(args=[]) == "c" and p.to(method="other") == "-"


def a_head_that_decides_leaves_the_body_alone():
    """Arguments that nobody can read are no matter for calls whose rules don't ask for them; else they are absent."""
    with _Places("heads", _service(rule("a", "hello", {"0": "gold"}), rule("b", "hello"), rule("c", "other"))) as p:
        broken = {"args": [b"\x40\x40"], "types": "Ljava/lang/String;"}
        for _ in range(3):
            assert p.to(method="other", **broken) == "c"
            assert p.to(**broken) == "b" and p.to(args=["gold"]) == "a"


def what_is_refused():
    """With the path of what is wrong."""
    for bad, said in ((rule("a", arguments={"x": "y"}), "services[0].routes[1].match.arguments[0].path"),
                      (rule("a", arguments={"0": {"modulo": {"divisor": 0}}}), "services[0].routes[1].match.arguments[0].value.modulo.divisor"),
                      (rule("a", attachments={"k": {"regex": "y"}}), "services[0].routes[1].match.attachments[0].value.regex")):
        g = Gateway("call-routes-bad", call_manager(_service(rule("a"), bad)), [cluster("a", 1)])
        r = subprocess.run([places.outrigger(), "--mode", "validate", "-c", g.config], capture_output=True, text=True, timeout=60)
        assert r.returncode == 1 and said in r.stderr, r

"""Lanes and units with real Dubbo consumers and providers (3.3 and 2.7): tags in attachments, keys in arguments."""
import re

from gateway import Gateway, address, cluster, dubbo_manager
from java_peers import SERVICE, consumer, shared

OWN = "type.googleapis.com/outrigger.filters."
LINES = ("dubbo3", "dubbo27")


def _gateway(name, key, hosts, filter):
    """hosts: (provider, its label or None)"""
    endpoints = [{"endpoint": {"address": address(p.port)}, **({"metadata": {"filter_metadata": {"envoy.lb": {key: label}}}} if label else {})} for p, label in hosts]
    up = cluster("up", lb_subset_config={"subset_selectors": [{"keys": [key]}]},
                 load_assignment={"cluster_name": "up", "endpoints": [{"lb_endpoints": endpoints}]})
    manager = dubbo_manager(SERVICE, {".*": "up"})
    manager["typed_config"]["dubbo_filters"] = [{"name": key, "config": filter}, {"name": "envoy.filters.dubbo.router"}]
    return Gateway(name, manager, [up], listener={"traffic_direction": "OUTBOUND"})


def _ask(g, line, *args, method="sayHello", count=5):
    passed, failed, out = consumer(g.port, "--no-generic", "--method", method, "--count", count, *args, module=line)
    assert (passed, failed) == (count * len(method.split(",")), 0), out[-800:]


def attachments_are_tags():
    for line in LINES:
        base, gray = shared("a", "b", module=line)
        with _gateway(f"interop-lanes-{line}", "lane", [(base, None), (gray, "gray")], {"@type": OWN + "lane.v1.Lane"}) as g:
            rows = [((), 5, 0), (("--attach", "dubbo.tag=gray"), 0, 5), (("--attach", "x-asm-prefer-tag=gray"), 0, 5), (("--attach", "dubbo.tag=blue"), 5, 0)]
            expected = [0, 0]
            for args, in_base, in_gray in rows:
                _ask(g, line, *args)
                expected = [expected[0] + in_base, expected[1] + in_gray]
                assert [base.calls("sayHello"), gray.calls("sayHello")] == expected, (line, args, base.calls(), gray.calls())


def an_applications_own_lane_is_told():
    """Its calls carry no tag; what the provider gets has one, beside all that was there. (Java's own filter hides dubbo.tag from what a service sees.)"""
    lane = {"@type": OWN + "lane.v1.Lane", "tags": [{"attachment": "x-lane"}], "default_tag": "gray"}
    for line in LINES:
        base, gray = shared("a", "b", module=line)
        with _gateway(f"interop-own-lane-{line}", "lane", [(base, None), (gray, "gray")], lane) as g:
            _ask(g, line, "--attach", "x-tag=blue")
            assert (base.calls(), gray.calls("sayHello")) == (0, 5)
            told = re.findall(r"^call sayHello .*attachments=(.*)", gray.text(), re.M)
            assert len(told) == 5 and all("x-lane=gray" in t and "x-tag=blue" in t for t in told), told
            _ask(g, line, method="sayHello,add,placeOrder,echo,large,attachments")


def arguments_are_keys():
    """add(40, 2) by its first argument, an order by its field id; the rest has no key and goes to the global unit."""
    unit = {"@type": OWN + "unit.v1.Unit", "keys": [{"argument": "0.id"}, {"argument": "0"}], "extractor": {"substring": {"from": -1}},
            "rule": {"name": "interop", "version": 3, "shard_count": 10, "global_unit": "C",
                     "shards": [{"first": 0, "last": 0, "unit": "A"}, {"first": 1, "last": 9, "unit": "B"}]}}
    for line in LINES:
        a, b, c = shared(*"abc", module=line)
        with _gateway(f"interop-units-{line}", "unit", [(a, "A"), (b, "B"), (c, "C")], unit) as g:
            _ask(g, line, method="add,placeOrder,sayHello")
            seen = {m: [p.calls(m) for p in (a, b, c)] for m in ("add", "placeOrder", "sayHello")}
            assert seen == {"add": [5, 0, 0], "placeOrder": [0, 5, 0], "sayHello": [0, 0, 5]}, seen
            told = re.findall(r"^call add .*attachments=(.*)", a.text(), re.M)
            assert all("x-outrigger-unit-rule=3" in t for t in told), told

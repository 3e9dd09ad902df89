"""Real SOFA RPC consumers through outrigger to real providers, on Bolt: calls of every kind and where they go."""
import re
import subprocess

import java_peers
from chaos import wait_until
from gateway import TYPE, Gateway, address, call_manager, cluster, rule
from java_peers import SERVICE
from ports import free_ports
from sofa_peers import consumer, manager, rpc_manager, shared

KINDS = 20
FILTERS = "type.googleapis.com/outrigger.filters."


def every_kind_of_call():
    """POJO, enum, BigDecimal, byte[], null, exceptions, one-way, baggage both ways, generic calls, large arguments and results."""
    a, = shared("a")
    with Gateway("interop-bolt-kinds", manager(), [cluster("up", a.port)]) as g:
        passed, failed, out = consumer(g.port, "--attach", "x-tag=blue", "--header", "my-head=v", "--count", "10", "--concurrency", "4")
        assert (passed, failed) == (KINDS * 10, 0), out[-1500:]
        assert len(re.findall(r"^call \w+.*baggage=\{.*x-tag=blue", a.text(), re.M)) >= KINDS * 10, a.text()[-800:]
        assert g.stat("bolt.bolt.request_oneway") == 10 and g.stat("bolt.bolt.response_business_exception") == 20, g.get("/stats")
        assert g.stat("cluster.up.upstream_cx_total") <= 2 * 2, "calls of all connections share one to the provider, for each worker"


def many_at_a_time_and_eight_megabytes():
    """10,000 calls, 64 of them at a time, on four connections; 1,280 of mixed sizes, 64 at a time; 8 MiB both ways."""
    a, = shared("a", args=("--quiet",))
    with Gateway("interop-bolt", manager(), [cluster("up", a.port)]) as g:
        passed, failed, out = consumer(g.port, "--method", "sayHello:10000:64,mixed:1280:64,huge:2:1,hugeAnswer:2:1", "--timeout", "30000", "--connections", "4",
                                       "--no-generic", heap="512m")
        assert (passed, failed) == (11_284, 0), out[-800:]
        assert g.stat("bolt.bolt.request_active") == g.stat("cluster.up.upstream_rq_active") == 0


def by_method_and_unique_id():
    """Two providers, of which one serves another unique id of the service: a route's group."""
    routes = [{"name": "u", "interface": SERVICE, "group": "u1", "routes": [{"match": {"method": {"name": {"safe_regex": {"regex": ".*"}}}}, "route": {"cluster": "unique"}}]}]
    (a, b), (c,) = shared("a", "b"), shared("u", args=("--uniqueId", "u1", "--props"))
    with Gateway("interop-bolt-routes", manager({"sayHello": "first", ".*": "second"}, before=routes),
                 [cluster("first", a.port), cluster("second", b.port), cluster("unique", c.port)]) as g:
        passed, failed, out = consumer(g.port, "--method", "sayHello,add", "--count", "20", "--no-generic")
        assert (passed, failed) == (40, 0), out[-800:]
        passed, failed, out = consumer(g.port, "--method", "sayHello,add", "--count", "20", "--uniqueId", "u1", "--no-generic")
        assert (passed, failed) == (40, 0), out[-800:]
        seen = [p.calls(m) for p in (a, b, c) for m in ("sayHello", "add")]
        assert seen == [20, 0, 0, 20, 20, 20], seen


def by_argument_on_a_sniffed_port():
    """The text of sayHello's argument, the first one of add, a field of an order, an enum: read from sofa-hessian."""
    def route(method, path, value, cluster):
        return {"name": method, "match": {"method": {"exact": method}, "arguments": [{"path": path, "value": value}]}, "route": {"cluster": cluster}}
    routes = {"name": "r", "services": [{"name": "s", "interface": SERVICE, "routes": [
        route("sayHello", "0", {"exact": "w\u00f6rld"}, "first"), route("add", "0", {"range": {"start": 40, "end": 41}}, "first"),
        route("placeOrder", "0.urgent", {"exact": "true"}, "first"), route("next", "0", {"exact": "NEW"}, "first"), route("sum", "0[1]", {"exact": "-2"}, "first"),
        route("slow", "0", {"exact": "31"}, "first"), {"name": "rest", "match": {}, "route": {"cluster": "second"}}]}]}
    a, b = shared("a", "b")
    with Gateway("interop-bolt-arguments", rpc_manager(rpc_route_config=routes), [cluster("first", a.port), cluster("second", b.port)]) as g:
        methods = {m: (5, 0) for m in ("sayHello", "add", "placeOrder", "next", "sum")} | {"slow": (0, 5), "touch": (0, 5)}
        passed, failed, out = consumer(g.port, "--method", ",".join(methods), "--count", "5", "--no-generic")
        assert (passed, failed) == (35, 0), out[-800:]
        seen = {m: (a.calls(m), b.calls(m)) for m in methods}
        assert seen == methods, seen


def by_application_and_header():
    """`app` of the header map, an entry of it, SOFA's baggage."""
    a, b = shared("a", "b")
    with Gateway("interop-bolt-heads", call_manager({"interface": SERVICE, "routes": [
            rule("first", application={"in": {"values": ["shop", "web"]}}), rule("first", attachments={"my-head": {"prefix": "gr"}}),
            rule("first", attachments={"rpc_req_baggage.lane": "gray"}), rule("second")]}, protocols=["BOLT"]),
            [cluster("first", a.port), cluster("second", b.port)]) as g:
        expected = [0, 0]
        for args, to_b in ((("--app", "shop"), 0), (("--app", "other", "--header", "my-head=blue", "--attach", "lane=blue"), 1), (("--header", "my-head=gray"), 0),
                           (("--attach", "lane=gray"), 0)):
            passed, failed, out = consumer(g.port, "--no-generic", "--method", "sayHello", "--count", "5", *args)
            expected[to_b] += 5
            assert (passed, failed) == (5, 0) and [a.calls(), b.calls()] == expected, (args, a.calls(), b.calls(), out[-500:])


def plain_bolt_of_every_version():
    """Bolt's own client and server: version 1, version 2 with and without a checksum, one-way, an exception, a class that nobody serves; a filter adds an entry to the header map."""
    java_peers.build()
    port, = free_ports(1)
    any_class = {"name": "plain", "interface": "*", "routes": [{"match": {"method": {"name": {"safe_regex": {"regex": ".*"}}}}, "route": {"cluster": "up"}}]}
    added = {"name": "mutate", "config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {"request_mutations": [
        {"append": {"header": {"key": "x-new", "value": "new"}}}]}}}
    for name, filters in (("as-it-is", ()), ("edited", [added])):
        with Gateway(f"interop-bolt-plain-{name}", manager(before=[any_class], filters=filters), [cluster("up", port)]) as g:
            r = subprocess.run(java_peers.command("sofa", "demo.sofa.Plain", "--port", port, "--to", g.port, "--count", 50), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
            seen = dict(re.findall(r"^(\S+) (ok|fault) \d+$", r.stdout, re.M))
            kinds = "v1", "v2-1", "v2-2-crc", "v2-2-nocrc", "oneway", "exception", "nobody"
            assert seen == dict.fromkeys(kinds, "ok"), (name, (r.stdout + r.stderr)[-1500:])
            assert g.stat("bolt.bolt.request_oneway") == 50 and g.stat("bolt.bolt.request_decoding_error") == 0
            assert g.stat("bolt.bolt.request_active") == g.stat("cluster.up.upstream_rq_active") == 0


def copies_of_calls_go_to_a_mirror():
    """As they came, though the route changes them; the mirror is another provider, whose word nobody hears."""
    table = {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{
        "match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s", "request_mirror_policies": [{"cluster": "shadow"}]},
        "request_headers_to_add": [{"header": {"key": "lane", "value": "gray"}}]}]}]}
    a, b = shared("a", "b", args=("--props",))
    methods = ("sayHello", "add", "placeOrder", "failChecked", "large", "fire")
    with Gateway("interop-bolt-mirror", rpc_manager(route_config=table), [cluster("up", a.port), cluster("shadow", b.port)]) as g:
        passed, failed, out = consumer(g.port, "--method", ",".join(methods), "--count", "5", "--no-generic", "--attach", "x-tag=blue")
        assert (passed, failed) == (30, 0), out[-800:]
        wait_until(lambda: b.calls("[a-z]+[A-Za-z]*") == a.calls("[a-z]+[A-Za-z]*") == 30 and g.stat("cluster.shadow.upstream_rq_active") == 0, (a.calls(), b.calls()))
        main, copies = (re.findall(r"^props .*$", p.text(), re.M) for p in (a, b))
        assert len(main) == len(copies) == 30 and all("x-tag=blue" in p for p in main + copies)
        assert all("lane=gray" in p for p in main) and not any("lane" in p for p in copies), (main[0], copies[0])


# --- lanes and units

def _labelled(key, filter, *hosts):
    """A gateway of which each host has its label."""
    endpoints = [{"endpoint": {"address": address(p.port)}, **({"metadata": {"filter_metadata": {"envoy.lb": {key: label}}}} if label else {})} for p, label in hosts]
    up = cluster("up", lb_subset_config={"subset_selectors": [{"keys": [key]}]}, load_assignment={"cluster_name": "up", "endpoints": [{"lb_endpoints": endpoints}]})
    return Gateway(f"interop-bolt-{key}", manager(filters=[{"name": key, "config": filter}]), [up], listener={"traffic_direction": "OUTBOUND"})


def headers_are_tags_of_lanes():
    """A header of the call, or SOFA's baggage, is the tag; one without goes in its application's own lane, and the provider is told."""
    a, b = shared("a", "b", args=("--props",))
    lane = {"@type": FILTERS + "lane.v1.Lane", "tags": [{"attachment": "x-lane"}, {"attachment": "rpc_req_baggage.lane"}]}
    with _labelled("lane", lane, (a, None), (b, "gray")) as g:
        expected = [0, 0]
        for args, to_b in ((), 0), (("--header", "x-lane=gray"), 1), (("--attach", "lane=gray"), 1), (("--header", "x-lane=blue"), 0):
            passed, failed, out = consumer(g.port, "--no-generic", "--method", "sayHello", "--count", "5", *args)
            expected[to_b] += 5
            assert (passed, failed) == (5, 0) and [a.calls(), b.calls()] == expected, (args, a.calls(), b.calls(), out[-500:])
    a, b = shared("a", "b", args=("--props",))
    with _labelled("lane", lane | {"default_tag": "gray"}, (a, None), (b, "gray")) as g:
        passed, failed, out = consumer(g.port, "--no-generic", "--method", "sayHello,placeOrder,large", "--attach", "x-tag=blue")
        told = re.findall(r"^props .*", b.text(), re.M)
        assert (passed, failed, a.calls(), len(told)) == (3, 0, 0, 3) and all("x-lane=gray" in t and "x-tag=blue" in t for t in told), (out[-500:], told)


def arguments_are_keys_of_units():
    """add(40, 2) by its first argument, an order by its field id; the rest has no key and goes to the global unit. A write carries its rule's version."""
    unit = {"@type": FILTERS + "unit.v1.Unit", "keys": [{"argument": "0.id"}, {"argument": "0"}], "extractor": {"substring": {"from": -1}},
            "rule": {"name": "interop", "version": 3, "shard_count": 10, "global_unit": "C",
                     "shards": [{"first": 0, "last": 0, "unit": "A"}, {"first": 1, "last": 9, "unit": "B"}]}}
    a, b, c = shared("a", "b", "c", args=("--props",))
    with _labelled("unit", unit, (a, "A"), (b, "B"), (c, "C")) as g:
        passed, failed, out = consumer(g.port, "--no-generic", "--method", "add,placeOrder,sayHello", "--count", "5")
        assert (passed, failed) == (15, 0), out[-500:]
        seen = {m: [p.calls(m) for p in (a, b, c)] for m in ("add", "placeOrder", "sayHello")}
        assert seen == {"add": [5, 0, 0], "placeOrder": [0, 5, 0], "sayHello": [0, 0, 5]}, seen
        told = re.findall(r"^props .*", a.text(), re.M)
        assert told and all("x-outrigger-unit-rule=3" in t for t in told), told

"""Lanes over HTTP and Dubbo: a tag finds its lane's hosts, else the baseline's, and never another lane's."""
import collections
import json

import dubbo as wire
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, address, cluster, dubbo_manager, http_manager
from origin import Origin
from ports import free_ports

LANE = "type.googleapis.com/outrigger.filters.lane.v1.Lane"
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}


def _hosts(lanes):
    """lanes: [(port, lane or None)]"""
    return [{"endpoint": {"address": address(port)}, **({"metadata": {"filter_metadata": {"envoy.lb": {"lane": lane}}}} if lane else {})} for port, lane in lanes]


def _laned(name, lanes, **extra):
    return {"name": name, "type": "STATIC", "connect_timeout": "1s", "lb_subset_config": {"fallback_policy": "ANY_ENDPOINT", "subset_selectors": [{"keys": ["lane"]}]},
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": _hosts(lanes)}]}, **extra}


def _filter(**config):
    return {"name": "lane", "typed_config": {"@type": LANE, **config}}


class _Origins:
    """An origin for each of the names, told apart by port."""

    def __init__(self, *names):
        self.all = {name: Named(name) for name in names}

    def __enter__(self):
        return self.all

    def __exit__(self, *_):
        for o in self.all.values():
            o.stop()


class Named(Origin):
    """Says who it is, and what it was told."""

    def __init__(self, name):
        self.name = name
        super().__init__()

    def answer(self, sock, f, request):
        headers = {}
        while (line := f.readline().strip()):
            key, _, value = line.decode("latin-1").partition(":")
            headers[key.lower()] = value.strip()
        f.read(int(headers.get("content-length", 0)))
        body = json.dumps({"name": self.name, "headers": headers}).encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


def _who(g, headers=None, path="/", times=6):
    """Who answers: {name or status: how often}."""
    seen = collections.Counter()
    for _ in range(times):
        r = g.http("GET", path, headers or {})
        seen[json.loads(r.text)["name"] if r.status == 200 else r.status] += 1
    return dict(seen)


def http_requests_stay_in_their_lane():
    routes = [{"match": {"prefix": "/only-gray"}, "route": {"cluster": "b"}}, {"match": {"prefix": "/outside"}, "route": {"cluster": "plain"}}, {
        "match": {"prefix": "/strict"}, "route": {"cluster": "a"}, "typed_per_filter_config": {"lane": {"@type": LANE, "strict": True}}}, {
        "match": {"prefix": "/"}, "route": {"cluster": "a"}}]
    with _Origins("base1", "base2", "gray", "blue", "plain") as o:
        a = _laned("a", [(o["base1"].port, None), (o["gray"].port, "gray"), (o["base2"].port, None), (o["blue"].port, "blue")])
        b = _laned("b", [(o["gray"].port, "gray")])
        with Gateway("lane_http", http_manager(routes, http_filters=[_filter(), ROUTER]), [a, b, cluster("plain", o["plain"].port)]) as g:
            base = {"base1", "base2"}
            assert set(_who(g)) == base, "no tag: the baseline, all of it"
            assert _who(g, {"x-asm-prefer-tag": "gray"}) == {"gray": 6}
            assert _who(g, {"x-asm-prefer-tag": "blue"}) == {"blue": 6}
            assert set(_who(g, {"x-asm-prefer-tag": "red"})) == base, "no such lane: the baseline"
            assert set(_who(g, {"x-asm-prefer-tag": "gray\u00e9"})) == base, "no tag at all"
            assert _who(g, {"x-asm-prefer-tag": "blue"}, "/only-gray") == {503: 6}, "there is no baseline: never sideways"
            assert _who(g, None, "/only-gray") == {503: 6}
            assert _who(g, {"x-asm-prefer-tag": "gray"}, "/only-gray") == {"gray": 6}
            assert _who(g, {"x-asm-prefer-tag": "gray"}, "/outside") == {"plain": 6}, "a cluster without lanes"
            assert _who(g, {"x-asm-prefer-tag": "gray"}, "/strict") == {"gray": 6}
            assert _who(g, {"x-asm-prefer-tag": "red"}, "/strict") == {503: 6}
            assert set(_who(g, None, "/strict")) == base
            assert g.stat("http.ingress.lane.tagged") == 48 and g.stat("http.ingress.lane.tag_invalid") == 6
            assert g.stat("cluster.a.lb_subsets_fallback") == 6


def an_ill_lane_is_an_empty_one():
    with _Origins("base") as o:
        dead, = free_ports(1)
        a = _laned("a", [(o["base"].port, None), (dead, "gray")], health_checks=[{
            "timeout": "1s", "interval": "0.05s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/"}}])
        with Gateway("lane_ill", http_manager([{"match": {"prefix": "/"}, "route": {"cluster": "a"}}], http_filters=[_filter(), ROUTER]), [a]) as g:
            g.wait_for("cluster.a.membership_healthy", 1)
            assert _who(g, {"x-asm-prefer-tag": "gray"}) == {"base": 6}


def two_hops_and_the_tag_between():
    """A trace's tag crosses an application that carries only the trace; and an application's own lane marks its calls."""
    with _Origins("app", "base", "gray") as o:
        correlate = {"trace_header": "traceparent", "name": "t"}
        out_port, = free_ports(1)
        own_port, = free_ports(1)
        inbound = http_manager(http_filters=[_filter(correlate=correlate), ROUTER])
        a = _laned("a", [(o["base"].port, None), (o["gray"].port, "gray")])
        g = Gateway("lane_trace", inbound, [cluster("up", o["app"].port), a])
        extra = []
        for name, port, config in (("out", out_port, {"correlate": correlate}), ("own", own_port, {"default_tag": "gray"})):
            manager = http_manager([{"match": {"prefix": "/"}, "route": {"cluster": "a"}}], stat_prefix=name, http_filters=[_filter(**config), ROUTER])
            extra.append({"name": name, "address": address(port), "traffic_direction": "OUTBOUND", "filter_chains": [{"filters": [manager]}]})
        g.bootstrap["static_resources"]["listeners"] += extra
        g.config.write_text(json.dumps(g.bootstrap))
        with g:
            inbound_port = g.port
            trace = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
            later = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-1111111111111111-01"}
            other = {"traceparent": "00-00000000000000000000000000000001-1111111111111111-01"}
            assert _who(g, {**trace, "x-asm-prefer-tag": "gray"}, times=1) == {"app": 1}
            g.port = out_port
            assert _who(g, later) == {"gray": 6} and _who(g, other) == {"base": 6} and _who(g) == {"base": 6}
            told = json.loads(g.http("GET", "/", later).text)["headers"]
            assert told["x-asm-prefer-tag"] == "gray", told
            g.port = own_port
            assert _who(g) == {"gray": 6} and json.loads(g.http("GET", "/").text)["headers"]["x-asm-prefer-tag"] == "gray"
            g.port = inbound_port
            assert g.stat("http.out.lane.tag_recalled") == 7


def calls_stay_in_their_lane():
    providers = {name: Provider(name) for name in ("base", "gray", "blue")}
    try:
        lanes = [(p.port, None if name == "base" else name) for name, p in providers.items()]
        manager = dubbo_manager(SERVICE, {"hello": "up", "gray": "gray"})
        manager["typed_config"]["dubbo_filters"] = [{"name": "lane", "config": {"@type": LANE}}, {"name": "envoy.filters.dubbo.router"}]
        with Gateway("lane_dubbo", manager, [_laned("up", lanes), _laned("gray", lanes[1:2])]) as g, Consumer(g.port) as c:
            def who(method="hello", **attachments):
                frames = [c.ask(method, args=("x", 7), attachments=attachments) for _ in range(4)]
                names = {bytes(f.body[2:]).decode() if f.status == 20 else f.status for f in frames}
                assert len(names) == 1, names
                return names.pop()

            assert who() == "base"
            assert who(**{"dubbo.tag": "gray"}) == "gray" and who(**{"dubbo.tag": "blue"}) == "blue"
            assert who(**{"dubbo.tag": "red"}) == "base"
            assert who(**{"x-asm-prefer-tag": "gray"}) == "gray"
            assert who("gray", **{"dubbo.tag": "gray"}) == "gray"
            assert who("gray", **{"dubbo.tag": "blue"}) == 80, "no baseline there: never sideways"
            assert g.stat("dubbo.dubbo.lane.tagged") == 24 and g.stat("dubbo.dubbo.lane.untagged") == 4
    finally:
        for p in providers.values():
            p.stop()


def calls_are_told_their_callers_lane():
    """The tag becomes an attachment beside those that were there; one that came stays as it came."""
    gray = Provider("gray", hold=True)
    manager = dubbo_manager(SERVICE, {"hello": "up"})
    manager["typed_config"]["dubbo_filters"] = [{"name": "lane", "config": {"@type": LANE, "tags": [{"attachment": "dubbo.tag"}], "default_tag": "gray"}},
                                                {"name": "envoy.filters.dubbo.router"}]
    try:
        with Gateway("lane_dubbo_own", manager, [_laned("up", [(gray.port, "gray")])]) as g, Consumer(g.port) as c:
            for sent, told in (({"k": "v"}, {"k": "v", "dubbo.tag": "gray"}), ({"dubbo.tag": "gray", "k": 7}, {"dubbo.tag": "gray", "k": 7})):
                c.call(args=("x",), attachments=sent)
                sock, frame = gray.take(1)[0]
                attachments = wire.describe(frame)["values"][-1]
                assert {k: attachments.get(k) for k in told} == told, attachments
                gray.answer(sock, frame)
                assert c.read().status == 20
    finally:
        gray.stop()

"""The proxy for calls of any protocol (outrigger.filters.network.rpc_proxy), and one port for several protocols."""
import json
import socket
import time

import bolt_peer
import dubbo as wire
import places
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, address, cluster, http_manager
from origin import Origin
from ports import free_ports

OURS = "type.googleapis.com/outrigger.filters.network."
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
ONE_WORKER = ["--disable-hot-restart", "--concurrency", "1"]


def _to(name, **match):
    return {"match": {"prefix": "/", **match}, "route": {"cluster": name, "timeout": "0s"}}


def _table(*routes, domain=SERVICE):
    return {"route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": [domain], "routes": list(routes) or [_to("up")]}]}}


def _proxy(routes=None, filters=(), **extra):
    return {"name": "rpc", "typed_config": {"@type": OURS + "rpc_proxy.v1.RpcProxy", "stat_prefix": "calls", **(routes or _table()),
                                            "http_filters": [*filters, ROUTER], **extra}}


def _log(path, text):
    return [{"name": "file", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(path),
                                              "log_format": {"text_format_source": {"inline_string": text + "\n"}}}}]


def _lines(path, n):
    end = time.monotonic() + 10
    while len(lines := path.read_text().splitlines() if path.exists() else []) < n:
        assert time.monotonic() < end, lines
        time.sleep(0.05)
    return lines


def _text(frame):
    return wire.Reader(frame.body[1:]).value()


def routes_of_http_work_on_calls():
    """Host: the interface. Path: /interface/method. Header fields: attachments. Also a rewrite, a redirect's kin, and what no route takes."""
    a, b, c = Provider("a"), Provider("b"), Provider("c")
    routes = _table(
        {"match": {"path": f"/{SERVICE}/fixed"}, "direct_response": {"status": 403, "body": {"inline_string": "not this one"}}},
        _to("b", path=f"/{SERVICE}/second"),
        _to("c", headers=[{"name": "colour", "string_match": {"exact": "red"}}]),
        _to("a", path=f"/{SERVICE}/hello"))
    for r in routes["route_config"]["virtual_hosts"][0]["routes"]:
        if "path" in r["match"]:
            r["match"].pop("prefix", None)
    with Gateway("rpc-http-routes", _proxy(routes), [cluster(p.name, p.port) for p in (a, b, c)]) as g, Consumer(g.port) as consumer:
        for _ in range(3):  # asked, kept, found
            assert _text(consumer.ask()) == "a"
            assert _text(consumer.ask("second")) == "b"
            assert _text(consumer.ask("hello", attachments={"colour": "red"})) == "c"
            assert _text(consumer.ask("hello", attachments={"colour": "blue"})) == "a"
            refused = consumer.ask("fixed")
            assert refused.status == 20 and b"not this one" in refused.body, refused
            nowhere = consumer.ask("other")
            assert nowhere.status == 20 and b"no route for" in nowhere.body, nowhere
        assert g.stat("rpc.calls.request") == 18 and g.stat("rpc.calls.response_success") == 12
    for p in (a, b, c):
        p.stop()


def straight_calls_pass_by_every_kind_of_table():
    """No filters, no limits: the answers and the counts of calls that need no stream are those of others."""
    dubbo_routes = [{"name": "r", "interface": SERVICE, "routes": [{"match": {"method": {"name": {"exact": "hello"}}}, "route": {"cluster": "up"}}]}]
    tables = {"http": _table(), "dubbo": {"dubbo_route_config": {"name": "t", "route_config": dubbo_routes}},
              "rpc": {"rpc_route_config": {"name": "t", "services": [{"interface": SERVICE, "routes": [
                  {"match": {"method": {"exact": "hello"}}, "route": {"cluster": "up"}}]}]}},
              "pass": {"pass_through": {"cluster": "up"}}}
    for name, table in tables.items():
        provider = Provider()
        with Gateway(f"rpc-table-{name}", _proxy(table, use_caller_timeout=False), [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
            for _ in range(5):
                assert _text(c.ask()) == "p", name
            assert g.stat("rpc.calls.request") == g.stat("rpc.calls.request_twoway") == g.stat("cluster.up.upstream_rq_total") == 5
            assert g.stat("rpc.calls.request_active") == 0
        provider.stop()


def the_least_time_limit_holds():
    """Its own, the route's, the caller's: expiry is status 31, for the caller in time."""
    def limits(own, route, caller):
        routes = _table({"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": route}})
        return _proxy(routes, **({"request_timeout": own} if own else {})), {"timeout": caller} if caller else None
    for n, (own, route, caller) in enumerate((("0.2s", "0s", None), (None, "0.2s", None), (None, "0s", "200"), ("5s", "4s", "200"), ("0.2s", "0s", "9000"))):
        provider = Provider(hold=True)
        manager, attachments = limits(own, route, caller)
        with Gateway(f"rpc-limit-{n}", manager, [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
            start = time.monotonic()
            frame = c.ask("hello", attachments=attachments)
            took = time.monotonic() - start
            assert frame.status == 31 and 0.15 < took < 3, (n, frame, took)
            provider.answer(*provider.take(1)[0])  # too late: dropped
            provider.hold = False
            assert _text(c.ask()) == "p"
        provider.stop()
    provider = Provider(hold=True)  # none: it waits as long as it takes
    with Gateway("rpc-limit-none", _proxy(use_caller_timeout=False), [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        c.call("hello", attachments={"timeout": "50"})
        time.sleep(0.3)
        provider.answer(*provider.take(1)[0])
        assert _text(c.read()) == "p"
    provider.stop()


def idempotent_calls_outlive_their_provider():
    """Only those: a lost connection answers the others, and none is sent twice that isn't listed."""
    one = Provider(hold=True)
    with Gateway("rpc-idempotent", _proxy(idempotent_methods=[{"suffix": "/find"}], use_caller_timeout=False),
                 [cluster("up", one.port)], args=ONE_WORKER) as g, Consumer(g.port) as c:
        for _ in range(4):
            find, change = c.call("find"), c.call("change")
            one.take(2)
            one.hold = False
            one.conns[-1].shutdown(socket.SHUT_RDWR)
            answers = {f.id: f for f in (c.read(), c.read())}
            assert answers[change].status == 35 and _text(answers[find]) == "p", answers
            one.hold = True
        assert one.count == 12 and g.stat("rpc.calls.request_active") == 0
    one.stop()


def retries_of_a_route_work_on_calls():
    """By the status that an answer's own stands for (80: 503); a listed set of idempotent methods bounds them."""
    for listed, tries in (([], 3), ([{"suffix": "/hello"}], 3), ([{"suffix": "/find"}], 1)):
        provider = Provider(hold=True)
        table = _table({"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s", "retry_policy": {
            "retry_on": "retriable-status-codes", "retriable_status_codes": [503], "num_retries": 2,
            "retry_back_off": {"base_interval": "0.001s"}}}})
        with Gateway(f"rpc-retry-{tries}-{len(listed)}", _proxy(table, idempotent_methods=listed), [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
            c.call()
            for _ in range(tries):
                (sock, frame), = provider.take(1)
                sock.sendall(wire.response(frame.id, wire.string("busy"), status=80))
            answer = c.read()
            assert answer.status == 80 and provider.count == tries, (listed, answer, provider.count)
        provider.stop()


def more_calls_than_one_connection_may_have_open():
    """Are answered at once; others go on."""
    provider = Provider(hold=True)
    for n, more in enumerate(({}, {"use_caller_timeout": False})):  # with streams, and without
        with Gateway(f"rpc-in-flight-{n}", _proxy(max_in_flight=2, **more), [cluster("up", provider.port)]) as g, Consumer(g.port) as c, Consumer(g.port) as other:
            calls = [c.call() for _ in range(4)]
            refused = [c.read(), c.read()]
            assert [f.id for f in refused] == calls[2:] and {f.status for f in refused} == {100}, refused
            other.call()
            for call in provider.take(3):
                provider.answer(*call)
            assert sorted(c.read().id for _ in range(2)) == calls[:2] and other.read().status == 20
            provider.hold = False
            assert c.ask().status == 20
            provider.hold = True
    provider.stop()


def the_log_says_where_the_time_goes():
    """Four times of each call, in the log and as histograms of its direction."""
    for direction, scope in (("INBOUND", "inbound"), ("OUTBOUND", "outbound")):
        provider = Provider(hold=True)
        name = f"rpc-times-{scope}"
        delay = {"name": "fault", "typed_config": {"@type": TYPE + "http.fault.v3.HTTPFault",
                                                   "delay": {"fixed_delay": "0.06s", "percentage": {"numerator": 100}}}}
        gateway = Gateway(name, {}, [cluster("up", provider.port)], listener={"traffic_direction": direction})
        log = gateway.folder / "calls.log"
        log.unlink(missing_ok=True)
        text = "%PROTOCOL% %REQ(:path)% %REQ(colour)% %RESPONSE_CODE% %CALL_TIME(read)% %CALL_TIME(filters:ms)% %CALL_TIME(upstream:us)% %CALL_TIME(write:us)%"
        gateway.bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"] = [
            _proxy(filters=[delay], measure_call_times=True, access_log=_log(log, text))]
        gateway.config.write_text(json.dumps(gateway.bootstrap))
        with gateway as g, Consumer(g.port) as c:
            frame = wire.call(7, interface=SERVICE, method="hello", attachments={"colour": "red"})
            c.sock.sendall(frame[:20])
            time.sleep(0.3)  # a proxy that wakes late sees less of it
            c.sock.sendall(frame[20:])
            call, = provider.take(1)
            time.sleep(0.04)
            provider.answer(*call)
            assert c.read().id == 7
            protocol, path, colour, code, *times = _lines(log, 1)[0].split()
            read, filters, upstream, write = map(int, times)
            assert (protocol, path, colour, code) == ("Dubbo", f"/{SERVICE}/hello", "red", "200"), (path, colour, code)
            assert 40_000 < read < 3_000_000 and 50 <= filters < 3000 and 30_000 < upstream < 3_000_000 and write < 1_000_000, times
            names = [f"rpc.calls.{scope}.call_{t}_us" for t in ("read", "filters", "upstream", "write")]
            page = g.get("/stats?histogram_buckets=detailed&filter=call_")
            assert all(n in page for n in names), page
        provider.stop()
    with Gateway("rpc-times-none", _proxy({"pass_through": {"cluster": "up"}}), [cluster("up")]) as g:
        assert "call_read_us" not in g.get("/stats")


def calls_that_contradict_themselves():
    """strict_attachments: the provider would dispatch on another service than the one that was routed."""
    provider = Provider()
    with Gateway("rpc-strict", _proxy(strict_attachments=True), [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        assert c.ask().status == 20
        frame = c.ask("hello", attachments={"path": "b.Other"})
        assert frame.status == 20 and b"RuntimeException" in frame.body and b"contradict its fields" in frame.body and provider.count == 1, frame
    deny = {"name": "deny", "typed_config": {"@type": TYPE + "http.rbac.v3.RBAC", "rules": {"action": "DENY", "policies": {"none": {
        "permissions": [{"url_path": {"path": {"exact": "/b.Other/hello"}}}], "principals": [{"any": True}]}}}}}
    with Gateway("rpc-judged", _proxy(filters=[deny]), [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        assert c.ask().status == 20 and provider.count == 2  # asked for by a filter that judges
        assert b"contradict its fields" in c.ask("hello", attachments={"path": "b.Other"}).body and provider.count == 2
        c.sock.sendall(wire.request_frame(9, _lines_of_json("hello"), serialization=6))  # nobody knows what it would run
        assert b"contradict its fields" in c.read().body and provider.count == 2
    sentinel = {"name": "sentinel", "typed_config": {"@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "application": "strict", "operations": {
        "log_folder": str(places.scratch("rpc-counted-logs")), "disable_metric_log": True, "disable_block_log": True, "disable_command_centre": True}}}
    for manager in (_proxy(filters=[sentinel]), {"name": "dubbo", "typed_config": {
            "@type": TYPE + "network.dubbo_proxy.v3.DubboProxy", "stat_prefix": "d", "dubbo_filters": [{"name": "s", "config": sentinel["typed_config"]}, {"name": "envoy.filters.dubbo.router"}],
            "route_config": [{"name": "r", "interface": "*", "routes": [{"match": {"method": {"name": {"safe_regex": {"regex": ".*"}}}}, "route": {"cluster": "up"}}]}]}}):
        with Gateway("rpc-counted", manager, [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
            before = provider.count
            assert c.ask().status == 20 and provider.count == before + 1
            assert b"contradict its fields" in c.ask("hello", attachments={"path": "b.Other"}).body and provider.count == before + 1
            c.sock.sendall(wire.request_frame(9, _lines_of_json("hello"), serialization=6))  # counted by its head
            assert c.read().status == 20 and provider.count == before + 2
    provider.stop()


def _lines_of_json(method):
    """A call's body in fastjson, whose attachments nobody reads."""
    return "".join(f'"{s}"\n' for s in ("2.0.2", SERVICE, "0.0.0", method, "")).encode() + b"{}\n"


def local_replies_are_mapped():
    """As those of HTTP: by the same filters, with the same formats."""
    mapper = {"filter": {"response_flag_filter": {"flags": ["NR"]}}, "body": {"inline_string": "ask the team of %REQ(:authority)%"},
              "body_format_override": {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%!"}}}
    with Gateway("rpc-local-reply", _proxy(_table(_to("up"), domain="x.None"), local_reply_config={"mappers": [mapper]}), [cluster("up")]) as g, Consumer(g.port) as c:
        frame = c.ask()
        assert frame.status == 20 and b"ask the team of" in frame.body and b"!" in frame.body, frame


def a_copy_of_a_call_goes_to_a_mirror():
    """As it came, and nobody waits for its answer."""
    up, shadow = Provider("up"), Provider("shadow")
    table = _table({"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s", "request_mirror_policies": [{"cluster": "shadow"}]},
                    "request_headers_to_add": [{"header": {"key": "lane", "value": "gray"}}]})
    with Gateway("rpc-mirror", _proxy(table), [cluster("up", up.port), cluster("shadow", shadow.port)]) as g, Consumer(g.port) as c:
        for _ in range(5):
            assert _text(c.ask("hello", args=["x" * 5000], attachments={"colour": "red"})) == "up"
        c.call("hello", twoway=False)
        end = time.monotonic() + 10
        while shadow.count < 6:
            assert time.monotonic() < end, shadow.count
            time.sleep(0.02)
        g.wait_for("cluster.shadow.upstream_rq_active", 0)
        assert up.count == shadow.count == 6
        shadow.hold = True
        assert _text(c.ask("hello", version="1.2", args=["y"], attachments={"group": "g", "timeout": "900"})) == "up"
        _, frame = shadow.take(1)[0]
        assert frame.body == wire.call(0, interface=SERVICE, method="hello", version="1.2", args=["y"], attachments={"group": "g", "timeout": "900"})[16:], frame.body
    up.stop(), shadow.stop()


def a_route_changes_and_spreads_calls():
    """Header mutations are attachments at the provider; a hash of an attachment keeps its calls at one host; a filter's settings are the route's."""
    held = Provider(hold=True)
    change = {"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s"},
              "request_headers_to_add": [{"header": {"key": "lane", "value": "gray-%REQ(colour)%"}}], "request_headers_to_remove": ["secret"]}
    with Gateway("rpc-mutations", _proxy(_table(change)), [cluster("up", held.port)]) as g, Consumer(g.port) as c:
        c.call("hello", args=["x"], attachments={"colour": "red", "secret": "s3"})
        (sock, frame), = held.take(1)
        assert b"gray-red" in frame.body and b"lane" in frame.body and b"s3" not in frame.body and b"colour" in frame.body, frame.body
        held.answer(sock, frame)
        assert _text(c.read()) == "p"
    held.stop()

    hosts = [Provider(n) for n in "abcd"]
    spread = {"match": {"prefix": "/"}, "route": {"cluster": "ring", "timeout": "0s", "hash_policy": [{"header": {"header_name": "user"}}]}}
    with Gateway("rpc-hash", _proxy(_table(spread), use_caller_timeout=False), [cluster("ring", *(h.port for h in hosts), lb_policy="RING_HASH")]) as g, Consumer(g.port) as c:
        first = {u: _text(c.ask("hello", attachments={"user": f"u{u}"})) for u in range(40)}
        assert first == {u: _text(c.ask("hello", attachments={"user": f"u{u}"})) for u in range(40)} and len(set(first.values())) > 1, first
    for h in hosts:
        h.stop()

    provider = Provider()
    fault = {"name": "fault", "typed_config": {"@type": TYPE + "http.fault.v3.HTTPFault"}}
    own = {"@type": TYPE + "http.fault.v3.HTTPFault", "abort": {"http_status": 503, "percentage": {"numerator": 100}}}
    table = _table(_to("up", path=f"/{SERVICE}/hello"), _to("up") | {"typed_per_filter_config": {"fault": own}})
    table["route_config"]["virtual_hosts"][0]["routes"][0]["match"].pop("prefix")
    with Gateway("rpc-per-route", _proxy(table, filters=[fault]), [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        assert _text(c.ask()) == "p" and b"fault filter abort" in c.ask("other").body and provider.count == 1
    provider.stop()


def calls_go_where_their_callers_wanted():
    """pass_through to an ORIGINAL_DST cluster: no discovery, no second routing; filters and counts as ever."""
    provider = Provider()
    original = {"name": "wanted", "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "1s",
                "original_dst_lb_config": {"upstream_port_override": provider.port}}
    limit = {"name": "limit", "typed_config": {
        "@type": TYPE + "http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "calls",
        "token_bucket": {"max_tokens": 3, "tokens_per_fill": 3, "fill_interval": "3600s"},
        "filter_enabled": {"default_value": {"numerator": 100}}, "filter_enforced": {"default_value": {"numerator": 100}}}}
    for filters, good in (((), 5), ([limit], 3)):
        with Gateway(f"rpc-pass-{good}", _proxy({"pass_through": {"cluster": "wanted"}}, filters=filters, use_caller_timeout=False), [original]) as g, Consumer(g.port) as c:
            answers = [c.ask() for _ in range(5)]
            assert sum(b"RuntimeException" in a.body for a in answers) == 5 - good, answers
            assert g.stat("cluster.wanted.upstream_rq_total") == g.stat("rpc.calls.response_success") == good
    provider.stop()


def routes_come_by_rds():
    """One subscription, HTTP's own table."""
    one, two = Provider("one"), Provider("two")
    gateway = Gateway("rpc-rds", {}, [cluster("one", one.port), cluster("two", two.port)])
    path = gateway.folder / "routes.json"

    def write(to):
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"version_info": to, "resources": [{"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
                                                                      **_table(_to(to))["route_config"]}]}))
        new.rename(path)
    write("one")
    rds = {"rds": {"route_config_name": "r", "config_source": {"path_config_source": {"path": str(path)}}}}
    gateway.bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"] = [_proxy(rds, use_caller_timeout=False)]
    gateway.config.write_text(json.dumps(gateway.bootstrap))
    with gateway as g, Consumer(g.port) as c:
        for _ in range(3):
            assert _text(c.ask()) == "one"
        write("two")
        end = time.monotonic() + 10
        while _text(c.ask()) != "two":
            assert time.monotonic() < end
        assert [_text(c.ask()) for _ in range(3)] == ["two"] * 3
    one.stop(), two.stop()


def _sniffer(handlers, **extra):
    return {"name": "sniffer", "typed_config": {"@type": OURS + "protocol_sniffer.v1.ProtocolSniffer", "stat_prefix": "port", "handlers": [
        {"protocols": protocols, "name": f["name"], "typed_config": f["typed_config"]} for protocols, f in handlers], **extra}}


def one_port_serves_dubbo_and_http():
    """However their first bytes come; what speaks neither is closed, and so is who says nothing."""
    provider = Provider()
    origin = Origin()
    manager = _sniffer([(["DUBBO"], _proxy()), (["HTTP1"], http_manager([_to("web")]))], timeout="1s")
    with Gateway("rpc-sniffer", manager, [cluster("up", provider.port), cluster("web", origin.port)]) as g:
        silent = socket.create_connection(("127.0.0.1", g.port), timeout=10)
        half = socket.create_connection(("127.0.0.1", g.port), timeout=10)
        half.sendall(b"\xda")
        left = socket.create_connection(("127.0.0.1", g.port), timeout=10)
        left.sendall(b"\xda")
        left.shutdown(socket.SHUT_WR)
        assert _is_closed(left)
        with Consumer(g.port) as c:
            frame = wire.call(1, interface=SERVICE, method="hello")
            for part in (frame[:1], frame[1:2], frame[2:9], frame[9:]):
                c.sock.sendall(part)
                time.sleep(0.03)
            assert _text(c.read()) == "p"
            c.last = 1
            assert [_text(c.ask()) for _ in range(3)] == ["p"] * 3
        for pieces in ((b"G", b"ET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"), (b"P", b"UT / HTTP/1.1\r\nhost: a\r\n", b"connection: close\r\n\r\n")):
            with socket.create_connection(("127.0.0.1", g.port), timeout=10) as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for piece in pieces:
                    s.sendall(piece)
                    time.sleep(0.03)
                answer = b""
                while got := s.recv(4096):
                    answer += got
                assert answer.startswith(b"HTTP/1.1 200"), answer
        for other in (b"\x16\x03\x01\x02", b"\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x01\x01"):
            with socket.create_connection(("127.0.0.1", g.port), timeout=10) as s:
                s.sendall(other)
                assert _is_closed(s), other
        assert _is_closed(silent) and _is_closed(half)
        assert g.stat("sniffer.port.dubbo") == 1 and g.stat("sniffer.port.http1") == 2, g.get("/stats?filter=sniffer")
        assert g.stat("sniffer.port.tls") == g.stat("sniffer.port.bolt") == g.stat("sniffer.port.http2") == 1
        g.wait_for("listener.127.0.0.1_%d.downstream_cx_active" % g.port, 0)
    provider.stop()


def one_port_serves_dubbo_bolt_and_http():
    """Calls of both protocols by one proxy, requests by another, on the same port at the same time."""
    provider, origin = Provider(), Origin()
    manager = _sniffer([(["DUBBO", "BOLT"], _proxy(protocols=["DUBBO", "BOLT"])), (["HTTP1"], http_manager([_to("web")]))])
    with Gateway("rpc-three", manager, [cluster("up", provider.port), cluster("web", origin.port)]) as g, Consumer(g.port) as c, \
            socket.create_connection(("127.0.0.1", g.port), timeout=10) as bolt:
        for n in range(1, 4):
            assert _text(c.ask()) == "p" and g.http("GET", "/").status == 200
            bolt.sendall(bolt_peer.request(n, 0))
            assert bolt_peer.answer(bolt) == (n, 0)
            bolt.sendall(bolt_peer.request(n, 1, [("sofa_head_target_service", "x.Unknown:1.0"), ("sofa_head_method_name", "hello")]))
            assert bolt_peer.answer(bolt) == (n, 0)  # an error in a SofaResponse: there is no route
        assert (g.stat("sniffer.port.dubbo"), g.stat("sniffer.port.bolt"), g.stat("sniffer.port.http1")) == (1, 1, 3), g.get("/stats?filter=sniffer")
        assert g.stat("rpc.calls.request") == 6 and g.stat("rpc.calls.local_response_business_exception") == 3
    provider.stop(), origin.stop()


def one_proxy_serves_dubbo_and_bolt():
    """Each connection in its own protocol, by the same routes and into the same counters."""
    provider = Provider()
    manager = _proxy(protocols=["DUBBO", "BOLT"])
    with Gateway("rpc-two", manager, [cluster("up", provider.port)]) as g, Consumer(g.port) as c, socket.create_connection(("127.0.0.1", g.port), timeout=10) as bolt:
        assert _text(c.ask()) == "p"
        beat = bolt_peer.request(41, 0)
        bolt.sendall(beat[:1])
        time.sleep(0.02)
        bolt.sendall(beat[1:])
        assert bolt_peer.answer(bolt) == (41, 0)
        bolt.sendall(bolt_peer.request(42, 1, [("sofa_head_target_service", "x.Unknown:1.0"), ("sofa_head_method_name", "hello")]))
        rid, _ = bolt_peer.answer(bolt)
        assert rid == 42 and _text(c.ask()) == "p"
        assert g.stat("rpc.calls.request") == 3 and g.stat("rpc.calls.local_response_business_exception") == 1
        with socket.create_connection(("127.0.0.1", g.port), timeout=10) as other:
            other.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert _is_closed(other)
    provider.stop()


def _is_closed(sock):
    try:
        return sock.recv(10) == b""
    except ConnectionResetError:
        return True


def what_is_refused():
    """With the path of what is wrong."""
    import subprocess
    import places
    bad = {
        "tracing": (_proxy(tracing={}), "tracing"),
        "no routes": ({"name": "x", "typed_config": {"@type": OURS + "rpc_proxy.v1.RpcProxy", "stat_prefix": "s", "http_filters": [ROUTER]}}, "is required"),
        "no router": (_proxy() | {"typed_config": _proxy()["typed_config"] | {"http_filters": []}}, "http_filters"),
        "nothing in flight": (_proxy(max_in_flight=0), "max_in_flight"),
        "a pattern": (_proxy(idempotent_methods=[{"safe_regex": {"regex": "("}}]), "idempotent_methods[0]"),
        "a sniffer in a sniffer": (_sniffer([(["DUBBO"], _sniffer([(["DUBBO"], _proxy())]))]), "handlers[0].typed_config"),
        "two handlers": (_sniffer([(["DUBBO"], _proxy()), (["DUBBO"], _proxy())]), "handlers[1].protocols[0]"),
    }
    port, = free_ports(1)
    for name, (manager, words) in bad.items():
        path = places.scratch("rpc-refused") / "c.json"
        path.write_text(json.dumps({"static_resources": {"listeners": [{"name": "l", "address": address(port), "filter_chains": [{"filters": [manager]}]}],
                                                         "clusters": [cluster("up")]}}))
        r = subprocess.run([places.outrigger(), "-c", path, "--mode", "validate"], capture_output=True, text=True, timeout=60)
        assert r.returncode and words in r.stdout + r.stderr, (name, r.stdout + r.stderr)

"""What a Java provider gets of a call's attachments: a raw consumer, its `attachments` method as echo, and a filter that edits some of them."""
import re

import dubbo as wire
import places
from dubbo_peer import Consumer
from gateway import TYPE, Gateway, cluster, dubbo_manager, rpc_manager
from java_peers import SERVICE, consumer, shared

BASE = {"path": SERVICE, "interface": SERVICE, "version": "0.0.0"}


def _provider(module, *args):
    return shared("a", args=args, module=module)[0]


def _mutation(*edits):
    """("set", name, value) or ("remove", name)"""
    made = [{"remove": e[1]} if e[0] == "remove" else
            {"append": {"header": {"key": e[1], "value": e[2]}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}} for e in edits]
    return {"name": "edit", "config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {"request_mutations": made}}}


def _gateway(name, port, edits=(), match=None):
    """Calls that meet the header match go to the provider, others to nobody. Without one, all of them do; attachments are read all the same."""
    manager = dubbo_manager(SERVICE, {".*": "up"})
    routes = manager["typed_config"]["route_config"][0]["routes"]
    if match:
        routes[0]["match"]["headers"] = [match]
    else:
        routes.insert(0, {"match": {"method": {"name": {"exact": "nothing"}}, "headers": [{"name": "x-nothing", "present_match": True}]}, "route": {"cluster": "nobody"}})
    if edits:
        manager["typed_config"]["dubbo_filters"].insert(0, _mutation(*edits))
    return Gateway(f"interop-attachments-{name}", manager, [cluster("up", port)])


def _map(pairs):
    return b"H" + b"".join((k if isinstance(k, bytes) else wire.value(k)) + (v if isinstance(v, bytes) else wire.value(v)) for k, v in pairs) + b"Z"


def _echo(port, *pairs, base=BASE, version="0.0.0", service=SERVICE, method="attachments"):
    """What the provider has got, as texts; or the frame, if that is no echo. pairs: as they stand on the wire, after the usual ones."""
    body = b"".join(wire.string(s) for s in ("2.0.2", service, version, method, "")) + _map([*base.items(), *pairs])
    with Consumer(port, timeout=20) as c:
        c.sock.sendall(wire.request_frame(7, body))
        frame = c.read()
    if frame.status != 20 or frame.body[:1] not in (b"\x91", b"\x94"):
        return frame
    return wire.Reader(frame.body[1:]).value()


LINES = ("dubbo3", "dubbo27")


def names_keep_their_case_on_the_wire():
    """Headers are lower-case; what is edited keeps the name it had, what is added has the one it was given."""
    for line in LINES:
        with _gateway("case", _provider(line).port, [("set", "x-camel", "new"), ("set", "x-added", "a"), ("remove", "x-gone")]) as g:
            got = _echo(g.port, ("X-Camel", "old"), ("X-Other", "kept"), ("x-Gone", "1"), ("last", "l"))
            assert got.get("X-Camel") == "new" and "x-camel" not in got, got
            assert (got.get("X-Other"), got.get("x-added"), got.get("last")) == ("kept", "a", "l") and "x-Gone" not in got, got


def attachments_shadow_nothing_that_means_something_to_a_proxy():
    """They are readable as attachment:NAME only, go on as they came, and aren't made of headers."""
    pairs = [("tri-consumer-appname", "evil"), (":path", "/a/b"), ("content-length", "9"), ("x-envoy-retry-on", "5xx"), ("Transfer-Encoding", "chunked"), ("x-mine", "m")]
    for name, value in (("tri-consumer-appname", "evil"), (":path", "/a/b"), ("content-length", "9"), ("x-envoy-retry-on", "5xx"), ("transfer-encoding", "chunked")):
        port = _provider("dubbo3").port
        with _gateway("shadow", port, match={"name": name, "string_match": {"exact": value}}) as g:
            assert isinstance(_echo(g.port, *pairs), wire.Frame), f"{name} is an attachment's"
        with _gateway("shadow", port, match={"name": f"attachment:{name}", "string_match": {"exact": value}}) as g:
            assert isinstance(_echo(g.port, *pairs), dict), name
    for line in LINES:
        with _gateway("shadow-edit", _provider(line).port, [("set", "x-mine", "n"), ("set", "te", "never"), ("set", "x-envoy-new", "never")]) as g:
            got = _echo(g.port, *pairs)
            assert not {"te", "x-envoy-new"} & set(got), got
            length = "9" if line == "dubbo27" else None  # 3.3 hides that one from its services
            assert [got.get(k) for k, _ in pairs] == ["evil", "/a/b", length, "5xx", "chunked", "n"], got


def of_equal_names_the_last_counts():
    """As in Java; an edit leaves one."""
    pairs = [("k", "first"), ("z", "z"), ("k", "last")]
    with _gateway("equal", _provider("dubbo3").port, match={"name": "k", "string_match": {"exact": "last"}}) as g:
        assert _echo(g.port, *pairs).get("k") == "last"
    for line in LINES:
        with _gateway("equal-edit", _provider(line).port, [("set", "k", "new")]) as g:
            got = _echo(g.port, *pairs)
            assert (got.get("k"), got.get("z")) == ("new", "z"), got
        with _gateway("equal-remove", _provider(line).port, [("remove", "k")]) as g:
            assert "k" not in _echo(g.port, *pairs)


def names_that_differ_by_case_are_two():
    """Both go on; a match takes the one in its own case, else the last."""
    for value, pairs in (("x", [("tag", "x"), ("TAG", "y")]), ("b", [("Tag", "a"), ("tAG", "b")])):
        with _gateway("two", _provider("dubbo3").port, match={"name": "tag", "string_match": {"exact": value}}) as g:
            got = _echo(g.port, *pairs)
            assert isinstance(got, dict) and all(got.get(k) == v for k, v in pairs), got
    for line in LINES:
        with _gateway("two-edit", _provider(line).port, [("set", "x-other", "o")]) as g:
            got = _echo(g.port, ("Tag", "a"), ("tAG", "b"))
            assert (got.get("Tag"), got.get("tAG"), got.get("x-other")) == ("a", "b", "o"), got


def numbers_match_as_java_writes_them():
    """int, long, boolean and double by String.valueOf; what has no such text is only present."""
    item = b"C" + wire.string("demo.api.Item") + b"\x91" + wire.string("qty") + b"\x60\x93"
    pairs = [("i", -7), ("l", b"L" + (1 << 40).to_bytes(8, "big")), ("t", True), ("d", 2.5), ("whole", 3.0), ("n", None), ("m", {"a": "b"}),
             ("list", b"\x7a\x91\x92"), ("binary", b"\x22xy"), ("object", item)]
    port = _provider("dubbo3").port
    for name, text in (("i", "-7"), ("l", "1099511627776"), ("t", "true"), ("d", "2.5"), ("whole", "3.0")):
        with _gateway("typed", port, match={"name": name, "string_match": {"exact": text}}) as g:
            got = _echo(g.port, *pairs)
            assert isinstance(got, dict) and got.get(name) == text, (name, got)
    for name in ("n", "m", "list", "binary", "object"):
        with _gateway("typed", port, match={"name": name, "present_match": True}) as g:
            assert isinstance(_echo(g.port, *pairs), dict), name
        with _gateway("typed", port, match={"name": name, "string_match": {"safe_regex": {"regex": ".+"}}}) as g:
            assert isinstance(_echo(g.port, *pairs), wire.Frame), name
    for line in LINES:
        with _gateway("typed-edit", _provider(line).port, [("set", "x-other", "o")]) as g:
            got = _echo(g.port, *pairs)
            assert [got.get(k) for k in ("i", "l", "t", "d", "whole", "m", "x-other")] == ["-7", "1099511627776", "true", "2.5", "3.0", "{a=b}", "o"], got
            assert got.get("list") == "[1, 2]" and {"binary", "object"} <= set(got), got


def maps_in_other_forms_are_written_anew():
    """No map but null, one of a type, one that is an argument's: a provider of either line reads what an edit makes of it, and the argument stays."""
    pairs = [*BASE.items(), ("x-mine", "m"), ("x-Kept", "k")]
    typed = b"M" + wire.string("java.util.HashMap") + _map(pairs)[1:]
    for line in LINES:
        provider = _provider(line)
        with _gateway("forms", provider.port, [("set", "x-mine", "n"), ("set", "x-added", "a")]) as g:
            for arguments, types, attachments, kept in ((b"", "", b"N", None), (b"", "", typed, "k"), (_map(pairs), "Ljava/lang/Object;", b"Q\x90", "k")):
                method = "echo" if arguments else "attachments"
                head = b"".join(wire.string(s) for s in ("2.0.2", SERVICE, "0.0.0", method, types))
                provider.fresh()
                with Consumer(g.port, timeout=20) as c:
                    c.sock.sendall(wire.request_frame(7, head + arguments + attachments))
                    frame = c.read()
                assert frame.status == 20 and frame.body[:1] in (b"\x91", b"\x94"), (line, method, frame)
                got = wire.Reader(frame.body[1:]).value()
                if arguments:
                    assert got.get("x-mine") == "m" and "x-added" not in got, ("the argument", line, got)
                    told, = re.findall(r"^call echo from=\S+ attachments=\{(.*)\}$", provider.text(), re.M)
                    got = dict(pair.split("=", 1) for pair in told.split(", "))
                assert (got.get("x-mine"), got.get("x-added"), got.get("x-Kept")) == ("n", "a", kept), (line, method, got)


def odd_names_and_values_go_on_as_they_are():
    """As headers they are percent-encoded; the provider gets them as they came, edited or not."""
    pairs = [("n\u00e4me x", "1"), ("crlf", "a\r\nx-evil: 1"), ("nul", "a\0b"), ("\u4e2d", "\u6587"), ("x-mine", "m")]
    with _gateway("odd", _provider("dubbo3").port, match={"name": "crlf", "string_match": {"exact": "a%0D%0Ax-evil: 1"}}) as g:
        assert isinstance(_echo(g.port, *pairs), dict)
    for line in LINES:
        with _gateway("odd-edit", _provider(line).port, [("set", "x-mine", "n")]) as g:
            got = _echo(g.port, *pairs)
            assert [got.get(k) for k, _ in pairs] == ["1", "a\r\nx-evil: 1", "a\0b", "\u6587", "n"], got


def another_version_and_group_reach_who_serves_them():
    """Java dispatches on attachments where they disagree with the fields: both are rewritten."""
    for line in LINES:
        port = _provider(line, "--version", "2.0", "--group", "blue").port
        with _gateway("as-is", port) as g:
            assert isinstance(_echo(g.port), wire.Frame), "nobody serves version 0.0.0 there"
        with _gateway("rewrite", port, [("set", "tri-service-version", "2.0"), ("set", "tri-service-group", "blue")]) as g:
            got = _echo(g.port, ("x-mine", "m"))
            assert isinstance(got, dict) and got.get("x-mine") == "m", (line, got)
            got = _echo(g.port, ("group", "red"), base=BASE | {"version": "9"}, version="9")
            assert isinstance(got, dict), (line, got)


def another_service_and_method_reach_who_serves_them():
    """The path is rewritten in the fields and in the attachments path and interface: a provider knows no demo.api.Old."""
    old = {"path": "demo.api.Old", "interface": "demo.api.Old", "version": "0.0.0"}
    table = {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [
        {"match": {"path": "/demo.api.Old/all"}, "route": {"cluster": "up", "timeout": "0s", "prefix_rewrite": f"/{SERVICE}/attachments"}},
        {"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s"}}]}]}
    for line in LINES:
        with Gateway("interop-attachments-service", rpc_manager("up", route_config=table), [cluster("up", _provider(line).port)]) as g:
            assert isinstance(_echo(g.port, base=old, service="demo.api.Old"), wire.Frame), "it serves no such interface"
            got = _echo(g.port, ("x-mine", "m"), base=old, service="demo.api.Old", method="all")
            assert isinstance(got, dict) and got.get("x-mine") == "m" and "demo.api.Old" not in got.values(), (line, got)


def what_contradicts_itself_is_refused_in_strict_mode():
    """A provider dispatches on attachments, a proxy routes by fields: such a call reaches none. The same where a filter judges calls. A Java consumer can send one, too (dubbo_faults)."""
    deny = {"name": "deny", "typed_config": {"@type": TYPE + "http.rbac.v3.RBAC", "rules": {"action": "DENY", "policies": {"others": {
        "permissions": [{"url_path": {"path": {"exact": "/demo.api.Old/attachments"}}}], "principals": [{"any": True}]}}}}}
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    lies = ({"path": "demo.api.Old"}, {"version": "9"})
    for line in LINES:
        provider = _provider(line)
        for extra in ({"strict_attachments": True}, {"http_filters": [deny, router]}):
            with Gateway("interop-attachments-strict", rpc_manager("up", **extra), [cluster("up", provider.port)]) as g:
                for lie in lies:
                    frame = _echo(g.port, base=BASE | lie)
                    assert isinstance(frame, wire.Frame) and b"contradict its fields" in frame.body, (line, lie, frame)
                got = _echo(g.port, ("x-mine", "m"))
                assert isinstance(got, dict) and got.get("x-mine") == "m", got
                assert isinstance(_echo(g.port, base={}), dict), "what isn't there contradicts nothing"
        assert provider.calls() == 2 * 2


def attachments_control_nothing():
    """Those that mean something to a proxy are a provider's business; the caller's own limit only counts where it is asked for."""
    attached = {"x-envoy-upstream-rq-timeout-ms": "1", "x-envoy-max-retries": "9", "x-envoy-retry-on": "5xx", "tri-service-timeout": "1", "grpc-timeout": "1m", "x-envoy-original-path": "/a"}
    provider = _provider("dubbo3")
    with Gateway("interop-attachments-control", rpc_manager("up", use_caller_timeout=False, attachments="ALWAYS"), [cluster("up", provider.port)]) as g:
        passed, failed, out = consumer(g.port, *(a for k, v in attached.items() for a in ("--attach", f"{k}={v}")), "--method", "slow,failRuntime,attachments", "--no-generic")
        assert (passed, failed) == (3, 0) and provider.calls() == 3, out[-800:]


def logs_have_them_percent_encoded():
    """Of a real consumer, of either line: line ends, names of other letters, texts of other letters. The provider gets what was sent."""
    sent = {"crlf": "a\r\nx-evil: 1", "n\u00e4me x": "1", "greek": "\u03b1", "plain": "p%q"}
    line_format = "%REQ(crlf)%|%REQ(greek)%|%REQ(plain)%|%REQ(:path)%|%REQ(greek):6%\n"
    for line in LINES:
        provider = _provider(line)
        log = places.scratch("interop-attachments-log") / f"{line}.log"
        log.unlink(missing_ok=True)
        access_log = [{"name": "file", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(log),
                                                        "log_format": {"text_format_source": {"inline_string": line_format}}}}]
        with Gateway("interop-attachments-log", rpc_manager("up", access_log=access_log), [cluster("up", provider.port)]) as g:
            passed, failed, out = consumer(g.port, *(a for k, v in sent.items() for a in ("--attach", f"{k}={v}")), "--method", "attachments", "--no-generic", module=line)
            assert (passed, failed) == (1, 0), out[-800:]  # it compares what the provider got
        assert log.read_bytes() == f"a%0D%0Ax-evil: 1|%CE%B1|p%q|/{SERVICE}/attachments|%CE%B1\n".encode(), log.read_bytes()

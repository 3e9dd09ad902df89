"""What a Java provider gets of a call's attachments: a raw consumer, its `attachments` method as echo, and a filter that edits some of them."""
import dubbo as wire
from dubbo_peer import Consumer
from gateway import TYPE, Gateway, cluster, dubbo_manager
from java_peers import SERVICE, Provider, Providers

_running = {}
BASE = {"path": SERVICE, "interface": SERVICE, "version": "0.0.0"}


def _provider(module, *args):
    key = (module, *args)
    if key not in _running:
        _running[key] = Providers(Provider("echo" + "".join(a for a in args if a.isalnum()), "--quiet", *args, module=module))
    return _running[key].providers[0]


def _stop():
    for providers in _running.values():
        providers.__exit__()
    _running.clear()


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


def _echo(port, *pairs, base=BASE, version="0.0.0"):
    """What the provider has got, as texts; or the frame, if that is no echo. pairs: as they stand on the wire, after the usual ones."""
    body = b"".join(wire.string(s) for s in ("2.0.2", SERVICE, version, "attachments", "")) + _map([*base.items(), *pairs])
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
    """They are readable as attachment:NAME only, and go on as they came."""
    pairs = [("tri-consumer-appname", "evil"), (":path", "/a/b"), ("content-length", "9"), ("x-envoy-retry-on", "5xx"), ("Transfer-Encoding", "chunked"), ("x-mine", "m")]
    for name, value in (("tri-consumer-appname", "evil"), (":path", "/a/b"), ("content-length", "9"), ("x-envoy-retry-on", "5xx"), ("transfer-encoding", "chunked")):
        port = _provider("dubbo3").port
        with _gateway("shadow", port, match={"name": name, "string_match": {"exact": value}}) as g:
            assert isinstance(_echo(g.port, *pairs), wire.Frame), f"{name} is an attachment's"
        with _gateway("shadow", port, match={"name": f"attachment:{name}", "string_match": {"exact": value}}) as g:
            assert isinstance(_echo(g.port, *pairs), dict), name
    for line in LINES:
        with _gateway("shadow-edit", _provider(line).port, [("set", "x-mine", "n")]) as g:
            got = _echo(g.port, *pairs)
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
    pairs = [("i", -7), ("l", b"L" + (1 << 40).to_bytes(8, "big")), ("t", True), ("d", 2.5), ("whole", 3.0), ("n", None), ("m", {"a": "b"})]
    port = _provider("dubbo3").port
    for name, text in (("i", "-7"), ("l", "1099511627776"), ("t", "true"), ("d", "2.5"), ("whole", "3.0")):
        with _gateway("typed", port, match={"name": name, "string_match": {"exact": text}}) as g:
            got = _echo(g.port, *pairs)
            assert isinstance(got, dict) and got.get(name) == text, (name, got)
    for name in ("n", "m"):
        with _gateway("typed", port, match={"name": name, "present_match": True}) as g:
            assert isinstance(_echo(g.port, *pairs), dict), name
        with _gateway("typed", port, match={"name": name, "string_match": {"safe_regex": {"regex": ".+"}}}) as g:
            assert isinstance(_echo(g.port, *pairs), wire.Frame), name
    for line in LINES:
        with _gateway("typed-edit", _provider(line).port, [("set", "x-other", "o")]) as g:
            got = _echo(g.port, *pairs)
            assert [got.get(k) for k in ("i", "l", "t", "d", "whole", "m", "x-other")] == ["-7", "1099511627776", "true", "2.5", "3.0", "{a=b}", "o"], got


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
    try:
        for line in LINES:
            port = _provider(line, "--version", "2.0", "--group", "blue").port
            with _gateway("as-is", port) as g:
                assert isinstance(_echo(g.port), wire.Frame), "nobody serves version 0.0.0 there"
            with _gateway("rewrite", port, [("set", "tri-service-version", "2.0"), ("set", "tri-service-group", "blue")]) as g:
                got = _echo(g.port, ("x-mine", "m"))
                assert isinstance(got, dict) and got.get("x-mine") == "m", (line, got)
                got = _echo(g.port, ("group", "red"), base=BASE | {"version": "9"}, version="9")
                assert isinstance(got, dict), (line, got)
    finally:
        _stop()

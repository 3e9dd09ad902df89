"""Headers that filters change on calls, in the frames that go on."""
import dubbo as wire
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, cluster, dubbo_manager, rpc_manager


def _adds(key, value):
    return {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def _mutation(request=(), response=()):
    return {"name": "change", "config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {
        "request_mutations": list(request), "response_mutations": list(response)}}}


def _gateway(name, port, request=(), response=()):
    manager = dubbo_manager(SERVICE, {"hello": "up"})
    manager["typed_config"]["dubbo_filters"] = [_mutation(request, response), {"name": "envoy.filters.dubbo.router"}]
    return Gateway(f"dubbo-attachments-{name}", manager, [cluster("up", port)])


def _fields(body, arguments):
    """The five strings, the arguments, and the attachments with their order: [(name, value)]."""
    reader = wire.Reader(body)
    values = [reader.value() for _ in range(5 + arguments)]
    assert reader.take(1) == b"H", body
    pairs = []
    while reader.d[reader.i] != 0x5A:
        pairs.append((reader.value(), reader.value()))
    assert reader.i + 1 == len(body), body
    return values[:5], values[5:], pairs


def a_call_takes_what_filters_make_of_its_attachments():
    provider = Provider(hold=True)
    changes = [_adds("x-new", "new"), _adds("k", "9"), {"remove": "x-secret"}, _adds("x-envoy-tag", "no"), _adds("te", "no")]
    with _gateway("request", provider.port, changes) as g, Consumer(g.port) as c:
        c.call(args=["an argument", 7], types="Ljava/lang/String;I", attachments={"k": "1", "K": "2", "n": 5, "m": {"a": "Z"}, "X-Secret": "s", "te": "yes"})
        (sock, frame), = provider.take(1)
        fields, arguments, pairs = _fields(frame.body, 2)
        assert fields == ["2.0.2", SERVICE, "0.0.0", "hello", "Ljava/lang/String;I"] and arguments == ["an argument", 7], (fields, arguments)
        assert dict(pairs) == {"path": SERVICE, "interface": SERVICE, "version": "0.0.0", "k": "9", "K": "2", "n": 5, "m": {"a": "Z"}, "te": "yes",
                               "x-new": "new"} and len(pairs) == 9, pairs
        provider.answer(sock, frame)
        assert c.read().body == b"\x91\x01p"
        g.wait_for("cluster.up.upstream_rq_edited", 1)
        assert "dubbo.dubbo.response_edited: " not in g.get("/stats")
    provider.stop()


def a_weighted_cluster_s_own_changes_are_made_and_answers_are_told_of_the_call():
    """No filter asks for the attachments: the route does."""
    change = {"request_headers_to_remove": ["x-secret"], "response_headers_to_remove": ["x-inner"],
              "response_headers_to_add": [{"header": {"key": "x-of", "value": "%REQ(k)%"}}]}
    manager = rpc_manager("up")
    route = manager["typed_config"]["route_config"]["virtual_hosts"][0]["routes"][0]
    route["route"] = {"timeout": "0s", "weighted_clusters": {"clusters": [{"name": "up", "weight": 1, **change}]}}
    provider = Provider(hold=True)
    with Gateway("dubbo-attachments-weighted", manager, [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        c.call(attachments={"k": "1", "X-Secret": "s"})
        (sock, frame), = provider.take(1)
        pairs = dict(_fields(frame.body, 0)[2])
        assert pairs == {"path": SERVICE, "interface": SERVICE, "version": "0.0.0", "k": "1"}, pairs
        said = b"".join(wire.string(text) for text in ("dubbo", "2.0.2", "x-inner", "i"))
        sock.sendall(wire.response(frame.id, b"\x94" + wire.string("p") + b"H" + said + b"Z"))
        body = c.read().body
        assert b"x-inner" not in body and body.endswith(wire.string("x-of") + wire.string("1") + b"Z"), body
    provider.stop()


def version_and_group_change_in_field_and_attachments():
    provider = Provider(hold=True)
    with _gateway("version", provider.port, [_adds("tri-service-version", "2.0.0"), _adds("tri-service-group", "blue")]) as g, Consumer(g.port) as c:
        c.call(version="1.0.0", attachments={"group": "green"})
        (_, frame), = provider.take(1)
        fields, _, pairs = _fields(frame.body, 0)
        assert fields[2] == "2.0.0" and dict(pairs) == {"path": SERVICE, "interface": SERVICE, "version": "2.0.0", "group": "blue"}, (fields, pairs)
    provider.stop()


def an_answer_takes_what_filters_make_of_its_attachments():
    provider = Provider(hold=True)
    with _gateway("answer", provider.port, response=[_adds("x-new", "new"), {"remove": "x-old"}, {"remove": "dubbo"}]) as g, Consumer(g.port) as c:
        for body, expected in ((b"\x94\x01v" + wire.value({"x-old": "1", "dubbo": "2.0.2", "n": 3}), b"\x94\x01v" + wire.value({"dubbo": "2.0.2", "n": 3, "x-new": "new"})),
                               (b"\x92", b"\x95" + wire.value({"x-new": "new", "dubbo": "2.0.2"}))):
            c.call()
            (sock, frame), = provider.take(1)
            sock.sendall(wire.response(frame.id, body))
            assert (got := c.read().body) == expected, got
        g.wait_for("dubbo.dubbo.response_edited", 2)
        c.call("other")  # the proxy's own answer, too
        assert c.read().body.endswith(wire.value({"dubbo": "2.0.2", "x-new": "new"})), "no route"
    provider.stop()


def what_cannot_be_edited_is_refused_and_no_other_call():
    """A map that breaks off: the call gets 40, the consumer's next one its answer."""
    provider = Provider()
    with _gateway("broken", provider.port, [_adds("x-new", "new")]) as g, Consumer(g.port) as c:
        body = b"".join(wire.string(s) for s in ("2.0.2", SERVICE, "0.0.0", "hello", "")) + b"H\x01a"
        c.sock.sendall(wire.request_frame(99, body))
        frame = c.read()
        assert (frame.id, frame.status) == (99, 40), frame
        assert c.ask().body == b"\x91\x01p" and provider.count == 1
        lines = "".join(f'"{s}"\n' for s in ("2.0.2", SERVICE, "0.0.0", "hello", "")).encode() + b"{}\n"
        c.sock.sendall(wire.request_frame(8, lines, serialization=6))  # it goes on as it is
        assert c.read().id == 8 and provider.count == 2
        g.wait_for("cluster.up.upstream_rq_uneditable", 2)
        g.wait_for("cluster.up.upstream_rq_edited", 1)
    provider.stop()


def ids_in_use_and_other_serializations_are_counted():
    provider = Provider(hold=True)
    manager = dubbo_manager(SERVICE, {"hello": "up"})
    with Gateway("dubbo-attachments-counts", manager, [cluster("up", provider.port)]) as g, Consumer(g.port) as c:
        for _ in range(3):  # the later ones go straight through
            c.sock.sendall(wire.call(7, interface=SERVICE, method="hello"))
        for n, (sock, frame) in enumerate(provider.take(3)):
            provider.answer(sock, frame, f"{n}")
        assert {c.read().body[2:] for _ in range(3)} == {b"0", b"1", b"2"}
        lines = "".join(f'"{s}"\n' for s in ("2.0.2", SERVICE, "0.0.0", "hello", "")).encode() + b"{}\n"
        c.sock.sendall(wire.request_frame(8, lines, serialization=6))
        (sock, frame), = provider.take(1)
        assert frame.body == lines and frame.flags & 0x1f == 6, frame
        sock.sendall(wire.frame(6, 20, frame.id, b"1\n\"x\"\n"))
        assert (frame := c.read()).body == b"1\n\"x\"\n" and frame.flags == 6, frame
        c.sock.sendall(wire.request_frame(9, lines.replace(b"hello", b"other"), serialization=6))
        frame = c.read()
        assert (frame.status, frame.flags, frame.body) == (70, 6, b'"no route for a.Svc.other"\n'), frame
        g.wait_for("dubbo.dubbo.request_reused_id", 2)
        g.wait_for("dubbo.dubbo.request_other_serialization", 2)
    provider.stop()

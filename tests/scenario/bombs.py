"""Calls whose arguments are made to hurt: bounded time and memory, untouched where nobody asks for them, and no other call's matter."""
import time

import dubbo as wire
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import SPARING, TYPE, Gateway, call_manager, cluster, dubbo_manager, rpc_manager, rule

MIB = 1 << 20
ONE_WORKER = ["--disable-hot-restart", "--concurrency", "1"]
BOMBS = {
    "a million lists in one another": b"\x57" * 10**6,
    "a list of 2^31": b"\x58I\x7f\xff\xff\xff" + b"N" * 1000,
    "a string of 65,535 that isn't there": b"S\xff\xff" + b"x" * 10,
    "a map in itself": b"H\x01k" + b"Q\x90" + b"Z",
    "a million class definitions": b"C\x01c\x90" * 10**6 + b"N",
    "a million refs to one list": b"\x58I\x00\x0f\x42\x40" + b"Q\x90" * 10**6,
}
WHOLE = "a map in itself", "a million refs to one list"  # what stands behind them can be found
SECONDS = 5  # each takes a small part of one; a busy machine, and sanitizers, take their time


def _ask(c, bomb):
    begin = time.monotonic()
    rid = c.call("hello", args=[BOMBS[bomb]], types="Ljava/lang/Object;")
    frame = c.read()
    took = time.monotonic() - begin
    assert frame and frame.id == rid and took < SECONDS, (bomb, frame, took)
    return frame


def _grown_mib(g, before):
    return (g.memory_high_kb() - before) >> 10


def untouched_where_nobody_asks():
    provider = Provider(hold=True)
    with Gateway("bombs-plain", dubbo_manager(SERVICE, {"hello": "up"}), [cluster("up", provider.port)], args=ONE_WORKER, environment=SPARING) as g, Consumer(g.port, 30) as c:
        before = g.memory_high_kb()
        for bomb, data in BOMBS.items():
            c.call("hello", args=[data], types="Ljava/lang/Object;")
            sock, frame = provider.take(1)[0]
            assert frame.body == wire.call(0, interface=SERVICE, method="hello", args=[data], types="Ljava/lang/Object;")[16:], bomb
            provider.answer(sock, frame)
            assert c.read().body == b"\x91\x01p", bomb
        assert _grown_mib(g, before) < 16, _grown_mib(g, before)
    provider.stop()


def a_route_by_argument_finds_none_and_goes_on():
    """What can't be read isn't there; the next rule takes the call, and another consumer's are served all the while."""
    gold, rest = Provider("gold"), Provider("rest")
    rules = [rule("gold", "hello", {"0.k.k.k.k": "gold"}), rule("gold", "hello", {"0[7][7]": "gold"}), rule("gold", "hello", {"0": "gold"}), rule("rest")]
    with Gateway("bombs-routed", call_manager({"interface": SERVICE, "routes": rules}), [cluster("gold", gold.port), cluster("rest", rest.port)], args=ONE_WORKER,
                 environment=SPARING) as g, Consumer(g.port, 30) as c, Consumer(g.port, 30) as other:
        before = g.memory_high_kb()
        for n in range(3):
            for bomb in BOMBS:
                assert _ask(c, bomb).body == b"\x91\x04rest", bomb
                assert other.ask(args=("gold",)).body == b"\x91\x04gold", bomb
        assert _grown_mib(g, before) < 96, _grown_mib(g, before)
    gold.stop(), rest.stop()


def an_edit_refuses_what_hides_the_attachments():
    """Status 40 for that call, as no provider could read it either; where they can be found behind the argument it is edited, and the argument stays."""
    provider = Provider(hold=True)
    edit = {"name": "edit", "typed_config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {
        "request_mutations": [{"append": {"header": {"key": "k", "value": "v"}}}]}}}
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    with Gateway("bombs-edited", rpc_manager("up", http_filters=[edit, router]), [cluster("up", provider.port)], args=ONE_WORKER, environment=SPARING) as g, \
            Consumer(g.port, 30) as c, Consumer(g.port, 30) as other:
        before = g.memory_high_kb()
        for bomb, data in BOMBS.items():
            if bomb in WHOLE:
                c.call("hello", args=[data], types="Ljava/lang/Object;")
                sock, frame = provider.take(1)[0]
                assert data in frame.body and frame.body.endswith(b"\x01k\x01vZ"), bomb
                provider.answer(sock, frame)
                assert c.read().body == b"\x91\x01p", bomb
            else:
                assert (frame := _ask(c, bomb)).status == 40, (bomb, frame)
            other.call()
            provider.answer(*provider.take(1)[0])
            assert other.read().body == b"\x91\x01p", bomb
        assert _grown_mib(g, before) < 96, _grown_mib(g, before)
        assert g.stat("dubbo.dubbo.request_active") == g.stat("rpc.dubbo.request_active") == 0
    provider.stop()

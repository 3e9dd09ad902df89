"""Sentinel asks once for a request, however often it is tried, and counts what came of it in the end."""
import json
import threading
import time

import dubbo as wire
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, cluster, http_manager, rpc_manager
from origin import Origin

SENTINEL = "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel"
RETRIES = {"num_retries": 2, "retry_back_off": {"base_interval": "0.001s"}}


def _filters(*flow):
    rules = {"flow": [{"inline_string": json.dumps(flow)}]}
    return [{"name": "sentinel", "typed_config": {"@type": SENTINEL, "application": "shop", "rules": rules}},
            {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}]


class _Failing(Origin):
    """Fails `left` more times."""

    def __init__(self):
        self.left, self.count, self.lock = 0, 0, threading.Lock()
        super().__init__()

    def answer(self, sock, f, request):
        with self.lock:
            fails, self.left, self.count = self.left > 0, self.left - 1, self.count + 1
        if not fails:
            return super().answer(sock, f, request)
        while f.readline().strip():
            pass
        sock.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")


def _resources(g):
    """When nothing is under way any more: who was answered may ask before the entry has ended."""
    end = time.monotonic() + 10
    while True:
        shop, = json.loads(g.get("/sentinel"))["applications"]
        if not any(r["threads"] for r in shop["resources"]) or time.monotonic() > end:
            return shop["inbound"], {r["name"]: r for r in shop["resources"]}
        time.sleep(0.02)


def requests_that_are_tried_again_are_one_entry():
    """A rule on threads lets one in at a time: attempts that were entries of their own would block each other."""
    origin = _Failing()
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "up", "retry_policy": {"retry_on": "5xx", **RETRIES}}}]
    try:
        with Gateway("sentinel-attempts", http_manager(routes, http_filters=_filters({"resource": "GET:/a", "grade": 0, "count": 1})), [cluster("up", origin.port)],
                     listener={"traffic_direction": "INBOUND"}) as g:
            origin.left = 2
            assert g.http("GET", "/a").status == 200 and origin.count == 3, origin.count
            assert (g.stat("sentinel.shop.pass"), g.stat("sentinel.shop.error")) == (1, 0)
            origin.left = 3
            assert g.http("GET", "/a").status == 503 and origin.count == 6, origin.count
            assert (g.stat("sentinel.shop.pass"), g.stat("sentinel.shop.error")) == (2, 1)
            inbound, resources = _resources(g)
            a = resources["GET:/a"]
            assert (a["minute_pass"], a["minute_exception"], a["minute_block"], a["threads"]) == (2, 1, 0, 0), a
            assert inbound["minute_pass"] == 2, inbound
    finally:
        origin.stop()


def calls_that_are_tried_again_are_one_entry_of_interface_and_method():
    """Each of which counts as inbound, as in Java."""
    provider = Provider(hold=True)
    manager = rpc_manager("up", http_filters=_filters({"resource": SERVICE, "grade": 0, "count": 1}))
    manager["typed_config"]["route_config"]["virtual_hosts"][0]["routes"][0]["route"]["retry_policy"] = {
        "retry_on": "retriable-status-codes", "retriable_status_codes": [503], **RETRIES}
    with Gateway("sentinel-attempts-calls", manager, [cluster("up", provider.port)], listener={"traffic_direction": "INBOUND"}) as g, Consumer(g.port) as c:
        c.call("find", args=("x", 1))
        for _ in range(3):
            (sock, frame), = provider.take(1)
            sock.sendall(wire.response(frame.id, wire.string("busy"), status=80))
        assert c.read().status == 80 and provider.count == 3
        assert (g.stat("sentinel.shop.pass"), g.stat("sentinel.shop.error")) == (1, 1)
        inbound, resources = _resources(g)
        for name in (SERVICE, f"{SERVICE}:find(java.lang.String,int)"):
            assert (resources[name]["minute_pass"], resources[name]["minute_exception"], resources[name]["threads"]) == (1, 1, 0), resources[name]
        assert inbound["minute_pass"] == 2, inbound
    provider.stop()

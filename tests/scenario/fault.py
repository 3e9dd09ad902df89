"""Delays and aborts on purpose, and what the caller sees of them."""
import time

from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin

ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
ALWAYS = {"numerator": 100}


def _fault(**config):
    return {"name": "fault", "typed_config": {"@type": TYPE + "http.fault.v3.HTTPFault", **config}}


def a_delayed_request_holds_nobody_else():
    origin = Origin()
    slow = _fault(delay={"fixed_delay": "1s", "percentage": ALWAYS}, headers=[{"name": "x-slow", "present_match": True}])
    try:
        with Gateway("fault_delay", http_manager(http_filters=[slow, ROUTER]), [cluster("up", origin.port)]) as g:
            start = time.monotonic()
            assert g.http("GET", "/").status == 200
            assert time.monotonic() - start < 0.95
            start = time.monotonic()
            assert g.http("POST", "/", {"x-slow": "1"}, body=b"x" * 300000).status == 200
            assert time.monotonic() - start >= 1
            assert g.stat("http.ingress.fault.delays_injected") == 1 and g.stat("http.ingress.fault.active_faults") == 0
    finally:
        origin.stop()


def an_aborted_request_never_gets_there():
    origin = Origin()
    abort = _fault(abort={"header_abort": {}, "percentage": ALWAYS})
    try:
        with Gateway("fault_abort", http_manager(http_filters=[abort, ROUTER]), [cluster("up", origin.port)]) as g:
            assert g.http("GET", "/", {"x-envoy-fault-abort-request": "418"}).status == 418
            assert g.http("GET", "/").status == 200
            assert g.stat("cluster.up.upstream_rq_total") == 1 and g.stat("http.ingress.fault.aborts_injected") == 1
    finally:
        origin.stop()

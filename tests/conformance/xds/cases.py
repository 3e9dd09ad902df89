"""What a data plane owes its control plane. Each function is a case: it runs over state of the world and over delta.

The verdicts are Envoy's (1.40), where the protocol's text leaves a choice."""
import contextlib
import time

import ports
from control_plane import ControlPlane
from gateway import TYPE, Gateway, address
from origin import Origin

H2 = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}}
ADS = {"ads": {}, "resource_api_version": "V3"}


def cluster(name, **extra):
    return {"name": name, "type": "EDS", "connect_timeout": "1s", "eds_cluster_config": {"eds_config": ADS}, **extra}


def endpoints(name, *at):
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(p)}} for p in at]}]}


def routes(name="r", to="up", prefix="/"):
    return {"name": name, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": prefix}, "route": {"cluster": to}}]}]}


def listener(port, name="l", route="r"):
    return {"name": name, "address": address(port), "filter_chains": [{"filters": [{"name": "http", "typed_config": {
        "@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "in",
        "rds": {"route_config_name": route, "config_source": ADS},
        "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}]}}]}]}


class World:
    """A control plane, two origins and a data plane that gets everything from it."""

    def __init__(self, plane, gateway, one, two):
        self.plane, self.gateway, self.one, self.two = plane, gateway, one, two

    def status(self):
        try:
            return self.gateway.http("GET", "/size/1").status
        except OSError:
            return 0

    def becomes(self, status, seconds=10):
        end = time.monotonic() + seconds
        while (now := self.status()) != status:
            assert time.monotonic() < end, f"{now}, not {status}"
            time.sleep(0.03)

    def stays(self, status, seconds=0.5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert (now := self.status()) == status, f"{now}, not {status}"
            time.sleep(0.03)

    def refused(self, t, *resources, **more):
        """Injects it: a NACK with the reason comes, and traffic doesn't notice. Returns the NACK."""
        since = self.plane.mark()
        nonce = self.plane.send(t, resources, **more)
        nack = self.plane.wait(since, kind="nack", type=t, nonce=nonce)
        assert nack.error, "a NACK without a reason"
        self.stays(200)
        return nack

    def taken(self, t, *resources, **more):
        since = self.plane.mark()
        nonce = self.plane.send(t, resources, **more)
        return self.plane.wait(since, kind="ack", type=t, nonce=nonce)


@contextlib.contextmanager
def world(delta, prepare=lambda plane: None, serving=True):
    one, two = Origin(), Origin()
    try:
        with ControlPlane(delta) as plane:
            bootstrap = {"dynamic_resources": {
                "ads_config": {"api_type": "DELTA_GRPC" if delta else "GRPC", "transport_api_version": "V3",
                               "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}]},
                "cds_config": ADS, "lds_config": ADS}}
            static = {"name": "xds", "type": "STATIC", "connect_timeout": "1s", "typed_extension_protocol_options": H2,
                      "load_assignment": endpoints("xds", plane.port)}
            gateway = Gateway(f"xds-{'delta' if delta else 'sotw'}", {}, [static], bootstrap=bootstrap, builds=("asan", "release"))
            gateway.without_listeners()
            plane.put("cluster", cluster("up"))
            plane.put("endpoints", endpoints("up", one.port))
            plane.put("routes", routes())
            plane.put("listener", listener(gateway.port))
            prepare(plane)
            with gateway:
                w = World(plane, gateway, one, two)
                if serving:
                    w.becomes(200)
                yield w
    finally:
        one.stop()
        two.stop()


def delta_only(case):
    """There is no such thing in state of the world."""
    case.forms = ["delta"]
    return case


# --- the plain course of things ---------------------------------------------------------------------------------------

def everything_is_subscribed_and_acknowledged(delta):
    with world(delta) as w:
        for t in ("cluster", "endpoints", "listener", "routes"):
            request = w.plane.wait(kind="request", type=t)
            ack = w.plane.wait(kind="ack", type=t)
            assert ack.nonce and (delta or ack.version == str(w.plane.version)), ack
            if t in ("endpoints", "routes"):
                assert request.names == ({"endpoints": ("up",), "routes": ("r",)}[t]), request
        order = [e.type for e in w.plane.events if e.kind == "request"]
        assert order.index("cluster") < order.index("endpoints") < order.index("listener") < order.index("routes"), order


def endpoints_change_without_a_failed_request(delta):
    with world(delta) as w:
        for i in range(10):
            since = w.plane.mark()
            w.plane.set("endpoints", endpoints("up", (w.two if i % 2 == 0 else w.one).port))
            w.plane.wait(since, kind="ack", type="endpoints")
            w.stays(200, 0.1)


def a_route_changes(delta):
    with world(delta) as w:
        w.plane.set("routes", routes(prefix="/elsewhere"))
        w.becomes(404)
        w.plane.set("routes", routes())
        w.becomes(200)


def a_cluster_is_removed_and_comes_back(delta):
    with world(delta) as w:
        w.plane.remove("cluster", "up")
        w.becomes(503)
        w.plane.set("cluster", cluster("up"))
        w.becomes(200)


def a_listener_is_removed(delta):
    with world(delta) as w:
        w.plane.remove("listener", "l")
        w.becomes(0)
        assert not ports.listening(w.gateway.port)


# --- warming: make before break ---------------------------------------------------------------------------------------

def a_listener_waits_for_its_routes(delta):
    with world(delta, lambda plane: plane.hold("routes"), serving=False) as w:
        w.plane.wait(kind="request", type="routes")
        time.sleep(0.3)
        assert not ports.listening(w.gateway.port), "serves without routes"
        w.plane.release("routes")
        w.becomes(200)


def a_changed_cluster_serves_on_while_it_warms(delta):
    with world(delta) as w:
        w.plane.hold("endpoints")
        w.plane.set("cluster", cluster("up", connect_timeout="2s"))
        w.stays(200)
        w.plane.release("endpoints")
        w.stays(200)


def a_route_may_come_before_its_cluster(delta):
    with world(delta) as w:
        w.plane.set("routes", routes(to="later"))
        w.becomes(503)
        w.plane.put("endpoints", endpoints("later", w.two.port))
        w.plane.set("cluster", cluster("later"))
        w.becomes(200)


# --- what is refused --------------------------------------------------------------------------------------------------

def a_bad_resource_is_refused_and_the_old_one_serves(delta):
    with world(delta) as w:
        nack = w.refused("cluster", ("up", cluster("up", lb_subset_config={"fallback_policy": "ANY_ENDPOINT"}, connect_timeout="0s")))
        assert "up" in nack.error or "onnect" in nack.error, nack.error
        assert delta or nack.version == str(w.plane.version), f"{nack.version}: not the version last accepted, {w.plane.version}"
        w.refused("listener", ("l", listener(w.gateway.port) | {"filter_chains": []} | {"address": {"socket_address": {"address": "nowhere", "port_value": 1}}}))
        w.refused("routes", ("r", {"name": "r", "virtual_hosts": [{"name": "a", "domains": []}]}))
        w.refused("endpoints", ("up", {"cluster_name": "up", "endpoints": [{"lb_endpoints": [{"load_balancing_weight": 0}]}]}))
        since = w.plane.mark()
        w.plane.set("endpoints", endpoints("up", w.two.port))
        w.plane.wait(since, kind="ack", type="endpoints")
        w.stays(200)


def good_and_bad_together_are_refused(delta):
    with world(delta) as w:
        w.refused("cluster", ("good", cluster("good")), ("up", cluster("up")), ("bad", cluster("bad", connect_timeout="0s")))


def bytes_that_are_no_message_are_refused(delta):
    with world(delta) as w:
        broken = w.plane.pack("cluster", cluster("up"))
        broken.value = b"\xff\xff\xff\xff"
        w.refused("cluster", ("up", broken))


def a_message_of_another_type_is_refused(delta):
    with world(delta) as w:
        w.refused("cluster", ("up", w.plane.pack("routes", routes("up"))))


def a_name_given_twice(delta):
    """State of the world: refused for clusters and listeners, taken for the others. Delta: refused."""
    with world(delta) as w:
        w.refused("cluster", ("up", cluster("up")), ("up", cluster("up", connect_timeout="3s")))
        w.refused("listener", ("l", listener(w.gateway.port)), ("l", listener(w.gateway.port)))
        twice = (("up", endpoints("up", w.one.port)), ("up", endpoints("up", w.one.port)))
        (w.refused if delta else w.taken)("endpoints", *twice)


@delta_only
def updated_and_removed_at_once(delta):
    with world(delta) as w:
        w.refused("cluster", ("up", cluster("up")), removed=["up"])


# --- what is taken in silence -----------------------------------------------------------------------------------------

def an_empty_answer_for_endpoints_changes_nothing(delta):
    with world(delta) as w:
        w.taken("endpoints")
        w.stays(200)


@delta_only
def removing_what_is_unknown(delta):
    with world(delta) as w:
        w.taken("cluster", removed=["never heard of"])
        w.stays(200)


def an_answer_nobody_asked_for_is_ignored(delta):
    with world(delta) as w:
        since = w.plane.mark()
        w.plane.send("secret", [("s", {"name": "s", "generic_secret": {"secret": {"inline_string": "x"}}})])
        w.plane.none_of(since, 0.7, type="secret")
        w.plane.none_of(since, 0.1, kind="close")
        w.stays(200)


# --- streams that break -----------------------------------------------------------------------------------------------

def a_dropped_stream_is_opened_again_with_what_is_held(delta):
    with world(delta) as w:
        version = str(w.plane.version)
        since = w.plane.mark()
        w.plane.drop_streams()
        for t in ("cluster", "endpoints", "listener", "routes"):
            e = w.plane.wait(since, 20, kind="request", type=t)
            if delta:
                assert list(e.initial_versions) == [{"cluster": "up", "endpoints": "up", "listener": "l", "routes": "r"}[t]], e
            else:
                assert e.version == version and not e.nonce, e
        w.stays(200)


def traffic_goes_on_without_a_control_plane(delta):
    with world(delta) as w:
        w.plane.stop()
        w.stays(200, 1.5)
        since = w.plane.mark()
        w.plane.start()
        w.plane.put("endpoints", endpoints("up", w.two.port))
        w.plane.wait(since, 30, kind="ack", type="endpoints")
        w.stays(200)


def the_control_plane_may_come_later(delta):
    """Without it the process waits; with it, it serves."""
    with world(delta, lambda plane: plane.stop(), serving=False) as w:
        time.sleep(0.5)
        assert w.status() == 0
        w.plane.start()
        w.becomes(200, 30)

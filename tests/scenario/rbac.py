"""Who may do what: requests are refused, connections closed."""
import socket

from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin

ANY = [{"any": True}]
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}


def requests_are_judged():
    readers = {"permissions": [{"header": {"name": ":method", "string_match": {"exact": "GET"}}}], "principals": ANY}
    admins = {"permissions": ANY, "principals": [{"header": {"name": "x-role", "string_match": {"exact": "admin"}}}]}
    rbac = {"name": "rbac", "typed_config": {"@type": TYPE + "http.rbac.v3.RBAC", "rules": {"policies": {"readers": readers, "admins": admins}}}}
    origin = Origin()
    try:
        with Gateway("rbac", http_manager(http_filters=[rbac, ROUTER]), [cluster("up", origin.port)]) as g:
            assert g.http("GET", "/").status == 200
            assert g.http("PUT", "/", {"x-role": "admin"}, body=b"x").status == 200
            answer = g.http("PUT", "/", {"x-role": "guest"}, body=b"x")
            assert (answer.status, answer.text) == (403, "RBAC: access denied")
            assert g.stat("http.ingress.rbac.allowed") == 2 and g.stat("http.ingress.rbac.denied") == 1
    finally:
        origin.stop()


def connections_are_judged():
    def rules(prefix):
        return {"action": "DENY", "policies": {"p": {"permissions": ANY, "principals": [{"direct_remote_ip": {"address_prefix": prefix, "prefix_len": 8}}]}}}

    echo = {"name": "e", "typed_config": {"@type": TYPE + "network.echo.v3.Echo"}}
    for prefix, expected in (("10.0.0.0", b"hi"), ("127.0.0.0", b"")):
        gate = {"name": "r", "typed_config": {"@type": TYPE + "network.rbac.v3.RBAC", "stat_prefix": "c", "rules": rules(prefix)}}
        with Gateway("rbac_connections", echo, [], gates=[gate]) as g, socket.create_connection(("127.0.0.1", g.port), timeout=10) as s:
            try:
                s.sendall(b"hi")
                answer = s.recv(16)
            except OSError:
                answer = b""
            assert answer == expected, answer
            assert g.stat("c.rbac.denied") == (not expected)

"""Sentinel rules in cluster mode: whatever the token server does, no request is held up, and it grants and refuses as far as it answers."""
import http.client
import json
import os
import socket
import struct
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import places
from acceptor import Acceptor
from gateway import TYPE, Gateway, address, cluster, http_manager
from origin import Origin
from ports import free_ports
from windows import in_one_second

SENTINEL = "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel"
OK, BLOCKED, SHOULD_WAIT, TOO_MANY, FAIL = 0, 1, 2, -2, -1
PING, FLOW = 0, 1


class TokenServer(Acceptor):
    """Answers each question by `decide(flow id)`: (status, wait), bytes as they are, or None: not at all."""

    def __init__(self, decide):
        self.decide, self.names, self.questions = decide, [], 0
        super().__init__()

    def serve(self, sock):
        f = sock.makefile("rb")
        while len(head := f.read(2)) == 2:
            frame = f.read(struct.unpack(">H", head)[0])
            xid, kind = struct.unpack_from(">iB", frame)
            if kind == PING:
                self.names.append(frame[9:].decode())
                self.say(sock, xid, kind, 0, 1, 0)
                continue
            flow_id, = struct.unpack_from(">q", frame, 5)
            self.questions += 1
            said = self.decide(flow_id)
            if isinstance(said, bytes):
                sock.sendall(said)
            elif said is not None:
                self.say(sock, xid, kind, said[0], 0, said[1])

    @staticmethod
    def say(sock, xid, kind, status, remaining, wait):
        sock.sendall(struct.pack(">HiBbii", 14, xid, kind, status, remaining, wait))


API = "type.googleapis.com/envoy.config."


def _rule(count=1, fallback=True, flow_id=101, resource="GET:/asked"):
    return {"resource": resource, "count": count, "clusterMode": True, "clusterConfig": {"flowId": flow_id, "thresholdType": 1, "fallbackToLocalWhenFail": fallback}}


def _manager(rules, **config):
    sentinel = {"@type": SENTINEL, "application": "shop", "rules": {"flow": [{"inline_string": json.dumps(rules)}]}, **config}
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    return http_manager(http_filters=[{"name": "sentinel", "typed_config": sentinel}, router])


def _gateway(name, origin, rules, client, command_port=None):
    operations = {"operations": {"log_folder": str(places.scratch(f"sentinel-cluster-{name}")), "command_port": command_port}} if command_port else {}
    return Gateway(f"sentinel-cluster-{name}", _manager(rules, cluster_client=client, **operations), [cluster("up", origin.port)])


def _at(server, **more):
    return {"server_address": "127.0.0.1", "server_port": server.port, "request_timeout_ms": 2000, **more}


def _connected(g, state=2):
    g.wait_for("sentinel.shop.token_client_state", state)


def _statuses(g, count, path="/asked"):
    return [g.http("GET", path).status for _ in range(count)]


def the_server_decides():
    """Five of seven: those that it grants, whatever the rule's own count."""
    left = [5]

    def decide(flow_id):
        assert flow_id == 101
        left[0] -= 1
        return (OK if left[0] >= 0 else BLOCKED), 0
    origin, server = Origin(), TokenServer(decide)
    try:
        with _gateway("decides", origin, [_rule(count=1)], _at(server, namespace="demo")) as g:
            _connected(g)
            assert _statuses(g, 7) == [200] * 5 + [429] * 2
            assert _statuses(g, 3, "/free") == [200] * 3
            assert server.names == ["demo"] and server.questions == 7
            g.wait_for("sentinel.shop.token_asked", 7)
            said = [g.stat(f"sentinel.shop.token_{name}") for name in ("granted", "refused", "failed", "forgotten", "connected", "lost")]
            assert said == [5, 2, 0, 0, 1, 0], said
            assert g.stat("sentinel.shop.block_flow") == 2 and g.stat("sentinel.shop.waiting") == 0
    finally:
        server.stop()
        origin.stop()


def many_requests_ask_at_once():
    """20 clients, the server answers in bursts; every request gets its own answer."""
    turns = [0]

    def decide(_):
        turns[0] += 1
        return (OK if turns[0] % 2 else BLOCKED), 0
    origin, server = Origin(), TokenServer(decide)
    try:
        with _gateway("many", origin, [_rule(fallback=False)], _at(server, request_timeout_ms=10000)) as g:
            _connected(g)
            statuses = []
            clients = [threading.Thread(target=lambda: statuses.extend(_statuses(g, 25))) for _ in range(20)]
            for c in clients:
                c.start()
            for c in clients:
                c.join()
            assert server.questions == 500 and statuses.count(200) == statuses.count(429) == 250, (server.questions, len(statuses))
    finally:
        server.stop()
        origin.stop()


def a_request_waits_as_long_as_the_server_says():
    origin, server = Origin(), TokenServer(lambda _: (SHOULD_WAIT, 300))
    try:
        with _gateway("waits", origin, [_rule()], _at(server)) as g:
            _connected(g)
            begin = time.monotonic()
            assert _statuses(g, 1) == [200] and 0.28 < time.monotonic() - begin < 2
            assert g.http("GET", "/asked", {"grpc-timeout": "100m"}).status == 429, "it can't wait that long"
            assert g.stat("sentinel.shop.wait_past_deadline") == 1
    finally:
        server.stop()
        origin.stop()


def _falls_back(name, decide, client=None, questions=None):
    """The rule's own count is 2: two of five pass; without a fallback all do. No request takes longer than its question may."""
    origin, server = Origin(), TokenServer(decide)
    try:
        with _gateway(name, origin, [_rule(2), _rule(2, False, 102, "GET:/open")], client or _at(server, request_timeout_ms=50)) as g:
            if not client:
                _connected(g)
            assert in_one_second(lambda: _statuses(g, 5)) == [200, 200, 429, 429, 429]
            begin = time.monotonic()
            assert _statuses(g, 5, "/open") == [200] * 5
            assert time.monotonic() - begin < 3 and g.stat("sentinel.shop.waiting") == 0 and g.proc.poll() is None
            return g.stat("sentinel.shop.wait_past_deadline")
    finally:
        server.stop()
        origin.stop()


def a_server_that_is_silent_is_waited_for_no_longer_than_it_may_take():
    _falls_back("silent", lambda _: None)


def a_server_that_refuses_to_say_is_as_none():
    for status in (FAIL, TOO_MANY, 3, -4):
        _falls_back(f"status{status}", lambda _, s=status: (s, 0))


def garbage_is_no_answer():
    """Frames of no known form are skipped, one that can't be a frame ends the connection."""
    for i, garbage in enumerate((b"\0\x01x", b"\0\x05\xff\xff\xff\xff\x63", b"\xff" * 4000, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0" * 50)):
        _falls_back(f"garbage{i}", lambda _, g=garbage: g)


def no_server_is_no_obstacle():
    port, = free_ports(1)
    _falls_back("nobody", lambda _: None, {"server_address": "127.0.0.1", "server_port": port})
    _falls_back("untold", lambda _: None, {})
    _falls_back("unreachable", lambda _: None, {"server_address": "192.0.2.1"})


def a_server_that_comes_and_goes_is_used_while_it_is_there():
    """For 6 s it closes each connection soon; no request fails or waits long, and the server is found again."""
    asked = [0]

    class Flapping(TokenServer):
        def serve(self, sock):
            threading.Timer(0.15, lambda: sock.shutdown(socket.SHUT_RDWR)).start()
            try:
                super().serve(sock)
            except OSError:
                pass
    origin, server = Origin(), Flapping(lambda _: (OK, asked.__setitem__(0, asked[0] + 1) or 0))
    try:
        with _gateway("flapping", origin, [_rule(fallback=False)], _at(server, request_timeout_ms=100)) as g:
            end, slowest = time.monotonic() + 6, 0
            while time.monotonic() < end:
                begin = time.monotonic()
                assert g.http("GET", "/asked").status == 200
                slowest = max(slowest, time.monotonic() - begin)
            assert slowest < 2, slowest
            assert asked[0] and g.stat("sentinel.shop.token_connected") >= 2 and g.stat("sentinel.shop.token_lost") >= 2
            assert g.stat("sentinel.shop.waiting") == 0
    finally:
        server.stop()
        origin.stop()


def clients_that_leave_while_the_server_thinks_are_forgotten():
    origin, server = Origin(), TokenServer(lambda _: None)
    try:
        with _gateway("leaves", origin, [_rule(fallback=False)], _at(server, request_timeout_ms=10000)) as g:
            _connected(g)
            held = [socket.create_connection(("127.0.0.1", g.port)) for _ in range(20)]
            for s in held:
                s.sendall(b"GET /asked HTTP/1.1\r\nHost: x\r\n\r\n")
            g.wait_for("sentinel.shop.waiting", 20)
            for s in held:
                s.close()
            g.wait_for("sentinel.shop.wait_cancelled", 20)
            g.wait_for("sentinel.shop.token_forgotten", 20)
            assert g.stat("sentinel.shop.waiting") == 0
    finally:
        server.stop()
        origin.stop()


def it_ends_while_requests_wait():
    origin, server = Origin(), TokenServer(lambda _: None)
    try:
        with _gateway("ends", origin, [_rule()], _at(server, request_timeout_ms=3000)) as g:
            _connected(g)
            held = [socket.create_connection(("127.0.0.1", g.port)) for _ in range(5)]
            for s in held:
                s.sendall(b"GET /asked HTTP/1.1\r\nHost: x\r\n\r\n")
            g.wait_for("sentinel.shop.waiting", 5)
        for s in held:
            s.close()
    finally:
        server.stop()
        origin.stop()


def _get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def _config(port, **values):
    return _get(port, "/cluster/client/modifyConfig?" + urllib.parse.urlencode({"data": urllib.parse.quote(json.dumps(values))}))


def commands_name_the_server():
    """As a dashboard does it: told another server, told to stop, told to start."""
    port, = free_ports(1)
    origin, first, second = Origin(), TokenServer(lambda _: (OK, 0)), TokenServer(lambda _: (BLOCKED, 0))
    try:
        with _gateway("commands", origin, [_rule()], {}, port) as g:
            mode = json.loads(_get(port, "/getClusterMode")[1])
            assert mode == {"mode": -1, "clientAvailable": True, "serverAvailable": False, "lastModified": -1}, mode
            assert json.loads(_get(port, "/cluster/client/fetchConfig")[1]) == {"clientState": 0, "requestTimeout": 20, "serverPort": 18730}
            assert _config(port, serverHost="127.0.0.1", serverPort=first.port, requestTimeout=2000) == (200, "success")
            assert g.stat("sentinel.shop.token_client_state") == 0, "not a client yet"
            assert _get(port, "/setClusterMode?mode=0") == (200, "success")
            _connected(g)
            assert _statuses(g, 5) == [200] * 5 and first.questions == 5 and first.names == ["shop"]
            now = json.loads(_get(port, "/cluster/client/fetchConfig")[1])
            assert now == {"clientState": 2, "requestTimeout": 2000, "serverHost": "127.0.0.1", "serverPort": first.port}, now
            assert abs(json.loads(_get(port, "/getClusterMode")[1])["lastModified"] - time.time() * 1000) < 60000
            assert _config(port, serverHost="localhost", serverPort=second.port, requestTimeout=1500) == (200, "success")
            end = time.monotonic() + 10
            while not second.names and time.monotonic() < end:
                time.sleep(0.02)
            _connected(g)
            assert _statuses(g, 3) == [429] * 3 and second.questions == 3 and first.questions == 5
            for bad in ({"serverHost": "not an address", "serverPort": 1, "requestTimeout": 1}, {"serverHost": "127.0.0.1", "serverPort": 1},
                        {"serverHost": "127.0.0.1", "serverPort": [], "requestTimeout": 1}, {"serverHost": "1" * 100, "serverPort": 1, "requestTimeout": 1}):
                assert _config(port, **bad)[0] == 400, bad
            assert _get(port, "/cluster/client/modifyConfig?data=%5B") == (400, "decode client cluster config error")
            assert _get(port, "/cluster/client/modifyConfig") == (400, "empty data")
            assert _config(port, serverHost="127.0.0.1", serverPort=70000, requestTimeout=-1) == (200, "success"), "not valid: left as it was"
            assert json.loads(_get(port, "/cluster/client/fetchConfig")[1])["serverPort"] == second.port
            assert _get(port, "/setClusterMode?mode=1")[0] == 400
            assert _get(port, "/setClusterMode?mode=-1") == (200, "success")
            _connected(g, 0)
            assert in_one_second(lambda: _statuses(g, 2)) == [200, 429], "by its own count"
            assert second.questions == 3
    finally:
        first.stop()
        second.stop()
        origin.stop()


def configurations_come_and_go():
    """A listener's next version names another server, no server, another name; the listener goes, with its application and its client, and comes back. Requests go on."""
    folder, (port,) = places.scratch("sentinel-cluster-versions-files"), free_ports(1)
    path = folder / "lds.json"
    origin, first, second = Origin(), TokenServer(lambda _: (OK, 0)), TokenServer(lambda _: (BLOCKED, 0))
    version = [0]

    def put(*managers):
        version[0] += 1
        listeners = [{"@type": API + "listener.v3.Listener", "name": "dl", "address": address(port), "filter_chains": [{"filters": [m]}]} for m in managers]
        path.with_suffix(".new").write_text(json.dumps({"version_info": str(version[0]), "resources": listeners}))
        os.rename(path.with_suffix(".new"), path)

    def ask():
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            conn.request("GET", "/asked")
            return conn.getresponse().status
        finally:
            conn.close()

    def until(status, names=None, server=None):
        end = time.monotonic() + 10
        while True:
            try:
                if ask() == status and (not server or server.names[-1:] == [names]):
                    return
            except (ConnectionError, http.client.HTTPException):
                if not status:
                    return
            assert time.monotonic() < end, (status, g.words())
            time.sleep(0.02)
    put(_manager([_rule(0)], cluster_client=_at(first)))
    source = {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}
    try:
        with Gateway("sentinel-cluster-versions", _manager([], application="other"), [cluster("up", origin.port)],
                     bootstrap={"dynamic_resources": {"lds_config": source}}) as g:
            g.wait_until_live()
            for _ in range(3):
                until(200, "shop", first)
                put(_manager([_rule(1000)], cluster_client=_at(second)))
                until(429, "shop", second)
                put(_manager([_rule(1000)]))
                until(200)
                put(_manager([_rule(1000)], cluster_client=_at(second)))
                until(429, "shop", second)
                put(_manager([_rule(1000)], cluster_client=_at(second, namespace="market")))
                until(429, "market", second)
                put()
                until(None)
                put(_manager([_rule(0)], cluster_client=_at(first)))
            until(200, "shop", first)
            assert g.stat("listener_manager.lds.update_rejected") == 0
    finally:
        first.stop()
        second.stop()
        origin.stop()

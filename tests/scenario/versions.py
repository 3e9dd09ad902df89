"""Thousands of versions of a route table and of a host set under one open WebSocket, which holds the first of each: memory stays flat.

OUTRIGGER_VERSIONS: how many of each; 10,000 of each take two minutes on an idle machine."""
import json
import os
import shutil
import socket
import time

import places
from acceptor import Acceptor
from gateway import SPARING, Gateway, address, http_manager
from origin import Origin

API = "type.googleapis.com/envoy.config."
VERSIONS = int(os.environ.get("OUTRIGGER_VERSIONS", "300"))
ROUTES, HOSTS = 200, 200
FLAT_KB = 2000  # of noise over the second half of all versions; a version that stays is 20 KB at least


class _Files:
    """What a version says: `ROUTES` virtual hosts, `HOSTS` endpoints, of which some are others each time."""

    def __init__(self, name, port):
        self.path, self.port = places.scratch(name), port
        shutil.rmtree(self.path)
        self.path.mkdir()

    def source(self, kind):
        return {"path_config_source": {"path": str(self.path / f"{kind}.json")}, "resource_api_version": "V3"}

    def move(self, kind, version, resource):
        new = self.path / f"{kind}.new"
        new.write_text(json.dumps({"version_info": str(version), "resources": [resource]}))
        os.rename(new, self.path / f"{kind}.json")

    def routes(self, version):
        to = [{"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s"}}]
        hosts = [{"name": f"v{i}", "domains": [f"h{i}-{version if i % 4 == 0 else 0}.test"], "routes": to} for i in range(ROUTES)]
        self.move("rds", version, {"@type": API + "route.v3.RouteConfiguration", "name": "dyn",
                                   "virtual_hosts": [*hosts, {"name": "all", "domains": ["*"], "routes": [
                                       {"match": {"prefix": "/version"}, "direct_response": {"status": 200, "body": {"inline_string": str(version)}}}, *to]}]})

    def endpoints(self, version):
        """The real one has all the weight; the others are there to be taken over, added and removed."""
        def one(port, weight, host="127.0.0.1"):
            where = {"socket_address": {"address": host, "port_value": port}}
            return {"endpoint": {"address": where}, "load_balancing_weight": weight, "metadata": {"filter_metadata": {"envoy.lb": {"version": f"{version}-{port % 7}"}}}}
        others = [one(1000 + (i + version if i % 4 == 0 else i), 1, f"127.1.{i % 50}.1") for i in range(HOSTS)]
        for o in others:
            o["health_status"] = "UNHEALTHY"
        self.move("eds", version, {"@type": API + "endpoint.v3.ClusterLoadAssignment", "cluster_name": "up",
                                   "endpoints": [{"lb_endpoints": [one(self.port, 100), *others]}]})


class _Tunnel(Acceptor):
    """A WebSocket's upstream and client: what is sent comes back."""

    def serve(self, sock):
        head = b""
        while b"\r\n\r\n" not in head:
            data = sock.recv(4096)
            if not data:
                return
            head += data
        if b"upgrade: websocket" not in head.lower():
            sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            return sock.close()
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
        while data := sock.recv(4096):
            sock.sendall(data)


def _upgrade(port):
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(b"GET /chat HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(4096)
    assert head.startswith(b"HTTP/1.1 101"), head
    return client


def _says(client, word):
    client.sendall(word)
    assert client.recv(len(word)) == word


def _swap(g, files, version, routes):
    """One more version, in force when this returns."""
    (files.routes if routes else files.endpoints)(version)
    text = "http.ingress.rds.dyn.version_text" if routes else "cluster.up.version_text"
    end = time.monotonic() + 20
    while f'"{version}"' not in g.get(f"/stats?filter=^{text}"):
        assert time.monotonic() < end, f"{text} isn't {version}: {g.words()}"


def _stays_flat(name, routes):
    tunnel = _Tunnel()
    files = _Files(name + "-files", tunnel.port)
    files.routes(0)
    files.endpoints(0)
    manager = http_manager(upgrade_configs=[{"upgrade_type": "websocket"}])
    del manager["typed_config"]["route_config"]
    manager["typed_config"]["rds"] = {"route_config_name": "dyn", "config_source": files.source("rds")}
    up = {"name": "up", "type": "EDS", "connect_timeout": "1s", "common_lb_config": {"healthy_panic_threshold": {"value": 0}}, "eds_cluster_config": {"eds_config": files.source("eds")}}
    sizes = []
    # A sanitizer keeps freed memory for a while: little of it here.
    with Gateway(name, manager, [up], environment=SPARING) as g:
        client = _upgrade(g.port)
        for version in range(1, VERSIONS + 1):
            _swap(g, files, version, routes)
            if version % (VERSIONS // 10) == 0:
                _says(client, b"still here")
                assert g.http("GET", "/").text == "ok"
                sizes.append(g.memory_kb())
        assert sizes[-1] - sizes[4] < FLAT_KB, sizes
        client.close()
    tunnel.stop()
    return f"{VERSIONS} versions, kB resident at each tenth: {sizes}"


def of_a_route_table():
    return _stays_flat("versions-routes", True)


def of_a_host_set():
    return _stays_flat("versions-hosts", False)

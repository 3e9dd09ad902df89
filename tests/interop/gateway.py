"""Outrigger between real clients and real servers: short ways to write its configuration, start it, look at it."""
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import places  # noqa: E402
from ports import free_ports, listening  # noqa: E402,F401

TYPE = "type.googleapis.com/envoy.extensions.filters."


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name, *ports, **extra):
    endpoints = [{"endpoint": {"address": address(p)}} for p in ports]
    return {"name": name, "type": "STATIC", "connect_timeout": "1s",
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}, **extra}


def http_manager(routes=None, **extra):
    return {"name": "http", "typed_config": {
        "@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "ingress",
        "route_config": {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes or [
            {"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s"}}]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}], **extra}}


def dubbo_manager(interface, routes):
    """routes: method name or pattern -> cluster"""
    return {"name": "dubbo", "typed_config": {
        "@type": TYPE + "network.dubbo_proxy.v3.DubboProxy", "stat_prefix": "dubbo", "protocol_type": "Dubbo", "serialization_type": "Hessian2",
        "route_config": [{"name": "r", "interface": interface, "routes": [
            {"match": {"method": {"name": {"safe_regex": {"regex": pattern}}}}, "route": {"cluster": to}} for pattern, to in routes.items()]}],
        "dubbo_filters": [{"name": "envoy.filters.dubbo.router"}]}}


class Gateway:
    """A running outrigger. with Gateway("name", filter, clusters) as g: ... g.port, g.admin"""

    def __init__(self, name, network_filter, clusters):
        self.name, self.folder = name, places.scratch(f"interop-{name}")
        self.port, self.admin = free_ports(2)
        bootstrap = {"node": {"id": "interop", "cluster": "interop"}, "admin": {"address": address(self.admin)}, "static_resources": {
            "listeners": [{"name": "l", "address": address(self.port), "filter_chains": [{"filters": [network_filter]}]}], "clusters": clusters}}
        self.config = self.folder / "outrigger.yaml"
        self.config.write_text(json.dumps(bootstrap, indent=1))

    def __enter__(self):
        self.log = open(self.folder / "log", "w+")
        self.proc = subprocess.Popen([places.outrigger(), "-c", self.config, "--concurrency", "2", "--log-level", "warning", "--disable-hot-restart"],
                                     stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 15
        while not self.ready():
            if self.proc.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"outrigger doesn't start: {self.words()}")
            time.sleep(0.05)
        return self

    def ready(self):
        try:
            return self.get("/ready").strip() == "LIVE"
        except OSError:
            return False

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=10) as r:
            return r.read().decode()

    def stat(self, name):
        m = re.search(rf"^{re.escape(name)}: (\d+)$", self.get("/stats"), re.M)
        return int(m[1]) if m else 0

    def memory_high_kb(self):
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.proc.pid}/status").read_text())[1])

    def words(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def __exit__(self, failed, *_):
        code = self.proc.poll()
        if code is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(15)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        words = self.words()
        self.log.close()
        if not failed and (code is not None or re.search("Sanitizer|runtime error", words)):
            raise RuntimeError(f"outrigger ended by itself or with a report ({code}): {words}")

"""A running outrigger for a test: short ways to write its configuration, start it, look at it."""
import dataclasses
import http.client
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import places
from ports import free_ports, listening

TYPE = "type.googleapis.com/envoy.extensions.filters."
START_SECONDS = 40  # patience, not what it should take
DRAIN_SECONDS, END_SECONDS = 8, 15  # after SIGTERM, when calls under way may hold it up; after SIGINT


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


def call_manager(*services, **extra):
    """Rules by what calls say: each service {"interface": …, "routes": [rule(…), …]}. extra: further fields of RpcProxy."""
    return {"name": "calls", "typed_config": {
        "@type": "type.googleapis.com/outrigger.filters.network.rpc_proxy.v1.RpcProxy", "stat_prefix": "dubbo",
        "rpc_route_config": {"name": "r", "services": services},
        "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}], **extra}}


def rule(to, method=None, arguments=None, attachments=None, **match):
    """A route to the cluster. arguments and attachments: path or name -> exact text, or a ValueMatch."""
    def value(v):
        return v if isinstance(v, dict) else {"exact": v}
    for name, v in (("method", method), *match.items()):
        if v is not None:
            match[name] = value(v)
    if arguments:
        match["arguments"] = [{"path": path, "value": value(v)} for path, v in arguments.items()]
    if attachments:
        match["attachments"] = [{"name": name, "value": value(v)} for name, v in attachments.items()]
    return {**({"match": match} if match else {}), "route": {"cluster": to}}


def rpc_manager(to, **extra):
    """All calls to one cluster; extra: further fields of RpcProxy."""
    return {"name": "rpc", "typed_config": {
        "@type": "type.googleapis.com/outrigger.filters.network.rpc_proxy.v1.RpcProxy", "stat_prefix": "dubbo", "route_config": {
            "name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": to, "timeout": "0s"}}]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}], **extra}}


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    text: str


# Variables for a process whose memory is measured, or whose turns are: what was freed isn't held back, to be freed for all threads by whoever frees something at
# some moment. What the environment asks of the sanitizer goes on.
SPARING = {"ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1:thread_local_quarantine_size_kb=64"]))}


class Gateway:
    """A running outrigger. with Gateway("name", filter, clusters) as g: ... g.port, g.admin

    builds: which build's binary, in order of preference. bootstrap: further top-level fields. listener: further fields of the listener. gates: connection filters before it.
    environment: variables it gets besides those of the test."""

    def __init__(self, name, network_filter, clusters, *, builds=(), bootstrap=None, listener=None, args=(), environment=None, gates=()):
        self.environment = {**os.environ, **(environment or {})}
        self.name, self.folder, self.builds, self.args = name, places.scratch(name), builds, list(args)
        self.ended = False  # a check that ends it by itself says so
        self.port, self.admin = free_ports(2)
        self.bootstrap = {"node": {"id": "test", "cluster": "test"}, "admin": {"address": address(self.admin)}, "static_resources": {
            "listeners": [{"name": "l", "address": address(self.port), "filter_chains": [{"filters": [*gates, network_filter]}], **(listener or {})}],
            "clusters": clusters}, **(bootstrap or {})}
        self.config = self.folder / "outrigger.yaml"
        self.write()

    def write(self):
        """The configuration as it is now; before entering."""
        self.config.write_text(json.dumps(self.bootstrap, indent=1))

    def __enter__(self):
        self.log = open(self.folder / "log", "w+")
        self.proc = subprocess.Popen([places.outrigger(*self.builds), "-c", self.config, "--concurrency", "2", "--log-level", "warning",
                                      *(self.args or ["--disable-hot-restart"])],
                                     stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment)
        end = time.monotonic() + START_SECONDS
        while not self.ready():
            if self.proc.poll() is None and self.dynamic() and self.listens():
                break  # it may be waiting for its control plane
            if self.proc.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"outrigger doesn't start: {self.words()}")
            time.sleep(0.05)
        return self

    def wait_until_live(self, seconds=START_SECONDS):
        """With dynamic resources entering doesn't wait for them: from here on its listeners listen."""
        end = time.monotonic() + seconds
        while not self.ready():
            if self.proc.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"outrigger isn't LIVE: {self.words()}")
            time.sleep(0.02)

    def dynamic(self):
        return "dynamic_resources" in self.bootstrap

    def listens(self):
        return listening(self.admin)

    def ready(self):
        try:
            return self.get("/ready").strip() == "LIVE"
        except OSError:
            return False

    def get(self, path, ok=True):
        """An admin page's text; unless ok is False, one that isn't 200 is an error."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=30) as r:
                return r.read().decode()
        except urllib.error.HTTPError as e:
            if ok:
                raise
            return e.read().decode()

    def post(self, path):
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.admin}{path}", method="POST"), timeout=10) as r:
            return r.read().decode()

    def http(self, method, path, headers=None, body=None, timeout=20):
        """One request to the listener on a connection of its own: an answer with status, headers (lower-case names), text."""
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            conn.request(method, path, body=body, headers=headers or {})
            r = conn.getresponse()
            return Answer(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read().decode("utf-8", "replace"))
        finally:
            conn.close()

    def wait_for(self, stat, value, seconds=30):
        """Until the stat has the value."""
        end = time.monotonic() + seconds
        while (now := self.stat(stat)) != value:
            if time.monotonic() > end:
                raise AssertionError(f"{stat} is {now}, not {value}")
            time.sleep(0.02)

    def wait_for_log(self, text, seconds=30):
        """Until its log has the text: a thread of its own writes that, later than what it tells of is done."""
        end = time.monotonic() + seconds
        while text not in (log := self.log_text()):
            assert time.monotonic() < end, f"its log doesn't say '{text}': {log[-2000:]}"
            time.sleep(0.02)

    def settle(self):
        """Until the workers have what main has given them so far: they are asked for their hosts, behind it."""
        self.get("/clusters")

    def stat(self, name):
        m = re.search(rf"^{re.escape(name)}: (\d+)$", self.get("/stats"), re.M)
        return int(m[1]) if m else 0

    def memory_kb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.proc.pid}/status").read_text())[1])

    def memory_high_kb(self):
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.proc.pid}/status").read_text())[1])

    def log_text(self):
        self.log.seek(0)
        return self.log.read()

    def words(self):
        """The end of what it said."""
        return self.log_text()[-2000:]

    def __exit__(self, failed, *_):
        fault = self.end()
        text = self.log_text()
        self.log.close()
        report = re.search("Sanitizer|runtime error", text)
        if report:
            fault = "a sanitizer's report"
            text = text[max(report.start() - 200, 0):][:4000]
        if fault and not failed:
            raise RuntimeError(f"{fault}: {text if report else text[-2000:]}")

    def end(self):
        """Ends it, unless it did already. What was wrong with that, or None."""
        code = self.proc.poll()
        if code is not None:
            return None if self.ended and not code else f"outrigger ended by itself ({code})"
        for sign, seconds in ((signal.SIGTERM, DRAIN_SECONDS), (signal.SIGINT, END_SECONDS)):
            self.proc.send_signal(sign)
            try:
                code = self.proc.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                pass
        else:
            self.proc.kill()
            self.proc.wait()
            return f"outrigger didn't end within {END_SECONDS} s of SIGINT"
        return f"outrigger ended with {code}" if code else None

    def without_listeners(self):
        """Leaves only what is static: clusters. For a gateway whose listeners come over xDS; they should listen on self.port."""
        del self.bootstrap["static_resources"]["listeners"]
        self.write()

"""The proxies under the corpus: how each is configured and started. A lane is a listener with a backend of its own."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import places  # noqa: E402
from ports import free_ports, listening  # noqa: E402

TYPE = "type.googleapis.com/envoy.extensions.filters."


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


EDGE = {"normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT", "use_remote_address": True,
        "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"},
        "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}]}


def envoy_config(lanes, edge):
    """A bootstrap in Envoy's language: for Envoy and for outrigger. `edge`: the options of a proxy that faces the internet."""
    listeners, clusters = [], []
    for i, (port, backend) in enumerate(lanes):
        routes = [{"match": {"prefix": "/"}, "route": {"cluster": f"c{i}"}}]
        if edge:
            routes.insert(0, {"match": {"connect_matcher": {}},
                              "route": {"cluster": f"c{i}", "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]}})
        hcm = {"@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "smug",
               "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
               "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}],
               **(EDGE if edge else {})}
        listeners.append({"name": f"l{i}", "address": address(port),
                          "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}]})
        clusters.append({"name": f"c{i}", "type": "STATIC", "connect_timeout": "1s", "load_assignment": {
            "cluster_name": f"c{i}", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(backend)}}]}]}})
    return json.dumps({"static_resources": {"listeners": listeners, "clusters": clusters}})


def haproxy_config(lanes):
    head = "defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 1s\n"
    return head + "".join(f"listen p{i}\n bind 127.0.0.1:{p}\n server b 127.0.0.1:{b}\n" for i, (p, b) in enumerate(lanes))


def nginx_config(lanes):
    servers = "".join(f"upstream b{i} {{ server 127.0.0.1:{b}; keepalive 8; }}\n"
                      f"server {{ listen 127.0.0.1:{p}; location / {{ proxy_pass http://b{i}; proxy_http_version 1.1; "
                      f"proxy_set_header Connection \"\"; }} }}\n" for i, (p, b) in enumerate(lanes))
    temp = "".join(f"{k}_temp_path tmp; " for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return ("daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr crit;\nevents {}\n"
            f"http {{ access_log off; {temp}\n{servers}}}\n")


def envoy_like(binary):
    return lambda conf: [binary(), "-c", conf, "--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]


# name -> (configuration from lanes, command from the configuration's path, is it a peer whose verdict counts)
PROXIES = {
    "envoy": (lambda lanes: envoy_config(lanes, False), envoy_like(places.envoy)),
    "envoy-edge": (lambda lanes: envoy_config(lanes, True), envoy_like(places.envoy)),
    "haproxy": (haproxy_config, lambda conf: [places.program("haproxy"), "-f", conf]),
    "nginx": (nginx_config, lambda conf: [places.program("nginx"), "-p", os.path.dirname(conf), "-c", conf]),
    "outrigger": (lambda lanes: envoy_config(lanes, False), envoy_like(places.outrigger)),
    "outrigger-edge": (lambda lanes: envoy_config(lanes, True), envoy_like(places.outrigger)),
}


class Proxy:
    """A running proxy with `lanes` listeners; lane i is (port, backend port)."""

    def __init__(self, name, lanes):
        config, command = PROXIES[name]
        self.folder = places.scratch(f"smug-{name}")
        ports = free_ports(2 * lanes)
        self.lanes = list(zip(ports[:lanes], ports[lanes:]))
        conf = self.folder / "proxy.conf.json"
        conf.write_text(config(self.lanes))
        self.log = open(self.folder / "log", "w+")
        self.proc = subprocess.Popen(command(str(conf)), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=self.folder)
        end = time.monotonic() + 15
        for port, _ in self.lanes:
            while not listening(port):
                if self.proc.poll() is not None or time.monotonic() > end:
                    self.stop()
                    raise RuntimeError(f"{name} doesn't start: {self.words()}")
                time.sleep(0.05)

    def words(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def stop(self):
        """Ends it; what a sanitizer or a crash said, or None."""
        crashed = self.proc.poll()
        if crashed is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        words = self.words()
        if crashed is not None:
            return f"ended by itself with {crashed}: {words}"
        if self.proc.returncode in (-signal.SIGABRT, -signal.SIGSEGV):
            return f"crashed at the end ({self.proc.returncode}): {words}"
        return words if "Sanitizer" in words or "runtime error" in words else None

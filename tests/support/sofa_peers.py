"""The SOFA RPC peers of ../interop/java, which speak Bolt, and managers for them."""
import os
import re
import subprocess

import java_peers
from gateway import TYPE
from java_peers import SERVICE

PEER = {"module": "sofa", "main": "demo.sofa.Provider"}
OURS = "type.googleapis.com/outrigger.filters.network."


def provider(name, *args):
    return java_peers.Provider(name, *args, **PEER)


def shared(*names, args=()):
    return java_peers.shared(*names, args=args, **PEER)


def command(port, *args):
    return java_peers.command("sofa", "demo.sofa.Consumer", "--url", f"bolt://127.0.0.1:{port}", *args)


def consumer(port, *args, heap="256m"):
    """Runs one to its end: (passed, failed, what it said)."""
    environment = {**os.environ, "JOPTS": f"-Xmx{heap} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    r = subprocess.run(command(port, *args), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, env=environment)
    found = re.findall(r"^(\d+) passed, (\d+) failed", r.stdout, re.M)
    assert found, (r.stdout + r.stderr)[-1000:]
    return int(found[-1][0]), int(found[-1][1]), r.stdout


class Steady(java_peers.Steady):
    """A consumer that calls at a steady rate, from entering on."""

    def __init__(self, port, seconds, rate=200, extra=()):
        self.proc = subprocess.Popen(command(port, "--no-generic", "--hold", seconds, "--rate", rate, "--warm", 50, "--concurrency", 16, *extra),
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def manager(routes=None, before=(), filters=(), prefix="bolt"):
    """bolt_proxy. routes: method name or pattern -> cluster. before: whole route configurations that are tried first."""
    return {"name": "bolt", "typed_config": {
        "@type": OURS + "bolt_proxy.v1.BoltProxy", "stat_prefix": prefix,
        "route_config": [*before, {"name": "r", "interface": SERVICE, "routes": [
            {"match": {"method": {"name": {"safe_regex": {"regex": pattern}}}}, "route": {"cluster": to}} for pattern, to in (routes or {".*": "up"}).items()]}],
        "bolt_filters": [*filters, {"name": "envoy.filters.dubbo.router"}]}}


def rpc_manager(**extra):
    """rpc_proxy, on a port that Dubbo's consumers may use, too. Without routes of its own all calls go to `up`."""
    if not any(k.endswith("route_config") for k in extra):
        extra["rpc_route_config"] = {"name": "r", "services": [{"name": "s", "interface": SERVICE, "routes": [{"name": "all", "match": {}, "route": {"cluster": "up"}}]}]}
    return {"name": "rpc", "typed_config": {
        "@type": OURS + "rpc_proxy.v1.RpcProxy", "stat_prefix": "rpc", "protocols": ["DUBBO", "BOLT"],
        "http_filters": [{"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}], **extra}}

"""nacos-client (Java) with the server of our tests: what that says is what Nacos says. And with a proxy beside it, at the same server."""
import contextlib
import json
import queue
import shutil
import subprocess
import threading
import time

import java_peers
import places
from gateway import TYPE, Gateway, cluster, http_manager
from nacos_server import NacosServer
from origin import Origin

RUN = places.ROOT / "tests/interop/java/run.sh"


class _Client:
    def __init__(self, *args):
        java_peers.build()
        self.proc = subprocess.Popen([RUN, "nacos", "demo.nacos.Client", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(line.rstrip("\n")) for line in self.proc.stdout], daemon=True).start()

    def says(self, wanted, seconds=20):
        got = self.lines.get(timeout=seconds)
        assert got == wanted, f"{got!r}, not {wanted!r}"

    def ask(self, line, wanted):
        self.proc.stdin.write(line + "\n")
        self.says(wanted)


@contextlib.contextmanager
def _client(*args):
    shutil.rmtree(places.ROOT / "build/java/home/nacos", ignore_errors=True)  # its snapshots
    client = _Client(*args)
    try:
        client.says("ready", 60)
        yield client
    finally:
        client.proc.kill()
        client.proc.wait()


def the_client_works_with_it():
    with NacosServer() as nacos:
        nacos.publish("a", "[1]", tenant="prod")
        with _client(f"127.0.0.1:{nacos.port}", "prod") as c:
            c.ask("get a", "got [1]")
            c.ask("get b", "got null")
            c.ask("listen a", "listens")
            c.ask("listen b", "listens")
            c.says("told a [1]")
            nacos.publish("a", '[{"größe": 2}]', tenant="prod")
            before = time.monotonic()
            c.says('told a [{"größe": 2}]')
            assert time.monotonic() - before < 1
            c.ask("publish b [3]", "published true")
            c.says("told b [3]")
            assert nacos.texts["prod", "SENTINEL_GROUP", "b"] == "[3]"
            c.ask("remove b", "removed true")
            c.says("told b null")
        assert {what for what, _ in nacos.asked} == {"get", "listen", "publish", "remove"}, nacos.asked


def it_logs_in_and_again():
    with NacosServer(users={"me": "p&=w+ü"}) as nacos:
        nacos.publish("a", "[1]")
        with _client(f"127.0.0.1:{nacos.port}", "", "me", "p&=w+ü") as c:
            c.ask("get a", "got [1]")
            assert nacos.asked[0][0] == "login", nacos.asked
        with _client(f"127.0.0.1:{nacos.port}", "", "me", "wrong") as c:
            c.ask("get a", "error 403")


def what_it_publishes_the_proxy_obeys():
    origin = Origin()
    with NacosServer() as nacos, _client(f"127.0.0.1:{nacos.port}") as c:
        rules = lambda count: json.dumps([{"resource": "GET:/a", "grade": 1, "count": count}])
        c.ask(f"publish shop-flow-rules {rules(2)}", "published true")
        folder = places.scratch("interop-nacos-snapshots")
        shutil.rmtree(folder)
        config = {"@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "application": "shop",
                  "rules": {"nacos": [{"servers": [f"127.0.0.1:{nacos.port}"], "snapshot_folder": str(folder)}]}}
        router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
        with Gateway("interop-nacos", http_manager(http_filters=[{"name": "sentinel", "typed_config": config}, router]), [cluster("up", origin.port)]) as g:
            def passes(count):
                time.sleep(1 - time.time() % 1 + 0.01)
                return [g.http("GET", "/a").status for _ in range(count)].count(200)

            assert passes(6) == 2
            updates = g.stat("sentinel.shop.rules_update")
            c.ask(f"publish shop-flow-rules {rules(4)}", "published true")
            before = time.monotonic()
            g.wait_for("sentinel.shop.rules_update", updates + 1, 1)
            took = time.monotonic() - before
            assert passes(6) == 4
            c.ask("remove shop-flow-rules", "removed true")
            g.wait_for("sentinel.shop.rules_loaded", 0, 1)
            assert passes(6) == 6
    origin.stop()
    return f"{took * 1000:.0f} ms"

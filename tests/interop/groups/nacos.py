"""Nacos's own server (Java) and the proxy; the server of our tests beside it, which says the same, and nacos-client (Java), which works with both."""
import contextlib
import hashlib
import http.client
import json
import queue
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse

import java_peers
import places
from contention import Contention, holds_within
from gateway import TYPE, Gateway, cluster, http_manager
from nacos_server import NacosServer
from origin import Origin
from ports import free_ports
from windows import in_one_second

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

    def ask(self, line, *wanted):
        """More than one may come in any order: a listener's thread is another."""
        self.proc.stdin.write(line + "\n")
        got = {self.lines.get(timeout=20) for _ in wanted}
        assert got == set(wanted), f"{got}, not {wanted}"


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
            nacos.publish("a", '[{"größe": 2}]', tenant="prod")
            before = time.monotonic()
            c.says('told a [{"größe": 2}]')
            assert time.monotonic() - before < 5, "it was pushed, not found by the next question"
            c.ask("publish b [3]", "published true", "told b [3]")
            assert nacos.texts["prod", "SENTINEL_GROUP", "b"] == "[3]"
            c.ask("remove b", "removed true", "told b null")
        assert {what for what, _ in nacos.asked} == {"get", "listen", "publish", "remove"}, nacos.asked


def it_logs_in_and_again():
    with NacosServer(users={"me": "p&=w+ü"}) as nacos:
        nacos.publish("a", "[1]")
        with _client(f"127.0.0.1:{nacos.port}", "", "me", "p&=w+ü") as c:
            c.ask("get a", "got [1]")
            assert nacos.asked[0][0] == "login", nacos.asked
        with _client(f"127.0.0.1:{nacos.port}", "", "me", "wrong") as c:
            c.ask("get a", "error 403")


def _server_port():
    """One for Nacos, which listens on three more: 1,000 below it, and 1,000 and 1,001 above."""
    while True:
        port, = free_ports(1)
        try:
            for other in (port - 1000, port + 1000, port + 1001):
                socket.create_server(("", other)).close()
        except OSError:
            continue
        return port


@contextlib.contextmanager
def _real(port=None, is_new=True):
    """Nacos itself. It needs half a minute to begin with."""
    java_peers.build()
    home = places.scratch("interop-nacos-server") / "home"
    if is_new:
        shutil.rmtree(home, ignore_errors=True)
    port = port or _server_port()
    log = open(home.parent / "server.log", "w+")
    proc = subprocess.Popen([RUN, "nacos-server", "demo.nacos.Server", str(port), str(home)], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 120
        while "\nready\n" not in (home.parent / "server.log").read_text():
            assert proc.poll() is None and time.monotonic() < end, (home.parent / "server.log").read_text()[-2000:]
            time.sleep(0.2)
        yield port
    finally:
        proc.kill()
        proc.wait()
        log.close()


def _ask(port, method, path, form=None, **fields):
    """Status, body, and those of the header fields that a client looks at."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    body = urllib.parse.urlencode(form, quote_via=urllib.parse.quote) if form else None
    fields = {k.replace("_", "-"): v for k, v in fields.items()}
    conn.request(method, "/nacos/v1/cs/" + path, body, {**fields, **({"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8"} if form else {})})
    r = conn.getresponse()
    said = r.status, r.read().decode(), r.getheader("Content-MD5"), r.getheader("Config-Type")
    conn.close()
    return said


def _until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _conversation(port, tenant):
    """What a server says to everything that the proxy says, and to what it hears while it waits."""
    said = []
    place = {"dataId": "shop-flow-rules", "group": "SENTINEL_GROUP", **({"tenant": tenant} if tenant else {})}
    query = "configs?" + urllib.parse.urlencode(place)
    name = lambda known: "\x02".join(("shop-flow-rules", "SENTINEL_GROUP", known) + ((tenant,) if tenant else ())) + "\x01"
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()

    def listen(*names, hangs=False):
        fields = {"Long_Pulling_Timeout": "30000", **({} if hangs else {"Long_Pulling_Timeout_No_Hangup": "true"})}
        return _ask(port, "POST", "configs/listener", {"Listening-Configs": "".join(names)}, **fields)

    def hang(known, change):
        """The answer to a question that hangs when something is changed; how soon it came."""
        answers = queue.Queue()
        threading.Thread(target=lambda: answers.put((listen(name(known), hangs=True), time.monotonic())), daemon=True).start()
        time.sleep(1)
        assert answers.empty(), "it doesn't hang"
        change()
        before = time.monotonic()
        answer, at = answers.get(timeout=30)
        assert at - before < 5, f"told after {at - before} s"
        return answer

    put = lambda text: said.append(_ask(port, "POST", "configs", {**place, "content": text, "type": "json"}))
    there = lambda text: _until(lambda: _ask(port, "GET", query)[1] == text)  # Nacos has it a moment later
    said.append(_ask(port, "GET", query))
    said.append(listen(name("")))
    said.append(listen(name("0" * 32)))
    put("[1]")
    there("[1]")
    said.append(_ask(port, "GET", query))
    said.append(listen(name("")))
    said.append(listen(name(md5("[1]"))))
    said.append(listen(name(md5("[1]")), "other\x02G\x02" + "0" * 32 + "\x01"))
    said.append(hang(md5("[1]"), lambda: put('["größe"]')))
    there('["größe"]')
    said.append(_ask(port, "GET", query))
    said.append(hang(md5('["größe"]'), lambda: said.append(_ask(port, "DELETE", query))))
    _until(lambda: _ask(port, "GET", query)[0] == 404)
    said.append(_ask(port, "GET", query))
    said.append(listen(name("")))
    return said


def the_servers_say_the_same():
    with _real() as port, NacosServer() as nacos:
        for tenant in ("", "7f3c-prod"):
            real, ours = _conversation(port, tenant), _conversation(nacos.port, tenant)
            for number, (a, b) in enumerate(zip(real, ours, strict=True)):
                assert a == b, f"{tenant or 'public'}, {number}: Nacos {a}, ours {b}"
        with _client(f"127.0.0.1:{port}") as c:
            c.ask("publish b [3]", "published true")
            c.ask("listen b", "listens")
            c.says("told b [3]")


def _sentinel(port, folder):
    return {"@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "application": "shop",
            "rules": {"nacos": [{"servers": [f"127.0.0.1:{port}"], "snapshot_folder": str(folder)}]}}


def _proxy(origin, port, folder):
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    return Gateway("interop-nacos", http_manager(http_filters=[{"name": "sentinel", "typed_config": _sentinel(port, folder)}, router]), [cluster("up", origin.port)])


def _passes(g, count, path="/a"):
    return in_one_second(lambda: [g.http("GET", path).status for _ in range(count)]).count(200)


def _snapshots(name):
    folder = places.scratch(f"interop-nacos-{name}")
    shutil.rmtree(folder)
    return folder


def _heard(port, text):
    """A queue that gets the time at which Nacos tells others that the rules are no longer this text."""
    listening = f"shop-flow-rules\x02SENTINEL_GROUP\x02{hashlib.md5(text.encode()).hexdigest()}\x01"
    told = queue.Queue()
    threading.Thread(target=lambda: told.put((_ask(port, "POST", "configs/listener", {"Listening-Configs": listening}, Long_Pulling_Timeout="30000"), time.monotonic())[1]), daemon=True).start()
    return told


def _flow(count, resource="GET:/a", **more):
    return {"resource": resource, "grade": 1, "count": count, **more}


def nacos_pushes_a_rule_and_the_proxy_obeys():
    """Within a second after Nacos has told; what didn't change has counted on. Nacos dies, and comes back with its rules."""
    origin, folder = Origin(), _snapshots("real")
    keeps = _flow(1 / 600, "GET:/keeps", controlBehavior=2, maxQueueingTimeMs=1)  # one in ten minutes
    with _real() as port:
        publish = lambda *rules: _ask(port, "POST", "configs", {"dataId": "shop-flow-rules", "group": "SENTINEL_GROUP", "content": json.dumps(rules), "type": "json"})
        assert publish(keeps, _flow(2))[:2] == (200, "true")
        with _proxy(origin, port, folder) as g:
            g.wait_for("sentinel.shop.rules_loaded", 2)
            assert g.http("GET", "/keeps").status == 200 and g.http("GET", "/keeps").status == 429
            assert _passes(g, 6) == 2
            took, known = [], [keeps, _flow(2)]
            for count in (4, 1, 3):
                updates, contention, told = g.stat("sentinel.shop.rules_update"), Contention(g.proc.pid), _heard(port, json.dumps(known))
                known = [keeps, _flow(count)]
                publish(*known)
                took.append(holds_within(1, lambda: g.stat("sentinel.shop.rules_update") > updates, told.get(timeout=30), contention, "a pushed rule"))
                assert _passes(g, 6) == count
            assert g.http("GET", "/keeps").status == 429, "its queue goes on"
            assert g.stat("sentinel.shop.nacos_unreachable") == 0
    with _proxy(origin, port, folder) as g:
        assert _passes(g, 6) == 3, "without Nacos: the snapshot"
        with _real(port, is_new=False):
            g.wait_for("sentinel.shop.nacos_unreachable", 0, 30)
            assert _passes(g, 6) == 3
            assert _ask(port, "DELETE", "configs?dataId=shop-flow-rules&group=SENTINEL_GROUP")[:2] == (200, "true")
            g.wait_for("sentinel.shop.rules_loaded", 0)
    origin.stop()
    return "in force after " + ", ".join(f"{t * 1000:.0f} ms" for t in took)


def what_the_client_publishes_the_proxy_obeys():
    """By what it is told, and not by asking anew when a long poll (30 s) is over."""
    origin, folder = Origin(), _snapshots("client")
    with NacosServer() as nacos, _client(f"127.0.0.1:{nacos.port}") as c:
        c.ask(f"publish shop-flow-rules {json.dumps([_flow(2)])}", "published true")
        with _proxy(origin, nacos.port, folder) as g:
            assert _passes(g, 6) == 2
            c.ask(f"publish shop-flow-rules {json.dumps([_flow(4)])}", "published true")
            g.wait_for("sentinel.shop.nacos_update", 2, 10)
            assert _passes(g, 6) == 4
            c.ask("remove shop-flow-rules", "removed true")
            g.wait_for("sentinel.shop.rules_loaded", 0, 10)
            assert _passes(g, 6) == 6
    origin.stop()

"""Sentinel's operations under bad input: the command centre, logs that can't be written, dashboards that aren't there."""
import json
import re
import socket
import threading
import time
import urllib.parse

import places
from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin
from ports import free_ports
from windows import in_one_second, whole_second

SENTINEL = "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel"
RULES = [{"resource": "GET:/limited", "count": 1}]


def _gateway(name, port, upstream=1, sources=None, rules=None, more=(), **operations):
    folder = places.scratch(f"sentinel-operations-{name}") / "logs"
    for old in folder.glob("*"):
        old.unlink()
    sentinel = {"name": "sentinel", "typed_config": {"@type": SENTINEL, "application": "shop", "rules": rules or {"flow": sources or [{"inline_string": json.dumps(RULES)}]},
                                                     "operations": {"log_folder": str(folder), "command_port": port, **operations}}}
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    g = Gateway(f"sentinel-operations-{name}", http_manager(http_filters=[sentinel, *more, router]), [cluster("up", upstream)])
    g.logs = folder
    return g


def _is_whole(got):
    head, end, body = got.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    return bool(end and length and len(body) >= int(length[1]))


def _raw(port, data, shut=False, wait=10, to_end=False):
    """What comes back for these bytes: an answer, or all to the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as s:
        try:
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        got = b""
        try:
            while (to_end or not _is_whole(got)) and (more := s.recv(65536)):
                got += more
        except ConnectionResetError:
            pass
        return got


def _get(port, path, *headers):
    got = _raw(port, "\r\n".join([f"GET {path} HTTP/1.1", *(headers or ["Host: 127.0.0.1"]), "", ""]).encode())
    head, _, body = got.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def what_is_no_request_is_refused_and_the_next_is_answered():
    port, = free_ports(1)
    with _gateway("malformed", port) as g:
        for bad, status in ((b"rubbish\r\n\r\n", b"400"), (b"GET /version HTTP/1.1\r\nbad header\r\n\r\n", b"400"), (b"\x16\x03\x01\x02\x00\x01", b"400"),
                            (b"GET /version HTTP/1.1\r\nHost: x\r\n" + b"a: " + b"b" * 100000 + b"\r\n\r\n", b"431"),
                            (b"POST /setRules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n", b"400"),
                            (b"POST /setRules HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"411"),
                            (b"POST /setRules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", b"411"),
                            (b"POST /setRules HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
                            (b"POST /setRules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na=b", b"415"),
                            (b"POST /setRules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n", b"413")):
            got = _raw(port, bad)
            assert re.match(rb"HTTP/1\.1 " + status, got), (bad[:60], got[:200])
            assert _get(port, "/version") == (200, "1.8.9"), bad[:60]
        assert _raw(port, b"GET /version HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\n1.8.9"), "old clients"
        assert _raw(port, b"GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", shut=True).endswith(b"1.8.9"), "who says no more still listens"
        assert _raw(port, b"GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3, to_end=True).count(b"HTTP/1.1") == 1, "one request a connection"
        assert g.proc.poll() is None


def another_host_is_refused_on_a_loopback_address():
    """A page in somebody's browser can send requests here, for a name that it has pointed here."""
    port, = free_ports(1)
    with _gateway("hosts", port):
        for host in ("127.0.0.1", f"127.0.0.1:{port}", "localhost", f"localhost:{port}", "10.1.2.3"):
            assert _get(port, "/version", f"Host: {host}") == (200, "1.8.9"), host
        assert _get(port, "/setSwitch?value=false", "Host: evil.example:8719") == (403, "Forbidden")
        assert _get(port, "/getSwitch") == (200, "Sentinel switch value: true")


def it_listens_on_loopback_unless_told():
    for address, answers in ((None, False), ("0.0.0.0", True)):
        port, = free_ports(1)
        with _gateway("address", port, **({"command_address": address} if address else {})):
            assert _get(port, "/version") == (200, "1.8.9")
            with socket.socket() as s:  # another address of this machine
                assert (s.connect_ex(("127.0.0.2", port)) == 0) == answers, address


def slow_and_many_clients_hold_up_nobody():
    port, = free_ports(1)
    with _gateway("slow", port) as g:
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(63)]
        for s in held:
            s.sendall(b"POST /setRules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\ntype=")
        assert _get(port, "/version") == (200, "1.8.9")
        begin = time.monotonic()
        held[0].settimeout(10)
        assert held[0].recv(100) == b"" and time.monotonic() - begin < 6, "a request has 3 seconds"
        more = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        time.sleep(0.2)
        for s in held + more:
            s.close()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                if _get(port, "/version")[0] == 200:
                    break
            except (OSError, IndexError):
                time.sleep(0.05)
        assert _get(port, "/version") == (200, "1.8.9") and g.proc.poll() is None


def bodies_together_have_a_limit():
    """Three requests of 50 MB that don't end: the last ones are refused, and their memory is there for others when they have gone."""
    port, = free_ports(1)
    with _gateway("bodies", port) as g:
        size, answers = 50 << 20, []

        def send():
            with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
                try:
                    s.sendall(b"POST /setRules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % size + b"a" * (size - 1))
                    answers.append(s.recv(12))
                except OSError as e:
                    answers.append(e)
        for _ in range(6):  # a machine that is too busy to send them in the 3 seconds that a request has comes to no limit
            answers.clear()
            threads = [threading.Thread(target=send) for _ in range(3)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            assert len(answers) == 3 and g.proc.poll() is None, answers
            if any(a != b"" for a in answers):
                break
        assert any(a != b"" for a in answers), answers  # refused, or reset while it sent on
        for _ in range(3):  # nothing is held on to
            for tries in range(6):
                begin = time.monotonic()
                got = _raw(port, b"POST /version HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % size + b"a" * size, wait=20)
                if got or time.monotonic() - begin < 2.5:
                    break  # else the machine was too busy to send it in the 3 seconds that a request has
            assert got.endswith(b"1.8.9"), (tries, got[:100])


def a_large_rule_set_is_set_and_shown():
    """20,000 rules, encoded twice: some 9 MB; requests go on meanwhile."""
    port, = free_ports(1)
    origin = Origin()
    try:
        with _gateway("large", port, origin.port) as g:
            rules = [{"resource": f"r{i}", "count": i, "refResource": "x" * 20} for i in range(20000)]
            form = urllib.parse.urlencode({"type": "flow", "data": urllib.parse.quote(json.dumps(rules))}).encode()
            slowest, done = [0.0], threading.Event()

            def call():
                while not done.is_set():
                    begin = time.monotonic()
                    assert g.http("GET", "/free").status == 200
                    slowest[0] = max(slowest[0], time.monotonic() - begin)
            calls = threading.Thread(target=call)
            calls.start()
            got = _raw(port, f"POST /setRules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
                             f"Content-Length: {len(form)}\r\n\r\n".encode() + form, wait=60)
            status, shown = _get(port, "/getRules?type=flow")
            done.set()
            calls.join()
            assert got.endswith(b"\r\n\r\nsuccess"), got[-300:]
            assert status == 200 and len(json.loads(shown)) == 20000
            assert slowest[0] < 2, slowest
            assert g.http("GET", "/limited").status == g.http("GET", "/limited").status == 200
    finally:
        origin.stop()


def _resources(port):
    return [rule["resource"] for rule in json.loads(_get(port, "/getRules?type=flow")[1])]


def _set(port, rules):
    return _get(port, "/setRules?" + urllib.parse.urlencode({"type": "flow", "data": urllib.parse.quote(json.dumps(rules))}))


def rules_that_are_set_hold_until_a_file_changes():
    """In place of those of all sources of their kind, and in the first file; what another writes there later holds, with the other sources."""
    port, = free_ports(1)
    first, second = (places.scratch("sentinel-operations-files") / name for name in ("first.json", "second.json"))
    first.write_text(json.dumps([{"resource": "first", "count": 1}]))
    second.write_text(json.dumps([{"resource": "second", "count": 1}]))
    with _gateway("files", port, sources=[{"inline_string": json.dumps(RULES)}, {"filename": str(first)}, {"filename": str(second)}]) as g:
        assert _resources(port) == ["GET:/limited", "first", "second"]
        assert _set(port, [{"resource": "set", "count": 2}, {"resource": "bad"}, {"resource": "", "count": 1}]) == (200, "success")
        assert _resources(port)[0] == "set" and "first" not in _resources(port)
        assert json.loads(first.read_text())[0] == {"resource": "set", "count": 2}
        time.sleep(0.5)  # what the command itself wrote is no news
        assert "second" not in _resources(port) and g.stat("sentinel.shop.rules_rejected") >= 1
        second.write_text(json.dumps([{"resource": "third", "count": 1}]))
        end = time.monotonic() + 10
        while "third" not in _resources(port) and time.monotonic() < end:
            time.sleep(0.05)
        assert set(_resources(port)) >= {"GET:/limited", "set", "third"}, _resources(port)
        first.unlink()
        first.mkdir()
        try:
            assert _set(port, []) == (200, "partial success (write data source failed)")
            assert _resources(port) == []
        finally:
            first.rmdir()


def rules_that_are_set_are_not_written_to_sentinel_golang_s_files():
    """They hold, as when a file can't be written; a file of Java's beside it takes them."""
    golang, java = (places.scratch("sentinel-operations-dialects") / name for name in ("golang.json", "java.json"))
    text = json.dumps([{"resource": "GET:/limited", "threshold": 1}])
    golang.write_text(text)
    port, = free_ports(1)
    rules = {"flow": [{"filename": str(golang)}], "dialect": "GOLANG"}
    with _gateway("golang", port, rules=rules) as g:
        shown, = json.loads(_get(port, "/getRules?type=flow")[1])
        assert shown["count"] == 1, shown
        assert _set(port, [{"resource": "set", "count": 2}]) == (200, "partial success (write data source failed)")
        assert _resources(port) == ["set"] and golang.read_text() == text
        g.wait_for_log(f"can't be written to {golang}: its dialect is GOLANG")
    java.write_text("[]")
    more = {"name": "more", "typed_config": {"@type": SENTINEL, "application": "shop", "rules": {"flow": [{"filename": str(java)}]}}}
    port, = free_ports(1)
    with _gateway("dialects", port, rules=rules, more=[more]):
        assert _set(port, [{"resource": "set", "count": 2}]) == (200, "success")
        assert json.loads(java.read_text()) == [{"resource": "set", "count": 2}] and golang.read_text() == text


def a_port_that_is_taken_is_left_alone():
    port, = free_ports(1)
    with socket.create_server(("127.0.0.1", port)) as other:
        other.settimeout(0.1)
        with _gateway("taken", port):
            end, found = time.monotonic() + 10, None
            while not found and time.monotonic() < end:
                for next_port in range(port + 1, port + 20):
                    try:
                        if _get(next_port, "/version") == (200, "1.8.9"):
                            found = next_port
                    except (OSError, IndexError, ValueError):
                        pass
            assert found, "it listens nowhere"


def the_switch_lets_everything_pass():
    port, = free_ports(1)
    origin = Origin()
    try:
        with _gateway("switch", port, origin.port) as g:
            ask = lambda: [g.http("GET", "/limited").status for _ in range(3)]
            assert in_one_second(ask) == [200, 429, 429]
            assert _get(port, "/setSwitch?value=false")[0] == 200
            assert ask() == [200] * 3
            assert _get(port, "/setSwitch?value=true")[0] == 200
            assert in_one_second(ask) == [200, 429, 429]
    finally:
        origin.stop()


def logs_that_cannot_be_written_and_dashboards_that_are_not_there():
    port, = free_ports(1)
    origin = Origin()
    try:
        with _gateway("broken", port, origin.port, log_folder="/dev/null/logs", dashboards="127.0.0.1:1,256.256.256.256:80", heartbeat_interval_ms=50) as g:
            for _ in range(4):
                assert g.http("GET", "/limited").status in (200, 429)
                time.sleep(0.5)
            assert _get(port, f"/metric?startTime={int(time.time() - 60) * 1000}")[0] == 200
            assert len(re.findall("log can't be written", g.words())) <= 3, g.words()
    finally:
        origin.stop()


def what_is_under_way_at_the_end_is_logged():
    """SIGTERM in the second of the calls: their lines are written all the same."""
    port, = free_ports(1)
    origin = Origin()
    try:
        with _gateway("end", port, origin.port) as g:
            whole_second()
            assert [g.http("GET", "/limited").status for _ in range(3)] == [200, 429, 429]
        block = (g.logs / "sentinel-block.log").read_bytes().decode()
        assert re.fullmatch(r"\S+ \S+\|1\|GET:/limited,FlowException,default,,\|2,0\r\n", block), block
        log, = g.logs.glob("shop-metrics.log.????-??-??")
        lines = [line.split("|", 2)[2] for line in log.read_text().splitlines()]
        assert lines == [line for line in lines if line.split("|")[1:3] == ["1", "2"]] and len(lines) == 2, lines
    finally:
        origin.stop()

"""A running process is replaced by another one, and what happens when that fails at any step."""
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import places
import upgrade_peer as peer
from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin
from ports import free_ports, listening
from upgrade_service import REFUSED, SOON, Service


class Load:
    """Requests all the time: some clients keep their connection as long as they may, others take a new one for each."""

    def __init__(self, port, kept=4, new=4):
        self.port, self.stops, self.answers, self.errors, self.reconnects = port, False, 0, [], 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.keep) for _ in range(kept)] + [threading.Thread(target=self.renew) for _ in range(new)]
        for t in self.threads:
            t.start()

    def note(self, error=None):
        with self.lock:
            if error is None:
                self.answers += 1
            else:
                self.errors.append(error)

    def ask(self, conn):
        """The answer, whether the connection ends with it."""
        conn.request("GET", "/size/100")
        r = conn.getresponse()
        body = r.read()
        if (r.status, len(body)) != (200, 100):
            raise ValueError(f"{r.status}, {len(body)} bytes")
        return r.will_close

    def renew(self):
        while not self.stops:
            conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON)
            try:
                self.ask(conn)
                self.note()
            except (OSError, http.client.HTTPException, ValueError) as e:
                self.note(f"new: {e!r}")
            conn.close()
            time.sleep(0.002)

    def keep(self):
        conn, used = None, 0
        while not self.stops:
            if not conn:
                conn, used = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON), 0
            try:
                closes = self.ask(conn)
                self.note()
                used += 1
                self.reconnects += closes  # asked to
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as e:
                # what clients do by themselves: an idle connection has ended just when it was used again
                closes = True
                if used:
                    with self.lock:
                        self.reconnects += 1
                else:
                    self.note(f"kept: {e!r}")
            except (OSError, http.client.HTTPException, ValueError) as e:
                closes = True
                self.note(f"kept: {e!r}")
            if closes:
                conn.close()
                conn = None
            time.sleep(0.002)
        if conn:
            conn.close()

    def stop(self):
        self.stops = True
        for t in self.threads:
            t.join()
        assert not self.errors, (len(self.errors), self.errors[:5])
        assert self.answers


def _with_origin(check):
    origin = Origin()
    try:
        check(origin)
    finally:
        origin.stop()


def _here():
    """Answers by itself."""
    return http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "here"}}}])


# --- it works ---

def a_successor_takes_over():
    """The second process with the same socket has the listeners, the admin page and the pid file; the first ends."""
    def check(origin):
        with Service("upgrade-plain", [cluster("up", origin.port)]) as s:
            first = s.proc
            assert s.state()["epoch"] == 0
            s.upgrade()
            assert s.proc is not first
            assert s.state()["epoch"] == 1 and s.stat("server.hot_restart_epoch") == 1
            assert s.http("GET", "/").status == 200
            s.upgrade("--upgrade")
            assert s.state()["epoch"] == 2
            assert s.http("GET", "/").status == 200
    _with_origin(check)


def upgrades_under_load_lose_nothing():
    """Keep-alive connections and new ones all the time, while the process is replaced again and again, with other numbers of workers."""
    def check(origin):
        with Service("upgrade-load", [cluster("up", origin.port)]) as s:
            load = Load(s.port)
            try:
                for workers in (4, 1, 3, 2, 2):
                    before = load.answers
                    s.upgrade("--concurrency", str(workers))
                    end = time.monotonic() + SOON
                    while load.answers < before + 50:
                        assert time.monotonic() < end, load.errors
                        time.sleep(0.02)
            finally:
                load.stop()
            assert not load.reconnects  # kept connections live on
    _with_origin(check)


def what_is_in_flight_is_finished_by_old():
    """A slow answer comes from the process that got the request."""
    def check(origin):
        answers = []
        with Service("upgrade-slow", [cluster("up", origin.port)]) as s:
            slow = threading.Thread(target=lambda: answers.append(s.http("GET", "/delay/1500").status))
            slow.start()
            s.wait_for("cluster.up.upstream_rq_active", 1)
            successor = s.start_another()
            s.wait_for_state(lambda state: state["epoch"] == 1)
            assert s.http("GET", "/").status == 200  # new answers while old still waits
            assert s.proc.poll() is None
            s.wait_until_replaced(successor)
            slow.join()
        assert answers == [200], answers
    _with_origin(check)


def connections_that_wait_are_not_lost():
    """Connected, but not accepted yet, when the process changes: the successor accepts them, with fewer workers too."""
    def check(origin):
        with Service("upgrade-queue", [cluster("up", origin.port)], args=["--concurrency", "4"]) as s:
            old = s.proc
            successor = s.start_another("--concurrency", "1")
            waiting = []
            while s.proc.poll() is None:  # connects without saying anything, all along
                waiting.append(socket.create_connection(("127.0.0.1", s.port), SOON))
                waiting[-1].sendall(b"GET /size/3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                time.sleep(0.001)
            s.wait_until_replaced(successor)
            for w in waiting:
                w.settimeout(SOON)
                answer = b""
                while data := w.recv(4096):
                    answer += data
                assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"xxx"), answer
                w.close()
            assert old.returncode == 0
    _with_origin(check)


def unix_listeners_and_those_without_reuse_port_are_passed():
    for name, listener in (("unix", None), ("single", {"enable_reuse_port": False})):
        folder = places.scratch(f"upgrade-{name}")
        path = folder / "l.sock"
        if not listener:
            listener = {"address": {"pipe": {"path": str(path)}}}
        with Service(f"upgrade-{name}", [], network_filter=_here(), listener=listener) as s:
            def ask():
                with socket.socket(socket.AF_UNIX if name == "unix" else socket.AF_INET) as c:
                    c.settimeout(SOON)
                    c.connect(str(path) if name == "unix" else ("127.0.0.1", s.port))
                    c.sendall(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
                    answer = b""
                    while data := c.recv(4096):
                        answer += data
                    assert answer.endswith(b"here"), answer
            ask()
            inode = path.stat().st_ino if name == "unix" else None
            for _ in range(2):
                s.upgrade()
                ask()
            assert inode is None or path.stat().st_ino == inode  # the same socket, never bound anew


def a_changed_configuration_is_served():
    """A listener more and one less: the new process has what its configuration says."""
    def check(origin):
        with Service("upgrade-changed", [cluster("up", origin.port)]) as s:
            changed = json.loads(s.config.read_text())
            listener = changed["static_resources"]["listeners"][0]
            old_port = s.port
            s.port = free_ports(1)[0]
            listener["address"]["socket_address"]["port_value"] = s.port
            s.config.write_text(json.dumps(changed))
            s.upgrade()
            assert s.http("GET", "/").status == 200
            assert not listening(old_port)
    _with_origin(check)


def counters_go_on():
    """One series: no step back, nothing twice, over upgrades and one that was taken back after GO."""
    def check(origin):
        with Service("upgrade-counters", [cluster("up", origin.port)]) as s:
            asked = 0

            def ask(n):
                nonlocal asked
                for _ in range(n):
                    assert s.http("GET", "/").status == 200
                asked += n
                s.wait_for("cluster.up.upstream_rq_total", asked)
                s.wait_for("http.ingress.downstream_rq_2xx", asked)
            ask(7)
            s.upgrade()
            ask(5)
            p = peer.dial(s.path)
            p.say(peer.HELLO, peer.hello())
            p.hear_until(peer.OFFERED)
            p.say(peer.READY)
            p.hear_until(peer.GO)
            p.close()
            s.wait_for_state(lambda state: state["refused"] == 1)
            ask(3)
            s.upgrade()
            ask(2)
            s.wait_for("listener_manager.total_listeners_active", 1)
            s.wait_for("http.ingress.downstream_cx_active", 0)
    _with_origin(check)


def a_rate_limit_holds_over_an_upgrade():
    """The bucket is one for the service: what was taken before isn't there after."""
    limit = {"name": "limit", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "limit",
        "token_bucket": {"max_tokens": 5, "tokens_per_fill": 5, "fill_interval": "3600s"},
        "filter_enabled": {"default_value": {"numerator": 100}}, "filter_enforced": {"default_value": {"numerator": 100}}}}
    router = {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
    answers = {"match": {"prefix": "/"}, "direct_response": {"status": 200}}
    with Service("upgrade-limit", [], network_filter=http_manager([answers], http_filters=[limit, router])) as s:
        assert [s.http("GET", "/").status for _ in range(3)] == [200] * 3
        s.upgrade()
        assert [s.http("GET", "/").status for _ in range(4)] == [200, 200, 429, 429]


def an_operators_word_outlives_the_process():
    """/healthcheck/fail holds until it is taken back."""
    def check(origin):
        with Service("upgrade-failing", [cluster("up", origin.port)]) as s:
            s.post("/healthcheck/fail")
            s.upgrade()
            assert s.http("GET", "/").headers.get("connection") == "close"
            s.post("/healthcheck/ok")
            assert "connection" not in s.http("GET", "/").headers
    _with_origin(check)


def counts_and_limits_outlive_the_process():
    """Counters and histograms go on where they stood, a bucket is as empty and a value as used up as it was: through three processes."""
    always = {"default_value": {"numerator": 100}}
    limit = {"name": "limit", "typed_config": {"@type": TYPE + "http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "l", "filter_enabled": always,
                                               "filter_enforced": always, "token_bucket": {"max_tokens": 6, "fill_interval": "3600s"}}}
    once = json.dumps([{"resource": "GET:/a", "paramIdx": 0, "count": 1, "durationInSec": 600}])
    sentinel = {"name": "sentinel", "typed_config": {"@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "application": "shop",
                                                     "rules": {"param_flow": [{"inline_string": once}]}, "parameters": [{"query": "who"}]}}
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}

    def check(origin):
        with Service("upgrade-state", [cluster("up", origin.port)], network_filter=http_manager(http_filters=[limit, sentinel, router])) as s:
            def ask(who):
                return s.http("GET", f"/a?who={who}").status

            def counts():
                return [s.stat(name) for name in ("http.ingress.downstream_rq_total", "http.ingress.downstream_rq_2xx", "cluster.up.upstream_rq_total",
                                                  "cluster.up.upstream_rq_200", "sentinel.shop.pass", "sentinel.shop.block_param_flow")]
            assert [ask("a"), ask("a")] == [200, 429]
            for n, workers in enumerate((4, 1)):
                before = counts()
                assert before == [2 + 2 * n, 1 + n, 1 + n, 1 + n, 1 + n, 1 + n], before
                s.upgrade("--concurrency", str(workers))
                assert counts() == before
                assert [ask("a"), ask(f"b{n}")] == [429, 200]
            assert [ask("z"), ask("z")] == [429, 429]
            assert s.stat("l.http_local_rate_limit.rate_limited") == 2, "the bucket had 6"
            assert s.stat("http.ingress.downstream_rq_active") == 0
            assert re.search(r"^cluster.up.upstream_rq_time: P0\(", s.get("/stats"), re.M)
    _with_origin(check)


def signals_and_the_admin_page_start_successors():
    """SIGUSR2, POST /upgrade: with the arguments, path and directory of the start."""
    def check(origin):
        with Service("upgrade-called", [cluster("up", origin.port)]) as s:
            for epoch, call in ((1, lambda: os.kill(int(s.pid_file.read_text()), signal.SIGUSR2)), (2, lambda: s.post("/upgrade"))):
                old = int(s.pid_file.read_text())
                call()
                s.wait_for_state(lambda state: state["epoch"] == epoch and not state["predecessor_is_there"])
                new = int(s.pid_file.read_text())
                assert new != old
                assert s.http("GET", "/").status == 200
            assert s.proc.wait(SOON) == 0
            s.ended = True
            os.kill(new, signal.SIGTERM)
            end = time.monotonic() + SOON
            while listening(s.port):
                assert time.monotonic() < end
                time.sleep(0.02)
    _with_origin(check)


# --- it fails, and nothing has happened ---

def a_bad_configuration_changes_nothing():
    def check(origin):
        with Service("upgrade-bad", [cluster("up", origin.port)]) as s:
            bad = s.folder / "bad.json"
            changed = json.loads(s.config.read_text())
            changed["static_resources"]["listeners"][0]["nonsense"] = 1
            bad.write_text(json.dumps(changed))
            load = Load(s.port, 2, 2)
            try:
                assert s.start_another(config=bad).wait(SOON) == 1
                state = s.wait_for_state(lambda state: state["refused"] == 1)
            finally:
                load.stop()
            assert "nonsense" in state["last_refusal"], state
            assert "nonsense" in s.log_text()
            s.still_serves()
            s.upgrade()  # with a good one it goes
            s.still_serves()
    _with_origin(check)


def an_address_that_is_taken_changes_nothing():
    def check(origin):
        with Service("upgrade-taken", [cluster("up", origin.port)]) as s, socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            changed = json.loads(s.config.read_text())
            changed["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] = other.getsockname()[1]
            bad = s.folder / "bad.json"
            bad.write_text(json.dumps(changed))
            assert s.start_another(config=bad).wait(SOON) == 1
            assert "cannot bind" in s.wait_for_state(lambda state: state["refused"] == 1)["last_refusal"]
            s.still_serves()
    _with_origin(check)


def a_wrong_program_changes_nothing():
    """What stands at the path by then isn't outrigger, or isn't there."""
    def check(origin):
        real = places.outrigger
        program = places.scratch("upgrade-wrong") / "program"
        shutil.copy(real(), program)
        places.outrigger = lambda *builds: str(program)
        try:
            with Service("upgrade-wrong", [cluster("up", origin.port)]) as s:
                program.unlink()
                for refused, (content, reason) in enumerate(((b"#!/bin/sh\nexit 7\n", "code 7"), (b"nonsense", "cannot start"), (None, "cannot start")), 1):
                    program.unlink(missing_ok=True)
                    if content is not None:
                        program.write_bytes(content)
                        program.chmod(0o755)
                    os.kill(s.proc.pid, signal.SIGUSR2)
                    assert reason in s.wait_for_state(lambda state: state["refused"] == refused)["last_refusal"]
                    s.still_serves()
        finally:
            places.outrigger = real
            program.unlink(missing_ok=True)
    _with_origin(check)


def a_successor_that_dies_is_forgotten():
    """kill -9 at any moment of it: before READY, after, before LIVE; one of the two serves, and nothing is lost by it."""
    def check(origin):
        with Service("upgrade-killed", [cluster("up", origin.port)]) as s:
            load = Load(s.port, 0, 3)
            chance = random.Random(7)
            try:
                for _ in range(12):
                    another = s.start_another()
                    try:
                        another.wait(chance.random() * 0.25)
                    except subprocess.TimeoutExpired:
                        pass
                    if another.poll() is None:
                        _hold(another)  # so that it is where it is seen to be
                    if s.pid_file.read_text().strip() == str(another.pid):
                        another.send_signal(signal.SIGCONT)  # it was too fast for us
                        while s.proc.poll() is None and another.poll() is None:
                            time.sleep(0.01)
                        if s.proc.poll() is not None:
                            s.wait_until_replaced(another)
                            continue
                    another.kill()
                    another.wait()
                    s.wait_for_state(lambda state: state["state"] == "SERVING")
                    assert s.proc.poll() is None, s.words()
            finally:
                errors = _stop_quietly(load)
            # a connection that new had accepted when it was killed ends with it
            assert all("RemoteDisconnected" in e or "ConnectionReset" in e for e in errors) and len(errors) <= 12, errors[:5]
            s.still_serves()
    _with_origin(check)


def _hold(process):
    """Stopped, and seen to be."""
    process.send_signal(signal.SIGSTOP)
    end = time.monotonic() + SOON
    while process.poll() is None and Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < end
        time.sleep(0.001)


def _stop_quietly(load):
    load.stops = True
    for t in load.threads:
        t.join()
    return load.errors


def each_step_can_be_the_last():
    """A successor that ends, speaks out of turn or falls silent at each of the steps: old goes on as it was, with the reason."""
    def check(origin):
        with Service("upgrade-steps", [cluster("up", origin.port)]) as s:
            def met(p):
                p.say(peer.HELLO, peer.hello())

            def offered(p):
                met(p)
                p.hear_until(peer.OFFERED)

            def parked(p):
                offered(p)
                p.say(peer.READY)
                p.hear_until(peer.GO)

            refused = 0
            for reach in (lambda p: None, met, offered, parked):
                for last_word in (lambda p: None, lambda p: p.raw(b"garbage"), lambda p: p.say(peer.YIELD),
                                  lambda p: p.say(peer.REFUSAL, peer.field(1, "no reason"))):
                    p = peer.dial(s.path)
                    reach(p)
                    last_word(p)
                    p.close()
                    refused += 1
                    s.wait_for_state(lambda state: state["refused"] == refused and state["state"] == "SERVING")
                    s.still_serves()
            assert "no reason" in s.state()["last_refusal"]
            s.upgrade()
            s.still_serves()
    _with_origin(check)


def a_silent_successor_is_given_up():
    """After GO the workers stand still for a second at most."""
    def check(origin):
        with Service("upgrade-silent", [cluster("up", origin.port)]) as s:
            p = peer.dial(s.path)
            p.say(peer.HELLO, peer.hello())
            heard = p.hear_until(peer.OFFERED)
            assert [kind for kind, _ in heard][:2] == [peer.WELCOME, peer.LISTENERS], heard
            assert len(p.fds) == 3  # two workers' and the admin page's
            p.say(peer.READY)
            p.hear_until(peer.GO)
            began = time.monotonic()
            assert s.http("GET", "/").status == 200
            assert time.monotonic() - began < 10
            kind, payload = p.hear()
            assert kind == peer.REFUSAL and "said nothing" in peer.refusal_reason(payload), payload
            assert p.hear() == (0, b"")
            p.close()
            s.still_serves()
    _with_origin(check)


def what_is_no_successor_is_refused():
    """Another protocol, too many descriptors, pieces of messages."""
    def check(origin):
        with Service("upgrade-strange", [cluster("up", origin.port)]) as s:
            for protocol, oldest in ((9, 2), (0, 0)):
                p = peer.dial(s.path)
                p.say(peer.HELLO, peer.hello(protocol, oldest))
                kind, payload = p.hear()
                assert kind == peer.REFUSAL and "protocols" in peer.refusal_reason(payload), payload
                p.close()
            many = [os.open("/dev/null", os.O_RDONLY) for _ in range(253)]
            for data, fds in ((peer.record(peer.HELLO, peer.hello(), fds=253), many), (peer.record(peer.HELLO, peer.hello(), fds=5), many[:5]),
                              (peer.record(peer.HELLO, peer.hello(), fds=1), []), (peer.record(peer.HELLO, b"x", length=1 << 30), []),
                              (peer.record(peer.HELLO, b"\xff\xff"), []), (b"\0", [])):
                p = peer.dial(s.path)
                p.raw(data, fds)
                while p.hear()[0]:
                    pass
                p.close()
            for fd in many:
                os.close(fd)
            assert s.state()["refused"] == 8
            s.still_serves()
            fds = len(os.listdir(f"/proc/{s.proc.pid}/fd"))
            assert fds < 100, fds
    _with_origin(check)


def there_is_one_upgrade_at_a_time():
    def check(origin):
        with Service("upgrade-twice", [cluster("up", origin.port)]) as s:
            p = peer.dial(s.path)
            p.say(peer.HELLO, peer.hello())
            p.hear_until(peer.OFFERED)
            second = peer.dial(s.path)
            kind, payload = second.hear()
            assert kind == peer.REFUSAL and "another upgrade" in peer.refusal_reason(payload)
            second.close()
            assert s.start_another().wait(SOON) == REFUSED
            os.kill(s.proc.pid, signal.SIGUSR2)
            assert "under way" in _post_for_refusal(s)
            p.close()
            s.still_serves()
    _with_origin(check)


def _post_for_refusal(s, path="/upgrade"):
    conn = http.client.HTTPConnection("127.0.0.1", s.admin, timeout=SOON)
    conn.request("POST", path)
    answer = conn.getresponse()
    text = answer.read().decode()
    conn.close()
    assert answer.status == 409, (answer.status, text)
    return text


def one_whose_listeners_were_stopped_has_no_successor():
    """/drain_listeners: their sockets are shut down, in whatever process they are."""
    with Service("upgrade-stopped", [], network_filter=_here()) as s:
        s.post("/drain_listeners")
        assert "listeners were stopped" in _post_for_refusal(s)
        assert s.start_another().wait(SOON) == REFUSED
        assert "listeners were stopped" in s.wait_for_state(lambda state: state["refused"] == 1)["last_refusal"]
    with Service("upgrade-to-stop", [], network_filter=_here()) as s:
        s.post("/drain_listeners?graceful&skip_exit")  # they go on accepting
        s.upgrade()
        s.post("/drain_listeners?graceful")
        assert "about to be" in _post_for_refusal(s)


def listeners_are_not_stopped_amid_an_upgrade():
    """Their sockets are the successor's by then: who wants them stopped asks again."""
    with Service("upgrade-not-stopped", [], network_filter=_here()) as s:
        p = peer.dial(s.path)
        p.say(peer.HELLO, peer.hello())
        p.hear_until(peer.OFFERED)
        for how in ("", "?graceful", "?inboundonly"):
            assert "an upgrade is under way" in _post_for_refusal(s, "/drain_listeners" + how)
        s.post("/drain_listeners?skip_exit")
        p.close()
        s.still_serves()
        s.post("/drain_listeners")
        s.wait_for("listener_manager.listener_stopped", 1)


def one_that_ends_amid_an_upgrade_says_so():
    """SIGTERM while its workers stand still: it drains, and its admin page answers all the while."""
    def check(origin):
        with Service("upgrade-ending", [cluster("up", origin.port)]) as s:
            busy = http.client.HTTPConnection("127.0.0.1", s.port, timeout=SOON)
            busy.request("GET", "/delay/3000")
            s.wait_for("cluster.up.upstream_rq_active", 1)
            p = peer.dial(s.path)
            p.say(peer.HELLO, peer.hello())
            p.hear_until(peer.OFFERED)
            p.say(peer.READY)
            p.hear_until(peer.GO)
            s.ended = True
            s.proc.send_signal(signal.SIGTERM)
            assert p.hear()[0] == peer.REFUSAL
            p.close()
            end = time.monotonic() + SOON
            while s.get("/ready", ok=False).strip() != "DRAINING":
                assert time.monotonic() < end
                time.sleep(0.02)
            assert "is ending" in _post_for_refusal(s)
            p = peer.dial(s.path)
            kind, payload = p.hear()
            assert kind == peer.REFUSAL and "is ending" in peer.refusal_reason(payload), payload
            p.close()
            assert int(s.pid_file.read_text()) == s.proc.pid
            assert busy.getresponse().status == 200
            busy.close()
            assert s.proc.wait(SOON) == 0
    _with_origin(check)


def without_the_flag_nothing_happens():
    def check(origin):
        with Gateway("upgrade-off", http_manager(), [cluster("up", origin.port)]) as g:
            os.kill(g.proc.pid, signal.SIGUSR2)
            assert json.loads(g.get("/upgrade"))["is_possible"] is False
            assert g.http("GET", "/").status == 200
            g.wait_for_log("--upgrade-socket")
    _with_origin(check)


def nobody_to_take_over_from():
    """--upgrade wants somebody; without it a process is the first. Then it may be the second."""
    with Service("upgrade-nobody", [], network_filter=_here()) as s:
        other = s.folder / "elsewhere"
        p = subprocess.run([places.outrigger(), "-c", s.config, "--upgrade-socket", other, "--upgrade"], capture_output=True, timeout=60)
        assert p.returncode == REFUSED and b"no process serves" in p.stderr, p
        p = subprocess.run([places.outrigger(), "-c", s.config, "--upgrade-socket", "relative"], capture_output=True, timeout=60)
        assert p.returncode == REFUSED and b"absolute" in p.stderr, p
        p = subprocess.run([places.outrigger(), "-c", s.config, "--upgrade"], capture_output=True, timeout=60)
        assert p.returncode == 1 and b"--upgrade-socket" in p.stderr, p


# --- the other side fails ---

def predecessors_that_die():
    """Before READY was answered, after GO, after LIVE: the successor is complete without it."""
    for name, says in (("offered", []), ("ready", []), ("go", [peer.GO]), ("yield", [peer.GO, peer.YIELD])):
        s = Service(f"upgrade-orphan-{name}", [], network_filter=_here())
        old = peer.Predecessor(s.path)
        helper = threading.Thread(target=lambda: _play(old, name, says))
        helper.start()
        with s:
            helper.join()
            s.wait_for_state(lambda state: state["state"] == "SERVING" and not state["predecessor_is_there"])
            s.still_serves()
            s.upgrade()
            s.still_serves()


def _play(old, name, says):
    p = old.accept()
    old.offer(p)
    if name != "offered":
        assert p.hear()[0] == peer.READY
    for kind in says:
        if kind == peer.YIELD:
            assert p.hear()[0] == peer.LIVE
            old.drop()
        p.say(kind)
    p.close()
    old.close()


def a_predecessor_that_takes_back():
    """It refuses, or just goes on: the successor ends with an error, having touched nothing."""
    for name in ("refuses", "goes on", "passes garbage"):
        s = Service("upgrade-back", [], network_filter=_here())
        s.log = open(s.folder / "log", "w+")
        old = peer.Predecessor(s.path)
        successor = s.start_another()
        p = old.accept()
        if name == "refuses":
            p.say(peer.REFUSAL, peer.field(1, "not today"))
        elif name == "goes on":
            old.offer(p)
            assert p.hear()[0] == peer.READY
            p.close()
        else:
            p.say(peer.WELCOME, b"\xff")
        assert successor.wait(SOON) == REFUSED, s.words()
        assert not s.pid_file.exists()
        if name == "refuses":
            assert re.search("the process before says: not today", s.log_text()), s.log_text()
        p.close()
        old.close()
        s.log.close()

#!/usr/bin/env python3
"""The program while system calls fail: the 1st, 2nd, … nth receive, send, splice, accept, socket or connect of a scenario. See README.md.

  ./run.py              every scenario
  ./run.py http tcp     some
"""
import ctypes
import errno
import mmap
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import dubbo  # noqa: E402
import places  # noqa: E402
from gateway import TYPE, Gateway, cluster, dubbo_manager, http_manager  # noqa: E402
from origin import Origin  # noqa: E402

CALLS = ("none", "recv", "send", "accept", "socket", "connect", "splice")  # as in faults.c
SHORT = -1
FAULTS = {
    "recv": (errno.ECONNRESET, errno.ETIMEDOUT, errno.EINTR, errno.EAGAIN, errno.ENOBUFS, SHORT),
    "send": (errno.EPIPE, errno.ECONNRESET, errno.EINTR, errno.EAGAIN, errno.ENOBUFS, SHORT),
    "accept": (errno.EMFILE, errno.ECONNABORTED, errno.EINTR, errno.EPERM),
    "socket": (errno.EMFILE, errno.ENOBUFS),
    "connect": (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAGAIN),
    "splice": (errno.ECONNRESET, errno.EINTR, errno.EAGAIN, SHORT),
}
PATIENCE = 20  # seconds without a word after which an exchange hangs
NTH = 12  # further calls of a scenario repeat what the first did
SETTLE = ("http.ingress.downstream_cx_active", "http.ingress.downstream_rq_active", "cluster.up.upstream_rq_active", "cluster.up.upstream_rq_pending_active")


class Plan(ctypes.Structure):
    """struct plan of faults.c, in shared memory."""
    _fields_ = [(n, ctypes.c_int) for n in ("armed", "call", "nth", "error", "fired")] + [("counts", ctypes.c_int * len(CALLS))]

    @classmethod
    def at(cls, path):
        path.write_bytes(bytes(ctypes.sizeof(cls)))
        with open(path, "r+b") as f:
            return cls.from_buffer(mmap.mmap(f.fileno(), ctypes.sizeof(cls)))

    def arm(self, call="none", nth=0, error=0):
        self.armed = self.fired = 0
        self.call, self.nth, self.error = CALLS.index(call), nth, error
        self.counts[:] = [0] * len(CALLS)
        self.armed = 1


class Silent(Exception):
    """An exchange neither was answered nor ended."""


def say(port, *messages, enough):
    """Sends them on one connection and reads until `enough(bytes)` or the end of the connection, whatever comes. Returns what came."""
    got = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as s:
            for m in messages:
                s.sendall(m)
            while not enough(got) and (data := s.recv(65536)):
                got += data
    except socket.timeout:
        raise Silent(f"nothing after {got[-200:]}")
    except OSError:
        pass  # a reset is an end, too
    return got


def http_exchange(port):
    """Three requests on one connection, one with a body that needs several writes. True when all was answered well."""
    last = b"GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    got = say(port, b"GET /first HTTP/1.1\r\nhost: a\r\n\r\n",
              b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n" + bytes(200_000), last, enough=lambda b: False)
    return got.count(b"HTTP/1.1 200") == 3 and b'"length": 200000' in got and b"/last" in got


def large_answer_exchange(port):
    got = say(port, b"GET /size/300000 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", enough=lambda b: False)
    return got.startswith(b"HTTP/1.1 200") and got.endswith(b"x" * 1000) and len(got) > 300_000


def tcp_exchange(port):
    return say(port, b"x" * 100_000, enough=lambda b: len(b) == 100_000) == b"x" * 100_000


def answers(got):
    """The statuses of the whole Dubbo frames in the bytes."""
    statuses = []
    while len(got) >= 16 and len(got) >= (whole := 16 + int.from_bytes(got[12:16], "big")):
        statuses.append(got[3])
        got = got[whole:]
    return statuses


def dubbo_exchange(port):
    """Two calls at once on one connection, a third when they are answered. An answer may be an error."""
    def calls(*ids):
        data = b"".join(dubbo.call(i, interface="demo.Fault", method="echo", args=("a" * 20_000,)) for i in ids)
        return answers(say(port, data, enough=lambda b: len(answers(b)) == len(ids)))
    return calls(1, 2) == [20, 20] and calls(3) == [20]


class Server:
    """Threads, one for each connection, that run `serve(socket)` until it ends."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.serve = serve
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        with s:
            try:
                self.serve(s)
            except OSError:
                pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def echo(s):
    while data := s.recv(65536):
        s.sendall(data)


def provide(s):
    """Answers each Dubbo call with a short text, heartbeats with heartbeats."""
    with s.makefile("rb") as f:
        while len(head := f.read(16)) == 16:
            request_id, length = head[4:12], int.from_bytes(head[12:], "big")
            f.read(length)
            if head[2] & dubbo.TWOWAY:
                body = b"N" if head[2] & dubbo.EVENT else dubbo.value(4) + dubbo.value("done")
                s.sendall(dubbo.response(int.from_bytes(request_id, "big"), body, event=bool(head[2] & dubbo.EVENT)))


def tcp_proxy():
    return {"name": "tcp", "typed_config": {"@type": TYPE + "network.tcp_proxy.v3.TcpProxy", "stat_prefix": "ingress", "cluster": "up"}}


SCENARIOS = {
    "http": (Origin, http_manager, http_exchange),
    "large_answer": (Origin, http_manager, large_answer_exchange),
    "tcp": (lambda: Server(echo), tcp_proxy, tcp_exchange),
    "dubbo": (lambda: Server(provide), lambda: dubbo_manager("demo.Fault", {".*": "up"}), dubbo_exchange),
}


def build_preload():
    library = places.scratch("fault") / "faults.so"
    subprocess.run([places.program("gcc"), "-O1", "-Wall", "-shared", "-fPIC", "-o", library, HERE / "faults.c", "-ldl"], check=True)
    return library


def settled(g, seconds=30):
    """Nothing in flight is counted any more."""
    end = time.monotonic() + seconds
    while any(left := {s: g.stat(s) for s in SETTLE if g.stat(s)}):
        if time.monotonic() > end:
            raise AssertionError(f"still counted as active: {left}")
        time.sleep(0.05)


def faults_of(plan, exchange, port):
    """All the faults for the calls of one clean exchange."""
    for _ in range(2):  # the second begins as all that follow: with what the first left pooled
        plan.arm()
        if not exchange(port):
            raise AssertionError("a clean exchange fails")
    plan.armed = 0
    counted = dict(zip(CALLS, plan.counts))
    if not counted["recv"] or not counted["send"] and not counted["splice"]:
        raise AssertionError(f"the calls aren't seen by faults.c: {counted}")
    for call, errors in FAULTS.items():
        for nth in range(1, min(max(counted[call], 1), NTH) + 1):
            for error in errors:
                yield call, nth, error


def inject(g, plan, exchange, call, nth, error):
    """One exchange with one fault, then a clean one. Returns whether the fault happened. AssertionError, Silent: what was wrong."""
    plan.arm(call, nth, error)
    good = exchange(g.port)
    fired = bool(plan.fired)
    plan.armed = 0
    if g.proc.poll() is not None:
        raise AssertionError(f"the program ended: {g.proc.returncode}")
    if not good and not fired:
        raise AssertionError("an exchange failed without a fault")
    if not good and error in (errno.EINTR, errno.EAGAIN, SHORT) and call in ("recv", "send", "splice"):
        raise AssertionError("an exchange failed for a call that may be made again")
    if not exchange(g.port):
        raise AssertionError("the exchange after it fails")
    return fired


def run(name, library):
    make_origin, manager, exchange = SCENARIOS[name]
    origin = make_origin()
    path = places.scratch("fault") / f"{name}.plan"
    plan = Plan.at(path)
    environment = {"LD_PRELOAD": str(library), "FAULTS": str(path), "ASAN_OPTIONS": "detect_leaks=1:verify_asan_link_order=0"}
    passed = failed = fired = 0
    try:
        with Gateway(f"fault-{name}", manager(), [cluster("up", origin.port)], environment=environment) as g:
            for call, nth, error in list(faults_of(plan, exchange, g.port)):
                try:
                    fired += inject(g, plan, exchange, call, nth, error)
                    passed += 1
                except (AssertionError, Silent) as e:
                    failed += 1
                    print(f"FAIL {name}: {call} {nth} {'short' if error == SHORT else errno.errorcode[error]}: {e}", flush=True)
                    if g.proc.poll() is not None:
                        break
            settled(g)
    except (AssertionError, RuntimeError) as e:
        failed += 1
        print(f"FAIL {name}: {e}", flush=True)
    finally:
        origin.stop()
    if fired < 10:
        failed += 1
        print(f"FAIL {name}: only {fired} faults happened")
    print(f"{name}: {passed} survived of {passed + failed}, {fired} of the faults happened", flush=True)
    return passed, failed


def main():
    try:
        library = build_preload()
        totals = [run(name, library) for name in sys.argv[1:] or SCENARIOS]
    except places.Missing as e:
        print(e)
        return places.summary(0, 1)
    return places.summary(sum(p for p, _ in totals), sum(f for _, f in totals))


if __name__ == "__main__":
    sys.exit(main())

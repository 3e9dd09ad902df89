"""Binary upgrade without loss: Envoy hot restart, HAProxy -sf with -x, nginx USR2 + QUIT, outrigger USR2, under load."""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import harness as H
from adapters import ADAPTERS
from scale import read_samples

CODES = ("ok", "connect", "reset", "partial", "status", "timeout")


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(what, secs):
    t0 = time.monotonic()
    while time.monotonic() < t0 + secs:
        if what():
            return time.monotonic() - t0
        time.sleep(0.01)
    return None


class Restarter:
    """start() once, then upgrade() again and again: (seconds until the new one serves, until the old one is gone)."""

    def __init__(self, name, upstream, cpus):
        self.listen, self.admin, self.cpu = H.port(), H.port(), cpus
        self.dir = H.WORK / "run" / f"restart-{name}-{self.listen}"
        self.dir.mkdir(parents=True, exist_ok=True)
        self.v = {"LISTEN": self.listen, "UP": upstream, "ADMIN": self.admin, "DIR": self.dir, "CONF": self.dir / "proxy.yaml",
                  **H.binaries(name), "BIN": H.BIN}
        self.conf = H.fill(ADAPTERS[name]["conf"]["h1"], self.v)
        (self.dir / "proxy.yaml").write_text(self.conf)
        self.log = open(self.dir / "log", "ab")
        self.procs = []

    def spawn(self, cmd):
        p = subprocess.Popen(H.pinned([H.fill(str(c), self.v) for c in cmd], self.cpu), stdin=subprocess.DEVNULL,
                             stdout=self.log, stderr=self.log)
        self.procs.append(p)
        return p

    def stop(self):
        for p in self.procs:
            for pid in H.tree(p.pid) if p.poll() is None else []:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            p.wait()


class EnvoyRestarter(Restarter):
    interval = 5

    def start(self):
        self.epoch, self.base = 0, self.listen
        self.old = self.run()

    def run(self):
        return self.spawn(["@ENVOY@", "-c", "@CONF@", "--concurrency", "1", "-l", "error", "--base-id", self.base, "--restart-epoch",
                           self.epoch, "--drain-time-s", "2", "--parent-shutdown-time-s", "3"])

    def live(self):
        try:
            info = json.load(urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/server_info", timeout=1))
            return info["command_line_options"]["restart_epoch"] == self.epoch and info["state"] == "LIVE"
        except OSError:
            return False

    def upgrade(self):
        self.epoch += 1
        old, self.old = self.old, self.run()
        serving = wait_for(self.live, 10)
        return serving, old

    @staticmethod
    def gone(old):
        return old.poll() is not None


class HaproxyRestarter(Restarter):
    interval = 3

    def start(self):
        self.old = self.spawn(["haproxy", "-f", "@CONF@"])

    def upgrade(self):
        old = self.old
        t0 = time.monotonic()
        self.old = self.spawn(["haproxy", "-f", "@CONF@", "-x", "@DIR@/stats.sock", "-sf", old.pid])
        wait_for(lambda: self.generation() == self.old.pid, 5)
        return time.monotonic() - t0, old

    def generation(self):
        import socket
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(1)
                s.connect(str(self.dir / "stats.sock"))
                s.sendall(b"show info\n")
                text = b""
                while chunk := s.recv(65536):
                    text += chunk
            return int(text.split(b"\nPid: ")[1].split()[0])
        except (OSError, IndexError):
            return 0

    gone = staticmethod(EnvoyRestarter.gone)


class NginxRestarter(Restarter):
    interval = 3

    def start(self):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: the new master outlives its parent
        # a daemon: nginx ignores USR2 while the parent it was started by lives
        self.spawn([shutil.which("nginx"), "-p", "@DIR@", "-c", "@CONF@"]).wait()
        wait_for(lambda: (self.dir / "nginx.pid").exists(), 5)
        time.sleep(0.3)

    def pid(self):
        try:
            return int((self.dir / "nginx.pid").read_text())
        except (OSError, ValueError):
            return 0

    def upgrade(self):
        old = self.pid()
        if not old:
            raise RuntimeError("no nginx.pid: the last upgrade failed, see " + str(self.dir / "error.log"))
        t0 = time.monotonic()
        os.kill(old, signal.SIGUSR2)
        wait_for(lambda: self.pid() not in (0, old) and len(H.tree(self.pid())) > 1, 5)
        serving = time.monotonic() - t0
        os.kill(old, signal.SIGQUIT)
        return serving, old

    @staticmethod
    def gone(old):
        try:
            os.waitpid(old, os.WNOHANG)
        except ChildProcessError:
            pass
        return not alive(old)

    def stop(self):
        for pid in H.tree(self.pid()) if self.pid() else []:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        Restarter.stop(self)


class OutriggerRestarter(Restarter):
    """SIGUSR2; the successor writes the pid file when it serves."""
    interval = 3

    def start(self):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: the successor outlives its parent
        self.spawn(["@OUTRIGGER@", "-c", "@CONF@", "--concurrency", "1", "--log-level", "error", "--pid-file", "@DIR@/pid", "--upgrade-socket", "@DIR@/upgrade"])
        wait_for(self.pid, 10)

    def pid(self):
        try:
            return int((self.dir / "pid").read_text())
        except (OSError, ValueError):
            return 0

    def upgrade(self):
        old = self.pid()
        t0 = time.monotonic()
        os.kill(old, signal.SIGUSR2)
        wait_for(lambda: self.pid() not in (0, old), 10)
        return time.monotonic() - t0, old

    gone = staticmethod(NginxRestarter.gone)
    stop = NginxRestarter.stop


def quantiles(lat):
    lat = sorted(lat)
    if not lat:
        return None
    return {"n": len(lat), "p50_us": lat[len(lat) // 2], "p99_us": lat[int(len(lat) * .99)], "p999_us": lat[int(len(lat) * .999)], "max_us": lat[-1]}


def exp_restart(args):
    times = 10
    out = {}
    o_port = H.port()
    o = H.Process([H.BIN / "origin", o_port, 1000], H.LOAD_CPU, o_port)
    kinds = {"envoy": EnvoyRestarter, "haproxy": HaproxyRestarter, "nginx": NginxRestarter, "outrigger": OutriggerRestarter}
    for name in args.proxies or kinds:
        r = kinds[name](name, o.port, None if args.unpinned else H.PROXY_CPU)
        r.start()
        time.sleep(2)
        secs = (times + 1) * r.interval
        loads = {"keep-alive 2000/s": ["-r", 2000, "-c", 32], "connection each 500/s": ["-r", 500, "-c", 128, "-x"]}
        running = {k: subprocess.Popen(H.pinned([H.BIN / "httpgen", "-p", r.listen, "-d", secs, "-o", r.dir / f"s{i}", *a], None if args.unpinned else H.LOAD_CPU),
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                   for i, (k, a) in enumerate(loads.items())}
        t0, begun, serving, gone = time.monotonic(), [], [], []
        for k in range(times):
            time.sleep(max(0, t0 + (k + 1) * r.interval - 1 - time.monotonic()))
            begun.append(time.monotonic_ns())
            s, old = r.upgrade()
            serving.append(s)
            left = wait_for(lambda: r.gone(old), r.interval + 5)
            gone.append(None if left is None else left + (s or 0))
        row = {"restarts": times, "serving_s": H.spread([{"v": s} for s in serving], ["v"]).get("v"),
               "old_gone_s": H.spread([{"v": s} for s in gone], ["v"]).get("v"), "not_gone": sum(g is None for g in gone), "loads": {}}
        for i, (k, p) in enumerate(running.items()):
            text, err = p.communicate()
            start, samples = read_samples(r.dir / f"s{i}")
            near, far = [], []
            fails = {}
            for due, lat, code in samples:
                t = start + due * 1000
                if code:
                    fails[CODES[code]] = fails.get(CODES[code], 0) + 1
                elif any(b <= t < b + 1_500_000_000 for b in begun):
                    near.append(lat)
                else:
                    far.append(lat)
            row["loads"][k] = {"requests": len(samples), "failed": fails, "within 1.5 s of a restart": quantiles(near),
                               "elsewhere": quantiles(far), "tool": text.strip()}
        r.stop()
        out[name] = row
        print(name, json.dumps(row), flush=True)
    o.stop()
    return out

"""Starting and measuring processes. Nothing here knows a proxy by name."""
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

from adapters import ADAPTERS

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import places  # noqa: E402

WORK = Path(os.environ.get("BENCH_WORK", places.ROOT / "build" / "bench"))
RESULTS = Path(os.environ.get("BENCH_RESULTS", WORK / "results"))
STREAM_MODULE = os.environ.get("NGINX_STREAM_MODULE", "/usr/lib/nginx/modules/ngx_stream_module.so")
BIN = WORK / "bin"
REALTIME = os.environ.get("BENCH_REALTIME", "")  # their SCHED_FIFO priority instead
NICE = os.environ.get("BENCH_NICE", "0")  # of the proxies, origins and load tools; and of their autogroup
LOAD_CPU, PROXY_CPU = "0", "1"
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_next_port = int(os.environ.get("BENCH_PORT", "21100"))
_running = []


def setup():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if NICE != "0":
        try:  # with sched_autogroup, nice counts only inside a session: a session of our own, and its nice
            if os.getsid(0) != os.getpid():
                os.setsid()
            Path("/proc/self/autogroup").write_text(NICE)
        except OSError as e:
            print(f"autogroup: {e}")
    for lim in (resource.RLIMIT_NOFILE,):
        try:
            resource.setrlimit(lim, (200000, 200000))
        except (ValueError, PermissionError):
            pass
    WORK.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    subprocess.run(["make", "-s", f"OUT={BIN}"], cwd=HERE / "tools", check=True)
    if not (WORK / "pair.pem").exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", WORK / "key.pem", "-out", WORK / "cert.pem", "-days", "30", "-subj",
                        "/CN=bench.local", "-addext", "subjectAltName=DNS:bench.local"], check=True,
                       stderr=subprocess.DEVNULL)
        (WORK / "pair.pem").write_text((WORK / "cert.pem").read_text() + (WORK / "key.pem").read_text())
    (WORK / "client-ssl.cnf").write_text(
        "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nCiphersuites = TLS_AES_128_GCM_SHA256\n")


def port():
    global _next_port
    while True:
        _next_port += 1
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", _next_port))
                return _next_port
            except OSError:
                continue


def pinned(cmd, cpu):
    nice = ["chrt", "-f", REALTIME] if REALTIME else ["nice", "-n", NICE] if NICE != "0" else []
    return nice + (["taskset", "-c", cpu] if cpu else []) + [str(c) for c in cmd]


def niced_ticks():
    """CPU ticks of niced processes on the whole machine: what the others on a shared machine took."""
    return int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[2])


class Process:
    """A server in the background, with the processes it forks."""

    def __init__(self, cmd, cpu=None, listen=None, cwd=None, wait=20):
        log = WORK / "logs"
        log.mkdir(exist_ok=True)
        self.log = log / f"{Path(str(cmd[0])).name}-{time.time_ns()}.log"
        with open(self.log, "wb") as f:
            self.popen = subprocess.Popen(pinned(cmd, cpu), stdin=subprocess.DEVNULL, stdout=f,
                                          stderr=subprocess.STDOUT, cwd=cwd)
        self.pid = self.popen.pid
        self.port = listen
        _running.append(self)
        if listen:
            self.wait_port(wait)

    def wait_port(self, wait):
        end = time.time() + wait
        while time.time() < end:
            if self.popen.poll() is not None:
                raise RuntimeError(f"{self.popen.args} ended: {self.log.read_text()[-1500:]}")
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{self.popen.args}: port {self.port} stays closed: {self.log.read_text()[-1500:]}")

    def pids(self):
        return tree(self.pid)

    def stop(self, wait=3):
        if self in _running:
            _running.remove(self)
        pids = self.pids()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            self.popen.wait(wait)
        except subprocess.TimeoutExpired:
            pass
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.popen.wait()


def stop_all():
    for p in list(_running):
        p.stop()


def tree(pid):
    out = [pid]
    try:
        for t in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{t}/children").read_text().split():
                out += tree(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return out


def cpu(pids):
    """(all ns on a CPU by the scheduler's clock, user ticks, system ticks) of the processes."""
    total = user = system = 0
    for pid in pids:
        try:
            for t in os.listdir(f"/proc/{pid}/task"):
                total += int(Path(f"/proc/{pid}/task/{t}/schedstat").read_text().split()[0])
            f = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            user += int(f[11])
            system += int(f[12])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total, user, system


def memory(pids):
    """kB: resident, and proportional (shared pages divided by who maps them)."""
    out = {"rss_kb": 0, "pss_kb": 0, "private_kb": 0}
    for pid in pids:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                k, _, v = line.partition(":")
                if k == "Rss":
                    out["rss_kb"] += int(v.split()[0])
                elif k == "Pss":
                    out["pss_kb"] += int(v.split()[0])
                elif k in ("Private_Clean", "Private_Dirty"):
                    out["private_kb"] += int(v.split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return out


def fill(text, values):
    for k, v in values.items():
        text = text.replace(f"@{k}@", str(v))
    return text


def binaries(name):
    """The binaries that an adapter's command names; places.Missing if one isn't there."""
    cmd = ADAPTERS[name]["cmd"]
    found = {"ENVOY": places.envoy, "MOSN": places.mosn, "OUTRIGGER": places.outrigger}
    return {key: find() if f"@{key}@" in cmd else "" for key, find in found.items()}


def start_proxy(name, scenario, upstream, cpu_=PROXY_CPU, conf=None, under=(), wait=20):
    """Starts a proxy on a free port; `under`: a command to run it under (valgrind ...)."""
    a = ADAPTERS[name]
    listen, admin = port(), port()
    d = WORK / "run" / f"{name}-{scenario}-{listen}"
    shutil.rmtree(d, ignore_errors=True)
    d.mkdir(parents=True)
    v = {"LISTEN": listen, "UP": upstream, "ADMIN": admin, "DIR": d, "CONF": d / "proxy.yaml", "BIN": BIN,
         **binaries(name), "STREAM_MODULE": STREAM_MODULE, "CERT": WORK / "cert.pem", "KEY": WORK / "key.pem", "PEM": WORK / "pair.pem"}
    text = conf if conf is not None else a["conf"][scenario]
    if text is not None:
        (d / "proxy.yaml").write_text(fill(text, v))
    p = Process([*under, *(fill(c, v) for c in a["cmd"])], cpu_, listen, wait=wait)
    p.dir, p.admin, p.name, p.values = d, admin, name, v
    time.sleep(0.3)
    return p


class Window:
    """CPU of a proxy between begin and end."""

    def __init__(self, proxy):
        self.pids = proxy.pids()
        self.others = niced_ticks()
        self.t0, self.c0 = time.monotonic(), cpu(self.pids)

    def end(self, ok):
        dt = time.monotonic() - self.t0
        c1 = cpu(self.pids)
        others = (niced_ticks() - self.others) * TICK_NS / 1e9 / dt
        total = (c1[0] - self.c0[0]) / 1000
        u, s = c1[1] - self.c0[1], c1[2] - self.c0[2]
        share = u / (u + s) if u + s else 0
        per = total / ok if ok else 0
        return {"cpu_us": round(per, 3), "user_us": round(per * share, 3), "sys_us": round(per * (1 - share), 3),
                "cores": round(total / 1e6 / dt, 4), "others": round(others, 2)}


def tool(cmd, cpu_=LOAD_CPU, timeout=120, env=None):
    """Runs a load tool that prints one JSON line."""
    r = subprocess.run(pinned(cmd, cpu_), capture_output=True, text=True, timeout=timeout, env=env)
    lines = [x for x in r.stdout.splitlines() if x.startswith("{")]
    if not lines:
        raise RuntimeError(f"{cmd}: {r.stdout[-500:]} {r.stderr[-500:]}")
    out = json.loads(lines[-1])
    out["note"] = r.stderr.strip()[:300]
    return out


def spread(rows, keys):
    """Median, lowest and highest of each key over the rounds."""
    out = {}
    for k in keys:
        vals = [r[k] for r in rows if r.get(k) is not None]
        if vals:
            out[k] = [statistics.median(vals), min(vals), max(vals)]
    return out


def save(name, data):
    data = {"experiment": name, "when": time.strftime("%Y-%m-%d %H:%M"), "load_average": os.getloadavg(), **data}
    (RESULTS / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n")
    print(f"-- saved {name}", flush=True)

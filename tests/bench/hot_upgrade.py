#!/usr/bin/env python3
"""Upgrades in a row under a mixed load, and what they cost: errors, connections, calls made twice, latency, time, memory, counters.

  ./hot_upgrade.py                        100 upgrades, about ten minutes
  ./hot_upgrade.py --quick                five
  ./hot_upgrade.py --proxies outrigger,envoy,haproxy,nginx    then each by its own way under the same HTTP load, one after the other
  ./hot_upgrade.py --big                  10,000 clusters with 200,000 endpoints: until the new process serves, and memory
  ./hot_upgrade.py --no-java              without the consumers and providers of Dubbo and sofa-rpc

The load: 2,000 requests a second on kept connections and 500 connections a second with one request each; 200 TCP streams that are compared byte by byte; 400 calls a
second each of Dubbo and Bolt on 4 connections, one in fifty with an answer that takes up to 3 s, each with an id that the provider remembers; 50 a second each from the
Java consumers. Latency counts from when a request was due. `after`: the 1.5 s from the signal on; `without`: the 1.5 s before it, of the same run. Exits with 1 if anything was
lost, done twice, opened anew or counted wrongly.
"""
import argparse
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import harness as H
from restart import CODES, EnvoyRestarter, HaproxyRestarter, NginxRestarter, OutriggerRestarter, alive, quantiles
from scale import lb_endpoint, read_samples, replace

sys.path.insert(0, str(H.HERE.parent / "support"))
import java_peers  # noqa: E402
import sofa_peers  # noqa: E402
from gateway import TYPE, address, cluster, http_manager, rpc_manager  # noqa: E402

WINDOW_US = 1_500_000
KEPT, RENEWED, STREAMS, RPC_CONNS = 32, 128, 200, 4
JAVA_RATE, JAVA_WARM_CALLS, JAVA_WARM_S = 50, 50, 8  # compiling what is called often takes a core for some seconds
SERVING_S, BIG_SERVING_S, MEMORY, SLOWER = 0.15, 3, 2.1, 2  # what is promised


def until(what, secs, pause=0.001):
    end = time.monotonic() + secs
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


# --- proxies ---

class Outrigger(OutriggerRestarter):
    """Of one listener, or of all protocols."""
    interval, title = 5, "outrigger"

    def upgrade(self):
        old = self.pid()
        t0 = time.monotonic()
        os.kill(old, signal.SIGUSR2)
        served = until(lambda: self.pid() not in (0, old), 60)
        return time.monotonic() - t0 if served else None, old

    def pids(self, old):
        return {*H.tree(old), *H.tree(self.pid() or old)}


class MixedOutrigger(Outrigger):
    def __init__(self, behind, cpus):
        """behind: what stands behind which protocol: port by name."""
        super().__init__("outrigger", behind["http"], cpus)
        self.title = "outrigger, all protocols"
        self.ports = {"http": self.listen, **{name: H.port() for name in behind if name != "http"}}
        tcp = {"name": "t", "typed_config": {"@type": TYPE + "network.tcp_proxy.v3.TcpProxy", "stat_prefix": "t", "cluster": "tcp"}}
        managers = {name: tcp if name == "tcp" else http_manager([{"match": {"prefix": "/"}, "route": {"cluster": "http"}}]) if name == "http" else
                    rpc_manager(name, protocols=["BOLT" if "bolt" in name else "DUBBO"]) for name in behind}
        many = {"circuit_breakers": {"thresholds": [{"max_connections": 100000, "max_pending_requests": 100000, "max_requests": 100000}]}}
        (self.dir / "proxy.yaml").write_text(json.dumps({"admin": {"address": address(self.admin)}, "static_resources": {
            "listeners": [{"name": name, "address": address(self.ports[name]), "filter_chains": [{"filters": [m]}]} for name, m in managers.items()],
            "clusters": [cluster(name, port, **many) for name, port in behind.items()]}}))


class Envoy(EnvoyRestarter):
    title = "envoy --restart-epoch"

    def pids(self, _):
        return {pid for p in self.procs if p.poll() is None for pid in H.tree(p.pid)}


class Haproxy(HaproxyRestarter):
    """A master, which gets SIGUSR2; the new worker takes the listeners over the stats socket."""
    interval, title = 5, "haproxy -W, USR2"

    def start(self):
        self.master = self.spawn(["haproxy", "-W", "-f", "@CONF@"])
        until(self.generation, 10)

    def upgrade(self):
        old = self.generation()
        t0 = time.monotonic()
        self.master.send_signal(signal.SIGUSR2)
        served = until(lambda: self.generation() not in (0, old), 10)
        return time.monotonic() - t0 if served else None, old

    def pids(self, _):
        return set(H.tree(self.master.pid))

    @staticmethod
    def gone(old):
        return not alive(old)


class Nginx(NginxRestarter):
    interval, title = 5, "nginx, USR2 + QUIT"

    def pids(self, old):
        return {*H.tree(old), *H.tree(self.pid() or old)}


KINDS = {"envoy": Envoy, "haproxy": Haproxy, "nginx": Nginx, "outrigger": Outrigger}


# --- what is looked at meanwhile ---

class Memory(threading.Thread):
    """The most that all processes of a service have, from entering on. PSS: what two share counts once."""

    def __init__(self, pids, pause):
        super().__init__(daemon=True)
        self.pids, self.pause, self.stops, self.peak = pids, pause, False, {"pss_kb": 0, "rss_kb": 0}

    def run(self):
        while not self.stops:
            now = H.memory(self.pids())
            for key in self.peak:
                self.peak[key] = max(self.peak[key], now[key])
            time.sleep(self.pause)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stops = True
        self.join()


class Scrapes(threading.Thread):
    """All counters, five times a second: none may fall or vanish. Gauges and histograms' sums aren't looked at."""

    def __init__(self, admin):
        super().__init__(daemon=True)
        self.admin, self.stops = admin, False
        self.last, self.count, self.unanswered, self.falls, self.slowest_ms = {}, 0, 0, [], 0

    def run(self):
        while not self.stops:
            began = time.monotonic()
            try:
                self.compare(self.counters())
            except (OSError, http.client.HTTPException) as e:
                self.unanswered += 1
                print(f"a scrape: {e!r}", flush=True)
            self.slowest_ms = max(self.slowest_ms, round((time.monotonic() - began) * 1000))
            time.sleep(max(0.0, began + 0.2 - time.monotonic()))

    def get(self, path):
        conn = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=10)
        try:
            conn.request("GET", path)
            return conn.getresponse().read().decode()
        finally:
            conn.close()

    def counters(self):
        found, kinds = {}, {}
        for line in self.get("/stats/prometheus").splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                kinds[name] = kind
            elif line and kinds.get(line.partition("{")[0].partition(" ")[0]) == "counter":
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def compare(self, now):
        self.count += 1
        for name, before in self.last.items():
            if now.get(name, -1) < before:
                self.falls.append(f"{name}: {before:.0f}, then {now.get(name)}")
        self.last = now

    def stat(self, name):
        m = re.search(rf"^{re.escape(name)}: (\d+)$", self.get("/stats"), re.M)
        return int(m[1]) if m else 0

    def stop(self):
        self.stops = True
        self.join()


# --- loads ---

class Load:
    """A load tool that runs beside the upgrades and prints a JSON line; with samples if it makes them."""

    def __init__(self, name, command, samples=None):
        self.name, self.samples = name, samples
        self.proc = subprocess.Popen(H.pinned(command, H.LOAD_CPU), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self):
        out, err = self.proc.communicate(timeout=120)
        lines = [json.loads(x) for x in (*out.splitlines(), *err.splitlines()) if x.startswith("{")]
        assert lines, (self.name, out[-500:], err[-500:])
        self.said = {key: value for line in lines for key, value in line.items()}
        self.note = "\n".join(x for x in err.splitlines() if not x.startswith("{"))[:1000]
        return self.said

    def windows(self, begun):
        """Quantiles of the answers that were due after an upgrade's signal, and of those before it; failures of all."""
        start, samples = read_samples(self.samples)
        after, without, fails = [], [], {}
        begun = [(b - start) // 1000 for b in begun]
        at = 0
        for due, lat, code in sorted(samples):
            while at < len(begun) and due >= begun[at] + WINDOW_US:
                at += 1
            if code:
                fails[CODES[code]] = fails.get(CODES[code], 0) + 1
            elif at < len(begun) and due >= begun[at] - WINDOW_US:
                (after if due >= begun[at] else without).append(lat)
        self.samples.unlink()
        return {"requests": len(samples), "failed": fails, "after": quantiles(after), "without": quantiles(without)}


class Provider:
    """steady serve: remembers the calls that it got."""

    def __init__(self, kind):
        self.port = H.port()
        self.proc = subprocess.Popen(H.pinned([H.BIN / "steady", "serve", kind, self.port], H.LOAD_CPU), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def finish(self):
        out, _ = self.proc.communicate(timeout=20)
        return json.loads(out)


def http_loads(r, secs):
    return [Load("HTTP/1.1 kept, 2,000/s", [H.BIN / "httpgen", "-p", r.listen, "-r", 2000, "-c", KEPT, "-d", secs, "-o", r.dir / "s0"], r.dir / "s0"),
            Load("HTTP/1.1 new connections, 500/s", [H.BIN / "httpgen", "-p", r.listen, "-r", 500, "-c", RENEWED, "-x", "-d", secs, "-o", r.dir / "s1"], r.dir / "s1")]


def mixed_loads(r, secs):
    def calls(n, kind, name):
        return Load(name, [H.BIN / "steady", "calls", kind, r.ports[kind], RPC_CONNS, 400, secs, 0.02, 3000, r.dir / f"s{n}"], r.dir / f"s{n}")
    return [*http_loads(r, secs), calls(2, "dubbo", "Dubbo, 400/s"), calls(3, "bolt", "Bolt, 400/s"),
            Load("TCP, 200 streams", [H.BIN / "steady", "streams", r.ports["tcp"], STREAMS, 1000, secs])]


# --- a run ---

def upgrades(r, times, on_begin):
    """One after the other, at its interval; what each took."""
    serving, gone, memory, refused = [], [], [], 0
    t0 = time.monotonic()
    for k in range(times):
        time.sleep(max(0.0, t0 + (k + 1) * r.interval - time.monotonic()))
        old = r.pid() if hasattr(r, "pid") else 0
        one = H.memory(r.pids(old))
        on_begin(time.monotonic_ns())
        with Memory(lambda: r.pids(old), 0.03 if one["pss_kb"] < 100_000 else 0.2) as m:  # looking at large ones takes time, theirs too
            s, old_now = r.upgrade()
            if s is None:
                refused += 1
            elif until(lambda: r.gone(old_now), r.interval + 20, 0.02):
                gone.append(time.monotonic_ns())
            serving.append(s)
        memory.append({key: m.peak[key] / one[key] for key in m.peak} | {"one_pss_kb": one["pss_kb"], "peak_pss_kb": m.peak["pss_kb"]})
    done = [{"v": s} for s in serving if s is not None]
    return {"upgrades": times, "failed_upgrades": refused, "old_not_gone": times - refused - len(gone), "serving_s": H.spread(done, ["v"]).get("v"),
            "memory": {key: H.spread(memory, [key]).get(key) for key in memory[0]}}


def run(r, times, loads, extra=lambda: None, final=lambda row, scrapes: None, scrape=False):
    """The upgrades under the loads: a row of results."""
    r.start()
    time.sleep(2)
    scrapes = Scrapes(r.admin)
    if scrape:
        scrapes.start()
    begun = []
    secs = (times + 1) * r.interval + 2
    more = extra()
    if more:
        time.sleep(JAVA_WARM_S)
    running = loads(r, secs)
    row = upgrades(r, times, begun.append)
    row["loads"] = {}
    for load in running:
        said = load.finish()
        row["loads"][load.name] = {"said": said, **({"note": load.note} if load.note else {}), **(load.windows(begun) if load.samples else {})}
    if more:
        row["java"] = [m.finish()[:2] for m in more]
    if scrape:
        scrapes.stop()
        row["scrapes"] = {"count": scrapes.count, "counters": len(scrapes.last), "unanswered": scrapes.unanswered, "falls": scrapes.falls[:20],
                          "slowest_ms": scrapes.slowest_ms}
    final(row, scrapes)
    r.stop()
    return row


def run_mixed(times, with_java):
    origin, echo = H.port(), H.port()
    servers = [H.Process([H.BIN / "origin", origin, 1000], H.LOAD_CPU, origin), H.Process([H.BIN / "tcpgen", "echo", echo], H.LOAD_CPU, echo)]
    providers = {kind: Provider(kind) for kind in ("dubbo", "bolt")}
    java = {"java dubbo": java_peers.Provider("upgrade"), "java bolt": sofa_peers.provider("upgrade")} if with_java else {}
    r = MixedOutrigger({"http": origin, "tcp": echo, **{kind: p.port for kind, p in providers.items()}, **{name: p.wait().port for name, p in java.items()}}, H.PROXY_CPU)

    def consumers():
        secs = (times + 1) * r.interval + JAVA_WARM_S
        return [java_peers.Steady(r.ports["java dubbo"], seconds=secs, rate=JAVA_RATE), sofa_peers.Steady(r.ports["java bolt"], secs, JAVA_RATE)] if java else None

    def final(row, scrapes):
        until(lambda: not json.loads(scrapes.get("/upgrade"))["predecessor_is_there"], 20, 0.05)
        row["state"] = json.loads(scrapes.get("/upgrade"))
        row["providers"] = {kind: p.finish() for kind, p in providers.items()}
        row["java_calls_seen"] = [p.calls() for p in java.values()]
        said = [load["said"] for load in row["loads"].values()]
        asked = sum(s["ok"] + s["errors"] for s in said[:2])
        row["counted"] = {"http.ingress.downstream_rq_total": [scrapes.stat("http.ingress.downstream_rq_total"), asked],
                          "cluster.http.upstream_rq_total": [scrapes.stat("cluster.http.upstream_rq_total"), asked],
                          **{f"cluster.{kind}.upstream_rq_total": [scrapes.stat(f"cluster.{kind}.upstream_rq_total"), row["providers"][kind]["calls"]]
                             for kind in providers}}
    try:
        return r.title, run(r, times, mixed_loads, consumers, final, scrape=True)
    finally:
        for p in servers:
            p.stop()
        for p in java.values():
            p.kill()


def run_http(name, times):
    origin = H.port()
    o = H.Process([H.BIN / "origin", origin, 1000], H.LOAD_CPU, origin)
    r = KINDS[name](name, origin, H.PROXY_CPU)
    try:
        return r.title, run(r, times, http_loads)
    finally:
        o.stop()


def run_big(times):
    """No load but a request now and then: what counts is until when it serves, and the memory."""
    origin = H.port()
    o = H.Process([H.BIN / "origin", origin, 1000], H.LOAD_CPU, origin)
    r = Outrigger("outrigger", origin, H.PROXY_CPU)
    r.interval, r.title = 15, "outrigger, 10,000 clusters x 20 endpoints"
    named = [(f"outbound|8080||svc-{i}.ns-{i % 100}.svc.cluster.local", i) for i in range(10000)]
    replace(r.dir / "cds.json", {"version_info": "1", "resources": [
        {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": name, "type": "STATIC", "connect_timeout": "1s",
         "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [lb_endpoint(i, n) for n in range(20)]}]}} for name, i in named]})
    (r.dir / "proxy.yaml").write_text(f'node: {{id: bench, cluster: bench}}\ndynamic_resources:\n  cds_config: {{path_config_source: {{path: "{r.dir}/cds.json"}}, '
                                      f"resource_api_version: V3}}\n" + (r.dir / "proxy.yaml").read_text())
    try:
        return r.title, run(r, times, lambda r, secs: http_loads(r, secs)[:1])
    finally:
        o.stop()


# --- what it comes to ---

def faults(title, row):
    """What must not be, each in words."""
    found = []
    for name, load in row["loads"].items():
        said = load["said"]
        for key in ("errors", "lost", "wrong", "twice", "ends", "resets", "reconnects", "mismatches", "missing", "shed"):
            if said.get(key):
                found.append(f"{name}: {said[key]} {key}")
        if load.get("failed"):
            found.append(f"{name}: {load['failed']}")
    for kind, seen in row.get("providers", {}).items():
        if seen["duplicates"]:
            found.append(f"{kind}: {seen['duplicates']} calls came twice")
    for name, (calls, failures), seen in zip(("Dubbo, Java", "Bolt, Java"), row.get("java") or [], row.get("java_calls_seen", [])):
        if failures:
            found.append(f"{name}: {failures} of {calls} calls failed")
        if seen > calls + JAVA_WARM_CALLS:
            found.append(f"{name}: of {calls} calls {seen - JAVA_WARM_CALLS} came")
    for what in ("failed_upgrades", "old_not_gone"):
        if row[what]:
            found.append(f"{what}: {row[what]}")
    if row.get("scrapes"):
        found += [f"a counter fell: {fall}" for fall in row["scrapes"]["falls"][:5]]
        if row["scrapes"]["unanswered"]:
            found.append(f"{row['scrapes']['unanswered']} scrapes weren't answered")
    for name, (counted, made) in row.get("counted", {}).items():
        if counted != made:
            found.append(f"{name} is {counted}, {made} were made")
    return [f"{title}: {fault}" for fault in found]


def misses(title, row, limit_s):
    """Figures that are worse than promised; on a machine that isn't idle they say nothing."""
    found = []
    for name, load in row["loads"].items():
        if load.get("after") and load.get("without") and load["after"]["p99_us"] > SLOWER * load["without"]["p99_us"]:
            found.append(f"{name}: p99 {load['after']['p99_us'] / load['without']['p99_us']:.1f} times that without an upgrade")
    if row["serving_s"] and row["serving_s"][2] > limit_s:
        found.append(f"serves after {row['serving_s'][0]:.3f} s, {row['serving_s'][2]:.3f} s at worst")
    if row["memory"]["pss_kb"][2] > MEMORY:
        found.append(f"{row['memory']['pss_kb'][0]:.2f} times one's memory, {row['memory']['pss_kb'][2]:.2f} at worst")
    return [f"{title}: {miss}" for miss in found]


def table(rows):
    print("\n| proxy | load | made | failed | opened anew | p99 after, ms | p99 without, ms | max after, ms |\n|---|---|---|---|---|---|---|---|")
    for title, row in rows.items():
        for name, load in row["loads"].items():
            said = load["said"]
            made = said.get("calls", load.get("requests", said.get("bytes", 0)))
            lost = sum(said.get(key, 0) for key in ("errors", "lost", "wrong", "twice", "mismatches"))
            anew = said.get("reconnects", said.get("ends", 0)) if "new connections" not in name else "-"
            cells = [f"{q[key] / 1000:.1f}" if (q := load.get(part)) else "-" for part, key in (("after", "p99_us"), ("without", "p99_us"), ("after", "max_us"))]
            print(f"| {title} | {name} | {made:,} | {lost} | {anew} | {' | '.join(cells)} |")
        for name, (calls, failures) in zip(("Dubbo, Java, 50/s", "Bolt, Java, 50/s"), row.get("java", [])):
            print(f"| {title} | {name} | {calls:,} | {failures} | | | | |")
    print("\n| proxy | upgrades | serves after, ms: median (worst) | both processes' PSS over one's: median (worst) | RSS | one, MB |\n|---|---|---|---|---|---|")
    for title, row in rows.items():
        s, m = row["serving_s"] or [float("nan")] * 3, row["memory"]
        print(f"| {title} | {row['upgrades']} | {s[0] * 1000:.0f} ({s[2] * 1000:.0f}) | {m['pss_kb'][0]:.2f} ({m['pss_kb'][2]:.2f}) | "
              f"{m['rss_kb'][0]:.2f} ({m['rss_kb'][2]:.2f}) | {m['one_pss_kb'][0] / 1024:.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--proxies", type=lambda s: s.split(","), default=[])
    parser.add_argument("--big", action="store_true")
    parser.add_argument("--no-java", action="store_true")
    o = parser.parse_args()
    times = o.times or (5 if o.quick else 100)
    H.setup()
    rows, limits = {}, {}
    try:
        if o.big:
            title, row = run_big(min(times, 5))
            rows[title] = row
            limits[title] = BIG_SERVING_S
        else:
            title, row = run_mixed(times, not o.no_java)
            rows[title] = row
        for name in o.proxies:
            title, row = run_http(name, min(times, 20))
            rows[title] = row
    finally:
        H.stop_all()
    H.save("hot_upgrade_big" if o.big else "hot_upgrade", {"rows": rows})
    table(rows)
    ours = {title: row for title, row in rows.items() if title.startswith("outrigger")}
    missed = [m for title, row in ours.items() for m in misses(title, row, limits.get(title, SERVING_S))]
    found = [f for title, row in ours.items() for f in faults(title, row)]
    print("", *(f"missed {m}" for m in missed), *(f"FAIL {f}" for f in found), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

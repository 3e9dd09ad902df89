#!/usr/bin/env python3
"""What Sentinel's rules do to real load, by the clock of the wall. For an idle machine; OUTRIGGER names the binary, else build/release's.

  tests/sentinel/load.py [CASE...] [--short]

limit-http, limit-dubbo  3,000 calls a second against a limit of 1,000 on 4 workers: what reaches the provider in each second
spacing                  a rate limiter of 200: how far apart calls reach the provider
warm-up                  beside a Java application that gets the same calls: passes since the begin, at the end of each second
breaker                  beside the same, while the provider fails for some seconds: when it opens, probes, closes
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import java_peers  # noqa: E402
import places  # noqa: E402
from gateway import TYPE, Gateway, cluster, http_manager, rpc_manager  # noqa: E402
from ports import free_ports, listening  # noqa: E402

TOOLS = ROOT / "build/bench/bin"
RESOURCE = "GET:/bench"
HELLO = "demo.api.DemoService:sayHello(java.lang.String)"
LIMIT, OFFERED, SPACED = 1000, 3000, 200
TOLERANCE_MS = 20
JAVA_WARMS = 4  # seconds, in which it doesn't offer all it should


def sentinel(**rules):
    return [{"name": "sentinel", "typed_config": {
        "@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "application": "load", "http_resource": "METHOD_AND_PATH",
        "traffic": "INBOUND", "rules": {kind: [{"inline_string": json.dumps(those)}] for kind, those in rules.items()}}},
        {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}]


class Provider:
    """An HTTP origin that writes down when requests came."""

    def __init__(self, folder, *options):
        self.port, = free_ports(1)
        self.file = folder / "arrivals"
        self.proc = subprocess.Popen([TOOLS / "origin", "-a", self.file, *options, str(self.port), "16"])
        while not listening(self.port):
            time.sleep(0.01)

    def arrivals(self):
        """In microseconds of the wall clock."""
        return [int(line) for line in self.file.read_text().splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.kill()
        self.proc.wait()


def gateway(name, port, manager, rules):
    return Gateway(f"sentinel-load-{name}", manager(sentinel(**rules)), [cluster("up", port)],
                   args=["--disable-hot-restart", "--concurrency", "4"])


def over_http(filters):
    return http_manager(http_filters=filters)


def over_dubbo(filters):
    return rpc_manager("up", http_filters=filters)


def next_second(ahead=2):
    """Milliseconds of the wall clock."""
    return (int(time.time()) + ahead) * 1000


def offer(g, rate, seconds, begin):
    """Open loop from begin on. When each request was due in microseconds from there, and whether it passed."""
    out = g.folder / "offered"
    subprocess.run([TOOLS / "httpgen", "-p", str(g.port), "-c", "64", "-r", str(rate), "-d", str(seconds), "-s", str(begin), "-o", out],
                   check=True, capture_output=True)
    lines = [line.split() for line in out.read_text().splitlines() if not line.startswith("#")]
    assert all(code in "04" for _, _, code, _ in lines), "requests were lost"
    return sorted((int(due), status != "429") for due, _, _, status in lines)


def offer_beside(g, rate, seconds, kind, rule, fails=(0, 0), begin=None):
    """The same calls through the proxy and to a Java application with the same rule: both results."""
    begin, out = begin or next_second(4), g.folder / "beside"
    java = subprocess.Popen([java_peers.RUN, "sentinel", "demo.sentinel.Beside", kind, json.dumps([rule]), rule["resource"], str(out), str(begin),
                             str(rate), str(seconds), str(fails[0]), str(fails[1])], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in java.stdout:
        if line.strip() == "ready":
            break
    assert time.time() * 1000 < begin - 200, "Java was late"
    ours = offer(g, rate, seconds, begin)
    assert java.wait(timeout=30) == 0
    return ours, [(int(due), passed == "1") for due, passed in (line.split() for line in out.read_text().splitlines())]


def by_second(arrivals, warm):
    counts = {}
    for at in arrivals:
        counts[at // 1000000] = counts.get(at // 1000000, 0) + 1
    whole = range(min(counts) + warm, max(counts))  # the first and the last weren't offered load all the time
    return [counts.get(second, 0) for second in whole]


def limit(name, port, manager, resource, offered, arrivals, warm=1):
    with gateway(name, port, manager, {"flow": [{"resource": resource, "grade": 1, "count": LIMIT}]}) as g:
        offered(g)
        asked, blocked = (g.stat(f"sentinel.load.{name}") for name in ("pass", "block_flow"))
    counts = by_second(arrivals(), warm)
    asked += blocked
    figures = {"calls a second at the provider": f"{min(counts)} to {max(counts)} ({len(counts)} s)", "calls offered": asked}
    return figures, min(counts) >= 0.99 * LIMIT and max(counts) <= LIMIT and asked >= 0.9 * OFFERED * len(counts)


def limit_http(seconds):
    with Provider(places.scratch("sentinel-load-limit-http")) as p:
        return limit("limit-http", p.port, over_http, RESOURCE, lambda g: offer(g, OFFERED, seconds, next_second()), p.arrivals)


def limit_dubbo(seconds):
    file = places.scratch("sentinel-load-limit-dubbo") / "arrivals"
    provider = java_peers.Provider("p", "--quiet", "--threads", "200", "--arrivals", str(file)).wait()

    def consume(g):
        subprocess.run([java_peers.RUN, "dubbo3", "demo.dubbo.Consumer", "--url", f"dubbo://127.0.0.1:{g.port}", "--no-generic", "--hold", str(seconds + JAVA_WARMS),
                        "--rate", str(OFFERED), "--concurrency", "64", "--connections", "8", "--warm", "1"], capture_output=True, timeout=seconds + JAVA_WARMS + 60)
    try:
        return limit("limit-dubbo", provider.port, over_dubbo, HELLO, consume, lambda: [int(line) for line in file.read_text().splitlines()], warm=JAVA_WARMS)
    finally:
        provider.kill()


def spacing(seconds):
    rule = {"resource": RESOURCE, "grade": 1, "count": SPACED, "controlBehavior": 2, "maxQueueingTimeMs": 500}
    with Provider(places.scratch("sentinel-load-spacing")) as p:
        with gateway("spacing", p.port, over_http, {"flow": [rule]}) as g:
            offer(g, 3 * SPACED, seconds, next_second())
        at = p.arrivals()
    gaps = sorted(abs((b - a) - 1e6 / SPACED) / 1000 for a, b in zip(at, at[1:]))
    p99 = gaps[int(0.99 * len(gaps))]
    return {"calls": len(at), "from the even distance, ms": {"p50": round(gaps[len(gaps) // 2], 2), "p99": round(p99, 2), "max": round(gaps[-1], 2)}}, p99 <= 2


def warm_up(seconds):
    rule = {"resource": RESOURCE, "grade": 1, "count": 500, "controlBehavior": 1, "warmUpPeriodSec": 8}
    with Provider(places.scratch("sentinel-load-warm-up")) as p:
        with gateway("warm-up", p.port, over_http, {"flow": [rule]}) as g:
            # within a second: who hears a call due at its very beginning a moment early counts it into the one before, and warms up a second later
            ours, java = offer_beside(g, 700, max(seconds, 12), "flow", rule, begin=next_second(5) + 250)
    passes = [[sum(passed for due, passed in calls if due < second * 1e6) for second in range(1, max(seconds, 12) + 1)] for calls in (ours, java)]
    worst = max(abs(a - b) / b for a, b in zip(*passes))
    return {"passes": passes[0], "Java's": passes[1], "worst": f"{100 * worst:.2f} %"}, worst <= 0.02


def stretches(calls):
    """When nothing passed: begin and end in ms. Those shorter than what is allowed for are the time that a probe was under way."""
    edges = [b[0] / 1000 for a, b in zip(calls, calls[1:]) if a[1] != b[1]]
    return [edge for pair in zip(edges[::2], edges[1::2]) if pair[1] - pair[0] >= TOLERANCE_MS for edge in pair]


def breaker(seconds):
    rule = {"resource": RESOURCE, "grade": 1, "count": 0.5, "timeWindow": 1, "minRequestAmount": 20, "statIntervalMs": 1000}
    begin = next_second(5)
    fails = begin + 2000, begin + 4500
    with Provider(places.scratch("sentinel-load-breaker"), "-f", f"{fails[0]}:{fails[1]}") as p:
        with gateway("breaker", p.port, over_http, {"degrade": [rule]}) as g:
            ours, java = [stretches(calls) for calls in offer_beside(g, 500, 8, "degrade", rule, fails, begin)]
    worst = max((abs(a - b) for a, b in zip(ours, java)), default=0)
    return {"nothing passes from, to, ms": ours, "Java's": java, "worst, ms": worst}, len(ours) == len(java) >= 4 and worst <= TOLERANCE_MS


CASES = {"limit-http": limit_http, "limit-dubbo": limit_dubbo, "spacing": spacing, "warm-up": warm_up, "breaker": breaker}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []])
    parser.add_argument("--short", action="store_true", help="a few seconds each")
    options = parser.parse_args()
    java_peers.build()
    subprocess.run(["make", "-s", f"OUT={TOOLS}"], cwd=ROOT / "tests/bench/tools", check=True)
    passed = failed = 0
    for name in options.cases or CASES:
        figures, good = CASES[name](4 if options.short else 20)
        print("ok  " if good else "FAIL", name, json.dumps(figures), flush=True)
        passed, failed = passed + good, failed + (not good)
    places.summary(passed, failed)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Instructions in user space for each exchange, counted by callgrind: the same number on every machine and day.

  callgrind.py            measures, prints the table
  callgrind.py --check    and fails where it is more than 5 % above BASELINE.md
  callgrind.py --write    and writes BASELINE.md
  --proxy NAME (an adapter that can run in one process), --only h1-1, --annotate N: the N functions that cost most

An exchange is one request and its answer. Two runs differ only in how many there are; the difference of their counts by the
difference of their numbers is the cost of one, free of start-up and shutdown. `-1`: one connection, each message wakes the
proxy by itself. `-16`: 16 connections in lockstep, so that wake-ups are shared: how many share one depends on timing, some percent.
On a busy machine more do, so write these on an idle one, from the middle of several runs.
"""
import argparse
import os
import platform
import re
import subprocess
import sys
import time

import harness as H
from harness import places

BASELINE = H.HERE / "BASELINE.md"
ALLOWED = 1.05
# name -> scenario of the adapters, protocol of the tool, origin, connections, budget in instructions (docs: what was aimed at)
CASES = {
    "h1-1": ("h1", "http", ["origin", "@PORT@", "1000"], 1, None),
    "h1-16": ("h1", "http", ["origin", "@PORT@", "1000"], 16, 3400),
    "dubbo-1": ("dubbo", "dubbo", ["dubbo", "server", "@PORT@"], 1, None),
    "dubbo-16": ("dubbo", "dubbo", ["dubbo", "server", "@PORT@"], 16, 900),
    "dubbo-values-16": ("dubbo-values", "dubbo-order", ["dubbo", "server", "@PORT@"], 16, None),
    "dubbo-varied-16": ("dubbo-values", "dubbo-orders", ["dubbo", "server", "@PORT@"], 16, None),
    "bolt-1": ("bolt", "bolt", ["bolt", "server", "@PORT@"], 1, None),
    "bolt-16": ("bolt", "bolt", ["bolt", "server", "@PORT@"], 16, None),
    "bolt-same-16": ("bolt", "bolt-same", ["bolt", "server", "@PORT@"], 16, None),
    "dubbo-filter-16": ("rpc-filtered", "dubbo", ["dubbo", "server", "@PORT@"], 16, None),
    "dubbo-idle-16": ("rpc-idle", "dubbo", ["dubbo", "server", "@PORT@"], 16, None),
    "sentinel-16": ("rpc-sentinel", "dubbo", ["dubbo", "server", "@PORT@"], 16, None),
    "tcp-1": ("tcp", "tcp", ["tcpgen", "echo", "@PORT@"], 1, None),
    "tcp-16": ("tcp", "tcp", ["tcpgen", "echo", "@PORT@"], 16, 500),
}
FEW, MANY = 1000, 5000  # exchanges


def instructions(out):
    """The total of all threads."""
    total = 0
    for f in out.parent.glob(out.name + "*"):
        text = f.read_text()
        if m := re.search(r"^(?:totals|summary): (\d+)", text, re.M):
            total += int(m[1])
    return total


def one_run(proxy, scenario, protocol, origin, conns, exchanges):
    port = H.port()
    o = H.Process([H.BIN / origin[0], *(a.replace("@PORT@", str(port)) for a in origin[1:])], None, port)
    out = H.WORK / "callgrind" / f"{proxy}-{scenario}-{conns}-{exchanges}.out"
    out.parent.mkdir(exist_ok=True)
    for old in out.parent.glob(out.name + "*"):
        old.unlink()
    under = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "-q", "--fair-sched=yes"]
    p = H.start_proxy(proxy, scenario, port, None, under=under, wait=120)
    try:
        r = subprocess.run([H.BIN / "exchange", protocol, str(p.port), str(conns), str(exchanges // conns)], capture_output=True,
                           text=True, timeout=300)
        if r.returncode or int(r.stdout) != exchanges // conns * conns:
            raise RuntimeError(f"{scenario}: {r.stdout} {r.stderr} {p.log.read_text()[-500:]}")
    finally:
        p.stop(wait=60)
        o.stop()
    return instructions(out), int(r.stdout), out


def measure(proxy, name):
    scenario, protocol, origin, conns, _ = CASES[name]
    few, n, _ = one_run(proxy, scenario, protocol, origin, conns, FEW)
    many, m, out = one_run(proxy, scenario, protocol, origin, conns, MANY)
    if not few or many <= few:
        raise RuntimeError(f"{name}: callgrind counted {few} and {many}: did the proxy end by itself at SIGTERM?")
    return (many - few) / (m - n), out


def baseline():
    if not BASELINE.exists():
        return {}
    return {m[1]: float(m[2].replace(",", "")) for m in re.finditer(r"^\| ([\w-]+) \| ([\d,]+) \|", BASELINE.read_text(), re.M)}


def table(results):
    rows = ["| case | instructions | budget |", "|---|---|---|"]
    return "\n".join(rows + [f"| {n} | {v:,.0f} | {CASES[n][4] or ''} |" for n, v in results.items()])


def write(results):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=H.HERE).stdout.strip()
    compiler = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    BASELINE.write_text(f"""# Instructions for each exchange

User-space instructions of one request with its answer, release build, one worker, counted by `callgrind.py`; what the cases
are stands there. CI fails at more than {round((ALLOWED - 1) * 100)} % above these. `callgrind.py --write` writes this page: do so when a number falls, or when a
feature is worth its cost, and say which in the commit.

{table(results)}

Written {time.strftime('%Y-%m-%d')} at commit {commit}, gcc {compiler}, {platform.machine()}.
""")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--proxy", default="outrigger")
    parser.add_argument("--only", action="append", choices=CASES)
    parser.add_argument("--annotate", type=int, default=0)
    o = parser.parse_args()
    H.setup()
    try:
        places.program("valgrind")
        H.binaries(o.proxy)
    except places.Missing as e:
        print(e)
        return places.summary(0, 1)
    before, results, failed = baseline(), {}, 0
    for name in o.only or CASES:
        if CASES[name][0] not in H.ADAPTERS[o.proxy]["conf"]:
            continue
        try:
            results[name], out = measure(o.proxy, name)
        except RuntimeError as e:
            print(f"FAIL {name}: {e}", flush=True)
            failed += 1
            continue
        finally:
            H.stop_all()
        limit = before.get(name, float("inf")) * ALLOWED
        worse = o.check and results[name] > limit
        failed += worse
        print(f"{'FAIL' if worse else 'ok  '} {name:10} {results[name]:10,.0f} instructions"
              + (f", baseline {before[name]:,.0f}" if name in before else ", no baseline"), flush=True)
        if o.annotate:
            text = subprocess.run(["callgrind_annotate", "--auto=no", str(out)], capture_output=True, text=True).stdout
            print("\n".join(line for line in text.splitlines() if re.match(r"\s*[\d,]+ \(", line))[:o.annotate * 160])
    if o.write and not failed:
        write({**{n: v for n, v in before.items() if n in CASES}, **results})
    return places.summary(len(results) - (failed if o.check else 0) if not failed or o.check else len(results), failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        H.stop_all()

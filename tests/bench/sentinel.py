#!/usr/bin/env python3
"""What Sentinel's core costs, beside Sentinel for Java in the same run: every figure that is promised, one line each.

  sentinel.py [--calls N] [--check]

The core's figures come from micro/sentinel.c (release: cmake --build --preset release --target micro_sentinel), Java's from tests/sentinel/java (oracle.Bench, stock 1.8.9,
its compiler warmed up). Both are measured in turn, three times; the least of each counts. --check: fails where a promise isn't kept. On a busy machine all of it is noise.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MICRO = pathlib.Path(os.environ.get("MICRO_SENTINEL", ROOT / "build/release/tests/micro_sentinel"))
JAVA = ROOT / "tests/sentinel/java/run.sh"
ROUNDS = 3
# figure -> (what of the output, most that is promised, unit)
PROMISED = {
    "free": (40, "ns"), "ruled": (200, "ns"), "heap calls a call": (0, ""), "locks a call": (0, ""),
    "loss by 4 threads": (10, "%"), "loss by 4 threads, ruled": (10, "%"), "bytes a resource, 1 worker": (2000, "B"), "bytes a resource, 4 workers": (2000, "B"),
    "reload of 10000 rules": (200, "ms"), "longest call during reloads": (1000, "us"),
}
FIVE_TIMES = ("free", "ruled")  # cheaper than Java's


def core(calls):
    """Figures of the micro benchmark: lines "name: number unit"."""
    out = subprocess.run([MICRO, str(calls)], capture_output=True, text=True, check=True).stdout
    return {m[1]: float(m[2]) for m in re.finditer(r"^([^:\n]+): +(-?[\d.]+)", out, re.M)}


def java(calls):
    build = subprocess.run([JAVA, "build"], capture_output=True, text=True)
    if build.returncode:
        sys.exit(f"the oracle doesn't build: {(build.stdout + build.stderr)[-600:]}")
    out = subprocess.run([JAVA, "oracle.Bench", str(calls)], capture_output=True, text=True, env={**os.environ, "JOPTS": "-Xmx512m -XX:+UseSerialGC"})
    if out.returncode:
        sys.exit(f"oracle.Bench failed: {out.stderr[-1000:]}")
    return {m[1]: float(m[2]) for m in re.finditer(r"^java (\w+) ([\d.]+) ns", out.stdout, re.M)}


def least(all_of, figures):
    for name, value in figures.items():
        all_of[name] = min(all_of.get(name, value), value)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000000)
    parser.add_argument("--check", action="store_true")
    o = parser.parse_args()
    if not MICRO.exists():
        sys.exit(f"{MICRO} is not built")
    ours, theirs, failed = {}, {}, 0
    for _ in range(ROUNDS):
        least(ours, core(o.calls))
        least(theirs, java(o.calls))

    def row(name, value, limit, unit, good):
        nonlocal failed
        failed += not good
        print(f"{'ok  ' if good else 'over'} {name:34} {value:10,.1f} {unit:3} promised {limit}", flush=True)

    for name, (most, unit) in PROMISED.items():
        row(name, ours[name], f"<= {most}", unit, ours[name] <= most)
    for name in sorted(ours.keys() - PROMISED.keys()):
        print(f"     {name:34} {ours[name]:10,.1f} ns")
    for name, value in theirs.items():
        print(f"     {'Java, ' + name:34} {value:10,.1f} ns")
    for name in FIVE_TIMES:
        ratio = theirs[name] / ours[name]
        row(f"{name}: Java's, times", ratio, ">= 5", "", ratio >= 5)
    return 1 if o.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())

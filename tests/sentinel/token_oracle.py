#!/usr/bin/env python3
"""Asks Sentinel's own token server and ours the same random questions, in virtual time, and compares all answers.

  tests/sentinel/token_oracle.py --scenarios 500 [--seed N]   scenarios N to N + 499; the ones that differ stay in build/sentinel-java/differ
  tests/sentinel/token_oracle.py --write FOLDER --scenarios 6 the same, kept with Java's answers as FOLDER/tokens-*.json

Tells how often each answer came. Without Java, Maven or the registry's packages it fails.
"""
import argparse
import collections
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import oracle
import run

BASE = 1700000000000  # a whole second
SHAPES = [(10, 1000), (10, 1000), (2, 1000), (1, 1000), (4, 2000), (5, 500), (20, 10000)]
STATUSES = {-4: "bad request", -2: "too many", -1: "fail", 0: "ok", 1: "blocked", 2: "should wait", 3: "no rule"}


def _flow(r, flow_id, windows):
    samples, interval = windows
    return {"resource": f"r{flow_id}", "count": r.choice([0, 1, 2, 5, 5.5, 10, 20, 0.5]), "grade": 1, "clusterMode": True,
            "clusterConfig": {"flowId": flow_id, "thresholdType": r.randrange(2), "sampleCount": samples, "windowIntervalMs": interval}}


def _param(r, flow_id, windows):
    samples, interval = windows
    items = [{"object": "vip", "count": 7, "classType": "java.lang.String"}, {"object": "5", "count": 2, "classType": "int"}]
    return {"resource": f"p{flow_id}", "count": r.choice([0, 1, 3, 2.5, 8]), "paramIdx": 0, "grade": 1, "durationInSec": 1, "clusterMode": True,
            "paramFlowItemList": r.sample(items, r.randrange(3)),
            "clusterConfig": {"flowId": flow_id, "thresholdType": r.randrange(2), "sampleCount": samples, "windowIntervalMs": interval}}


def _value(r):
    return r.choice([["string", "vip"], ["string", "a"], ["string", "5"], ["int", 5], ["long", 5], ["short", 5], ["byte", 5], ["double", 2.5], ["float", 2.5],
                     ["boolean", True], ["int", -1], ["string", "b"]])


def _question(r, ids):
    count = r.choice([1, 1, 1, 1, 2, 3, 5]) if r.random() < 0.98 else r.choice([0, -1, 2147483647])
    flow_id = r.choice(ids) if r.random() < 0.97 else r.choice([0, -7, 999])
    if r.random() < 0.65:
        return {"op": "flow", "id": flow_id, "count": count, "prioritized": r.random() < 0.4}
    return {"op": "param", "id": flow_id, "count": count, "values": [_value(r) for _ in range(r.choice([1, 1, 1, 2, 3]) if r.random() < 0.98 else 0)]}


def _config(r, windows):
    return {"exceedCount": r.choice([1, 1, 2, 0.5]), "maxOccupyRatio": r.choice([1, 1, 0.5, 0, 2]), "maxAllowedQps": r.choice([30000, 30000, 30, 12]),
            "sampleCount": windows[0], "intervalMs": windows[1]}


def scenario(seed):
    r = random.Random(seed)
    names, ids = ["default", "shop", "market"][:r.randrange(1, 4)], [1, 2, 3, 4]
    # an id keeps its windows: Java goes on with the old ones when its rule has others
    windows = {flow_id: r.choice(SHAPES) for flow_id in ids}
    owner = {flow_id: r.choice(names) for flow_id in ids}

    def rules(name, keep=1.0):
        mine = [flow_id for flow_id in ids if owner[flow_id] == name and r.random() < keep]
        return {"flow": [_flow(r, i, windows[i]) for i in mine], "param": [_param(r, i, windows[i]) for i in mine]}
    start = {name: {**rules(name), "clients": r.randrange(4)} for name in names}
    config = _config(r, (10, 1000)) if r.random() < 0.4 else None
    t, pace, events = r.randrange(1000), r.choice([0.005, 0.03, 0.2]), []
    for _ in range(r.randrange(60, 300)):
        t += int(r.expovariate(pace)) if r.random() < 0.99 else r.randrange(5000)
        event = _question(r, ids)
        if r.random() < 0.03:
            name = r.choice(names)
            event = {"op": "name_space", "name": name, "clients": r.randrange(4)}
        elif r.random() < 0.004:
            event = {"op": "config", "config": _config(r, r.choice([(10, 1000), (10, 1000), (5, 1000)]))}
        events.append({"t_ms": t, **event})
    made = {"base_ms": BASE, "name_spaces": start, "events": events}
    return {**made, "config": config} if config else made


def ask_java(files):
    r = subprocess.run([oracle.JAVA, "oracle.TokenOracle", *files], capture_output=True, text=True, timeout=60 + 5 * len(files))
    if r.returncode:
        sys.exit(f"the oracle failed: {r.stderr[-2000:]}")


def compare(files, answers):
    ask_java(files)
    differ = 0
    for path in files:
        for result in json.loads(path.read_text())["expected"]["results"]:
            answers[STATUSES.get(result[0], result[0]) if result else "no question"] += 1
        if different := run.replay(path):
            differ += 1
            print(f"FAIL {path.stem}", *different[:4], sep="\n     ", flush=True)
            oracle.KEPT.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, oracle.KEPT / path.name)
    return differ


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenarios", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=pathlib.Path)
    o = parser.parse_args()
    if absent := oracle.build():
        print(absent)
        print("0 passed, 1 failed")
        return 1
    answers, differ = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for seed in range(o.seed, o.seed + o.scenarios):
            files.append((o.write or pathlib.Path(folder)) / f"tokens-{seed:04}.json")
            files[-1].write_text(json.dumps(scenario(seed)))
        for at in range(0, len(files), oracle.BATCH):
            differ += compare(files[at:at + oracle.BATCH], answers)
    print("answers:", *(f"{what} {n}" for what, n in answers.most_common()), sep="\n  ")
    print(f"{len(files) - differ} passed, {differ} failed")
    return 1 if differ or not files else 0


if __name__ == "__main__":
    sys.exit(main())

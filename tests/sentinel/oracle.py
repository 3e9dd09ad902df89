#!/usr/bin/env python3
"""Runs new random scenarios through Sentinel for Java and through sentinel_replay, and compares all they say.

  tests/sentinel/oracle.py --scenarios 1000 [--seed N]     scenarios N to N + 999; the ones that differ stay in build/sentinel-java/differ
  tests/sentinel/oracle.py FILE.json ...                   asks Java about these, and compares

Prints which fields of the rules the scenarios had, with how many values. Without Java, Maven or the registry's packages it fails.
"""
import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import generate
import run

JAVA = pathlib.Path(__file__).resolve().parent / "java/run.sh"
KEPT = run.ROOT / "build/sentinel-java/differ"
BATCH = 100  # scenarios a JVM: each leaves its class loader and its threads behind

# What a rule of each kind may have, by Sentinel's names.
FIELDS = {
    "flow": ["resource", "limitApp", "regex", "grade", "count", "strategy", "refResource", "controlBehavior", "warmUpPeriodSec", "maxQueueingTimeMs", "clusterMode",
             "clusterConfig.flowId", "clusterConfig.thresholdType", "clusterConfig.fallbackToLocalWhenFail", "clusterConfig.strategy",
             "clusterConfig.sampleCount", "clusterConfig.windowIntervalMs", "clusterConfig.resourceTimeout", "clusterConfig.resourceTimeoutStrategy",
             "clusterConfig.acquireRefuseStrategy", "clusterConfig.clientOfflineTime", "id"],
    "degrade": ["resource", "limitApp", "regex", "grade", "count", "timeWindow", "minRequestAmount", "slowRatioThreshold", "statIntervalMs", "id"],
    "system": ["highestSystemLoad", "highestCpuUsage", "qps", "avgRt", "maxThread", "id"],
    "authority": ["resource", "limitApp", "regex", "strategy", "id"],
    "paramFlow": ["resource", "limitApp", "regex", "grade", "paramIdx", "count", "controlBehavior", "maxQueueingTimeMs", "burstCount", "durationInSec",
                  "paramFlowItemList.object", "paramFlowItemList.count", "paramFlowItemList.classType", "clusterMode", "clusterConfig.flowId",
                  "clusterConfig.thresholdType", "clusterConfig.fallbackToLocalWhenFail", "clusterConfig.sampleCount", "clusterConfig.windowIntervalMs", "id"],
}


def flat(rule, prefix=""):
    for name, value in rule.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            for item in value:
                yield from flat(item, f"{prefix}{name}.")
        else:
            yield prefix + name, json.dumps(value)


class Coverage:
    def __init__(self):
        self.rules = {kind: collections.defaultdict(set) for kind in FIELDS}
        self.events = collections.Counter()

    def add(self, scenario):
        for event in [{"op": "rules", "rules": scenario["rules"]}, *scenario["events"]]:
            self.events[event.get("op", "entry")] += 1
            for kind, rules in event.get("rules", {}).items():
                for rule in rules:
                    for name, value in flat(rule):
                        self.rules[kind][name].add(value)

    def missing(self):
        return [f"{kind}.{name}" for kind, names in FIELDS.items() for name in names if not self.rules[kind][name]]

    def tell(self):
        print("events:", *(f"{op} {n}" for op, n in sorted(self.events.items())))
        for kind, names in FIELDS.items():
            print(f"{kind}:", *(f"{name} {len(self.rules[kind][name])}" for name in names))
        missing = self.missing()
        print("fields not covered:", *(missing or ["none"]))


def build():
    """Why there is no oracle, or None."""
    for program in ("java", "mvn"):
        if not shutil.which(program):
            return f"{program} is not installed"
    r = subprocess.run([JAVA, "build"], capture_output=True, text=True)
    return f"the oracle doesn't build: {(r.stdout + r.stderr)[-600:]}" if r.returncode else None


def ask_java(files):
    r = subprocess.run([JAVA, "oracle.Oracle", *files], capture_output=True, text=True, timeout=60 + 5 * len(files))
    if r.returncode:
        sys.exit(f"the oracle failed: {r.stderr[-2000:]}")


def compare(files, coverage):
    """How many differ."""
    ask_java(files)
    differ = 0
    for path in files:
        coverage.add(json.loads(path.read_text()))
        if different := run.replay(path):
            differ += 1
            print(f"FAIL {path.stem}", *different[:4], sep="\n     ", flush=True)
            KEPT.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, KEPT / path.name)
    return differ


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--scenarios", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    o = parser.parse_args()
    if absent := build():
        print(absent)
        print("0 passed, 1 failed")
        return 1
    coverage, differ = Coverage(), 0
    with tempfile.TemporaryDirectory() as folder:
        def copies():
            for file in o.files:
                yield pathlib.Path(shutil.copy(file, folder))
            for seed in range(o.seed, o.seed + o.scenarios):
                path = pathlib.Path(folder) / f"random-{seed}.json"
                path.write_text(json.dumps(generate.scenario(seed)))
                yield path
        files = list(copies())
        for at in range(0, len(files), BATCH):
            differ += compare(files[at:at + BATCH], coverage)
    coverage.tell()
    print(f"{len(files) - differ} passed, {differ} failed")
    return 1 if differ or not files or (o.scenarios >= 100 and coverage.missing()) else 0


if __name__ == "__main__":
    sys.exit(main())

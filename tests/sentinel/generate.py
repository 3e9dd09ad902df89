#!/usr/bin/env python3
"""Writes random scenarios for sentinel_replay and for Sentinel for Java.

  tests/sentinel/generate.py FOLDER COUNT [SEED]

Every field of every kind of rule is used (cluster mode apart), and rules are loaded anew while calls run.
"""
import json
import pathlib
import random
import sys

BASE_MS = 1_700_000_000_000
RESOURCES = ["r", "s", "a.b:find(long)"]
ORIGINS = ["", "app1", "app2", "app3"]
CONTEXTS = ["oracle_context", "in1", "in2"]


def flow_rule(rnd):
    rule = {"resource": rnd.choice(RESOURCES), "grade": rnd.choice([1, 1, 1, 0]), "count": rnd.choice([0, 1, 2, 2.5, 3, 5, 8, 10, 20, 50])}
    if rnd.random() < .3:
        rule["limitApp"] = rnd.choice(["default", "other", "app1", "app2"])
    if rnd.random() < .2:
        rule["strategy"] = rnd.choice([1, 2])
        rule["refResource"] = rnd.choice(RESOURCES) if rule["strategy"] == 1 else rnd.choice(CONTEXTS)
    if rnd.random() < .4:
        rule["controlBehavior"] = rnd.choice([1, 2, 3])
        rule["warmUpPeriodSec"] = rnd.choice([1, 3, 10])
        rule["maxQueueingTimeMs"] = rnd.choice([1, 100, 500, 2000])
        rule["count"] = rnd.choice([1, 3, 5, 10, 20, 50, 1500])
    elif rnd.random() < .15:
        rule["regex"], rule["resource"] = True, rnd.choice(["[rs]", "r.*", ".*", "a\\.b.*"])
    return rule


def degrade_rule(rnd):
    grade = rnd.choice([0, 1, 2])
    rule = {"resource": rnd.choice(RESOURCES), "grade": grade, "timeWindow": rnd.choice([1, 2]), "minRequestAmount": rnd.choice([1, 2, 5]),
            "statIntervalMs": rnd.choice([500, 1000, 3000]), "count": rnd.choice([[0, 10, 50, 50.5], [0, .2, .5, 1], [0, 1, 3]][grade])}
    if grade == 0:
        rule["slowRatioThreshold"] = rnd.choice([0, .3, .5, 1])
    if rnd.random() < .15:
        rule["regex"], rule["resource"] = True, rnd.choice(["[rs]", "r.*"])
    return rule


def param_rule(rnd):
    rule = {"resource": rnd.choice(RESOURCES), "paramIdx": rnd.choice([0, 0, 0, 1, -1, -2]), "count": rnd.choice([0, 1, 2, 3, 5.5]), "grade": rnd.choice([1, 1, 0])}
    if rnd.random() < .3:
        rule["burstCount"] = rnd.choice([0, 1, 4])
    if rnd.random() < .3:
        rule["durationInSec"] = rnd.choice([1, 2])
    if rnd.random() < .3:
        rule["controlBehavior"], rule["maxQueueingTimeMs"] = 2, rnd.choice([0, 100, 500])
    if rnd.random() < .4:
        rule["paramFlowItemList"] = [{"object": o, "classType": c, "count": n} for o, c, n in rnd.sample(
            [("a", "java.lang.String", 0), ("b", "", 4), ("7", "int", 1), ("7", "long", 3), ("true", "boolean", 2), ("1.5", "double", 1)], 2)]
    return rule


def authority_rule(rnd):
    return {"resource": rnd.choice(RESOURCES), "limitApp": rnd.choice(["app1", "app1,app2", "app2, app3"]), "strategy": rnd.choice([0, 1])}


def system_rule(rnd):
    return {k: v for k, v in [("qps", rnd.choice([5, 20, 40])), ("maxThread", rnd.choice([1, 3, 10])), ("avgRt", rnd.choice([10, 60])),
                              ("highestSystemLoad", 2), ("highestCpuUsage", rnd.choice([.5, 1.5]))] if rnd.random() < .3}


MAKERS = {"flow": (flow_rule, .8, 4), "degrade": (degrade_rule, .5, 3), "paramFlow": (param_rule, .4, 3), "authority": (authority_rule, .15, 2),
          "system": (system_rule, .15, 2)}


def rules(rnd, always=False):
    return {kind: [make(rnd) for _ in range(rnd.randint(1 if always else 0, most))]
            for kind, (make, chance, most) in MAKERS.items() if rnd.random() < chance}


def argument(rnd, depth=0):
    if depth == 0 and rnd.random() < .15:
        return [argument(rnd, 1) for _ in range(rnd.randint(0, 3))]
    return rnd.choice(["a", "b", "c", 7, "L:7", "7", True, 1.5, None] if rnd.random() < .9 else [None])


def entry(rnd, t_ms):
    event = {"t_ms": t_ms, "op": "entry", "resource": rnd.choice(RESOURCES)}
    for name, chance, values in [("origin", .4, ORIGINS), ("context", .3, CONTEXTS), ("type", .2, ["OUT"]), ("count", .1, [0, 2, 3]),
                                 ("prioritized", .2, [True]), ("rt_ms", .6, [1, 10, 40, 60, 200, 900]), ("error", .2, [True])]:
        if rnd.random() < chance:
            event[name] = rnd.choice(values)
    if rnd.random() < .6:
        event["args"] = [argument(rnd) for _ in range(rnd.randint(0, 3))]
    return event


def scenario(seed):
    rnd = random.Random(seed)
    events, t_ms, gap = [], 0, rnd.choice([5, 20, 60, 150])
    for _ in range(rnd.randint(20, 150)):
        t_ms += rnd.choice([0, 0, 1, gap, gap, 2 * gap, rnd.choice([500, 1000, 1500, 3000]) if rnd.random() < .05 else gap])
        what = rnd.random()
        if what < .03:
            events.append({"t_ms": t_ms, "op": "snapshot"})
        elif what < .05:
            events.append({"t_ms": t_ms, "op": "rules", "rules": rules(rnd)})
        elif what < .07:
            events.append({"t_ms": t_ms, "op": "load", "load": rnd.choice([0, 1, 3]), "cpu": rnd.choice([0, .4, .6])})
        else:
            events.append(entry(rnd, t_ms))
    made = {"name": f"random-{seed}", "base_ms": BASE_MS + rnd.choice([0, 0, 337, 999]), "rules": rules(rnd, True), "events": events}
    return made


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        (folder / f"random-{seed}.json").write_text(json.dumps(scenario(seed), indent=1))


if __name__ == "__main__":
    main()

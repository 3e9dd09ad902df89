#!/usr/bin/env python3
"""Writes random scenarios for sentinel_replay and for Sentinel for Java.

  tests/sentinel/generate.py FOLDER COUNT [SEED]

Every field of every kind of rule is used, rules are loaded anew while calls run, and some calls are cancelled.
"""
import json
import pathlib
import random
import sys

BASE_MS = 1_700_000_000_000
RESOURCES = ["r", "s", "a.b:find(long)"]
INTERFACE = "a.b"
METHODS = ["a.b:find(long)", "a.b:save()"]
ORIGINS = ["", "app1", "app2", "app3"]
CONTEXTS = ["oracle_context", "in1", "in2"]
PATTERNS = ["[rs]", "r.*", ".*", "a\\.b.*", "a\\.b:.*\\(.*\\)", "s|r"]
LIMIT_APPS = ["default", "other", "app1", "app2"]


def named(rnd, rule):
    """What every rule may have."""
    if rnd.random() < .2:
        rule["id"] = rnd.randint(1, 10 ** 12)
    return rule


def resource(rnd):
    return rnd.choice([*RESOURCES, *RESOURCES, INTERFACE, *METHODS])


def cluster_config(rnd, flow):
    config = {"flowId": rnd.choice([1, 2, 2 ** 40, 0]), "thresholdType": rnd.choice([0, 1]), "fallbackToLocalWhenFail": rnd.choice([True, True, False]),
              "sampleCount": rnd.choice([10, 10, 5, 0]), "windowIntervalMs": rnd.choice([1000, 1000, 500, 7])}
    if flow:
        config |= {"strategy": rnd.choice([0, 0, 0, 1]), "resourceTimeout": rnd.choice([2000, 0]), "resourceTimeoutStrategy": rnd.choice([0, 1, -1]),
                   "acquireRefuseStrategy": rnd.choice([0, 1, 2, -1]), "clientOfflineTime": rnd.choice([2000, 0])}
    for name in list(config):
        if name != "flowId" and rnd.random() < .7:
            del config[name]
    return config


def flow_rule(rnd):
    rule = {"resource": resource(rnd), "grade": rnd.choice([1, 1, 1, 0]), "count": rnd.choice([0, 1, 2, 2.5, 3, 5, 8, 10, 20, 50])}
    if rnd.random() < .3:
        rule["limitApp"] = rnd.choice(LIMIT_APPS)
    if rnd.random() < .2:
        rule["strategy"] = rnd.choice([1, 2])
        rule["refResource"] = rnd.choice(RESOURCES) if rule["strategy"] == 1 else rnd.choice(CONTEXTS)
    if rnd.random() < .4:
        rule["controlBehavior"] = rnd.choice([1, 2, 3])
        rule["warmUpPeriodSec"] = rnd.choice([1, 3, 10])
        rule["maxQueueingTimeMs"] = rnd.choice([1, 100, 500, 2000])
        rule["count"] = rnd.choice([1, 3, 5, 10, 20, 50, 1500])
    elif rnd.random() < .2:
        rule["regex"], rule["resource"] = True, rnd.choice(PATTERNS)
    if rnd.random() < .15:
        rule["clusterMode"], rule["clusterConfig"] = True, cluster_config(rnd, True)
    return named(rnd, rule)


def degrade_rule(rnd):
    grade = rnd.choice([0, 1, 2])
    rule = {"resource": rnd.choice([resource(rnd)] * 5 + ["*"]), "grade": grade, "timeWindow": rnd.choice([1, 2]), "minRequestAmount": rnd.choice([1, 2, 5]),
            "statIntervalMs": rnd.choice([500, 1000, 3000]), "count": rnd.choice([[0, 10, 50, 50.5], [0, .2, .5, 1], [0, 1, 3]][grade])}
    if grade == 0:
        rule["slowRatioThreshold"] = rnd.choice([0, .3, .5, 1])
    if rnd.random() < .15:
        rule["limitApp"] = rnd.choice(LIMIT_APPS)
    if rnd.random() < .15:
        rule["regex"], rule["resource"] = True, rnd.choice(PATTERNS)
    return named(rnd, rule)


def param_rule(rnd):
    rule = {"resource": resource(rnd), "paramIdx": rnd.choice([0, 0, 0, 1, -1, -2]), "count": rnd.choice([0, 1, 2, 3, 5.5]), "grade": rnd.choice([1, 1, 0])}
    if rnd.random() < .3:
        rule["burstCount"] = rnd.choice([0, 1, 4])
    if rnd.random() < .3:
        rule["durationInSec"] = rnd.choice([1, 2])
    if rnd.random() < .3:
        rule["controlBehavior"], rule["maxQueueingTimeMs"] = 2, rnd.choice([0, 100, 500])
    elif rnd.random() < .2:
        rule["regex"], rule["resource"] = True, rnd.choice(PATTERNS)
    if rnd.random() < .4:
        rule["paramFlowItemList"] = [{"object": o, "classType": c, "count": n} for o, c, n in rnd.sample(
            [("a", "java.lang.String", 0), ("b", "", 4), ("7", "int", 1), ("7", "long", 3), ("true", "boolean", 2), ("1.5", "double", 1)], 2)]
    if rnd.random() < .15:
        rule["limitApp"] = rnd.choice(LIMIT_APPS)
    if rnd.random() < .2:
        rule["clusterMode"], rule["clusterConfig"] = True, cluster_config(rnd, False)
    return named(rnd, rule)


def authority_rule(rnd):
    rule = {"resource": resource(rnd), "limitApp": rnd.choice(["app1", "app1,app2", "app2, app3"]), "strategy": rnd.choice([0, 1])}
    if rnd.random() < .2:
        rule["regex"], rule["resource"] = True, rnd.choice(PATTERNS)
    return named(rnd, rule)


def system_rule(rnd):
    return named(rnd, {k: v for k, v in [("qps", rnd.choice([5, 20, 40])), ("maxThread", rnd.choice([1, 3, 10])), ("avgRt", rnd.choice([10, 60])),
                                         ("highestSystemLoad", 2), ("highestCpuUsage", rnd.choice([.5, 1.5]))] if rnd.random() < .3})


MAKERS = {"flow": (flow_rule, .8, 4), "degrade": (degrade_rule, .5, 3), "paramFlow": (param_rule, .4, 3), "authority": (authority_rule, .15, 2),
          "system": (system_rule, .15, 2)}


def rules(rnd, always=False):
    return {kind: [make(rnd) for _ in range(rnd.randint(1 if always else 0, most))]
            for kind, (make, chance, most) in MAKERS.items() if rnd.random() < chance}


def may_stay(kind, rule):
    """Java writes the index that -1 stands for into its rule, which then equals no new one: it forgets more than it means to."""
    return kind != "paramFlow" or rule["paramIdx"] >= 0


def again(rnd, loaded):
    """Of the rules that hold some stay: all of a kind, all but the last, or all and one more."""
    made = {}
    for kind, old in loaded.items():
        kept = [dict(rule) for rule in old if may_stay(kind, rule)]
        how = rnd.random()
        if how < .3:
            made[kind] = kept
        elif how < .5:
            made[kind] = kept[:-1]
        elif how < .7:
            made[kind] = [*kept, MAKERS[kind][0](rnd)]
    return made


def argument(rnd, depth=0):
    if depth == 0 and rnd.random() < .15:
        return [argument(rnd, 1) for _ in range(rnd.randint(0, 3))]
    return rnd.choice(["a", "b", "c", 7, "L:7", "7", True, 1.5, None] if rnd.random() < .9 else [None])


def answer(rnd):
    """[status, wait in ms, ms until the answer]; a token client waits 20 ms."""
    return [rnd.choice([0, 0, 0, 1, 2, 3, -1, -2, -4, 4, 5, 77]), rnd.choice([0, 1, 30, 200]), rnd.choice([0, 0, 1, 5, 20, 21, 1000])]


def entry(rnd, t_ms):
    event = {"t_ms": t_ms, "op": "entry", "resource": resource(rnd)}
    if rnd.random() < .25:
        event |= {"op": "call", "resource": INTERFACE, "method": rnd.choice(METHODS)}
    for name, chance, values in [("origin", .4, ORIGINS), ("context", .3, CONTEXTS), ("type", .2, ["OUT"]), ("count", .1, [0, 2, 3]),
                                 ("prioritized", .2, [True]), ("rt_ms", .6, [1, 10, 40, 60, 200, 900]), ("error", .2, [True])]:
        if rnd.random() < chance:
            event[name] = rnd.choice(values)
    if rnd.random() < .6:
        event["args"] = [argument(rnd) for _ in range(rnd.randint(0, 3))]
    if rnd.random() < .7:
        event["tokens"] = [answer(rnd) for _ in range(rnd.randint(1, 3))]
    return event


def scenario(seed):
    rnd = random.Random(seed)
    events, t_ms, gap = [], 0, rnd.choice([5, 20, 60, 150])
    first = rules(rnd, True)
    loaded = dict(first)
    for number in range(rnd.randint(20, 150)):
        t_ms += rnd.choice([0, 0, 1, gap, gap, 2 * gap, rnd.choice([500, 1000, 1500, 3000]) if rnd.random() < .05 else gap])
        what = rnd.random()
        if what < .03:
            events.append({"t_ms": t_ms, "op": "snapshot"})
        elif what < .06:
            new = rules(rnd) if rnd.random() < .5 else again(rnd, loaded)
            loaded |= new
            events.append({"t_ms": t_ms, "op": "rules", "rules": new})
        elif what < .08:
            events.append({"t_ms": t_ms, "op": "load", "load": rnd.choice([0, 1, 3]), "cpu": rnd.choice([0, .4, .6])})
        elif what < .14 and number:
            events.append({"t_ms": t_ms, "op": "cancel", "event": rnd.randrange(max(0, number - 6), number)})
        else:
            events.append(entry(rnd, t_ms))
    return {"name": f"random-{seed}", "base_ms": BASE_MS + rnd.choice([0, 0, 337, 999]), "rules": first, "events": events}


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        (folder / f"random-{seed}.json").write_text(json.dumps(scenario(seed), indent=1))


if __name__ == "__main__":
    main()

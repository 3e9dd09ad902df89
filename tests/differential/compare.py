#!/usr/bin/env python3
"""Compares outrigger with Envoy case by case: the same bootstrap, the same bytes from the client, the same upstreams, the same ports.

  ./compare.py                          all cases against a live Envoy 1.40, or without one against the recording
  ./compare.py routing http1/pipelining a subset (regular expressions on area/name)
  ./compare.py --ci                     against the recording, a tenth of which is verified with live Envoy; judged by floor.json
  ./compare.py --record                 runs Envoy alone and writes the recording: only what two runs agree on
  ./compare.py --verify                 Envoy against its recording
  ./compare.py --self                   Envoy against itself: shows that cases are deterministic

OUTRIGGER and ENVOY name the binaries (default: build/release or build/asan, and build/envoy). Further arguments for them come
from OUTRIGGER_ARGS and ENVOY_ARGS (both default to --disable-hot-restart).
"""
import argparse
import asyncio
import concurrent.futures
import hashlib
import importlib
import json
import os
import pathlib
import re
import shlex
import sys
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]

import dsl  # noqa: E402
import harness  # noqa: E402
import places  # noqa: E402

RECORDING, FLOOR, EXCEPTIONS = HERE / "envoy-1.40.0.jsonl", HERE / "floor.json", HERE / "exceptions.yaml"
PORT_BASE, PORTS_PER_CASE, PORT_END = 20000, 16, 32768  # below the usual ephemeral range; each case has a range of its own
MANY = 60  # cases that differ: too many to be an accident of timing, not run again
VERDICTS = ("same", "meant", "differs", "failed to start")


# --- cases and the recording ----------------------------------------------------------------------------------------

def load():
    for f in sorted((HERE / "cases").glob("*.py")):
        importlib.import_module("cases." + f.stem)
    return dsl.CASES


def fingerprint(case):
    """Changes when what the case configures, sends or reads changes; the recording of an older version doesn't count."""
    parts = [case.bootstrap, case.files, case.script, case.stats, case.logs, case.nonzero, case.uses, case.down, list(case.ignore),
             [s.__name__ for s in case.steps]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def recorded():
    if not RECORDING.exists():
        return {}
    entries = (json.loads(line) for line in RECORDING.read_text().splitlines())
    cases = load()
    return {e["case"]: e for e in entries if e["case"] in cases and e["of"] == fingerprint(cases[e["case"]])}


def ports_for(case, case_id, entry):
    """Those of the recording while they are free: hash balancing depends on addresses."""
    if entry and (ports := harness.reserve(entry["ports"])):
        return ports
    ids = sorted(dsl.CASES)
    base = PORT_BASE + ids.index(case_id) * PORTS_PER_CASE % (PORT_END - PORT_BASE - PORTS_PER_CASE)
    return harness.allocate(case, base)


# --- comparing ------------------------------------------------------------------------------------------------------

def flatten(x, path=""):
    """Pairs of path and leaf. Header lists become sorted by name, which keeps the order of equal names."""
    if isinstance(x, dict):
        for k, v in x.items():
            yield from flatten(v, f"{path}.{k}" if path else k)
    elif isinstance(x, list):
        if x and all(isinstance(h, list) and len(h) == 2 and isinstance(h[0], str) for h in x) and path.endswith(("headers", "trailers")):
            count = {}
            for name, value in (x if flatten.strict else sorted(x, key=lambda h: h[0].lower())):
                n = count[name] = count.get(name, 0) + 1
                yield f"{path}[{name}{'#%d' % n if n > 1 else ''}]", value
            if flatten.strict:
                yield f"{path} order", ", ".join(h[0] for h in x)
        else:
            if not x:
                yield path, []
            for i, v in enumerate(x):
                yield from flatten(v, f"{path}[{i}]")
    else:
        yield path, x


flatten.strict = False


def differences(a, b):
    a, b = dict(flatten(a)), dict(flatten(b))
    return [(k, a.get(k, "(absent)"), b.get(k, "(absent)")) for k in dict.fromkeys([*a, *b]) if a.get(k, "(absent)") != b.get(k, "(absent)")]


class Meant:
    """exceptions.yaml: differences that are meant, each with its reason."""

    def __init__(self):
        self.entries = yaml.safe_load(EXCEPTIONS.read_text()) or [] if EXCEPTIONS.exists() else []
        for e in self.entries:
            if not e.get("reason") or not e.get("case"):
                sys.exit(f"{EXCEPTIONS.name}: an entry needs case and reason: {e}")
        self.used = set()

    def covers(self, case_id, key):
        for i, e in enumerate(self.entries):
            if re.fullmatch(e["case"], case_id) and re.search(e.get("where", ""), key):
                self.used.add(i)
                return True
        return False

    def unused(self):
        return [e for i, e in enumerate(self.entries) if i not in self.used]


def verdict(case_id, seen, meant):
    if any("failed to start" in s for s in seen):
        return "failed to start", []
    found = differences(*seen)
    left = [d for d in found if not meant.covers(case_id, d[0])]
    return ("differs" if left else "meant" if found else "same"), left


# --- running --------------------------------------------------------------------------------------------------------

def run_case(case_id, sides, entry):
    """Observations of one case, one for each side: a (binary, arguments), or None for the recorded one. In a worker process."""
    case = load()[case_id]
    began = time.monotonic()
    ports = ports_for(case, case_id, entry)
    seen = []
    for side in sides:
        if side is None:
            seen.append(entry["seen"])
            continue
        try:
            seen.append(asyncio.run(harness.observe(case, *side, ports)))
        except Exception as e:  # a fault of the harness must not look like agreement
            seen.append({"failed to start": f"harness: {type(e).__name__}: {e}"})
    return case_id, seen, ports, time.monotonic() - began


def run_all(ids, sides_of, entries, jobs):
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        waiting = [pool.submit(run_case, i, sides_of(i), entries.get(i)) for i in ids]
        for f in concurrent.futures.as_completed(waiting):
            yield f.result()


def proxy(name):
    binary = {"ENVOY": places.envoy, "OUTRIGGER": places.outrigger}[name]()
    return binary, shlex.split(os.environ.get(name + "_ARGS", "--disable-hot-restart"))


def record(ids, jobs):
    """Writes what Envoy does: an observation that two runs on the same ports agree on (up to six runs)."""
    envoy = proxy("ENVOY")
    cases, old, lines, unstable = load(), recorded(), {}, []
    todo = list(ids)
    for attempt in range(3):
        again = []
        for case_id, seen, ports, _ in run_all(todo, lambda i: [envoy, envoy], {}, jobs if attempt == 0 else 1):
            if any("failed to start" in s for s in seen) or differences(*seen):
                again.append(case_id)
            else:
                lines[case_id] = {"case": case_id, "of": fingerprint(cases[case_id]), "ports": ports, "seen": seen[0]}
        todo = again
    unstable = todo
    kept = {**{i: e for i, e in old.items() if i not in ids}, **lines}
    RECORDING.write_text("".join(json.dumps(kept[i], ensure_ascii=False, separators=(",", ":")) + "\n" for i in sorted(kept)))
    for i in unstable:
        print(f"two runs of Envoy disagree: {i}")
    places.summary(len(lines), len(unstable))


# --- reporting ------------------------------------------------------------------------------------------------------

def short(x, n):
    s = x if isinstance(x, str) else json.dumps(x)
    return s if len(s) <= n else s[:n - 1] + "…"


def show(case_id, v, seen, left, o, took):
    print(f"{v:16} {case_id}" + (f"  ({took:.1f} s)" if took > 6 else ""))
    if v == "failed to start":
        for who, s in zip(("envoy", "other"), seen):
            if "failed to start" in s:
                print(f"    {who}: {s['failed to start']}")
    elif v == "differs":
        if dsl.CASES[case_id].note:
            print(f"    note: {dsl.CASES[case_id].note}")
        for key, a, b in left if o.full else left[:4]:
            n = 2000 if o.full else 160
            print(f"    {key}\n        envoy: {short(a, n)}\n        other: {short(b, n)}")
        if len(left) > 4 and not o.full:
            print(f"    … {len(left) - 4} more")
    sys.stdout.flush()


def by_area(results):
    table = {}
    for case_id, v in results.items():
        row = table.setdefault(case_id.split("/")[0], dict.fromkeys(VERDICTS, 0))
        row[v] += 1
    return dict(sorted(table.items()))


def read_floor():
    return json.loads(FLOOR.read_text()) if FLOOR.exists() else {}


def judge(table, floor):
    """Areas whose count of same cases is below what it once was."""
    return {area: n - table.get(area, {}).get("same", 0) for area, n in floor.items() if table.get(area, {}).get("same", 0) < n}


def print_patterns(dump, meant):
    """The first difference of each case, with step numbers taken out; and why proxies did not start."""
    found = {}
    for case_id, d in dump.items():
        if d["verdict"] == "differs":
            key, a, b = verdict(case_id, [d["envoy"], d["other"]], meant)[1][0]
            what = re.sub(r"steps\.\d+ [^.]*", "steps.N", key)
        elif d["verdict"] == "failed to start":
            what, a, b = "does not start: " + d["other"].get("failed to start", "?")[-120:], "", ""
        else:
            continue
        found.setdefault(what, []).append((case_id, a, b))
    print("\nwhat differs first, most frequent first:")
    for what, cases in sorted(found.items(), key=lambda kv: -len(kv[1])):
        print(f"{len(cases):4} {what}   [{', '.join(c[0] for c in cases[:4])}]")
        if cases[0][1] != "":
            print(f"         envoy: {short(cases[0][1], 100)}   other: {short(cases[0][2], 100)}")


def print_table(table, floor):
    print(f"\n{'area':20}{'same':>7}{'meant':>7}{'differ':>8}{'failed':>8}{'floor':>8}")
    for area, row in table.items():
        print(f"{area:20}" + "".join(f"{row[v]:{w}}" for v, w in zip(VERDICTS, (7, 7, 8, 8))) + f"{floor.get(area, 0):8}")


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("only", nargs="*", help="regular expressions on area/name")
    mode = p.add_mutually_exclusive_group()
    for word, text in (("self", "Envoy with Envoy"), ("record", "write the recording"), ("verify", "Envoy with its recording"),
                       ("recorded", "outrigger with the recording, even if there is an Envoy"),
                       ("ci", "as --recorded; verify a tenth of the recording; exit code by floor.json")):
        mode.add_argument(f"--{word}", action="store_const", dest="mode", const=word, help=text)
    p.add_argument("--list", action="store_true", help="list the cases and stop")
    p.add_argument("--full", action="store_true", help="every differing line instead of the first four")
    p.add_argument("--strict-order", action="store_true", help="compare the order of headers of different names, too")
    p.add_argument("--all", action="store_true", help="list the cases that are the same, too")
    p.add_argument("--json", metavar="FILE", help="write all observations to FILE")
    p.add_argument("--patterns", action="store_true", help="end with what differs most often, and an example of each")
    p.add_argument("--raise-floor", action="store_true", help="write the counts that are higher than before into floor.json")
    p.add_argument("--retries", type=int, default=1, help="a case that isn't the same is run again, alone, N times (default 1)")
    p.add_argument("--jobs", type=int, default=2)
    return p.parse_args()


def sides(mode, entries):
    """case -> the two sides to compare."""
    if mode == "self":
        return lambda i: [proxy("ENVOY"), proxy("ENVOY")]
    if mode == "verify":
        return lambda i: [None, proxy("ENVOY")] if i in entries else [proxy("ENVOY"), proxy("ENVOY")]
    other = proxy("OUTRIGGER")
    if mode in ("recorded", "ci"):
        return lambda i: [None, other]
    return lambda i: [proxy("ENVOY"), other]


def compare_all(ids, sides_of, entries, o, meant):
    results, dump, shown = {}, {}, {}
    for attempt in range(o.retries + 1):
        todo = ids if attempt == 0 else [i for i in ids if results[i] in ("differs", "failed to start")]
        if attempt and o.mode == "ci":  # known differences stay what they are; where the floor isn't reached, a second look
            below = judge(by_area(results), read_floor())
            todo = [i for i in todo if i.split("/")[0] in below]
        if attempt and len(todo) > MANY:
            break  # that is no noise
        for case_id, seen, _, took in run_all(todo, sides_of, entries, o.jobs if attempt == 0 else 1):
            v, left = verdict(case_id, seen, meant)
            results[case_id], dump[case_id] = v, {"verdict": v, "envoy": seen[0], "other": seen[1]}
            shown[case_id] = (seen, left, took)
            if o.all and attempt == 0 and v in ("same", "meant") or attempt and v == "same":
                show(case_id, v + (" (2nd run)" if attempt else ""), seen, left, o, took)
    for case_id, v in results.items():
        if v in ("differs", "failed to start"):
            show(case_id, v, *shown[case_id][:2], o, shown[case_id][2])
    if o.json:
        pathlib.Path(o.json).write_text(json.dumps(dump, indent=1))
    if o.patterns:
        print_patterns(dump, meant)
    return results


def main():
    o = arguments()
    flatten.strict = o.strict_order
    cases = load()
    ids = [i for i in cases if not o.only or any(re.search(r, i) for r in o.only)]
    if o.list:
        print(*ids, sep="\n")
        print(f"{len(ids)} cases")
        return 0
    try:
        if o.mode == "record":
            return record(ids, o.jobs)
        if o.mode is None:
            try:
                proxy("ENVOY")
            except places.Missing as e:
                print(f"{e}; comparing with the recording")
                o.mode = "recorded"
        entries, failures = recorded(), 0
        sides_of = sides(o.mode, entries)
        if o.mode in ("recorded", "ci") and (lacking := [i for i in ids if i not in entries]):
            print(f"not recorded, or recorded before the case was changed (--record mends it): {' '.join(lacking)}")
            ids, failures = [i for i in ids if i in entries], len(lacking)
        if o.mode == "ci":
            failures += verify_a_tenth(ids, entries, o)
    except places.Missing as e:
        print(e)
        return places.summary(0, 1)
    meant = Meant()
    began = time.monotonic()
    results = compare_all(ids, sides_of, entries, o, meant)
    return conclude(results, o, meant, failures, time.monotonic() - began)


def verify_a_tenth(ids, entries, o):
    """Every tenth case, others each day, on a live Envoy: the recording stays honest. Returns how many disagree."""
    try:
        envoy = proxy("ENVOY")
    except places.Missing as e:
        print(f"recording not verified: {e}")
        return 0
    sample = ids[int(time.time() / 86400) % 10::10]
    quiet = argparse.Namespace(**{**vars(o), "mode": "verify", "all": False, "json": None, "patterns": False})
    results = compare_all(sample, lambda i: [None, envoy], entries, quiet, argparse.Namespace(covers=lambda *_: False))
    wrong = [i for i, v in results.items() if v != "same"]
    print(f"recording verified with live Envoy: {len(results) - len(wrong)} of {len(results)} as recorded")
    return len(wrong)


def conclude(results, o, meant, failures, seconds):
    table = by_area(results)
    floor = read_floor() if o.mode not in ("self", "verify") else {}
    print_table(table, floor)
    totals = {v: sum(row[v] for row in table.values()) for v in VERDICTS}
    print("\n" + ", ".join(f"{n} {v}" for v, n in totals.items()) + f" ({seconds:.0f} s)")
    if not o.only:
        for e in meant.unused() if o.mode not in ("self", "verify") else []:
            print(f"{EXCEPTIONS.name}: nothing differs any more for {e['case']} {e.get('where', '')}: delete the entry")
            failures += 1
        if o.raise_floor:
            raised = {a: max(row["same"], floor.get(a, 0)) for a, row in table.items()}
            FLOOR.write_text(json.dumps(raised, indent=1, sort_keys=True) + "\n")
            print(f"{FLOOR.name} written: {sum(raised.values())}")
    passed = totals["same"] + totals["meant"]
    if o.mode == "ci":  # known differences are work to do, no breakage: what once was the same must stay so
        below = judge(table, floor)
        for area, n in below.items():
            print(f"{area}: {n} cases fewer are the same than the floor says")
        return places.summary(passed, sum(below.values()) + failures)
    return places.summary(passed, len(results) - passed + failures)


if __name__ == "__main__":
    sys.exit(main())

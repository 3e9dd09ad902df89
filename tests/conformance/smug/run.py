#!/usr/bin/env python3
"""HTTP/1.1 robustness: 190 requests that are wrong, ambiguous or at a limit. See README.md.

  ./run.py                  outrigger, judged by the recorded peers
  ./run.py --record         runs the peers (Envoy, HAProxy, nginx) and writes peers.json
  ./run.py --table FILE     writes the table of verdicts as Markdown, besides
  ./run.py --only REGEX     some cases
"""
import argparse
import concurrent.futures
import json
import re
import statistics
import sys
from pathlib import Path

import yaml

import exchange
import proxies
from proxies import places

HERE = Path(__file__).resolve().parent
PEERS_FILE = HERE / "peers.json"
PEERS = {"outrigger": ["envoy", "haproxy", "nginx"], "outrigger-edge": ["envoy-edge", "haproxy", "nginx"]}
LANES = 8
PERMISSIVE = {"silent": 0, "refused": 0, "partial": 1, "forwarded": 2}


def corpus(only=""):
    cases = json.loads((HERE / "corpus" / "index.json").read_text())
    return [c for c in cases if re.search(only, c["id"])]


def run_proxy(name, cases):
    """id -> observation; RuntimeError when the proxy doesn't start, ends, or a sanitizer speaks."""
    proxy = proxies.Proxy(name, LANES)
    backends = [exchange.Backend(b) for _, b in proxy.lanes]
    lanes = list(range(LANES))
    observed, refused = {}, None

    def one(case):
        lane = lanes.pop()
        try:
            data = (HERE / "corpus" / case["file"]).read_bytes()
            return case["id"], exchange.observe(case, data, proxy.lanes[lane][0], backends[lane])
        finally:
            lanes.append(lane)
    try:
        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            observed = dict(pool.map(one, cases))
    except OSError as e:
        refused = f"{name}: {e}"
    finally:
        trouble = proxy.stop()
        for b in backends:
            b.stop()
    if trouble:
        raise RuntimeError(f"{name}: {trouble}")
    if refused:
        raise RuntimeError(refused)
    return {c["id"]: observed[c["id"]] for c in cases}


def judge(mine, peers):
    """Why the observation is no good, or None. `peers`: observations of the three proxies that count."""
    ranks = [PERMISSIVE[p["verdict"]] for p in peers]
    rank = PERMISSIVE[mine["verdict"]]
    if rank > statistics.median(ranks):
        return f"more permissive than the majority: {mine['verdict']}"
    if rank < min(ranks) and min(ranks) == PERMISSIVE["forwarded"]:
        return f"refuses what all peers take: {mine['verdict']}"
    if mine["requests"] > max(p["requests"] for p in peers):
        return f"the backend saw {mine['requests']} requests, more than behind any peer"
    if mine["smuggled"] and sum(p["smuggled"] for p in peers) < 2:
        return "the backend saw the smuggled request"
    return None


def cell(o):
    return "+".join(map(str, o["status"][:4])) + ("…" if len(o["status"]) > 4 else "") + f" {o['close']} b{o['requests']}" + \
        (f"+{o['left']}" if o["left"] else "") + (" smuggled" if o["smuggled"] else "")


def write_table(path, cases, columns):
    names = list(columns)
    lines = ["# HTTP/1.1 robustness: what each proxy does with doubtful requests", "",
             "Written by `tests/conformance/smug/run.py --table`. A cell is: status codes, how the connection stood at the end (fin, reset, open), and bN:",
             "how many requests the backend framed (+n: bytes left over there). `edge` is the configuration of a proxy that faces the internet.", "",
             "| case | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for c in cases:
        lines.append(f"| {c['id']} | " + " | ".join(cell(columns[n][c["id"]]) if c["id"] in columns[n] else "" for n in names) + " |")
    Path(path).write_text("\n".join(lines) + "\n")


def record(cases):
    recorded = json.loads(PEERS_FILE.read_text()) if PEERS_FILE.exists() else {}
    for name in dict.fromkeys(n for peers in PEERS.values() for n in peers):
        recorded[name] = {**recorded.get(name, {}), **run_proxy(name, cases)}
        print(f"{name}: {len(recorded[name])} cases", flush=True)
    known = {c["id"] for c in corpus()}
    lines = []
    for name, seen in recorded.items():
        rows = ",\n".join(f"  {json.dumps(i)}: {json.dumps(o)}" for i, o in seen.items() if i in known)
        lines.append(f" {json.dumps(name)}: {{\n{rows}\n }}")
    PEERS_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--table", metavar="FILE")
    parser.add_argument("--only", default="")
    o = parser.parse_args()
    cases = corpus(o.only)
    try:
        if o.record:
            record(cases)
        peers = json.loads(PEERS_FILE.read_text())
        meant = {e["case"]: e["reason"] for e in yaml.safe_load((HERE / "exceptions.yaml").read_text()) or []}
        mine, passed, failed = {}, 0, 0
        for name, judges in PEERS.items() if not o.record else ():
            mine[name] = run_proxy(name, cases)
            for case in cases:
                i = case["id"]
                why = judge(mine[name][i], [peers[p][i] for p in judges])
                if why and i not in meant:
                    failed += 1
                    print(f"FAIL {name} {i}: {why}: {cell(mine[name][i])}; " + ", ".join(f"{p}: {cell(peers[p][i])}" for p in judges))
                else:
                    passed += 1
            same = sum(mine[name][c["id"]] == peers[judges[0]][c["id"]] for c in cases)
            print(f"{name}: {same} of {len(cases)} exactly as {judges[0]}")
        if o.table:
            write_table(o.table, cases, {**mine, **peers})
    except (places.Missing, RuntimeError) as e:
        print(e)
        return places.summary(0, 1)
    return 0 if o.record else places.summary(passed, failed)


if __name__ == "__main__":
    sys.exit(main())

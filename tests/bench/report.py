#!/usr/bin/env python3
"""results/*.json -> Markdown tables on standard output."""
import json
import sys

from harness import RESULTS


def cell(v, digits=1):
    if not isinstance(v, list):
        return "" if v is None else str(v)
    f = f"{{:,.{digits}f}}"
    return f"{f.format(v[0])} ({f.format(v[1])}–{f.format(v[2])})"


def table(name, data):
    print(f"\n## {name} ({data['when']}, {data['rounds']} rounds x {data['secs']} s, pinned: {data['pinned']})\n")
    print("| case | proxy | CPU µs: median (min–max) | user | sys | rate/s | p50 µs | p99 µs | cores | errors | others |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for case, rows in data["rows"].items():
        for proxy, r in rows.items():
            med = {k: v[0] for k, v in r.items() if isinstance(v, list)}
            print(f"| {case} | {proxy} | {cell(r.get('cpu_us'))} | " + " | ".join(
                f"{med[k]:,.{d}f}" if k in med else "" for k, d in
                (("user_us", 1), ("sys_us", 1), ("rps", 2 if med.get("rps", 9) < 9 else 0), ("p50_us", 0), ("p99_us", 0), ("cores", 2),
                 ("errors", 0), ("others", 1))) + " |")


def main():
    for name in ("h1", "h1-rerun", "h1-unpinned", "h2", "tls", "tcp", "dubbo", "bolt", "latency", "latency-rerun", "connrate"):
        f = RESULTS / f"{name}.json"
        if f.exists():
            table(name, json.loads(f.read_text()))
    f = RESULTS / "idle.json"
    if f.exists():
        print("\n## idle\n\n| proxy | start RSS kB | start PSS kB | held RSS kB | connections | bytes/connection | RSS after close kB |\n|---|---|---|---|---|---|---|")
        for k, r in json.loads(f.read_text())["rows"].items():
            print(f"| {k} | {r['start']['rss_kb']:,} | {r['start']['pss_kb']:,} | {r['held']['rss_kb']:,} | {r['connections']:,} | "
                  f"{r['bytes_per_conn']:,} | {r['after_close']['rss_kb']:,} |")
    f = RESULTS / "xds.json"
    if f.exists():
        print("\n## xds\n\n| case | files MB | load s | load CPU s | RSS MB | CPU ms/update | p99/max µs quiet | p99/max µs updating | bucket max median/p90 quiet | ... updating | buckets over 10 ms quiet/updating |\n|---|---|---|---|---|---|---|---|---|---|---|")
        for k, r in json.loads(f.read_text())["rows"].items():
            q, u = r["quiet"], r.get("updating")

            def lat(x):
                return f"{x['p99_us']:,}/{x['max_us']:,}" if x else ""

            def buck(x):
                return f"{x['bucket_max_median_us']:,}/{x['bucket_max_p90_us']:,}" if x else ""
            print(f"| {k} | {r['files_mb']} | {r['load_s']} | {r['load_cpu_s']} | {r['rss_kb'] / 1024:.1f} | {r.get('update_cpu_ms', '')} | {lat(q)} | {lat(u)} | "
                  f"{buck(q)} | {buck(u)} | {q['buckets_over_10ms']}/{u['buckets_over_10ms'] if u else ''} of {q['buckets']} |")
    for name in ("restart", "restart-unpinned"):
        f = RESULTS / f"{name}.json"
        if not f.exists():
            continue
        print(f"\n## {name}\n\n| proxy | load | requests | failed | serving after s | old gone after s | p50/p99/max µs near a restart | elsewhere |\n|---|---|---|---|---|---|---|---|")
        for k, r in json.loads(f.read_text())["rows"].items():
            for name, x in r["loads"].items():
                a, b = x["within 1.5 s of a restart"], x["elsewhere"]
                print(f"| {k} | {name} | {x['requests']:,} | {x['failed'] or 0} | {cell(r['serving_s'], 2)} | {cell(r['old_gone_s'], 2)} | "
                      f"{a['p50_us']:,}/{a['p99_us']:,}/{a['max_us']:,} | {b['p50_us']:,}/{b['p99_us']:,}/{b['max_us']:,} |")


if __name__ == "__main__":
    sys.exit(main())

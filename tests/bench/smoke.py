#!/usr/bin/env python3
"""The benchmark's parts once each, in half a minute: outrigger carries HTTP/1.1, HTTP/2, TLS, TCP, Dubbo and Bolt load without an error,
and doesn't cost more than a multiple of the bare relay that only a mistake can explain. No measurement: see bench.py."""
import argparse
import sys

import bench
import harness as H
import scale
from harness import places

sys.path.insert(0, str(places.ROOT / "tests/support"))
import open_checks  # noqa: E402

IDLE_BYTES = 512  # of process memory for each idle HTTP/1.1 connection; 480 is expected
FACTOR = 8  # CPU per exchange against the relay's; HTTP/1.1 is expected at about 1.5


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxy", default="outrigger")
    proxy = parser.parse_args().proxy
    tally = open_checks.Tally("bench-smoke")
    try:
        H.binaries(proxy)
        H.setup()
    except places.Missing as e:
        print(e)
        return places.summary(0, 1)
    args = argparse.Namespace(proxies=["relay", proxy], rounds=1, secs=1, unpinned=True, quick=True)
    for name, experiment in (("h1", bench.exp_h1), ("h2", bench.exp_h2), ("tls", bench.exp_tls), ("tcp", bench.exp_tcp), ("dubbo", bench.exp_dubbo),
                             ("bolt", bench.exp_bolt)):
        args.proxies = [proxy] if name == "tls" else ["relay", proxy]
        try:
            rows = experiment(args)
        except Exception as e:
            tally.bad(name, f"{type(e).__name__}: {str(e)[:500]}")
            continue
        finally:
            H.stop_all()
        for case, by_proxy in rows.items():
            mine, relay = by_proxy[proxy], by_proxy.get("relay")
            errors, cpu = mine.get("errors", [0])[0], mine["cpu_us"][0]
            bad = errors > 0 or not cpu or (relay and cpu > FACTOR * relay["cpu_us"][0] + 40)
            (tally.bad if bad else tally.good)(name, f"{name} {case}: {cpu:.1f} us CPU, {errors:.0f} errors"
                                               + (f"; relay {relay['cpu_us'][0]:.1f} us" if relay else ""))
    idle(proxy, tally)
    return tally.summary()


def idle(proxy, tally):
    try:
        row = scale.exp_idle(argparse.Namespace(proxies=[proxy], protocols=["h1"]))[f"{proxy} h1"]
    except Exception as e:
        tally.bad("idle", f"{type(e).__name__}: {str(e)[:500]}")
        return
    finally:
        H.stop_all()
    bad = row["connections"] < scale.IDLE or row["bytes_per_conn"] > IDLE_BYTES
    (tally.bad if bad else tally.good)("idle", f"idle: {row['bytes_per_conn']} bytes for each of {row['connections']} connections, "
                                       f"at most {IDLE_BYTES}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        H.stop_all()

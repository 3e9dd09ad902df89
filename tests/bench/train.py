#!/usr/bin/env python3
"""train.py BUILD PROFILE: runs BUILD/outrigger, built to count what it executes, under a mixed load, so that the release build can be
optimised for it (CMakeLists.txt, OUTRIGGER_PROFILE). The counts are in the folder PROFILE afterwards. A few seconds.

HTTP/1.1 (kept connections, pipelined wake-ups, one connection a request, with and without filters and a log), Dubbo, also routed by values,
with Sentinel and with another filter, Bolt, also with a filter, and TCP.
Needs make, a C compiler and loopback: nothing that only the tests install.
"""
import os
import subprocess
import sys
from pathlib import Path

BUILD, PROFILE = (Path(a).resolve() for a in sys.argv[1:3])
os.environ.update(OUTRIGGER=str(BUILD / "outrigger"), BENCH_WORK=str(BUILD / "work"), BENCH_PORT=os.environ.get("BENCH_PORT", "22100"))
import harness as H  # noqa: E402
from adapters import ADAPTERS  # noqa: E402

TOOLS = ("origin", "httpgen", "dubbo", "bolt", "tcpgen", "exchange")
FILTERS = """          access_log:
          - {name: log, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: @DIR@/access.log}}
          http_filters:
          - name: envoy.filters.http.local_ratelimit
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
              stat_prefix: limit
              token_bucket: {max_tokens: 100000, tokens_per_fill: 100000, fill_interval: 1s}
              filter_enabled: {default_value: {numerator: 100}}
              filter_enforced: {default_value: {numerator: 100}}
          - name: envoy.filters.http.header_mutation
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
              mutations: {response_mutations: [{append: {header: {key: x-served-by, value: outrigger}}}]}
"""


def run(tool, *args):
    subprocess.run([H.BIN / tool, *map(str, args)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


def under(scenario, server, loads, conf=None):
    """The program between the loads and a server."""
    port = H.port()
    origin = H.Process([H.BIN / server[0], *(port if a == "PORT" else a for a in server[1:])], None, port)
    proxy = H.start_proxy("outrigger", scenario, port, None, conf=conf)
    for tool, *args in loads:
        run(tool, *(proxy.port if a == "PORT" else a for a in args))
    proxy.stop(wait=20)
    origin.stop()


def main():
    H.WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run(["make", "-s", f"OUT={H.BIN}", *(f"{H.BIN}/{t}" for t in TOOLS)], cwd=H.HERE / "tools", check=True)
    http = [("httpgen", "-p", "PORT", "-c", 32, "-d", 1), ("exchange", "http", "PORT", 16, 300), ("httpgen", "-p", "PORT", "-c", 8, "-d", 0.5, "-x")]
    plain = ADAPTERS["outrigger"]["conf"]["h1"]
    filtered = plain.replace("          http_filters:\n", FILTERS, 1)
    assert filtered != plain
    under("h1", ["origin", "PORT", 1000], http)
    under("h1", ["origin", "PORT", 100], http[:2], filtered)
    under("dubbo", ["dubbo", "server", "PORT"], [("dubbo", "client", "PORT", 16, 8, 1000, 0.5), ("dubbo", "client", "PORT", 1, 1, 100, 0.3)])
    under("dubbo-values", ["dubbo", "server", "PORT"], [("exchange", "dubbo-order", "PORT", 16, 300), ("exchange", "dubbo-orders", "PORT", 16, 300)])
    under("rpc-sentinel", ["dubbo", "server", "PORT"], [("dubbo", "client", "PORT", 16, 8, 1000, 0.2), ("exchange", "dubbo", "PORT", 16, 50)])
    under("bolt", ["bolt", "server", "PORT"], [("bolt", "client", "PORT", 16, 8, 1000, 0.2), ("bolt", "client", "PORT", 1, 1, 100, 0.1),
                                                  ("exchange", "bolt", "PORT", 16, 1200)])
    calls = ADAPTERS["outrigger"]["conf"]["rpc-filtered"]
    of_bolt = calls.replace("          stat_prefix: calls\n", "          stat_prefix: calls\n          protocols: [BOLT]\n", 1)
    assert of_bolt != calls
    under("rpc-filtered", ["dubbo", "server", "PORT"], [("dubbo", "client", "PORT", 16, 8, 1000, 0.3), ("exchange", "dubbo", "PORT", 16, 300)])
    under("rpc-filtered", ["bolt", "server", "PORT"], [("bolt", "client", "PORT", 16, 8, 1000, 0.2)], of_bolt)
    under("tcp", ["tcpgen", "echo", "PORT"], [("tcpgen", "pingpong", "PORT", 16, 64, 0.5), ("exchange", "tcp", "PORT", 16, 2500), ("exchange", "tcp", "PORT", 1, 5000)])
    written = len(list(PROFILE.rglob("*.gcda")))
    if written < 100:
        raise RuntimeError(f"{written} counters in {PROFILE}: did the program end by itself?")


if __name__ == "__main__":
    try:
        main()
    except Exception as e:
        sys.exit(f"the training run failed: {e}\nTo build without it: cmake --preset release -DOUTRIGGER_PROFILE=")
    finally:
        H.stop_all()

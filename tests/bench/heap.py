#!/usr/bin/env python3
"""Heap calls (malloc, calloc, realloc, memalign) of the worker in steady state: none for a request.

Warms up, then counts by thread while N more exchanges pass on the same connections. The threads are told apart by
tools/heapcount.c, which is preloaded. What main and the writer do in the background doesn't depend on N and isn't judged, unless
it is more than one call for 100 exchanges.
"""
import argparse
import struct
import subprocess
import sys

import harness as H
from callgrind import CASES
from harness import places

WARM, COUNTED = 2000, 20000
BACKGROUND = ("main", "builder", "writer")
PAGES = 3  # a page of a histogram is allocated when the first value falls into it, however long that takes


def counts(path):
    data = path.read_bytes()
    return {tid: calls for tid, calls, _ in struct.iter_unpack("QQQ", data) if tid}


def thread_name(pid, tid):
    try:
        with open(f"/proc/{pid}/task/{tid}/comm") as f:
            return f.read().strip()
    except OSError:
        return "ended"


def expect(tool, word):
    if (said := tool.stdout.readline().strip()) != word:
        raise RuntimeError(f"the load tool ended: {said}")


def measure(proxy, name):
    """{thread name: heap calls} while COUNTED exchanges pass on warm connections."""
    scenario, protocol, origin, conns, _ = CASES[name]
    port = H.port()
    o = H.Process([H.BIN / origin[0], *(a.replace("@PORT@", str(port)) for a in origin[1:])], None, port)
    path = H.WORK / f"heapcount.{port}"
    path.unlink(missing_ok=True)
    p = H.start_proxy(proxy, scenario, port, None, under=["env", f"LD_PRELOAD={H.BIN / 'heapcount.so'}", f"HEAPCOUNT={path}"])
    try:
        tool = subprocess.Popen([str(a) for a in (H.BIN / "exchange", protocol, p.port, conns, COUNTED // conns, WARM // conns)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect(tool, "warm")
        before = counts(path)
        tool.stdin.write("\n")
        tool.stdin.flush()
        expect(tool, "done")
        after = counts(path)
        pid = p.pids()[-1]
        tool.communicate("\n", timeout=10)
        return {f"{'main' if t == pid else thread_name(pid, t)} ({t})": n - before.get(t, 0) for t, n in after.items()}
    finally:
        p.stop()
        o.stop()
        path.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy", default="outrigger")
    o = parser.parse_args()
    H.setup()
    passed = failed = 0
    try:
        H.binaries(o.proxy)
    except places.Missing as e:
        print(e)
        return places.summary(0, 1)
    for name, (scenario, *_) in CASES.items():
        if scenario not in H.ADAPTERS[o.proxy]["conf"]:
            continue
        try:
            by_thread = measure(o.proxy, name)
        except RuntimeError as e:
            print(f"FAIL {name}: {e}")
            failed += 1
            continue
        finally:
            H.stop_all()
        bad = any(n > (COUNTED // 100 if t.startswith(BACKGROUND) else PAGES) for t, n in by_thread.items())
        passed, failed = passed + (not bad), failed + bad
        print(f"{'FAIL' if bad else 'ok  '} {name:10} {COUNTED} more exchanges, heap calls by thread: {by_thread or 'none at all'}", flush=True)
    return places.summary(passed, failed)


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        H.stop_all()

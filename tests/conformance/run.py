#!/usr/bin/env python3
"""Runs every conformance suite (a folder here with a run.py) and adds up what they say."""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import open_checks  # noqa: E402


def main():
    tally = open_checks.Tally("conformance")
    passed = failed = 0
    for suite in sorted(HERE.glob("*/run.py")):
        name = suite.parent.name
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        print(f"== {name}", flush=True)
        if name in tally.waits and not sys.argv[1:]:
            print(f"open: waits for {tally.waits[name]}; ./run.py {name} runs it")
            continue
        r = subprocess.run([suite], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(r.stdout, end="", flush=True)
        found = re.findall(r"^(\d+) passed, (\d+) failed", r.stdout, re.M)
        p, f = map(int, found[-1]) if found else (0, 0)
        passed, failed = passed + p, failed + max(f, 1 if r.returncode else 0)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

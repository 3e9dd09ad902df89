#!/usr/bin/env python3
"""Replays recorded scenarios of Sentinel for Java, and compares every verdict, wait, breaker, node and step.

  tests/sentinel/run.py                  all of tests/vectors/sentinel
  tests/sentinel/run.py flow-warmup      those whose name begins so
  tests/sentinel/run.py FILE.json        one from elsewhere

SENTINEL_REPLAY names the program; else that of the newest of build/asan and build/release. Those with name_spaces are a token server's: token_replay, beside it.
"""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests/vectors/sentinel"


def program():
    if named := os.environ.get("SENTINEL_REPLAY"):
        return named
    built = [p for b in ("asan", "release") if (p := ROOT / "build" / b / "tests/sentinel_replay").exists()]
    if not built:
        sys.exit("no sentinel_replay: cmake --build --preset asan")
    return max(built, key=lambda p: p.stat().st_mtime)


def differences(path, is_, was):
    """Where two JSON values differ: at most a few lines, deepest first."""
    if isinstance(was, dict) and isinstance(is_, dict):
        for key in [*was, *(k for k in is_ if k not in was)]:
            yield from differences(f"{path}.{key}", is_.get(key), was.get(key))
    elif isinstance(was, list) and isinstance(is_, list) and len(was) == len(is_):
        for i, (a, b) in enumerate(zip(is_, was)):
            yield from differences(f"{path}[{i}]", a, b)
    elif is_ != was:
        yield f"{path}: is {json.dumps(is_)[:160]}, Java has {json.dumps(was)[:160]}"


def replay(path):
    """Once as it stands, and where Sentinel itself decides, twice more while other cores take over at random moments."""
    scenario = json.loads(path.read_text())
    own = pathlib.Path(program())
    different = []
    for command in [[own.with_name("token_replay")]] if "name_spaces" in scenario else [[own], [own, "1"], [own, "2"]]:
        result = subprocess.run([command[0], path, *command[1:]], capture_output=True, text=True, timeout=60)
        if result.returncode:
            return [f"exit code {result.returncode}: {result.stderr[-500:]}"]
        said = differences("", json.loads(result.stdout)["expected"], scenario["expected"])
        different += [f"handed over (seed {command[1]}): {d}" for d in said] if command[1:] else said
    return different


def main():
    wanted = sys.argv[1:]
    files = [pathlib.Path(w) for w in wanted if w.endswith(".json")]
    names = [w for w in wanted if not w.endswith(".json")]
    if names or not files:
        files += [p for p in sorted(VECTORS.glob("*.json")) if p.name != "index.json"
                  and (not names or any(p.name.startswith(n) for n in names))]
    failed = 0
    for path in files:
        if different := replay(path):
            failed += 1
            print(f"FAIL {path.stem}", *different[:8], sep="\n     ")
    print(f"{len(files) - failed} passed, {failed} failed")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())

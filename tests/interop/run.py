#!/usr/bin/python3
"""Real clients and servers with outrigger between them. See README.md.

  ./run.py                 everything
  ./run.py dubbo curl      some groups (the files of checks/), or GROUP.CHECK
"""
import importlib
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from gateway import places  # noqa: E402


def checks(wanted):
    """Public functions of the groups, in the order of the files: (name, function)."""
    for path in sorted((HERE / "checks").glob("*.py")):
        group = importlib.import_module("checks." + path.stem)
        for name, function in vars(group).items():
            if callable(function) and getattr(function, "__module__", "") == group.__name__ and not name.startswith("_") and not isinstance(function, type):
                full = f"{path.stem}.{name}"
                if not wanted or path.stem in wanted or full in wanted:
                    yield full, function


def main():
    passed = failed = 0
    for name, function in checks(sys.argv[1:]):
        began = time.monotonic()
        try:
            said = function()
            passed += 1
            print(f"ok   {name} ({time.monotonic() - began:.1f} s) {said or ''}".rstrip(), flush=True)
        except places.Missing as e:
            failed += 1
            print(f"FAIL {name}: {e}", flush=True)
        except Exception as e:
            failed += 1
            where = traceback.extract_tb(e.__traceback__)[-1]
            print(f"FAIL {name}: {type(e).__name__}: {str(e)[-1500:]} ({Path(where.filename).name}:{where.lineno}: {where.line})", flush=True)
    return places.summary(passed, failed)


if __name__ == "__main__":
    sys.exit(main())

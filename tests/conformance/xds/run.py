#!/usr/bin/python3
"""What a data plane owes its control plane, over state of the world and over delta: subscriptions, ACK and NACK, order, warming, reconnects.

  ./run.py                     every case of cases.py, twice
  ./run.py delta               over one of sotw, delta
  ./run.py a_route_changes     some cases
"""
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "support"))
import places  # noqa: E402


def main():
    wanted = set(sys.argv[1:])
    forms = [f for f in ("sotw", "delta") if f in wanted] or ["sotw", "delta"]
    names = wanted - {"sotw", "delta"}
    passed = failed = 0
    try:
        import cases
    except places.Missing as e:
        print(e)
        return places.summary(0, 1)
    for name, case in vars(cases).items():
        if getattr(case, "__module__", "") != "cases" or getattr(case, "__code__", None) is None or case.__code__.co_varnames[:1] != ("delta",) \
                or name in ("world", "delta_only") or (names and name not in names):
            continue
        for form in [f for f in forms if f in getattr(case, "forms", forms)]:
            try:
                case(form == "delta")
                passed += 1
                print(f"ok   {form:5} {name}", flush=True)
            except Exception as e:
                failed += 1
                frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename.endswith("cases.py")]
                where = f" ({frames[-1].line})" if frames else ""
                print(f"FAIL {form:5} {name}: {type(e).__name__}: {str(e)[:1200]}{where}", flush=True)
    return places.summary(passed, failed if passed else max(failed, 1))


if __name__ == "__main__":
    sys.exit(main())

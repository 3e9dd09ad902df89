"""What tools/test starts. Runs every suite: one line each, then `N passed, N failed`. Logs: build/test/SUITE.log. See tests/README.md.

  tools/test                       installs what is missing, builds, runs everything (20 to 30 minutes on 2 cores)
  tools/test --no-install unit differential       some suites only
  tools/test --list
"""
import argparse
import os
import pathlib
import re
import resource
import subprocess
import sys
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "test"
JOBS = str(min(os.cpu_count() or 2, 8))

# name -> builds it needs, what must exist (None: nothing), command, limit in seconds
CTEST = ["ctest", "--test-dir", "build/asan", "--output-on-failure", "-j", JOBS, "-L"]
SUITES = {
    "format": ([], None, ["tools/format"], 120),
    "tools": ([], None, ["tests/tools/run.py"], 120),
    "unit": (["asan"], "tests/unit", [*CTEST, "^(unit|micro)$"], 900),
    "check_tree": (["asan"], None, ["tools/check_tree"], 300),
    "fuzz-replay": (["asan"], "tests/fuzz/corpus", [*CTEST, "^fuzz-replay$"], 600),
    "tsan": (["tsan"], "tests/unit", ["ctest", "--test-dir", "build/tsan", "--output-on-failure", "-j", JOBS, "-L", "^unit$"], 900),
    "clang": (["clang"], "tests/unit", ["ctest", "--test-dir", "build/clang", "--output-on-failure", "-j", JOBS, "-L", "^unit$"], 900),
    "sentinel": (["asan"], "tests/sentinel/run.py", ["tests/sentinel/run.py"], 300),
    "sentinel-java": (["asan"], "tests/sentinel/oracle.py", ["tests/sentinel/oracle.py", "--scenarios", "20"], 300),
    "sentinel-tokens-java": (["asan"], "tests/sentinel/token_oracle.py", ["tests/sentinel/token_oracle.py", "--scenarios", "20"], 300),
    "scenario": (["asan"], "tests/scenario/run.py", ["tests/scenario/run.py"], 900),
    "fault": (["asan"], "tests/fault/run.py", ["tests/fault/run.py"], 600),
    "conformance": (["asan"], "tests/conformance/run.py", ["tests/conformance/run.py"], 900),
    "differential": (["asan"], "tests/differential/compare.py", ["tests/differential/compare.py", "--ci"], 1200),
    "interop": (["release"], "tests/interop/run.py", ["tests/interop/run.py"], 1500),
    "sentinel-load": (["release"], "tests/sentinel/load.py", ["tests/sentinel/load.py", "--short", "limit-http", "warm-up", "breaker"], 120),
    "demo": (["release"], "tools/demo.d/tour.py", ["/usr/bin/python3", "tools/demo.d/tour.py", "--once"], 120),
    "bench-smoke": (["release"], "tests/bench/smoke.py", ["tests/bench/smoke.py"], 300),
    "callgrind": (["release"], "tests/bench/callgrind.py", ["tests/bench/callgrind.py", "--check"], 600),
    "heap": (["release"], "tests/bench/heap.py", ["tests/bench/heap.py"], 200),
}


class Spent(typing.NamedTuple):
    """Seconds by the clock, and of a processor: on a machine with other work they differ much."""
    wall: float = 0
    cpu: float = 0

    def plus(self, other):
        return Spent(self.wall + other.wall, self.cpu + other.cpu)

    @staticmethod
    def now():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Spent(time.monotonic(), used.ru_utime + used.ru_stime)

    def since(self):
        now = Spent.now()
        return Spent(now.wall - self.wall, now.cpu - self.cpu)


def run(name, command, limit):
    """(exit code or None when out of time, output, what it spent)"""
    began = Spent.now()
    environment = {**os.environ, "PATH": "/usr/bin:" + os.environ.get("PATH", "")}  # Debian's Python has Debian's packages
    if "asan" in SUITES.get(name, ([],))[0]:
        environment.setdefault("OUTRIGGER", str(ROOT / "build/asan/outrigger"))
    with open(LOGS / f"{name}.log", "w+") as log:
        proc = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                                env=environment)
        try:
            code = proc.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        try:
            os.killpg(proc.pid, 9)  # what a suite left behind must not disturb the next one
        except ProcessLookupError:
            pass
        proc.wait()
        log.seek(0)
        return code, log.read(), began.since()


def counts(code, output):
    """What the suite's own closing line says; a suite that ends badly has at least one failure."""
    passed, failed = (1, 0) if code == 0 else (0, 1)
    if m := re.search(r"(\d+)% tests passed, (\d+) tests failed out of (\d+)", output):  # ctest
        passed, failed = int(m[3]) - int(m[2]), int(m[2])
    elif found := re.findall(r"^(\d+) passed, (\d+) failed", output, re.M):
        passed, failed = map(int, found[-1])
    if "No tests were found" in output:
        passed, failed = 0, 1
    return passed, max(failed, 0 if code == 0 else 1)


def report(name, passed, failed, spent, note=""):
    print(f"{'ok  ' if not failed else 'FAIL'} {name:14} {passed:5} passed {failed:4} failed {spent.wall:6.0f} s {spent.cpu:6.0f} s cpu  {note}".rstrip(),
          flush=True)


def failed_checks(name, output):
    """Those of a suite that runs checks by their names, if they are few; none: the whole suite is to run again."""
    if name not in ("scenario", "interop"):
        return []
    if not re.search(r"^\d+ passed, \d+ failed", output, re.M):  # it came to no end: who knows what else it would have said
        return []
    failed = re.findall(r"^FAIL (\w+\.\w+): ", output, re.M)
    return failed if len(failed) == counts(1, output)[1] <= 5 else []


def may_be_the_machines(output):
    """A machine with other things to do makes things late; it makes no thread race, nor memory be used that isn't there."""
    return not re.search(r"(Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer|runtime error: ", output)


def why(output):
    """The lines of a log that tell of failures, each with its words, and the log's end."""
    lines = output.splitlines()
    told = set(range(max(len(lines) - 5, 0), len(lines)))
    for i, line in enumerate(lines):
        if re.match(r"\s*(FAIL|fail|BAD|not ok|\[  FAILED  \]|.*ERROR: )", line) and len(told) < 60:
            told.update(range(i, min(i + 4, len(lines))))
    return "".join(f"     | {lines[i][:2000]}\n" for i in sorted(told))


def build(preset):
    code, output, spent = run(f"configure-{preset}", ["cmake", "--preset", preset], 300)
    if code == 0:
        code, output, more = run(f"build-{preset}", ["cmake", "--build", "--preset", preset, "-j", JOBS], 1800)
        spent = spent.plus(more)
    report(f"build {preset}", int(code == 0), int(code != 0), spent)
    if code != 0:
        first = max(output.find("FAILED: "), 0)  # what ninja had begun goes on after it
        print(output[first:first + 3000] if first else output[-3000:])
    return code == 0


def main():
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    parser.add_argument("--no-install", action="store_true")
    parser.add_argument("--list", action="store_true")
    o = parser.parse_args()
    if o.list:
        print(*SUITES, sep="\n")
        return 0
    if unknown := [s for s in o.suites if s not in SUITES]:
        parser.error(f"no suite {', '.join(unknown)}; there are {', '.join(SUITES)}")
    LOGS.mkdir(parents=True, exist_ok=True)
    if not o.no_install and subprocess.run(["tools/install_deps", "--test"], cwd=ROOT).returncode:
        print("0 passed, 1 failed")
        return 1
    passed = failed = 0
    builds = {}
    began = time.monotonic()
    for name in o.suites or SUITES:
        needs, exists, command, limit = SUITES[name]
        for preset in needs:
            if preset not in builds:
                builds[preset] = build(preset)
                failed += not builds[preset]
        if exists and not (ROOT / exists).exists():
            p, f, spent, note = 0, 1, Spent(), f"not there yet: {exists}"
        elif not all(builds[b] for b in needs):
            p, f, spent, note = 0, 1, Spent(), "not built"
        else:
            code, output, spent = run(name, command, limit)
            p, f = counts(code, output)
            again = ""
            if f and code is not None and may_be_the_machines(output):  # a machine under load must not look like a fault: once more, and both are told
                few = failed_checks(name, output)
                report(name, p, f, spent, f"first run, see build/test/{name}.first.log; once more{': ' + ' '.join(few) if few else ''}")
                print(why(output), end="")
                (LOGS / f"{name}.log").rename(LOGS / f"{name}.first.log")
                code, output, more = run(name, [*command, *few], limit)
                (p, f), before = counts(code, output), p if few else 0
                p, spent, again = before + p, spent.plus(more), "second run"
            note = "out of time" if code is None else f"see {(LOGS / name).relative_to(ROOT)}.log" if f else again
            if waiting := len(re.findall(r"^open\b", output, re.M)):
                note = f"{waiting} open (tests/open.yaml) {note}"
        report(name, p, f, spent, note)
        if f and exists and "see" in note:
            print(why(output), end="")
        passed, failed = passed + p, failed + f
    print(f"took {(time.monotonic() - began) / 60:.1f} minutes")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

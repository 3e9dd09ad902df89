"""Where the binaries under test and their peers are. Environment variables win over what a build or an installation left.

ENVOY, MOSN, OUTRIGGER: paths of binaries. All scratch files of the suites go below build/test.
"""
import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Missing(Exception):
    pass


def outrigger(*builds):
    """The binary to test: $OUTRIGGER, or that of the first of the named builds which has one."""
    candidates = [os.environ["OUTRIGGER"]] if os.environ.get("OUTRIGGER") else \
        [ROOT / "build" / b / "outrigger" for b in builds or ("release", "asan")]
    for c in candidates:
        if os.access(c, os.X_OK):
            return str(c)
    raise Missing(f"no outrigger: {', '.join(map(str, candidates))} (build it, or set OUTRIGGER)")


def envoy():
    """Envoy 1.40.0: $ENVOY, or the one tools/install_deps --test put into build/envoy."""
    candidates = [os.environ["ENVOY"]] if os.environ.get("ENVOY") else (ROOT / "build/envoy/lib").glob("python3*/site-packages/envoy/_bin/envoy")
    for c in candidates:
        if os.access(c, os.X_OK):
            return str(c)
    raise Missing("no Envoy: run tools/install_deps --test, or set ENVOY")


def mosn():
    """MOSN: $MOSN, or what tests/bench/mosn/build made."""
    path = os.environ.get("MOSN") or ROOT / "build/mosn/mosn"
    if os.access(path, os.X_OK):
        return str(path)
    raise Missing("no MOSN: run tests/bench/mosn/build, or set MOSN")


def program(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise Missing(f"{name} is not installed: tools/install_deps --test")
    return found


def scratch(name):
    path = ROOT / "build" / "test" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def summary(passed, failed):
    """The closing line that tools/test reads, and the exit code."""
    print(f"{passed} passed, {failed} failed")
    return sys.exit(1 if failed else 0)

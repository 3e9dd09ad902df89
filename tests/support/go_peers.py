"""Programs in Go for the checks, built from source into build/. Debian's Go may be older than a module wants: then its toolchain comes as a module, as newer Go does it."""
import json
import os
import platform
import re
import subprocess
from pathlib import Path

import places

TOOLCHAIN = "1.24.11"


def _version(go):
    found = re.search(r"go(\d+)\.(\d+)", subprocess.run([go, "version"], capture_output=True, text=True, env={**os.environ, "GOTOOLCHAIN": "local"}).stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _run(command, **kw):
    r = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kw)
    if r.returncode:
        raise places.Missing(f"{' '.join(map(str, command))}: {(r.stdout + r.stderr)[-800:]}")
    return r.stdout


def _go():
    """A go command that is new enough."""
    go = places.program("go")
    wanted = tuple(int(n) for n in TOOLCHAIN.split(".")[:2])
    if _version(go) >= wanted:
        return go
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    module = f"golang.org/toolchain@v0.0.1-go{TOOLCHAIN}.linux-{machine}"
    folder = Path(json.loads(_run([go, "mod", "download", "-json", module], cwd=places.scratch("go"), env={**os.environ, "GOFLAGS": "-modcacherw"}))["Dir"])
    for program in (*(folder / "bin").iterdir(), *(folder / "pkg/tool").glob("*/*")):
        program.chmod(0o755)
    return folder / "bin" / "go"


def build(folder):
    """The program of a module below tests/; built anew when a source is newer."""
    binary = places.ROOT / "build" / "go" / folder.name
    newest = max(f.stat().st_mtime for f in folder.iterdir())
    if not binary.exists() or binary.stat().st_mtime < newest:
        binary.parent.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
        environment.pop("GOROOT", None)
        _run([_go(), "build", "-buildvcs=false", "-mod=readonly", "-o", binary, "."], cwd=folder, env=environment)
    return binary

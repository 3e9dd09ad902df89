"""Every file of configs/ is one that the program takes."""
import subprocess

import places


def every_example_is_valid():
    files = sorted(places.ROOT.glob("configs/*.yaml")) + [places.ROOT / "configs/dynamic/bootstrap.yaml"]
    assert len(files) > 3, files
    for f in files:
        r = subprocess.run([places.outrigger(), "-c", f, "--mode", "validate"], cwd=places.ROOT, capture_output=True, text=True, timeout=60)
        assert r.returncode == 0, f"{f.name}: {r.stdout + r.stderr}"
    return f"{len(files)} files"

"""Every file of configs/ is one that the program takes, and so is the first configuration of README.md."""
import re
import subprocess

import places


def _validate(path):
    r = subprocess.run([places.outrigger(), "-c", path, "--mode", "validate"], cwd=places.ROOT, capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, f"{path.name}: {r.stdout + r.stderr}"


def the_readme():
    text, = re.findall(r"^```yaml\n(.*?)^```", (places.ROOT / "README.md").read_text(), re.M | re.S)
    path = places.scratch("configs") / "first.yaml"
    path.write_text(text)
    _validate(path)


def every_example_is_valid():
    files = sorted(places.ROOT.glob("configs/*.yaml")) + [places.ROOT / "configs/dynamic/bootstrap.yaml"]
    assert len(files) > 3, files
    for f in files:
        _validate(f)
    return f"{len(files)} files"

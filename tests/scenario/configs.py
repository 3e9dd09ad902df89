"""Every file of configs/ is one that the program takes, and so is the first configuration of README.md."""
import re
import shlex
import shutil
import subprocess

import places
import yaml


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


def _check_start(name, args, config):
    """The command line is one that the program takes, but for the path of the configuration."""
    args = [str(config) if "/etc/outrigger/" in a else a for a in args]
    assert str(config) in args, args
    r = subprocess.run([places.outrigger(), *args, "--mode", "validate"], capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, f"{name}: {r.stdout + r.stderr}"


def _check_container(name, container, volumes, config):
    """What the flags, mounts, hooks and probes of a container of outrigger say of each other."""
    args, text = container["args"], config.read_text()

    def flag(name):
        return args[args.index(name) + 1]
    _check_start(name, args, config)
    ports = [a["address"]["socket_address"]["port_value"] for a in yaml.safe_load(text)["static_resources"]["listeners"]]
    assert container["readinessProbe"]["httpGet"]["port"] in ports, ports
    mounts = {m["mountPath"]: m["name"] for m in container["volumeMounts"]}
    assert set(mounts.values()) == set(volumes), (mounts, volumes)
    assert any(flag("--upgrade-socket").startswith(path + "/") and "emptyDir" in volumes[v] for path, v in mounts.items()), mounts
    if "upgradeStrategy" not in container:
        return
    assert container["upgradeStrategy"]["upgradeType"] == "HotUpgrade" and container["upgradeStrategy"]["hotUpgradeEmptyImage"]
    hook = container["lifecycle"]["postStart"]["exec"]["command"]
    assert hook == [*container["command"], "--mode", "await", "--ready-file", flag("--ready-file")], hook
    for own in ("--ready-file", "--pid-file"):  # a twin must not see the other one's
        assert not any(flag(own).startswith(path + "/") for path in mounts), own


def kubernetes_manifests_fit():
    """Their command lines, the configuration that they bring along, and what must agree."""
    config = places.scratch("configs") / "manifest.yaml"
    checked = []
    documents = [(f.name, d) for f in sorted(places.ROOT.glob("configs/kubernetes/*.yaml")) for d in yaml.safe_load_all(f.read_text())]
    maps = {d["metadata"]["name"]: d["data"] for _, d in documents if d["kind"] == "ConfigMap"}
    for name, d in documents:
        spec = d.get("spec", {})
        for container in spec.get("containers", []):
            if container["name"] != "outrigger":
                continue
            volumes = {v["name"]: v for v in spec["volumes"]}
            config_map, = (v["configMap"]["name"] for v in spec["volumes"] if "configMap" in v)
            text, = maps[config_map].values()
            config.write_text(text)
            _check_container(name, container, volumes, config)
            if "terminationGracePeriodSeconds" in spec:
                assert spec["terminationGracePeriodSeconds"] > int(container["args"][container["args"].index("--drain-time-s") + 1])
            checked.append(d["kind"])
    assert sorted(checked) == ["Pod", "SidecarSet"], checked


def the_systemd_unit_is_one():
    """Its command line, and what systemd itself says to it, if it is there."""
    unit = (places.ROOT / "configs/systemd/outrigger.service").read_text()
    folder = places.scratch("configs")
    config = folder / "first.yaml"
    config.write_text((places.ROOT / "configs/http.yaml").read_text())
    start, = re.findall("^ExecStart=(.*)$", unit, re.M)
    program, *args = shlex.split(start)
    _check_start("outrigger.service", args, config)
    stop, = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.M)
    assert int(stop) > int(args[args.index("--drain-time-s") + 1])
    if not shutil.which("systemd-analyze"):
        return "systemd-analyze isn't installed"
    installed = folder / "outrigger.service"
    installed.write_text(unit.replace(program, places.outrigger()))
    # what it passes over it only tells of, and ends with 0
    r = subprocess.run(["systemd-analyze", "verify", "--man=no", installed], capture_output=True, text=True, timeout=60)
    told = [line for line in (r.stdout + r.stderr).splitlines() if installed.name in line]
    assert not told, told
    return None

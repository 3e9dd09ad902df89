#!/usr/bin/env python3
"""h2spec (summerwind/h2spec 2.2.1, built from source with Go) against outrigger, HTTP/2 on both sides.

What nghttpx and Envoy fail is known from `peers.json`. Judged: a case passes, or is one that both of them fail. `--proxy envoy` and
`--proxy nghttpx` run the peers; `--record` writes their failures.
"""
import argparse
import json
import re
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "support"))
import places  # noqa: E402
from gateway import Gateway, cluster, http_manager  # noqa: E402
from ports import free_ports, listening  # noqa: E402

PEERS = HERE / "peers.json"
H2 = {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}}}


def h2spec():
    binary = places.ROOT / "build" / "h2spec"
    if not binary.exists():
        r = subprocess.run([places.program("go"), "build", "-mod=readonly", "-o", binary, "github.com/summerwind/h2spec/cmd/h2spec"], cwd=HERE,
                           capture_output=True, text=True)
        if r.returncode:
            raise places.Missing(f"h2spec doesn't build: {r.stderr[-500:]}")
    return binary


class Server:
    """A program that listens on a port, ended with the block."""

    def __init__(self, port, *command):
        self.proc = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not listening(port):
            if self.proc.poll() is not None:
                raise RuntimeError(f"{command[0]} ended")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proc.terminate()
        self.proc.wait()


def run_h2spec(port, timeout):
    """{case: None or what was wrong}"""
    report = places.scratch("h2spec") / "report.xml"
    report.unlink(missing_ok=True)
    subprocess.run([h2spec(), "-h", "127.0.0.1", "-p", str(port), "-P", "/index.html", "-o", str(timeout), "-j", report], stdout=subprocess.DEVNULL, timeout=600)
    out = {}
    text = re.sub(r"[^\t\n\r\x20-\x7e]", "?", report.read_text(errors="replace"))  # it quotes bytes as they came
    for suite in xml.etree.ElementTree.fromstring(text).iter("testsuite"):
        for case in suite.iter("testcase"):
            bad = case.find("failure") if case.find("failure") is not None else case.find("error")
            name = f"{case.get('package')} {case.get('classname')}"
            while name in out:
                name += "'"
            out[name] = None if bad is None else re.sub(r"\s+", " ", bad.text or "failed").strip()
    return out


def against(proxy):
    folder = places.scratch("h2spec")
    (folder / "index.html").write_text("x" * 100)
    origin, port = free_ports(2)
    with Server(origin, places.program("nghttpd"), "--no-tls", "-a", "127.0.0.1", "-d", folder, origin):
        if proxy == "nghttpx":
            with Server(port, places.program("nghttpx"), f"-f127.0.0.1,{port};no-tls", f"-b127.0.0.1,{origin};;proto=h2", "--conf=/dev/null", "-n1"):
                return run_h2spec(port, 2)
        if proxy == "envoy":
            places.outrigger = places.envoy
        manager = http_manager([{"match": {"prefix": "/"}, "route": {"cluster": "up"}}], codec_type="HTTP2")
        with Gateway("h2spec-gateway", manager, [cluster("up", origin, **H2)]) as g:
            return run_h2spec(g.port, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy", choices=("outrigger", "envoy", "nghttpx"), default="outrigger")
    parser.add_argument("--record", action="store_true")
    o = parser.parse_args()
    try:
        if o.record:
            failing = {p: sorted(n for n, bad in against(p).items() if bad) for p in ("nghttpx", "envoy")}
            PEERS.write_text(json.dumps(failing, indent=1) + "\n")
            return 0
        results = against(o.proxy)
    except (places.Missing, RuntimeError) as e:
        print(e)
        return places.summary(0, 1)
    peers = json.loads(PEERS.read_text())
    excused = set(peers["nghttpx"]) & set(peers["envoy"])
    failed = 0
    for name, bad in results.items():
        if bad:
            failed += name not in excused
            print(f"{'known' if name in excused else 'FAIL '} {name}: {bad}")
    return places.summary(len(results) - failed, failed if results else 1)


if __name__ == "__main__":
    sys.exit(main())

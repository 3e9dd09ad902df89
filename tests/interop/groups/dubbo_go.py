"""dubbo-go on both sides of outrigger."""
import re
import subprocess
import time

import go_peers
import places
from gateway import Gateway, cluster, dubbo_manager, rpc_manager
from ports import free_ports, listening

SERVICE = "org.example.test.Greeter"


def seven_kinds_of_call():
    """A string, an object, 200 kB, an error, an attachment, an unknown method, and a row of calls."""
    peer = go_peers.build(places.ROOT / "tests/interop/go/dubbo")
    port, = free_ports(1)
    folder = places.scratch("interop-dubbo-go")
    with open(folder / "provider.log", "w") as log:
        provider = subprocess.Popen([peer, "provider", "-proto", "dubbo", "-port", str(port)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
    try:
        end = time.monotonic() + 30
        while not listening(port):
            assert provider.poll() is None and time.monotonic() < end, (folder / "provider.log").read_text()[-800:]
            time.sleep(0.05)
        for strict in (False, True):  # what it sends contradicts nothing
            manager = rpc_manager("up", strict_attachments=True) if strict else dubbo_manager(SERVICE, {".*": "up"})
            with Gateway(f"interop-dubbo-go-{strict}", manager, [cluster("up", port)]) as g:
                r = subprocess.run([peer, "consumer", "-proto", "dubbo", "-port", str(g.port), "-n", "200", "-timeout", "10s"], stdin=subprocess.DEVNULL,
                                   capture_output=True, text=True, timeout=120, cwd=folder)
                assert re.search(r"^dubbo: 7 passed, 0 failed", r.stdout, re.M), (strict, (r.stdout + r.stderr)[-1500:])
                scope = "rpc.dubbo" if strict else "dubbo.dubbo"
                assert g.stat(f"{scope}.response_success") >= 205 and g.stat(f"{scope}.request_decoding_error") == 0
    finally:
        provider.kill()
        provider.wait()

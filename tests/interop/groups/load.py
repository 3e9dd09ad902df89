"""Load generators of others, a few seconds each: every request succeeds."""
import re
import subprocess

import places
from gateway import Gateway, cluster, http_manager
from origin import Origin


def _through(command, path="/size/100"):
    origin = Origin()
    try:
        with Gateway("interop-load", http_manager(), [cluster("up", origin.port)]) as g:
            r = subprocess.run([*command, f"http://127.0.0.1:{g.port}{path}"], capture_output=True, text=True, timeout=60)
            assert r.returncode == 0, r.stderr[-500:]
            return r.stdout
    finally:
        origin.stop()


def wrk():
    out = _through([places.program("wrk"), "-t1", "-c32", "-d3s"])
    assert "Socket errors" not in out and "Non-2xx" not in out and int(re.search(r"(\d+) requests in", out)[1]) > 100, out
    return re.search(r"Requests/sec:\s+\S+", out)[0]


def hey():
    out = _through([places.program("hey"), "-n", "5000", "-c", "25"])
    assert re.search(r"\[200\]\s+5000 responses", out) and "Error distribution" not in out, out


def hey_without_keep_alive():
    out = _through([places.program("hey"), "-n", "1000", "-c", "10", "-disable-keepalive"])
    assert re.search(r"\[200\]\s+1000 responses", out) and "Error distribution" not in out, out


def hey_posts():
    out = _through([places.program("hey"), "-n", "2000", "-c", "25", "-m", "POST", "-d", "x" * 5000], "/post")
    assert re.search(r"\[200\]\s+2000 responses", out) and "Error distribution" not in out, out


def h2load():
    out = _through([places.program("h2load"), "-t1", "-c", "4", "-m", "16", "-n", "5000"])
    assert "5000 succeeded, 0 failed, 0 errored" in out, out

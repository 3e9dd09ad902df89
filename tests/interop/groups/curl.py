"""curl through outrigger: what its users do all day, and the corners of HTTP/1."""
import json
import os
import re
import subprocess
import zlib

import places
from gateway import Gateway, cluster, http_manager
from origin import Origin

GIB = 1 << 30


def _through(test, manager=None):
    origin = Origin()
    try:
        with Gateway("interop-curl", manager or http_manager(), [cluster("up", origin.port)]) as g:
            return test(g, f"http://127.0.0.1:{g.port}")
    finally:
        origin.stop()


def _curl(*args, stdin=subprocess.DEVNULL):
    r = subprocess.run([places.program("curl"), "-sS", "--max-time", "120", *args], stdin=stdin, capture_output=True, text=True)
    assert r.returncode == 0, f"curl exit code {r.returncode}: {r.stderr[-500:]}"
    return r


def get():
    def test(g, url):
        seen = json.loads(_curl(f"{url}/a?b=c", "-H", "x-a: 1").stdout)
        assert (seen["method"], seen["path"]) == ("GET", "/a?b=c") and ["x-a", "1"] in seen["headers"], seen
    _through(test)


def head():
    def test(g, url):
        out = _curl("-I", f"{url}/size/12345").stdout.lower()
        assert out.startswith("http/1.1 200") and "content-length: 12345" in out, out
    _through(test)


def keep_alive():
    def test(g, url):
        r = _curl("-v", *[f"{url}/size/10"] * 5, "-w", "%{num_connects}\n")
        assert re.findall(r"[01](?=\n)", r.stdout) == ["1", "0", "0", "0", "0"], r.stdout
    _through(test)


def expect_100_continue():
    def test(g, url):
        path = g.folder / "body"
        path.write_bytes(os.urandom(300_000))
        r = _curl("-v", "-H", "Expect: 100-continue", "--expect100-timeout", "20", "--data-binary", f"@{path}", url)
        seen = json.loads(r.stdout)
        assert "100 Continue" in r.stderr and (seen["length"], seen["crc"]) == (300_000, zlib.crc32(path.read_bytes())), r.stderr[-500:]
    _through(test)


def chunked_upload_of_1_gib():
    """Of known bytes, through bounded memory."""
    def test(g, url):
        curl = subprocess.Popen([places.program("curl"), "-sS", "-X", "POST", "-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-T", "-", url],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=False)
        block, crc = bytearray(os.urandom(1 << 20)), 0
        for i in range(GIB // len(block)):
            block[:8] = i.to_bytes(8, "big")
            crc = zlib.crc32(block, crc)
            curl.stdin.write(block)
        out, _ = curl.communicate(timeout=120)
        seen = json.loads(out)
        assert (seen["length"], seen["crc"]) == (GIB, crc), seen
        assert g.memory_high_kb() < 150_000, f"{g.memory_high_kb()} kB"
        return f"memory at most {g.memory_high_kb()} kB"
    _through(test)


def download_of_200_mib():
    def test(g, url):
        r = _curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}", f"{url}/size/{200 << 20}")
        assert r.stdout == f"200 {200 << 20}", r.stdout
        assert g.memory_high_kb() < 150_000, f"{g.memory_high_kb()} kB"
    _through(test)


def http_1_0_is_refused_by_default():
    def test(g, url):
        out = _curl("-0", "-i", url).stdout
        assert re.match(r"HTTP/1\.[01] 426", out), out
    _through(test)


def http_1_0_when_accepted():
    def test(g, url):
        r = _curl("-0", "-i", f"{url}/size/500")
        assert re.match(r"HTTP/1\.[01] 200", r.stdout) and r.stdout.endswith("x" * 500), r.stdout[:300]
    _through(test, http_manager(http_protocol_options={"accept_http_10": True, "default_host_for_http_10": "origin.test"}))


def http_2_prior_knowledge():
    def test(g, url):
        r = _curl("--http2-prior-knowledge", "-d", "abc", "-w", "\n%{http_version}", f"{url}/x")
        body, version = r.stdout.rsplit("\n", 1)
        assert version == "2" and json.loads(body)["length"] == 3, r.stdout
    _through(test)


def unreachable_origin():
    def test(g, url):
        assert _curl("-o", "/dev/null", "-w", "%{http_code}", url).stdout == "503"
    origin = Origin()
    origin.stop()
    with Gateway("interop-curl-503", http_manager(), [cluster("up", origin.port)]) as g:
        test(g, f"http://127.0.0.1:{g.port}")

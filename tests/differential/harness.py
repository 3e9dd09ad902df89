"""Runs one case against one proxy binary and returns what could be seen from outside, as plain JSON data.

A case is a bootstrap (a dict), a list of steps (async functions of a Run) and what to look at afterwards.
Names in the bootstrap and in the steps stand for ports, and bring up what they need:
  $ADMIN  $L1.. listener ports   $U1.. HTTP upstreams   $T1.. TCP upstreams   $D1.. Dubbo upstreams
  $X1..   ports where nobody listens   $DIR  the case's own folder
"""
import asyncio
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import tempfile
import time
from dataclasses import dataclass, field

import yaml

import http1
from upstreams import DubboUpstream, HttpUpstream, TcpUpstream

START_LIMIT = 15.0  # seconds until /ready must say so
NAME = re.compile(r"\$(ADMIN|[LUTDX]\d+)\b")


class StartError(Exception):
    pass


@dataclass
class Case:
    area: str
    name: str
    bootstrap: object  # dict, or text taken as it is (for broken files)
    steps: list = field(default_factory=list)
    script: dict = field(default_factory=dict)  # upstream name -> script, or {"*": script, "/hc": script}
    files: dict = field(default_factory=dict)  # file name -> content (dict or text), written before the start
    stats: list = field(default_factory=list)  # regexes of full stat names, read when all steps are done
    nonzero: bool = False  # leave out stats whose value is 0
    logs: list = field(default_factory=list)  # files below $DIR read after the proxy has ended
    must_fail: bool = False  # the proxy is expected to refuse the configuration
    uses: str = ""  # further names to bring up, e.g. "$U4"
    ignore: tuple = ()  # parts of the observation that are not compared, such as "stats" or "proxy ended"
    note: str = ""  # printed beside a difference: why one may be acceptable
    down: str = ""  # names of upstreams which are not started at first

    @property
    def id(self):
        return f"{self.area}/{self.name}"


def ports_of(case):
    """The names the case uses, in order of first use."""
    blob = json.dumps([case.bootstrap, case.files]) + case.uses
    return list(dict.fromkeys(["ADMIN"] + NAME.findall(blob)))


def allocate(case, base):
    """Free ports below the ephemeral range. The same dict serves both proxies, so that hashing on addresses agrees."""
    ports, port = {}, base
    for name in ports_of(case):
        while True:
            port += 1
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("127.0.0.1", port))
                    break
                except OSError:
                    continue
        ports[name] = port
    return ports


def reserve(ports):
    """The given ports, if all are free."""
    for port in ports.values():
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                return None
    return ports


def substitute(x, ports, folder):
    """Fills in names. A string that is nothing but a port name becomes an integer."""
    if isinstance(x, dict):
        return {substitute(k, ports, folder): substitute(v, ports, folder) for k, v in x.items()}
    if isinstance(x, list):
        return [substitute(v, ports, folder) for v in x]
    if isinstance(x, str) and "$" in x:
        if m := NAME.fullmatch(x):
            return ports[m[1]]
        return NAME.sub(lambda m: str(ports[m[1]]), x).replace("$DIR", folder)
    return x


class Dumper(yaml.SafeDumper):
    """Envoy reads a plain y or n as a boolean, which PyYAML does not know: they go in quotes."""


Dumper.add_representer(str, lambda d, s: d.represent_scalar("tag:yaml.org,2002:str", s, style='"' if s in ("y", "n", "Y", "N") else None))


def dump(content, ports, folder):
    content = substitute(content, ports, folder)
    return content if isinstance(content, str) else yaml.dump(content, Dumper=Dumper, sort_keys=False, width=1000)


# --- masking -------------------------------------------------------------------------------------------------------

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HTTP_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
MASKED = {"x-envoy-upstream-service-time": re.compile(r"\d+$"), "server": re.compile(r"(envoy|outrigger)$")}


HOST = "192.0.2.2"  # what the host's own address is called: both proxies put it into x-forwarded-for for peers on loopback


def host_address():
    """The first IPv4 address that isn't loopback, as both proxies choose it; None if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _, name in socket.if_nameindex():
            try:
                reply = fcntl.ioctl(s, 0x8915, struct.pack("256s", name.encode()))  # SIOCGIFADDR
            except OSError:
                continue  # an interface without an IPv4 address
            address = socket.inet_ntoa(reply[20:24])
            if not address.startswith("127."):
                return address
    return None


class Mask:
    host = host_address()

    def __init__(self, ports, folder):
        self.folder = folder
        self.names = {str(p): "$" + n for n, p in ports.items()}
        self.port = re.compile(r"(?<![\d.])(" + "|".join(self.names) + r")(?!\d)")
        self.ephemeral = re.compile(r"(127\.0\.0\.1[: ]|\[::1\]:)\d{4,5}\b")

    def text(self, s):
        s = s.replace(self.folder, "$DIR")
        s = self.port.sub(lambda m: self.names[m[1]], s)
        s = self.ephemeral.sub(r"\1<port>", s)
        if self.host:
            s = re.sub(rf"(?<![\d.]){re.escape(self.host)}(?![\d.])", HOST, s)
        return HTTP_DATE.sub("<date>", UUID.sub("<uuid>", s))

    def __call__(self, x):
        if isinstance(x, dict):
            return {self.text(str(k)): self(v) for k, v in x.items()}
        if isinstance(x, (list, tuple)):
            if len(x) == 2 and isinstance(x[0], str) and isinstance(x[1], str):
                m = MASKED.get(x[0].lower())
                if m and m.match(x[1]):
                    return [x[0], "<masked>"]
                if x[0].lower() == "x-envoy-expected-rq-timeout-ms" and x[1].isdigit():
                    return [x[0], str(-(-int(x[1]) // 250) * 250)]  # what is left of a budget: rounded up
            return [self(v) for v in x]
        return self.text(x) if isinstance(x, str) else x


# --- one run -------------------------------------------------------------------------------------------------------

class Run:
    """A proxy with its upstreams, while a case's steps are carried out."""

    def __init__(self, case, binary, args, ports):
        self.case, self.binary, self.args, self.ports = case, binary, args, ports
        self.folder = tempfile.mkdtemp(prefix="case.", dir="/tmp")  # of one length everywhere: it stands in some answers
        self.log, self.upstreams, self.proc, self.vars = [], {}, None, {}

    def port(self, name):
        return self.ports[name.lstrip("$")]

    def fill(self, x):
        return substitute(x, self.ports, self.folder)

    async def connect(self, name="L1", source=None):
        """A client connection. Right after the start a listener may need a moment, so a refusal is tried again for a second."""
        end = time.monotonic() + 1
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", self.port(name), limit=1 << 22,
                                                     local_addr=(source, 0) if source else None)
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.03)

    async def admin(self, path, method="GET", body=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port("ADMIN"), limit=1 << 22)
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            head = await http1.read_head(reader)
            if head is None:
                raise ConnectionError("admin closed the connection")
            line, headers = head
            body = bytearray()
            if (http1.get(headers, "transfer-encoding") or "") == "chunked":
                await http1.read_chunked(reader, body)
            elif http1.get(headers, "content-length"):
                await http1.read_exact(reader, int(http1.get(headers, "content-length")), body)
            else:
                await http1.read_to_end(reader, body)
            return int(line.split(" ")[1]), headers, body.decode("utf-8", "replace")
        finally:
            writer.close()

    async def stats(self, patterns, nonzero=False):
        """Counters, gauges and text readouts whose whole name matches one of the patterns, once they hold still."""
        wanted = re.compile("|".join(f"(?:{p})" for p in patterns))
        last, end = None, time.monotonic() + 3
        while True:
            _, _, body = await self.admin("/stats")
            now = {}
            for line in body.splitlines():
                name, _, value = line.partition(": ")
                if wanted.fullmatch(name) and re.fullmatch(r'-?\d+|".*"', value):
                    if not (nonzero and value == "0"):
                        now[name] = int(value) if value[0] != '"' else value
            if now == last or time.monotonic() > end:
                return now
            last = now
            await asyncio.sleep(0.06)

    async def start(self):
        case = self.case
        for name in self.ports:
            kind = {"U": HttpUpstream, "T": TcpUpstream, "D": DubboUpstream}.get(name[0])
            if kind and name != "ADMIN":
                up = self.upstreams[name] = kind(name, self.log, self.fill(case.script.get(name, "")))
                if name not in case.down.split():
                    await up.start(self.ports[name])
        for name, content in case.files.items():
            self.write(name, content)
        config = os.path.join(self.folder, "bootstrap.yaml")
        with open(config, "w") as f:
            f.write(dump(case.bootstrap, self.ports, self.folder))
        self.stderr = open(os.path.join(self.folder, "stderr"), "wb")
        self.proc = await asyncio.create_subprocess_exec(
            self.binary, "-c", config, "--concurrency", "1", "--log-level", "error", *self.args,
            stdin=asyncio.subprocess.DEVNULL, stdout=self.stderr, stderr=self.stderr, cwd=self.folder)
        end = time.monotonic() + START_LIMIT
        while True:
            if self.proc.returncode is not None:
                raise StartError(f"exit code {self.proc.returncode}: {self.last_words()}")
            try:
                status, _, _ = await self.admin("/ready")
                if status == 200:
                    return
            except (OSError, EOFError, IndexError, ValueError):
                pass
            if time.monotonic() > end:
                raise StartError(f"not ready after {START_LIMIT:.0f} s: {self.last_words()}")
            await asyncio.sleep(0.02)

    def sanitizer_report(self):
        """The first line of what AddressSanitizer and its like said, or None."""
        with open(os.path.join(self.folder, "stderr"), errors="replace") as f:
            return next((line.strip()[:300] for line in f if re.search(r"Sanitizer:|runtime error:", line)), None)

    def last_words(self):
        with open(os.path.join(self.folder, "stderr"), errors="replace") as f:
            lines = [line.strip() for line in f if line.strip()]
        return lines[-1][-400:] if lines else "(no output)"

    def write(self, name, content):
        """Puts a file in place by an atomic move."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w") as f:
            f.write(dump(content, self.ports, self.folder))
        os.replace(path + ".new", path)

    async def stop(self):
        if self.proc and self.proc.returncode is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.proc.wait(), 5)
            except asyncio.TimeoutError:
                self.proc.kill()
                await self.proc.wait()
        for up in self.upstreams.values():
            await up.stop()

    def seen_since(self, mark, kinds=("http", "tcp", "dubbo")):
        return [seen for kind, seen in self.log[mark:] if kind in kinds]


def log_line(line):
    """A line of JSON counts by its values, not by how they are escaped."""
    try:
        return json.loads(line) if line.startswith("{") else line
    except ValueError:
        return line


async def observe(case, binary, args, ports):
    run = Run(case, binary, args, ports)
    mask = Mask(ports, run.folder)
    out = {}
    try:
        if case.must_fail:
            return await observe_refusal(run)
        try:
            await run.start()
        except StartError as e:
            return {"failed to start": mask.text(str(e))}
        steps = out["steps"] = {}
        for i, step in enumerate(case.steps):
            label = f"{i + 1} {step.__name__}"
            try:
                result = await asyncio.wait_for(step(run), 30)
            except asyncio.TimeoutError:
                result = "the step took longer than 30 s"
            except (OSError, EOFError, asyncio.IncompleteReadError, ValueError, KeyError, IndexError) as e:
                result = f"{type(e).__name__}: {e}"
            if result is not None:
                steps[label] = result
            if run.proc.returncode is not None:
                break
        if case.stats and run.proc.returncode is None:
            try:
                out["stats"] = await run.stats(case.stats, case.nonzero)
            except (OSError, EOFError) as e:
                out["stats"] = type(e).__name__
                await asyncio.sleep(0.5)  # should the proxy have died, its exit code will tell
        if run.proc.returncode is not None and not run.vars.get("may_exit"):
            out["proxy ended"] = f"exit code {run.proc.returncode}"
        await run.stop()
        if run.proc.returncode not in (0, -signal.SIGKILL):  # killed: it was still draining
            out.setdefault("proxy ended", f"exit code {run.proc.returncode}")
        for name in case.logs:
            try:
                with open(os.path.join(run.folder, name), errors="replace") as f:
                    out["log " + name] = [log_line(line) for line in f.read().splitlines()]
            except OSError as e:
                out["log " + name] = f"cannot be read: {e.strerror}"
        for key in case.ignore:
            out.pop(key, None)
        if report := run.sanitizer_report():
            out["sanitizer"] = report
        return json.loads(json.dumps(mask(out)))
    finally:
        await run.stop()
        shutil.rmtree(run.folder, ignore_errors=True)


async def observe_refusal(run):
    try:
        await run.start()
    except StartError:
        code = run.proc.returncode
        return {"refused": code if code is not None else "neither ready nor ended"}
    return {"refused": "no: it serves"}

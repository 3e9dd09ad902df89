"""The Java peers of ../interop/java: providers and consumers of Dubbo 3.3 ("dubbo3") and 2.7 ("dubbo27"); providers of any module."""
import atexit
import os
import re
import signal
import subprocess
import time

import places
from ports import free_ports

RUN = places.ROOT / "tests/interop/java/run.sh"
SERVICE = "demo.api.DemoService"


def build():
    places.program("java"), places.program("mvn")
    r = subprocess.run([RUN, "build"], capture_output=True, text=True)
    if r.returncode:
        raise places.Missing(f"the Java peers don't build: {(r.stdout + r.stderr)[-800:]}")


class Provider:
    def __init__(self, name, *args, module="dubbo3", main="demo.dubbo.Provider"):
        build()
        self.port, = free_ports(1)
        path = places.scratch("interop-dubbo") / f"{re.sub(r'[^A-Za-z0-9]+', '', ''.join((name, *args)))}-{module}.log"
        with open(path, "w") as log:
            self.proc = subprocess.Popen([RUN, module, main, "--port", str(self.port), "--name", name, *args], stdin=subprocess.PIPE, stdout=log, stderr=log)
        self.log = open(path)  # a place of its own in the file
        self.begin = 0

    def wait(self):
        end = time.monotonic() + 60
        while "ready" not in self.text():
            assert self.proc.poll() is None and time.monotonic() < end, f"provider: {self.text()[-800:]}"
            time.sleep(0.1)
        return self

    def fresh(self):
        """What it has said so far doesn't count any more."""
        self.begin = self.log.seek(0, os.SEEK_END)
        return self

    def text(self):
        self.log.seek(self.begin)
        return self.log.read()

    def calls(self, method=r"\w+"):
        return len(re.findall(rf"^call {method}\b", self.text(), re.M))

    def kill(self, how=signal.SIGKILL):
        self.proc.send_signal(how)
        self.proc.wait()


class Providers:
    """Several at once; killed at the end."""

    def __init__(self, *providers):
        self.providers = providers

    def __enter__(self):
        return [p.wait() for p in self.providers]

    def __exit__(self, *_):
        for p in self.providers:
            if p.proc.poll() is None:
                p.kill()


_running = {}  # what shared() has started, the one asked for latest last
_KEPT = 8


def shared(*names, args=(), module="dubbo3", **kw):
    """Providers that are started once and serve many checks; what they said before doesn't count. Only for checks that leave them as they are."""
    keys = [(module, name, *args) for name in names]
    for key in [key for key, p in _running.items() if p.proc.poll() is not None]:
        del _running[key]
    new = {key: Provider(name, *args, module=module, **kw) for name, key in zip(names, keys) if key not in _running}
    for key in keys:
        _running[key] = _running.pop(key, None) or new[key]
    while len(_running) > max(_KEPT, len(keys)):
        _running.pop(next(iter(_running))).kill()
    for provider in new.values():
        provider.wait()
    return [_running[key].fresh() for key in keys]


@atexit.register
def _end():
    Providers(*_running.values()).__exit__()


def command(module, main, *args):
    return [str(RUN), module, main, *map(str, args)]


def to(*ports):
    """--url of these addresses."""
    return "--url", ";".join(f"dubbo://127.0.0.1:{p}" for p in ports)


def consumer(port, *args, module="dubbo3", timeout=240, heap=None):
    """Runs one to its end: (passed, failed, what it said)."""
    environment = {**os.environ, **({"JOPTS": f"-Xmx{heap} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"} if heap else {})}
    build()
    r = subprocess.run(command(module, "demo.dubbo.Consumer", *to(port), *args), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout,
                       env=environment)
    found = re.findall(r"^(\d+) passed, (\d+) failed", r.stdout, re.M)
    assert found, (r.stdout + r.stderr)[-1000:]
    return int(found[-1][0]), int(found[-1][1]), r.stdout


class Steady:
    """A consumer that calls at a steady rate, from entering on. finish() waits for its end."""

    def __init__(self, *ports, seconds, rate=200, module="dubbo3", extra=()):
        build()
        self.proc = subprocess.Popen(command(module, "demo.dubbo.Consumer", *to(*ports), "--no-generic", "--hold", seconds, "--rate", rate, "--warm", 50,
                                             "--concurrency", 16, *extra), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        return self

    def lives(self):
        return self.proc.poll() is None

    def finish(self):
        out, _ = self.proc.communicate(timeout=120)
        found = re.search(r"calls=(\d+) failures=(\d+) ", out)
        assert found, out[-1000:]
        return int(found[1]), int(found[2]), out

    def __exit__(self, *_):
        if self.lives():
            self.proc.kill()
        self.proc.wait()

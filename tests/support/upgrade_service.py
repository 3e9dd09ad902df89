"""A service of one outrigger after the other: who serves is replaced, and the checks talk to whoever it is."""
import http.client
import json
import subprocess
import time

import places
from gateway import Gateway, http_manager

SOON = 30  # seconds, for what should take milliseconds on any machine
REFUSED = 3  # exit code
LATE = ("said nothing for", "didn't stand still", "passes nothing")  # what is said of a step that took too long


class Service(Gateway):
    """A gateway that can be replaced. proc is who serves."""

    def __init__(self, name, clusters, *, args=(), network_filter=None, **extra):
        super().__init__(name, network_filter or http_manager(), clusters, **extra)
        self.path, self.pid_file = self.folder / "upgrade", self.folder / "pid"
        for left in ("upgrade", "upgrade.lock", "pid"):
            (self.folder / left).unlink(missing_ok=True)
        self.args = ["--upgrade-socket", str(self.path), "--pid-file", str(self.pid_file), "--parent-shutdown-time-s", "20",
                     "--component-log-level", "hotrestart:info", *args]
        self.others = []  # processes that aren't proc

    def start_another(self, *args, config=None):
        """A process of the same service, beside the one that serves."""
        started = subprocess.Popen([places.outrigger(*self.builds), "-c", config or self.config, "--concurrency", "2", "--log-level", "warning",
                                    *self.args, *args], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=self.environment)
        self.others.append(started)
        return started

    def wait_until_replaced(self, successor):
        """It has the service, and the one before has ended."""
        self.others = [p for p in self.others if p is not successor] + [self.proc]
        old, self.proc = self.proc, successor
        assert old.wait(SOON) == 0, self.words()
        self.wait_for_state(lambda s: s["state"] == "SERVING" and not s["predecessor_is_there"])
        assert int(self.pid_file.read_text()) == successor.pid

    def upgrade(self, *args, config=None):
        """On a machine that is busy a step may take longer than it may: then nothing has happened, and it is tried again."""
        for _ in range(4):
            refused = self.state()["refused"]
            successor = self.start_another(*args, config=config)
            while self.proc.poll() is None and successor.poll() is None:
                time.sleep(0.01)
            if successor.poll() is None:
                break
            assert successor.returncode == REFUSED, self.words()
            reason = self.wait_for_state(lambda s: s["refused"] > refused)["last_refusal"]
            assert any(late in reason for late in LATE), reason
        self.wait_until_replaced(successor)

    def state(self):
        return json.loads(self.get("/upgrade"))

    def wait_for_state(self, holds):
        end = time.monotonic() + SOON
        while True:
            try:
                state = self.state()
                if holds(state):
                    return state
            except (OSError, http.client.HTTPException):
                state = "no answer"
            assert time.monotonic() < end, (state, self.words())
            time.sleep(0.02)

    def still_serves(self, status=200):
        """The same process as ever."""
        assert self.proc.poll() is None, self.words()
        assert self.http("GET", "/").status == status
        state = self.wait_for_state(lambda s: s["state"] == "SERVING")
        assert int(self.pid_file.read_text()) == self.proc.pid
        return state

    def __exit__(self, failed, *rest):
        for p in self.others:
            if p.poll() is None:
                p.kill()
            p.wait()
        super().__exit__(failed, *rest)

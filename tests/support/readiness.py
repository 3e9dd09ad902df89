"""/ready asked at a steady pace while something else goes on: how late its answers were, and how long main was busy at a time."""
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

from pauses import Pauses

READY_MS, BUSY_MS = 20, 10  # p99; at a time
PAUSED_MS = 100  # a machine that stood still for less in a whole row isn't why all of it is late


class Readiness:
    """with Readiness(admin_port, pid) as r: ...; r.row

    Open loop: an answer's time counts from when its question was due, so that one long pause of main makes many late answers. `busy` is CPU time of
    the main thread from one answer to the next, which a loaded machine doesn't stretch as it does the answers' time; `worker_busy` of that worker
    which took most. Asks in a process of its own; while that wants a processor and has none, or looks at an answer, main may begin other things, so
    such time counts neither as late nor as busy; nor is late what main wanted a processor for and had none, or what the machine stood still."""

    def __init__(self, admin, pid, nice=()):
        self.command = [*nice, sys.executable, __file__, str(admin), str(pid)]
        self.row = None

    def __enter__(self):
        self.proc = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.proc.stdout.readline() == "asking\n"
        return self

    def __exit__(self, failed, *_):
        said, _ = self.proc.communicate("")
        if not failed:
            self.row = json.loads(said)

    def check(self, usual, busy_ms=BUSY_MS, ready_ms=READY_MS):
        """usual: a row of when nothing else goes on. Where that is late already, the machine is too busy to tell more than how busy main was; but it must
        be the machine, and not the program."""
        assert not self.row["wrong"], self.row
        if usual["p99_ms"] >= ready_ms and usual["paused_ms"] < PAUSED_MS:
            raise Late(f"with nothing else to do, on a machine that had time: {usual}")
        if self.row["busy_max_ms"] >= busy_ms or (self.row["p99_ms"] >= ready_ms and usual["p99_ms"] <= ready_ms / 4):
            raise Late(f"{self.row}, usually {usual}")


class Late(AssertionError):
    """/ready was, or main was busy for long."""


def patiently(measure, tries=3):
    """What measure() returns. Late is measured anew: what the program does itself it does each time, what doesn't come again was the machine's or the sanitizer's."""
    for _ in range(tries - 1):
        try:
            return measure()
        except Late:
            pass
    return measure()


class _Asker:
    EVERY = 0.002

    def __init__(self, admin, pid):
        self.admin = admin
        tasks = [t for t in Path(f"/proc/{pid}/task").iterdir() if t.name == str(pid) or (t / "comm").read_text().startswith("worker:")]
        self.threads = sorted(((t / "schedstat") for t in tasks), key=lambda path: path.parent.name != str(pid))  # main first
        self.asked, self.busy, self.worker_busy, self.wrong = [], [], [], 0  # asked: (when it was due, answered, seconds that it and main waited for a processor)
        self.pauses = Pauses()

    @staticmethod
    def spent(path):
        """Milliseconds that a thread has run, and wanted to."""
        ran, waited, _ = path.read_text().split()
        return int(ran) / 1e6, int(waited) / 1e6

    def now(self):
        """What it has spent itself, and each thread; main is the first."""
        return self.spent(Path("/proc/self/schedstat")), [self.spent(path) for path in self.threads]

    def ask(self, is_over):
        conn = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        due, (own_before, before) = time.monotonic(), self.now()
        while not is_over():
            time.sleep(max(0, due - time.monotonic()))
            conn.request("GET", "/ready")
            self.wrong += not conn.getresponse().read().startswith((b"LIVE", b"INITIALIZING", b"PRE_INITIALIZING"))
            answered, (own, after) = time.monotonic(), self.now()
            waited = (own[1] - own_before[1] + after[0][1] - before[0][1]) / 1000
            self.asked.append((due, answered, waited))
            self.busy.append(max(0, after[0][0] - before[0][0] - (sum(own) - sum(own_before))))
            self.worker_busy.append(max(a[0] - b[0] for a, b in zip(after[1:], before[1:])))
            due, before, own_before = due + self.EVERY + waited, after, own
        conn.close()

    def row(self):
        """Milliseconds."""
        late = sorted(max(0, answered - due - max(waited, self.pauses.within(due, answered))) * 1000 for due, answered, waited in self.asked)
        busy = sorted(self.busy)
        return {"answers": len(late), "p50_ms": round(late[len(late) // 2], 2), "p99_ms": round(late[int(len(late) * .99)], 2),
                "max_ms": round(late[-1], 2), "busy_p99_ms": round(busy[int(len(busy) * .99)], 2), "busy_max_ms": round(busy[-1], 2),
                "worker_busy_max_ms": round(max(self.worker_busy), 2), "wrong": self.wrong,
                "paused_ms": round(self.pauses.within(self.asked[0][0], self.asked[-1][1]) * 1000)}


def _main():
    import select

    asker = _Asker(int(sys.argv[1]), int(sys.argv[2]))
    print("asking", flush=True)
    with asker.pauses:
        asker.ask(lambda: select.select([sys.stdin], [], [], 0)[0])
    print(json.dumps(asker.row()))


if __name__ == "__main__":
    _main()

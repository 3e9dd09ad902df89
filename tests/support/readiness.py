"""/ready asked at a steady pace while something else goes on: how late its answers were, and how long main was busy at a time."""
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

READY_MS, BUSY_MS = 20, 10  # p99; at a time


class Readiness:
    """with Readiness(admin_port, pid) as r: ...; r.row

    Open loop: an answer's time counts from when its question was due, so that one long pause of main makes many late answers. `busy` is CPU time of
    the main thread from one answer to the next, which a loaded machine doesn't stretch as it does the answers' time; `worker_busy` of that worker
    which took most. Asks in a process of its own."""

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
        """usual: a row of when nothing else goes on. Where that is late already, the machine is too busy to tell more than how busy main was."""
        assert not self.row["wrong"], self.row
        assert self.row["busy_max_ms"] < busy_ms, (self.row, usual)
        assert self.row["p99_ms"] < ready_ms or usual["p99_ms"] > ready_ms / 4, (self.row, usual)


class _Asker:
    EVERY = 0.002

    def __init__(self, admin, pid):
        self.admin = admin
        tasks = [t for t in Path(f"/proc/{pid}/task").iterdir() if t.name == str(pid) or (t / "comm").read_text().startswith("worker:")]
        self.threads = sorted(((t / "schedstat") for t in tasks), key=lambda path: path.parent.name != str(pid))  # main first
        self.late, self.busy, self.worker_busy, self.wrong = [], [], [], 0

    def cpu(self):
        return [int(path.read_text().split()[0]) / 1e6 for path in self.threads]

    def ask(self, is_over):
        conn = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        due, before = time.monotonic(), self.cpu()
        while not is_over():
            time.sleep(max(0, due - time.monotonic()))
            conn.request("GET", "/ready")
            self.wrong += not conn.getresponse().read().startswith((b"LIVE", b"INITIALIZING", b"PRE_INITIALIZING"))
            after = self.cpu()
            self.late.append((time.monotonic() - due) * 1000)
            self.busy.append(after[0] - before[0])
            self.worker_busy.append(max(a - b for a, b in zip(after[1:], before[1:])))
            due, before = due + self.EVERY, after
        conn.close()

    def row(self):
        """Milliseconds."""
        late, busy = sorted(self.late), sorted(self.busy)
        return {"answers": len(late), "p50_ms": round(late[len(late) // 2], 2), "p99_ms": round(late[int(len(late) * .99)], 2),
                "max_ms": round(late[-1], 2), "busy_p99_ms": round(busy[int(len(busy) * .99)], 2), "busy_max_ms": round(busy[-1], 2),
                "worker_busy_max_ms": round(max(self.worker_busy), 2), "wrong": self.wrong}


def _main():
    import select

    asker = _Asker(int(sys.argv[1]), int(sys.argv[2]))
    print("asking", flush=True)
    asker.ask(lambda: select.select([sys.stdin], [], [], 0)[0])
    print(json.dumps(asker.row()))


if __name__ == "__main__":
    _main()

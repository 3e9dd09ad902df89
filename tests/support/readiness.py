"""/ready asked at a steady pace while something else goes on: how late its answers were, and how long main was busy at a time."""
import http.client
import threading
import time
from pathlib import Path


class Readiness:
    """with Readiness(admin_port, pid) as r: ...; r.row()

    Open loop: an answer's time counts from when its question was due, so that one long pause of main makes many late answers. `busy` is CPU time of
    the main thread between two answers, which a loaded machine doesn't stretch as it does the answers' time."""

    def __init__(self, admin, pid, every=0.002):
        self.admin, self.every = admin, every
        self.schedstat = Path(f"/proc/{pid}/task/{pid}/schedstat")
        self.late, self.busy, self.wrong = [], [], []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.ask, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def cpu(self):
        return int(self.schedstat.read_text().split()[0]) / 1e6

    def ask(self):
        conn = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=30)
        due, before = time.monotonic(), self.cpu()
        while not self.stopped.is_set():
            time.sleep(max(0, due - time.monotonic()))
            conn.request("GET", "/ready")
            answer = conn.getresponse()
            if not answer.read().startswith((b"LIVE", b"INITIALIZING", b"PRE_INITIALIZING")):
                self.wrong.append(answer.status)
            after = self.cpu()
            self.late.append((time.monotonic() - due) * 1000)
            self.busy.append(after - before)
            due, before = due + self.every, after
        conn.close()

    def row(self):
        """Milliseconds; `answers` of them."""
        late, busy = sorted(self.late), sorted(self.busy)
        return {"answers": len(late), "p50_ms": round(late[len(late) // 2], 2), "p99_ms": round(late[int(len(late) * .99)], 2),
                "max_ms": round(late[-1], 2), "busy_p99_ms": round(busy[int(len(busy) * .99)], 2), "busy_max_ms": round(busy[-1], 2), "wrong": len(self.wrong)}

"""When the machine stood still, or a part of it: other machines had its processors, or others of this one."""
import os
import threading
import time

EVERY, LATE = 0.002, 0.010  # it sleeps so long; who wakes so much later has been kept from it


class Pauses:
    """with Pauses() as pauses: ...; pauses.within(since, until)

    A thread on each processor does nothing but sleep. Who works there long doesn't keep it from waking: Linux prefers whoever has slept."""

    def __init__(self):
        self.found, self.over = [], threading.Event()  # (since, until), of all processors
        self.threads = [threading.Thread(target=self._sleep, args=(cpu,), daemon=True) for cpu in sorted(os.sched_getaffinity(0))]

    def _sleep(self, cpu):
        try:
            os.sched_setaffinity(0, {cpu})  # this thread's
        except OSError:
            return
        while not self.over.is_set():
            due = time.monotonic() + EVERY
            time.sleep(EVERY)
            now = time.monotonic()
            if now - due > LATE:
                self.found.append((due, now))

    def within(self, since, until):
        """Seconds between these two moments in which some processor stood still."""
        total, at = 0.0, since
        for begin, end in sorted(self.found):
            begin, end = max(begin, at), min(end, until)
            if end > begin:
                total, at = total + end - begin, end
        return total

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()

"""How long a machine with other things to do kept processes from running: time that a check must not blame on the program."""
import os
import time
from pathlib import Path


AT_ALL = 10  # times as long as it may take: whatever others did


def delays(*pids):
    """{(process, thread): seconds that it has waited for a processor}, of all threads of these processes. Empty where the kernel doesn't count that."""
    found = {}
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                found[pid, path.parent.name] = int(path.read_text().split()[1]) / 1e9
            except (OSError, IndexError, ValueError):  # the thread has ended
                pass
    return found


def _stolen():
    """Seconds that each processor was another machine's, at the mean."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[8]) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1) if len(fields) > 8 else 0.0


class Contention:
    """From now on: seconds() that one thread after the other of this process and of the given ones may have waited for a processor: of each process its
    thread that waited longest. Threads wait at the same time, so all their waits together are no time by the clock. Next to nothing on a machine with
    nothing else to do."""

    def __init__(self, *pids):
        self.pids = (os.getpid(), *pids)
        self.before, self.stolen = delays(*self.pids), _stolen()

    def seconds(self):
        longest = dict.fromkeys(self.pids, 0.0)
        for thread, seconds in delays(*self.pids).items():
            longest[thread[0]] = max(longest[thread[0]], seconds - self.before.get(thread, 0))
        return sum(longest.values()) + _stolen() - self.stolen


def holds_within(seconds, holds, since, contention, what="it"):
    """Waits until it holds: so many seconds at most after `since` (a time.monotonic()), not counting those that others took, and AT_ALL times as many with them."""
    while True:
        is_so, now = holds(), time.monotonic()
        took, waited = now - since, contention.seconds()
        assert took - waited < seconds and took < AT_ALL * seconds, f"{what}: {'only' if is_so else 'not even'} after {took:.2f} s, of which others had the processors for {waited:.2f} s"
        if is_so:
            return took
        time.sleep(0.01)

"""How long a machine with other things to do kept processes from running: time that a check must not blame on the program."""
import os
import time
from pathlib import Path


def delays(*pids):
    """{thread: seconds that it has waited for a processor}, of all threads of these processes. Empty where the kernel doesn't count that."""
    found = {}
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                found[path.parent.name] = int(path.read_text().split()[1]) / 1e9
            except (OSError, IndexError, ValueError):  # the thread has ended
                pass
    return found


def _stolen():
    """Seconds that processors were other machines'."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[8]) / os.sysconf("SC_CLK_TCK") if len(fields) > 8 else 0.0


class Contention:
    """From now on: seconds() in which threads of this process and of the given ones wanted a processor and had none. Next to nothing on a machine with nothing else to do."""

    def __init__(self, *pids):
        self.pids = (os.getpid(), *pids)
        self.before, self.stolen = delays(*self.pids), _stolen()

    def seconds(self):
        waited = sum(seconds - self.before.get(thread, 0) for thread, seconds in delays(*self.pids).items())
        return waited + _stolen() - self.stolen


def holds_within(seconds, holds, since, contention, what="it"):
    """Waits until it holds: so many seconds at most after `since` (a time.monotonic()), not counting those that others took."""
    while True:
        is_so, now = holds(), time.monotonic()
        took, waited = now - since, contention.seconds()
        assert took - waited < seconds, f"{what}: {'only' if is_so else 'not even'} after {took:.2f} s, of which others had the processors for {waited:.2f} s"
        if is_so:
            return took
        time.sleep(0.01)

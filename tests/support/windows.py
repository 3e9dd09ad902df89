"""Seconds as Sentinel's windows have them: what is asked must be asked in one of them."""
import time

TRIES = 5


def whole_second():
    """Begins where a second of the windows does."""
    time.sleep(1 - time.time() % 1 + 0.01)


def in_one_second(ask):
    """What ask() returns, all of it in one second of the windows. Where the machine paused meanwhile it is asked once more, when the windows are empty again."""
    for _ in range(TRIES):
        whole_second()
        second = int(time.time())
        said = ask()
        if int(time.time()) == second:
            return said
        time.sleep(1)
    raise AssertionError(f"what is asked takes longer than a second, {TRIES} times in a row: {said}")

"""A log file that takes nothing: nobody waits for it, and what is lost is counted."""
import os
import threading
import time

import places
from gateway import TYPE, Gateway, http_manager
from readiness import Readiness, patiently

LINE = 4000  # bytes; of which 16 blocks of 64 KiB and a pipe's 64 KiB may wait
REQUESTS = 900


def _pipe(name):
    path = places.scratch(name) / "access.log"
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return path


def _manager(*paths):
    logs = [{"name": "file", "typed_config": {"@type": TYPE.replace("filters.", "") + "access_loggers.file.v3.FileAccessLog", "path": str(path),
                                              "log_format": {"text_format_source": {"inline_string": "%REQ(:PATH)% " + "x" * LINE + "\n"}}}}
            for path in paths]
    return http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}], access_log=logs)


def _read_lines(fd, lines, until):
    rest = b""
    while not until.is_set() or rest:
        try:
            data = os.read(fd, 1 << 20)
        except BlockingIOError:
            if until.wait(0.02):
                return
            continue
        *whole, rest = (rest + data).split(b"\n")
        lines += whole


def nobody_waits_and_what_is_lost_is_counted():
    return patiently(_write_to_nobody)


def _write_to_nobody():
    path = _pipe("blocked-log-files")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with Gateway("blocked-log", _manager(path), []) as g:
        with Readiness(g.admin, g.proc.pid) as before:
            time.sleep(1)
        with Readiness(g.admin, g.proc.pid) as r:
            for i in range(REQUESTS):
                assert g.http("GET", f"/{i}").status == 200
            dropped = g.stat("filesystem.write_dropped")
            assert dropped > 100, dropped  # known while it is blocked
        r.check(before.row, 60)
        lines, over = [], threading.Event()
        thread = threading.Thread(target=_read_lines, args=(reader, lines, over))
        thread.start()
        end = time.monotonic() + 15
        while len(lines) + dropped < REQUESTS and time.monotonic() < end:
            time.sleep(0.05)
        over.set()
        thread.join()
        assert len(lines) + dropped == REQUESTS, (len(lines), dropped)
        assert all(len(line) > LINE for line in lines)
    os.close(reader)
    return f"{dropped} of {REQUESTS} lines dropped; /ready {r.row}"


def it_ends_all_the_same():
    path = _pipe("blocked-log-end-files")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with Gateway("blocked-log-end", _manager(path), []) as g:
        for i in range(REQUESTS):
            assert g.http("GET", f"/{i}").status == 200
        g.proc.terminate()
        g.ended = True
        assert g.proc.wait(10) == 0
    os.close(reader)


def a_pipe_that_nobody_has_open():
    """Opening it for writing would wait for a reader."""
    path = _pipe("blocked-log-open-files")
    with Gateway("blocked-log-open", _manager(path), []) as g:
        assert g.http("GET", "/").status == 200


def other_files_go_on():
    pipe = _pipe("blocked-log-other-files")
    file = pipe.with_name("other.log")
    file.unlink(missing_ok=True)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with Gateway("blocked-log-other", _manager(pipe, file), [], args=["--disable-hot-restart", "--file-flush-interval-msec", "200"]) as g:
        for i in range(REQUESTS):
            assert g.http("GET", f"/{i}").status == 200
        end = time.monotonic() + 15
        while (lines := file.read_bytes().count(b"\n")) < REQUESTS:
            assert time.monotonic() < end, (lines, g.words())
            time.sleep(0.05)
        assert g.stat("filesystem.write_dropped") > 100
    os.close(reader)

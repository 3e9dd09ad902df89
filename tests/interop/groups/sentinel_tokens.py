"""Sentinel for Java's own token server, asked by the proxy's token client."""
import contextlib
import re
import signal
import subprocess
import time

import places
from ports import free_ports

RUN = places.ROOT / "tests/sentinel/java/run.sh"
FLOW, PLENTY, EACH, HOT, UNKNOWN = 101, 102, 103, 202, 999  # of the server's rules


def _program():
    for build in ("release", "asan"):
        if (path := places.ROOT / "build" / build / "tests/sentinel_tokens").exists():
            return path
    raise places.Missing("no sentinel_tokens: cmake --build --preset asan")


@contextlib.contextmanager
def _server(port=None):
    places.program("java"), places.program("mvn")
    r = subprocess.run([RUN, "build"], capture_output=True, text=True)
    if r.returncode:
        raise places.Missing(f"the token server doesn't build: {(r.stdout + r.stderr)[-800:]}")
    port = port or free_ports(1)[0]
    proc = subprocess.Popen([RUN, "oracle.TokenServer", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        for line in proc.stdout:
            if line == "ready\n":
                break
        yield port, proc
    finally:
        proc.kill()
        proc.wait()


class _Asker:
    def __init__(self, port, namespace="demo-app"):
        self.proc = subprocess.Popen([_program(), f"127.0.0.1:{port}", namespace], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, question):
        self.proc.stdin.write(question + "\n")
        return self.proc.stdout.readline().strip()

    def status(self, question):
        answer = self.ask(question)
        assert re.fullmatch(r"-?\d+ \d+", answer), answer
        return int(answer.split()[0])

    def end(self):
        self.proc.stdin.close()
        assert self.proc.wait(10) == 0


def _fresh_second():
    """The server's windows are 10 x 100 ms: what was asked before doesn't count any more."""
    time.sleep(1.2)


def grants_and_refuses():
    with _server() as (port, _):
        asker = _Asker(port)
        asker.status(f"flow {PLENTY} 1")  # the server has loaded its classes
        _fresh_second()
        assert [asker.status(f"flow {FLOW} 1") for _ in range(7)] == [0] * 5 + [1] * 2
        assert asker.status(f"prioritized {FLOW} 1") in (1, 2)
        _fresh_second()
        assert [asker.status(f"flow {FLOW} 3"), asker.status(f"flow {FLOW} 3")] == [0, 1]
        assert asker.status(f"flow {UNKNOWN} 1") == 3
        assert [asker.status(f"param {HOT} 1 k") for _ in range(3)] == [0, 0, 1]
        assert asker.status(f"param {HOT} 1 other") == 0
        assert asker.status(f"param {HOT} 1 7 key 8") == 0
        assert asker.status("flow 0 1") == -4
        asker.end()


def limits_for_each_client_count_connections():
    with _server() as (port, _):
        askers = []
        for clients in (1, 2):
            askers.append(_Asker(port))
            askers[-1].status(f"flow {PLENTY} 1")
            _fresh_second()
            granted = sum(askers[i % clients].status(f"flow {EACH} 1") == 0 for i in range(14))
            assert granted == 5 * clients, (clients, granted)
        for asker in askers:
            asker.end()


def many_questions_are_answered_in_order():
    with _server() as (port, _):
        asker = _Asker(port)
        asker.ask(f"many {PLENTY} 2000")  # warm
        _fresh_second()
        began = time.monotonic()
        said = asker.ask(f"many {PLENTY} 20000")
        assert said == "0 x 20000", said
        asker.end()
        return f"{20000 / (time.monotonic() - began):.0f}/s"


def a_server_that_dies_fails_at_once_and_is_found_again():
    port, = free_ports(1)
    with _server(port) as (_, proc):
        asker = _Asker(port)
        assert asker.status(f"flow {PLENTY} 1") == 0
        proc.kill()
        proc.wait()
        began = time.monotonic()
        assert {asker.status(f"flow {PLENTY} 1") for _ in range(100)} == {-1}
        assert time.monotonic() - began < 2
    with _server(port):
        end = time.monotonic() + 30
        while asker.status(f"flow {PLENTY} 1") != 0:  # turns its loop, too
            assert time.monotonic() < end
            time.sleep(0.05)
    asker.end()


def a_stopped_server_blocks_nobody():
    with _server() as (port, proc):
        asker = _Asker(port)
        assert asker.status(f"flow {PLENTY} 1") == 0
        proc.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        answers = [asker.status(f"flow {PLENTY} 1") for _ in range(3)]
        took = time.monotonic() - began
        assert set(answers) == {-1} and took < 3 * 2.2, (answers, took)  # each waits its 2 s at most
        proc.send_signal(signal.SIGCONT)
        asker.end()

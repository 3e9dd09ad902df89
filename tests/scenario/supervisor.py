"""Process 1 of a container supervises the one that serves; two containers of a pod replace each other's; systemd is told.

A container is a PID namespace of its own (unshare); network and folder are the pod's. Where namespaces can't be made, what needs them is left out."""
import functools
import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import places
from gateway import Gateway, cluster, http_manager
from scenario.hot_upgrade import REFUSED, SOON, Load, Service, _here, _with_origin

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
STANDBY_SECONDS = 10  # without anybody who serves: then an idle twin does


def _cannot():
    """Why there are no namespaces here, or None."""
    if os.geteuid():
        return "only root makes PID namespaces"
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        return "unshare and nsenter aren't installed"
    made = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
    return f"no PID namespace: {made.stderr.strip()}" if made.returncode else None


def _in_namespaces(check):
    @functools.wraps(check)
    def run():
        reason = _cannot()
        return f"left out: {reason}" if reason else check()
    return run


def _wait(holds, what):
    end = time.monotonic() + SOON
    while not (found := holds()):
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.02)
    return found


def _stat(pid):
    """(state, parent) of a process, or None."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return state, int(parent)


def _children(pid):
    """Process ids as they are seen from here, zombies too."""
    return sorted(int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and (_stat(p.name) or ("", 0))[1] == pid)


def _has_open(pid, path):
    """By the file itself: in another mount namespace its name may be another."""
    return any(fd.exists() and fd.samefile(path) for fd in Path(f"/proc/{pid}/fd").iterdir())


def _pid_inside(pid):
    line, = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("NSpid:")]
    return int(line.split()[-1])


class Container:
    """Process 1 of a namespace. versions: SIDECARSET_VERSION and _ALT."""

    def __init__(self, pod, name, args, versions):
        self.pod, self.name = pod, name
        self.pid_file, self.ready_file = pod.folder / f"{name}.pid", pod.folder / f"{name}.ready"
        for left in (self.pid_file, self.ready_file):
            left.unlink(missing_ok=True)
        environment = dict(zip(("SIDECARSET_VERSION", "SIDECARSET_VERSION_ALT"), map(str, versions or ())))
        self.proc = subprocess.Popen([*UNSHARE, pod.program, "-c", pod.config, "--concurrency", "2", "--log-level", "warning", "--component-log-level",
                                      "hotrestart:info", "--upgrade-socket", pod.path, "--pid-file", self.pid_file, "--ready-file", self.ready_file,
                                      "--parent-shutdown-time-s", "20", *args],
                                     stdin=subprocess.DEVNULL, stdout=pod.log, stderr=pod.log, env={**os.environ, **environment})
        self.init = _wait(self.find_init, pod.words)
        self.code = None  # that it should end with, if it may

    def find_init(self):
        """-1: it has ended already."""
        return next(iter(_children(self.proc.pid)), -1 if self.proc.poll() is not None else None)

    def children(self):
        return _children(self.init)

    def child(self):
        """The only one."""
        return _wait(lambda: self.children() if len(self.children()) == 1 else None, lambda: (self.children(), self.pod.words()))[0]

    def ready(self):
        _wait(self.ready_file.exists, self.pod.words)
        return self

    def signal(self, number):
        os.kill(self.init, number)

    def ends(self, code=0):
        """It has ended, or does so soon."""
        assert self.proc.wait(SOON) == code, (self.proc.returncode, self.pod.words())
        self.code = code

    def stop(self):
        self.signal(signal.SIGTERM)
        self.ends()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.proc.wait(SOON)
        self.code = self.proc.returncode


class Pod(Gateway):
    """What its containers share: configuration, network, folder. Its admin page and port are those of whoever serves."""

    def __init__(self, name, network_filter=None, clusters=(), **extra):
        super().__init__(name, network_filter or _here(), list(clusters), **extra)
        self.path, self.program, self.containers = self.folder / "upgrade", places.outrigger(*self.builds), []
        for left in ("upgrade", "upgrade.lock"):
            (self.folder / left).unlink(missing_ok=True)

    def __enter__(self):
        self.log = open(self.folder / "log", "w+")
        return self

    def start(self, name, *args, versions=None):
        container = Container(self, name, args, versions)
        self.containers.append(container)
        return container

    def state(self):
        return json.loads(self.get("/upgrade"))

    def wait_for_epoch(self, epoch):
        """That many upgrades are over, and whoever was replaced has ended."""
        def holds():
            try:
                state = self.state()
            except (OSError, http.client.HTTPException):
                return None
            return state["epoch"] == epoch and state["state"] == "SERVING" and not state["predecessor_is_there"]
        _wait(holds, self.words)

    def end(self):
        fault = None
        for c in self.containers:
            if c.proc.poll() is None:
                c.signal(signal.SIGTERM)
        for c in self.containers:
            try:
                code = c.proc.wait(SOON)
            except subprocess.TimeoutExpired:
                c.proc.kill()
                code = f"no end {SOON} s after SIGTERM"
                c.proc.wait()
            if code != (c.code or 0):
                fault = f"container {c.name} ended with {code}"
        return fault


class Probe:
    """Asks for readiness all the time, as the kubelet would, but more often. Whoever serves answers."""

    def __init__(self, pod):
        self.pod, self.answers, self.wrong, self.stops = pod, 0, [], False
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        while not self.stops:
            try:
                answer = self.pod.get("/ready").strip()
            except OSError as e:
                answer = repr(e)
            self.answers += 1
            if answer != "LIVE":
                self.wrong.append(answer)
            time.sleep(0.005)

    def stop(self):
        self.stops = True
        self.thread.join()
        assert self.answers and not self.wrong, (self.answers, self.wrong[:5])


# --- one container ---

@_in_namespaces
def process_1_replaces_what_it_started():
    """SIGUSR2: the child is another one, process 1 the same one with the newer program; clients notice nothing."""
    def check(origin):
        with Pod("supervisor-plain", http_manager(), [cluster("up", origin.port)]) as pod:
            program = pod.folder / "program"
            program.unlink(missing_ok=True)
            shutil.copy(pod.program, program)
            pod.program = program
            c = pod.start("only").ready()
            assert c.pid_file.read_text() == "1\n" and _pid_inside(c.init) == 1
            first = c.child()
            load = Load(pod.port, 2, 2)
            try:
                for epoch in (1, 2):
                    newer = pod.folder / "newer"
                    shutil.copy(program, newer)
                    newer.rename(program)  # as an installation does it
                    c.signal(signal.SIGUSR2)
                    pod.wait_for_epoch(epoch)
                    second = c.child()
                    assert second != first
                    first = second
                    _wait(lambda: os.stat(f"/proc/{c.init}/exe").st_ino == program.stat().st_ino, pod.words)
                    assert c.pid_file.read_text() == "1\n" and c.ready_file.exists() and _pid_inside(c.init) == 1
                    assert not [p for p in c.children() if _stat(p)[0] == "Z"]
            finally:
                load.stop()
            c.stop()
            assert not c.ready_file.exists()
            program.unlink()
    _with_origin(check)


@_in_namespaces
def the_child_calls_its_supervisor():
    """POST /upgrade, and SIGUSR2 to the child itself."""
    with Pod("supervisor-called") as pod:
        c = pod.start("only").ready()
        for epoch, call in ((1, lambda: pod.post("/upgrade")), (2, lambda: os.kill(c.child(), signal.SIGUSR2))):
            before = c.child()
            call()
            pod.wait_for_epoch(epoch)
            after = c.child()
            assert after != before and _stat(after)[1] == c.init


@_in_namespaces
def process_1_passes_signals_on():
    """SIGTERM drains: an answer under way comes. SIGUSR1 opens log files anew."""
    def check(origin):
        log = places.scratch("supervisor-signals") / "process.log"
        moved = log.with_suffix(".1")
        for old in (log, moved):
            old.unlink(missing_ok=True)
        with Pod("supervisor-signals", http_manager(), [cluster("up", origin.port)]) as pod:
            c = pod.start("only", "--log-path", log).ready()
            child = c.child()
            log.rename(moved)
            c.signal(signal.SIGUSR1)
            for process in (c.init, child):
                _wait(lambda: log.exists() and _has_open(process, log), pod.words)
            answers = []
            slow = threading.Thread(target=lambda: answers.append(pod.http("GET", "/delay/1500").status))
            slow.start()
            pod.wait_for("cluster.up.upstream_rq_active", 1)
            c.stop()
            slow.join()
            assert answers == [200], answers
            for p in (log, moved):
                p.unlink()
    _with_origin(check)


@_in_namespaces
def orphans_are_reaped():
    """What loses its parent in the container becomes process 1's, ends, and is gone."""
    with Pod("supervisor-orphans") as pod:
        c = pod.start("only").ready()
        child = c.child()
        for code in (0, 3):
            word = pod.folder / "end"
            word.unlink(missing_ok=True)
            subprocess.run(["nsenter", "--target", str(c.init), "--pid", "sh", "-c",
                            f"(until [ -e {shlex.quote(str(word))} ]; do sleep 0.05; done; exit {code}) &"], check=True, timeout=SOON,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            orphan, = _wait(lambda: [p for p in c.children() if p != child], pod.words)
            word.touch()
            _wait(lambda: c.children() == [child], lambda: (orphan, _stat(orphan)))
        assert pod.http("GET", "/").status == 200


@_in_namespaces
def its_code_is_the_childs():
    """Killed: 128 + the signal. A configuration that is refused: 1. --upgrade without anybody to take over from: 3."""
    with Pod("supervisor-code") as pod:
        c = pod.start("killed").ready()
        os.kill(c.child(), signal.SIGKILL)
        c.ends(128 + signal.SIGKILL)
        pod.start("nobody", "--upgrade").ends(REFUSED)
        pod.bootstrap["nonsense"] = 1
        pod.write()
        c = pod.start("refused")
        c.ends(1)
        assert not c.ready_file.exists()


@_in_namespaces
def an_upgrade_that_fails_leaves_the_child():
    with Pod("supervisor-fails") as pod:
        c = pod.start("only").ready()
        child, good = c.child(), pod.config.read_text()
        for n, bad in enumerate(("{", json.dumps({**pod.bootstrap, "nonsense": 1})), 1):
            pod.config.write_text(bad)
            c.signal(signal.SIGUSR2)
            _wait(lambda: pod.state()["refused"] == n, pod.words)
            _wait(lambda: pod.log_text().count("ended with code 1") == n, pod.words)
            assert c.child() == child and c.ready_file.exists()
            assert pod.http("GET", "/").text == "here"
        pod.config.write_text(good)
        c.signal(signal.SIGUSR2)
        pod.wait_for_epoch(1)
        assert c.child() != child


@_in_namespaces
def a_program_that_is_none_leaves_the_child():
    """The file at the path is no program, or one that ends at once: the one that runs goes on, process 1 as well."""
    with Pod("supervisor-no-program") as pod:
        program, installed = pod.folder / "program", pod.program
        program.unlink(missing_ok=True)
        shutil.copy(installed, program)
        pod.program = program
        c = pod.start("only").ready()
        child = c.child()
        for contents, words in (("neither", "supervisor: cannot start"), ("#!/bin/sh\nexit 7\n", "ended with code 7")):
            newer = pod.folder / "newer"
            newer.write_text(contents)
            newer.chmod(0o755)
            newer.rename(program)
            c.signal(signal.SIGUSR2)
            _wait(lambda: words in pod.log_text(), pod.words)
            assert c.child() == child and c.ready_file.exists()
            assert pod.http("GET", "/").text == "here"
        newer = pod.folder / "newer"
        shutil.copy(installed, newer)
        newer.rename(program)
        c.signal(signal.SIGUSR2)
        pod.wait_for_epoch(1)
        assert c.child() != child
        c.stop()
        program.unlink()


class Slow:
    """A call that takes longer than its client waits."""

    def __init__(self, pod):
        self.pod, self.end = pod, None
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()
        pod.wait_for("cluster.up.upstream_rq_active", 1)

    def ask(self):
        try:
            self.end = self.pod.http("GET", f"/delay/{2 * SOON}000").status
        except (OSError, http.client.HTTPException) as e:
            self.end = e

    def is_cut_off(self):
        """By the proxy: the client hasn't given up."""
        self.thread.join(SOON)
        assert isinstance(self.end, Exception) and not isinstance(self.end, TimeoutError), self.end


@_in_namespaces
def sigint_ends_it_at_once():
    """And so does SIGINT after SIGTERM, whatever is under way."""
    def check(origin):
        for n, signals in enumerate(((signal.SIGINT,), (signal.SIGTERM, signal.SIGINT))):
            with Pod(f"supervisor-int-{n}", http_manager(), [cluster("up", origin.port)]) as pod:
                c = pod.start("only", "--drain-time-s", "600").ready()
                slow = Slow(pod)
                for number in signals:
                    c.signal(number)
                    if number == signal.SIGTERM:
                        _wait(lambda: pod.get("/ready", ok=False).strip() == "DRAINING", pod.words)
                c.ends()
                slow.is_cut_off()
    _with_origin(check)


# --- two containers ---

@_in_namespaces
def a_second_container_takes_over():
    """It finds the first by the folder they share, not by its process id; the first ends."""
    def check(origin):
        with Pod("supervisor-two", http_manager(), [cluster("up", origin.port)]) as pod:
            serving = pod.start("0").ready()
            load, probe = Load(pod.port, 2, 2), Probe(pod)
            try:
                for n in range(1, 4):
                    following = pod.start(str(n), "--upgrade").ready()
                    pod.wait_for_epoch(n)
                    serving.ends()
                    assert _pid_inside(following.child()) != 1 and _pid_inside(following.init) == 1
                    serving = following
            finally:
                load.stop()
                probe.stop()
            assert pod.http("GET", "/").status == 200
    _with_origin(check)


@_in_namespaces
def sigint_ends_one_that_leaves():
    """It has been replaced by another container's, and finishes what it has: no longer."""
    def check(origin):
        with Pod("supervisor-int-leaving", http_manager(), [cluster("up", origin.port)]) as pod:
            leaving = pod.start("0", "--parent-shutdown-time-s", "600").ready()
            slow = Slow(pod)
            pod.start("1", "--upgrade").ready()
            leaving.signal(signal.SIGINT)
            leaving.ends()
            slow.is_cut_off()
    _with_origin(check)


@_in_namespaces
def twins_of_a_sidecarset():
    """The empty one idles; replaced by the newer version it takes over, the other one idles: there and back, never not ready."""
    def check(origin):
        with Pod("supervisor-twins", http_manager(), [cluster("up", origin.port)]) as pod:
            twins = [pod.start("1", versions=(1, 0)).ready(), pod.start("2", versions=(0, 1)).ready()]
            assert twins[0].child() and not twins[1].children()
            load, probe = Load(pod.port, 2, 2), Probe(pod)
            try:
                for version in (2, 3):
                    working, empty = twins
                    empty.stop()
                    newer = pod.start(empty.name, versions=(version, version - 1))
                    # the hook after the start: the newer image counts as running when it serves
                    subprocess.run([pod.program, "--mode", "await", "--ready-file", newer.ready_file], check=True, timeout=SOON)
                    assert pod.state()["epoch"] == version - 1
                    pod.wait_for_epoch(version - 1)
                    _wait(lambda: not working.children(), pod.words)
                    assert working.proc.poll() is None and working.ready_file.exists()
                    working.stop()
                    twins = [newer, pod.start(working.name, versions=(0, version)).ready()]
                    assert newer.child() and not twins[1].children()
            finally:
                load.stop()
                probe.stop()
    _with_origin(check)


@_in_namespaces
def the_older_twin_stands_by():
    """Started again while the newer serves it idles; when nobody serves it does, until the newer is there again."""
    with Pod("supervisor-standby") as pod:
        older = pod.start("1", versions=(1, 0)).ready()
        newer = pod.start("2", versions=(2, 1)).ready()
        pod.wait_for_epoch(1)
        older.kill()
        older = pod.start("1", versions=(1, 2)).ready()
        served_by = newer.child()
        assert not older.children() and pod.http("GET", "/").status == 200
        newer.kill()
        ended = time.monotonic()
        standing_in = older.child()
        assert time.monotonic() - ended > STANDBY_SECONDS / 2
        _wait(pod.ready, pod.words)
        newer = pod.start("2", versions=(2, 1)).ready()
        pod.wait_for_epoch(1)
        _wait(lambda: not older.children(), pod.words)
        assert newer.child() not in (served_by, standing_in) and older.proc.poll() is None


@_in_namespaces
def a_newer_twin_that_fails_changes_nothing():
    """It ends, to be started again; the older one serves on. An idle one that is called and can't idles on."""
    with Pod("supervisor-twin-fails") as pod:
        working = pod.start("1", versions=(1, 0)).ready()
        child, good = working.child(), pod.config.read_text()
        pod.config.write_text("{")
        pod.start("2", versions=(2, 1)).ends(1)
        assert working.child() == child and pod.http("GET", "/").status == 200
        idle = pod.start("2", versions=(0, 1)).ready()
        idle.signal(signal.SIGUSR2)
        _wait(lambda: pod.log_text().count("ended with code 1") == 2, pod.words)
        _wait(lambda: not idle.children() and idle.ready_file.exists(), pod.words)
        pod.config.write_text(good)
        idle.signal(signal.SIGUSR2)  # a way back by hand
        pod.wait_for_epoch(1)
        assert idle.child() and pod.http("GET", "/").status == 200


# --- systemd, and whoever speaks its words ---

class Listener:
    """NOTIFY_SOCKET."""

    def __init__(self, name):
        self.name = f"@outrigger-{name}-{os.getpid()}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name[1:])
        self.socket.settimeout(SOON)

    def hear(self):
        """The next message as {name: value}."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())

    def hears_nothing(self):
        self.socket.setblocking(False)
        try:
            return self.socket.recv(4096)
        except BlockingIOError:
            return None
        finally:
            self.socket.settimeout(SOON)


def systemd_knows_who_serves():
    """READY=1 with the process that is in charge, after an upgrade another one; STOPPING=1 from that one alone."""
    systemd = Listener("notify")
    with Service("supervisor-notify", [], network_filter=_here(), environment={"NOTIFY_SOCKET": systemd.name}) as s:
        said = systemd.hear()
        assert (said["READY"], int(said["MAINPID"])) == ("1", s.proc.pid), said
        bad = s.folder / "bad.json"
        bad.write_text("{")
        assert s.start_another(config=bad).wait(SOON) == 1
        assert systemd.hears_nothing() is None
        s.upgrade()
        heard = [systemd.hear(), systemd.hear()]
        ready, = [h for h in heard if "READY" in h]
        assert int(ready["MAINPID"]) == s.proc.pid, heard
        assert [h for h in heard if "READY" not in h] == [{"X_OUTRIGGER_REPLACED": "1"}], heard
        s.proc.send_signal(signal.SIGTERM)
        assert systemd.hear() == {"STOPPING": "1"}
        assert s.proc.wait(SOON) == 0
        s.ended = True
        assert systemd.hears_nothing() is None


def strangers_are_not_believed():
    """Its socket has a name that anybody in the network namespace may speak to: what others say means nothing, and an upgrade goes on amid it."""
    with Service("supervisor-strangers", [], network_filter=_here(), args=["--supervise"]) as s:
        child, = _children(s.proc.pid)
        variables = dict(v.split("=", 1) for v in Path(f"/proc/{child}/environ").read_text().split("\0") if v)
        name = "\0" + variables["NOTIFY_SOCKET"].removeprefix("@")
        stranger, said, stops = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), [], threading.Event()
        stranger.setblocking(False)

        def speak():
            while not stops.is_set():
                for word in (b"X_OUTRIGGER_REPLACED=1", b"READY=1\nMAINPID=1", b"x" * 4000):
                    try:
                        stranger.sendto(word, name)
                        said.append(word)
                    except BlockingIOError:
                        time.sleep(0.001)
                time.sleep(0.0005)
        speaker = threading.Thread(target=speak)
        speaker.start()
        try:
            for epoch in (1, 2):
                said.clear()
                _wait(lambda: len(said) > 3, "nothing was said")  # believed, it would forbid an upgrade
                os.kill(s.proc.pid, signal.SIGUSR2)
                s.wait_for_state(lambda state: state["epoch"] == epoch and not state["predecessor_is_there"])
                _wait(lambda: len(_children(s.proc.pid)) == 1 and _children(s.proc.pid) != [child], s.words)
                child, = _children(s.proc.pid)
        finally:
            stops.set()
            speaker.join()
            stranger.close()


def a_supervisor_without_a_namespace():
    """--supervise: one process id for systemd and the pid file, whoever serves; orphans are its own, too."""
    systemd = Listener("supervise")
    with Service("supervisor-flag", [], network_filter=_here(), environment={"NOTIFY_SOCKET": systemd.name}, args=["--supervise"]) as s:
        assert systemd.hear() == {"READY": "1", "STATUS": "serving"}
        for epoch in (1, 2):
            child, = _children(s.proc.pid)
            assert int(s.pid_file.read_text()) == s.proc.pid
            os.kill(s.proc.pid, signal.SIGUSR2)
            s.wait_for_state(lambda state: state["epoch"] == epoch and not state["predecessor_is_there"])
            _wait(lambda: len(_children(s.proc.pid)) == 1 and _children(s.proc.pid) != [child], s.words)
        assert s.http("GET", "/").status == 200
        assert systemd.hears_nothing() is None
        s.proc.send_signal(signal.SIGTERM)
        assert systemd.hear() == {"STOPPING": "1"}
        assert s.proc.wait(SOON) == 0
        s.ended = True


def flags_that_need_others():
    """A supervisor needs an upgrade socket, waiting a file to wait for."""
    def refused(*args):
        r = subprocess.run([places.outrigger(), *args], capture_output=True, text=True, timeout=SOON)
        assert r.returncode == 1, r
        return r.stderr
    assert "--upgrade-socket" in refused("--supervise", "--config-yaml", "{}")
    assert "--upgrade-socket" in refused("--ready-file", "/nowhere", "--config-yaml", "{}")
    assert "--ready-file" in refused("--mode", "await")

"""An upgrade, and what goes wrong at each of its steps: who dies, what is said wrongly, what there is too much or too little of. Afterwards somebody serves who can be
replaced in turn, or the process is gone as any process that is killed. upgrade_faults.py alone prints the table of docs/hot_upgrade.md."""
import http.client
import itertools
import os
import resource
import signal
import socket
import sys
import threading
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "support")]

import dubbo_peer
import places
import upgrade_peer as peer
from acceptor import Acceptor
from gateway import TYPE, address, cluster, rpc_manager
from origin import Origin
from ports import free_ports
from upgrade_relay import End, Relay
from upgrade_service import REFUSED, SOON, Service

# What is said in an upgrade with a call under way, in order.
STEPS = ("HELLO", "WELCOME", "LISTENERS", "SECTION warm", "OFFERED", "READY", "SECTION final", "GO", "LIVE", "YIELD", "CONNECTION", "ADOPTED", "ANSWER", "SETTLED",
         "SECTION tail")
TRIES = 5  # a machine that is busy may make a step late: then old has gone on, and it is done again
FDS_MORE = 12  # than at the beginning, at most: connections that are kept


class _Slow(dubbo_peer.Provider):
    """Calls of `slow` wait until they are let go: hold_back() says by which event. Others are answered."""

    def __init__(self):
        self.slow = 0
        self.hold_back()
        super().__init__()

    def hold_back(self):
        """From now on."""
        self.may_go = threading.Event()
        return self.may_go

    def serve(self, sock):
        while frame := dubbo_peer.read_frame(sock):
            if frame.event:
                continue
            if b"slow" in frame.body:
                self.slow += 1
                threading.Thread(target=self.later, args=(sock, frame, self.may_go), daemon=True).start()
            else:
                self.answer(sock, frame)

    def later(self, sock, frame, may_go):
        may_go.wait(SOON)
        try:
            self.answer(sock, frame)
        except OSError:
            pass  # who called is gone


class _Echo(Acceptor):
    def serve(self, sock):
        with sock:
            while data := sock.recv(1 << 16):
                sock.sendall(data)


class _Newcomers:
    """A new connection after the other, with one request each."""

    def __init__(self, port):
        self.port, self.stops, self.errors, self.answers = port, False, [], 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stops:
            conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON)
            try:
                conn.request("GET", "/size/10")
                assert conn.getresponse().read() == b"x" * 10
                self.answers += 1
            except (OSError, http.client.HTTPException, AssertionError) as e:
                self.errors.append(e)
            conn.close()
            time.sleep(0.005)

    def stop(self):
        self.stops = True
        self.thread.join()

    def refused(self):
        return sum(isinstance(e, ConnectionRefusedError) for e in self.errors)


class _Old:
    """Connections that are there before the upgrade, one with a call under way."""

    def __init__(self, ports):
        self.http = http.client.HTTPConnection("127.0.0.1", ports["http"], timeout=SOON)
        self.http.connect()
        self.http.auto_open = 0  # no reconnect
        self.dubbo = dubbo_peer.Consumer(ports["dubbo"], timeout=SOON)
        self.tcp = socket.create_connection(("127.0.0.1", ports["tcp"]), SOON)
        assert self.lives() == 3
        self.slow = self.dubbo.call("slow")

    def lives(self, slow=None):
        """How many of them still carry an exchange. slow: a call whose answer comes first, good or not, once."""
        lives = 0
        for ask in (self.ask_http, lambda: self.ask_dubbo(slow), self.ask_tcp):
            try:
                ask()
                lives += 1
            except (OSError, http.client.HTTPException, EOFError):
                pass
        return lives

    def ask_http(self):
        self.http.request("GET", "/size/10")
        assert self.http.getresponse().read() == b"x" * 10

    def ask_dubbo(self, slow):
        call = self.dubbo.call()
        for rid in (slow, call) if slow else (call,):
            while (frame := self.dubbo.read()) and frame.event:
                pass  # it is asked to leave
            if not frame:
                raise EOFError
            assert frame.id in (slow, call), (frame, rid)
            if frame.id == slow:
                self.slow_status = frame.status

    def ask_tcp(self):
        self.tcp.sendall(b"0123456789")
        if not (echo := self.tcp.recv(100)):
            raise EOFError
        assert echo == b"0123456789"

    def close(self):
        self.http.close()
        self.dubbo.sock.close()
        self.tcp.close()


class _World:
    """A service of HTTP, Dubbo and TCP with what is behind it."""

    def __init__(self, name, **extra):
        self.origin, self.provider, self.echo = Origin(), _Slow(), _Echo()
        self.service = Service(name, [cluster("up", self.origin.port), cluster("dubbo", self.provider.port), cluster("tcp", self.echo.port)], **extra)
        self.ports = dict(zip(("http", "dubbo", "tcp"), [self.service.port, *free_ports(2)]))
        tcp = {"name": "t", "typed_config": {"@type": TYPE + "network.tcp_proxy.v3.TcpProxy", "stat_prefix": "t", "cluster": "tcp"}}
        for kind, manager in (("dubbo", rpc_manager("dubbo")), ("tcp", tcp)):
            self.service.bootstrap["static_resources"]["listeners"].append(
                {"name": kind, "address": address(self.ports[kind]), "filter_chains": [{"filters": [manager]}]})
        self.service.write()
        self.starts = 0

    def __enter__(self):
        self.service.__enter__()
        self.fds = self.open_fds()
        return self

    def __exit__(self, *failure):
        try:
            self.service.__exit__(*failure)
        finally:
            for p in (self.origin, self.provider, self.echo):
                p.stop()

    def open_fds(self):
        return len(os.listdir(f"/proc/{self.service.proc.pid}/fd"))

    def start_anew(self):
        """After the service has ended: it starts like the first time, whatever the dead have left."""
        s = self.service
        s.proc = s.start_another()
        s.others.remove(s.proc)
        s.wait_until_live()
        self.starts += 1

    def check(self):
        """Who serves is whole: it answers, can be replaced, and has kept nothing of what went wrong."""
        s = self.service
        s.still_serves()
        end = time.monotonic() + SOON
        while (fds := self.open_fds()) > self.fds + FDS_MORE:
            open_now = [os.readlink(f"/proc/{s.proc.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{s.proc.pid}/fd")]
            assert time.monotonic() < end, f"{fds} descriptors are open, {self.fds} were at the beginning: {sorted(open_now)}"
            time.sleep(0.02)


class _Judge:
    """Lets everything pass until a step is said, and does something then, once: at(said)."""

    def __init__(self, world, step):
        self.step, self.may_go = step, world.provider.hold_back()
        self.done, self.over = threading.Event(), threading.Event()

    def __call__(self, said):
        if said.label == "ADOPTED":  # the connection with the call may be among them, or follows at once
            threading.Timer(0.1, self.may_go.set).start()
        if said.label != self.step or self.done.is_set():
            said.pass_on()
            return
        self.done.set()
        try:
            self.at(said)
        finally:
            self.over.set()


class _Killing(_Judge):
    """What is said at the step isn't heard, everything before was."""

    def __init__(self, world, step, victim):
        super().__init__(world, step)
        self.victim = victim

    def at(self, said):
        self.processes[self.victim].kill()
        self.processes[self.victim].wait()
        raise End


class _Changing(_Judge):
    """Something else is said instead."""

    def __init__(self, world, step, say):
        super().__init__(world, step)
        self.say = say

    def at(self, said):
        self.say(said, self.processes["new"])


def _attempt(world, judge, survivor):
    """An upgrade with the judge in between, until it is as it has to be. (Connections that live on, errors of newcomers); None: the step wasn't reached, and nothing has happened."""
    s = world.service
    slow_before = world.provider.slow
    conns, newcomers = _Old(world.ports), _Newcomers(s.port)
    relay = Relay(s.path, judge)
    old, new = s.proc, s.start_another()
    judge.processes = {"old": old, "new": new}
    is_settled = False
    try:
        end = time.monotonic() + SOON
        while not judge.done.is_set() and old.poll() is None and new.poll() is None:
            assert time.monotonic() < end, (relay.labels, s.words())
            judge.done.wait(0.02)
        if judge.done.is_set():
            assert judge.over.wait(SOON)
        judge.may_go.set()
        if not judge.done.is_set():
            _missed(world, relay, new)
            return None
        if survivor == "old":  # else old may wait for its connections' end
            _await(world, survivor, old, new)
            is_settled = True
        lives = conns.lives(conns.slow)
        conns.close()
        if not is_settled:
            _await(world, survivor, old, new)
    finally:
        newcomers.stop()
        conns.close()
        relay.close()
    assert world.provider.slow == slow_before + 1, "a call was made twice"
    if survivor == "old":
        assert lives == 3 and conns.slow_status == 20, (lives, s.words())
    if survivor:
        assert not newcomers.refused() and newcomers.answers, newcomers.errors
    else:
        world.start_anew()
    world.check()
    return lives, newcomers.errors


def _surely(world, make_judge, survivor):
    """The same, until the step is reached."""
    for _ in range(TRIES):
        judge = make_judge()
        if found := _attempt(world, judge, survivor):
            return found
    raise AssertionError(f"{judge.step} wasn't reached: {world.service.words()}")


def _await(world, survivor, old, new):
    """Until it is as it has to be: one process, which serves, or none."""
    s = world.service
    s.others = [p for p in s.others if p is not new]
    if survivor == "old":
        new.wait(SOON)
        s.wait_for_state(lambda state: state["state"] == "SERVING")
        assert old.poll() is None
    elif survivor == "new":
        old.wait(SOON)
        s.proc = new
        s.wait_for_state(lambda state: state["state"] == "SERVING" and not state["predecessor_is_there"])
        assert new.poll() is None
    else:
        assert {old.wait(SOON), new.wait(SOON)} in ({-9, 0}, {-9, 3}), (old.returncode, new.returncode, s.words())


def _missed(world, relay, new):
    """The upgrade came about before the step, or not at all: nothing was done to it."""
    s = world.service
    if new.poll() is None:
        s.wait_until_replaced(new)
    else:
        s.others.remove(new)
        assert "REFUSAL" in relay.labels or new.returncode == REFUSED, (relay.labels, s.words())
        s.wait_for_state(lambda state: state["state"] == "SERVING")


# --- somebody dies ---

OUTCOMES = {"old": "old goes on", "new": "new serves", None: "ends; the next one starts as the first did"}


def _survivor(step, victim):
    """Who serves when it has died."""
    if victim == "old":
        return "new" if STEPS.index(step) > STEPS.index("OFFERED") else None
    return "old" if STEPS.index(step) <= STEPS.index("LIVE") else None


def _deaths(world, steps=STEPS):
    """(step, victim, outcome, connections that live on) for each cell of the table."""
    for step, victim in itertools.product(steps, ("old", "new")):
        survivor = _survivor(step, victim)
        lives, errors = _surely(world, lambda: _Killing(world, step, victim), survivor)
        if survivor == "old" and step != "LIVE":  # then new has accepted some
            assert not errors, (step, errors)
        yield step, victim, OUTCOMES[survivor], lives


def each_side_can_die_at_each_step():
    """kill -9 of either side when a step was said and isn't heard yet: one serves whom the next upgrade replaces, or the service has ended and starts anew;
    no connection is refused while somebody is there, no call is made twice, no descriptor is kept."""
    with _World("upgrade-deaths") as world:
        deaths = sum(1 for _ in _deaths(world))
        world.service.upgrade()
    return f"{deaths} deaths, {world.starts} of them were the service's end"


# --- something wrong is said ---

def _garbage(said, _):
    said.send(b"\0garbage\xff" * 7)


def _cut(said, _):
    """A whole record of less than it says it is, and the next one isn't its rest."""
    said.send(said.data[:len(said.data) // 2 if len(said.data) > 12 else 5], said.fds)


def _without_descriptors(said, _):
    assert said.fds
    said.send(said.data)


def _with_10000_descriptors(said, _):
    """In records as they may be, one after the other."""
    nothing = os.open("/dev/null", os.O_RDONLY)
    try:
        for n in range(40):
            said.send(peer.record(said.data[3], b"x", 0 if n else peer.FIRST, 250, 1000), [nothing] * 250)
    except OSError:
        pass  # it has heard enough
    finally:
        os.close(nothing)


def _late(seconds):
    def say(said, _):
        time.sleep(seconds)
        try:
            said.pass_on()
        except OSError:
            pass  # nobody waits for it any more
    return say


def _to_one_that_sleeps(said, new):
    """New hears it when old has taken it back long ago, and hears that as well."""
    new.send_signal(signal.SIGSTOP)
    said.pass_on()
    threading.Timer(1.5, lambda: new.send_signal(signal.SIGCONT)).start()


WRONG = {
    "garbage": (_garbage, STEPS[:-1]),
    "half of it": (_cut, ("HELLO", "WELCOME", "LISTENERS", "SECTION warm", "GO", "CONNECTION", "ADOPTED", "ANSWER")),
    "no descriptors": (_without_descriptors, ("LISTENERS", "CONNECTION")),
    "10,000 descriptors": (_with_10000_descriptors, ("LISTENERS", "CONNECTION")),
    "too late": (_late(1.5), ("LIVE",)),
    "heard too late": (_to_one_that_sleeps, ("GO",)),
    "much too late": (_late(5.5), ("HELLO",)),
}


def _wrongs(world, kinds=WRONG):
    for kind in kinds:
        say, steps = WRONG[kind]
        for step in steps:
            survivor = "old" if STEPS.index(step) <= STEPS.index("LIVE") else "new"
            lives, errors = _surely(world, lambda: _Changing(world, step, say), survivor)
            assert not errors, (kind, step, errors)
            yield kind, step, OUTCOMES[survivor], lives


def what_is_said_wrongly_is_the_end_of_the_upgrade():
    """Garbage, half a message, no or 10,000 descriptors, silence: until LIVE old goes on, afterwards new serves; no newcomer sees anything of it."""
    with _World("upgrade-wrong-words") as world:
        count = sum(1 for _ in _wrongs(world))
        world.service.upgrade()
    return f"{count} wrong words"


# --- something is lacking ---

def _limited(program, limits, name):
    """The program under these limits of the shell."""
    script = places.scratch(name) / "limited"
    script.write_text(f"#!/bin/sh\n{limits}\nexec {program} \"$@\"\n")
    script.chmod(0o755)
    return str(script)


def _refused(world, limits):
    """A successor under limits that it can't do with. Its word for it."""
    s, real = world.service, places.outrigger
    before = s.state()["refused"]
    conns, newcomers = _Old(world.ports), _Newcomers(s.port)
    world.provider.may_go.set()
    program = _limited(real(*s.builds), limits, s.name)
    places.outrigger = lambda *builds: program
    try:
        new = s.start_another()
        assert new.wait(SOON), "it has ended well"
        s.others.remove(new)
        state = s.wait_for_state(lambda state: state["state"] == "SERVING")
        assert conns.lives(conns.slow) == 3
    finally:
        places.outrigger = real
        newcomers.stop()
        conns.close()
    assert not newcomers.errors, newcomers.errors
    world.check()
    return state["last_refusal"] if state["refused"] > before else f"it has ended with {new.returncode} before it called"


def a_successor_without_descriptors_is_refused():
    """The limit is reached at the start, when listeners are adopted, when it serves."""
    with _World("upgrade-few") as world:
        said = [_refused(world, f"ulimit -n {n}") for n in (6, 10, 14, 18, 22)]
        world.service.upgrade()
    return said


def a_process_without_descriptors_is_not_replaced():
    """None left, or too few to say what there is."""
    with _World("upgrade-full") as world:
        s = world.service
        said = []
        for spare in (0, 1, 2):
            soft, hard = resource.prlimit(s.proc.pid, resource.RLIMIT_NOFILE)
            conns = _Old(world.ports)
            world.provider.may_go.set()
            resource.prlimit(s.proc.pid, resource.RLIMIT_NOFILE, (world.open_fds() + spare, hard))
            new = s.start_another()
            assert new.wait(SOON) == REFUSED
            s.others.remove(new)
            resource.prlimit(s.proc.pid, resource.RLIMIT_NOFILE, (soft, hard))
            s.wait_for_state(lambda state: state["state"] == "SERVING")
            assert conns.lives(conns.slow) == 3
            conns.close()
            world.check()
            said.append(s.state()["last_refusal"])
        s.upgrade()
    return said


def a_full_disk_changes_nothing():
    """The successor can't write its pid file."""
    with _World("upgrade-disk") as world:
        said = _refused(world, "trap '' XFSZ; ulimit -f 0; exec 2>/dev/null")
        world.service.upgrade()
    return said


def strangers_are_let_in_by_nobody():
    """Another user's process that wants to take over, or pretends to be who serves."""
    if os.geteuid():
        return "not looked at: only root can be somebody else"
    with _World("upgrade-stranger") as world:
        s, here = world.service, os.getcwd()

        def call():
            os.chdir(s.folder)
            os.seteuid(65534)
            try:
                return peer.dial("upgrade")
            finally:
                os.seteuid(0)
                os.chdir(here)
        try:
            call()
            raise AssertionError("a stranger has reached the socket")
        except PermissionError:
            pass
        s.path.chmod(0o666)  # an operator's mistake
        stranger = call()
        assert stranger.hear() == (0, b"")
        stranger.close()
        s.wait_for_log("it runs as user 65534")
        world.check()
        s.upgrade()
    with _World("upgrade-stranger-before") as world:
        pass
    s = world.service
    s.log = open(s.folder / "log", "w+")
    s.path.unlink()
    old = peer.Predecessor(s.path)
    os.seteuid(65534)
    old.listening.listen()  # from here on it is his
    os.seteuid(0)
    new = s.start_another()
    assert new.wait(SOON) == REFUSED, s.words()
    assert "65534" in s.log_text(), s.words()
    old.close()
    s.log.close()


if __name__ == "__main__":
    with _World("upgrade-faults") as table:
        print("| said, not heard | dies | then | connections that live on |\n|---|---|---|---|")
        for found in _deaths(table):
            print("| {} | {} | {} | {} of 3 |".format(*found), flush=True)
        print("\n| instead of | is said | then | connections that live on |\n|---|---|---|---|")
        for found in _wrongs(table):
            print("| {1} | {0} | {2} | {3} of 3 |".format(*found), flush=True)

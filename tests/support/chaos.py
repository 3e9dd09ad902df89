"""A TCP relay that kills connections at random, between outrigger and a provider of Dubbo or Bolt."""
import random
import socket
import struct
import threading
import time

from acceptor import Acceptor

HEADER = struct.Struct(">HBBQI")
REQUEST, TWOWAY, EVENT = 0x80, 0x40, 0x20


class _Frames:
    """Cuts a stream of Dubbo's bytes into (whether it is a call that is answered, whether it is an answer, id, bytes of the frame)."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        while len(self.rest) >= HEADER.size:
            _, flag, _, rid, length = HEADER.unpack_from(self.rest)
            if len(self.rest) < HEADER.size + length:
                return
            frame, self.rest = self.rest[:HEADER.size + length], self.rest[HEADER.size + length:]
            yield flag & TWOWAY and not flag & EVENT, not flag & REQUEST, rid, frame


class _Link:
    """One connection with its other half. `open` are two-way calls without an answer yet."""

    def __init__(self, relay, client):
        self.relay, self.client, self.open, self.lock, self.is_dead = relay, client, set(), threading.Lock(), False
        self.server = socket.create_connection(("127.0.0.1", relay.to))
        for s in (client, self.server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((client, self.server), (self.server, client)):
            threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source, target):
        frames = self.relay.frames()
        try:
            while data := source.recv(1 << 18):
                for is_call, is_answer, rid, frame in frames.feed(data):
                    with self.lock:
                        if self.is_dead:
                            return
                        target.sendall(frame)
                        if is_call:
                            self.open.add(rid)
                        elif is_answer:
                            self.open.discard(rid)
                            self.relay.answers += 1
        except OSError:
            pass
        self.end()

    def end(self, by_reset=False):
        """How many calls were open."""
        with self.lock:
            if self.is_dead:
                return 0
            self.is_dead = True
            lost = len(self.open)
        self.relay.links.discard(self)
        if by_reset:
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for s in (self.client, self.server):
            try:  # wakes the thread that reads it: else it would keep the socket open
                s.shutdown(socket.SHUT_RD if by_reset and s is self.client else socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        return lost


class Relay(Acceptor):
    """Relays to a port. kill_some() ends each of its connections with the given chance, by FIN or RST. frames: what cuts its protocol."""

    def __init__(self, to, seed=1, frames=_Frames):
        self.frames = frames
        self.to, self.links, self.random = to, set(), random.Random(seed)
        self.killed = self.lost = self.connections = self.answers = 0
        super().__init__()

    def serve(self, client):
        self.connections += 1
        try:
            self.links.add(_Link(self, client))
        except OSError:
            client.close()  # its peer has gone already

    def kill_some(self, chance):
        for link in list(self.links):
            if self.random.random() < chance:
                self.killed += 1
                self.lost += link.end(by_reset=self.random.random() < 0.5)

    def stop(self):
        super().stop()
        for link in list(self.links):
            link.end()


class Chaos:
    """Kills 10 % of the relays' connections every so often, while it is entered. Where calls were lost it rests for so many answers: those calls go again meanwhile,
    however slow the machine is, and aren't lost as often as they may be sent."""

    def __init__(self, *relays, every=0.03, chance=0.1, rest=32):
        self.relays, self.every, self.chance, self.is_over = relays, every, chance, threading.Event()
        self.rest, self.rests_until = rest, 0
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.is_over.wait(self.every):
            if self.answers < self.rests_until:
                continue
            lost = self.lost
            for relay in self.relays:
                relay.kill_some(self.chance)
            if self.lost > lost:
                self.rests_until = self.answers + self.rest

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()

    killed = property(lambda self: sum(r.killed for r in self.relays))
    lost = property(lambda self: sum(r.lost for r in self.relays))
    answers = property(lambda self: sum(r.answers for r in self.relays))


def established(port):
    """The peers' ports of the connections that this machine's TCP has to the port: what a consumer holds."""
    found = set()
    for line in open("/proc/net/tcp").readlines()[1:]:
        local, remote, state = line.split()[1:4]
        if state == "01" and int(remote.split(":")[1], 16) == port:
            found.add(int(local.split(":")[1], 16))
    return found


def wait_until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)

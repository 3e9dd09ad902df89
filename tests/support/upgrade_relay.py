"""Stands between the two processes of an upgrade: hears each record, may hold, change or drop it, and so knows the moment at which one of them is to die.

    old <── PATH.real ── relay <── PATH ── new

The program needs no seam for it: whoever listens at PATH is renamed away, and goes on listening there."""
import array
import os
import socket
import threading

import upgrade_peer as peer

NAMES = {number: name for name, number in vars(peer).items() if isinstance(number, int) and name in (
    "HELLO", "WELCOME", "REFUSAL", "LISTENERS", "SECTION", "OFFERED", "READY", "GO", "LIVE", "YIELD", "CONNECTION", "ANSWER")}
WORDS = ("ADOPTED", "REFUSED", "CLOSED", "SETTLED")


class End(Exception):
    """The relay ends both connections, as if their other side had."""


class Said:
    """A record on its way. pass_on() sends it as it came, once; if judge neither does that nor raises, it is dropped."""

    def __init__(self, relay, to, label, data, fds):
        self.relay, self.to, self.label, self.data, self.fds = relay, to, label, data, fds

    def send(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.to.sendmsg([data], rights)

    def pass_on(self):
        self.send(self.data, self.fds)


class Relay:
    """Relays one upgrade. judge(said): called for each record, in the thread that relays it. labels: what was said, each once, in order."""

    def __init__(self, path, judge=Said.pass_on):
        self.path, self.real, self.judge = str(path), f"{path}.real", judge
        self.labels, self.part, self.lock = [], "warm", threading.Lock()
        self.sockets, self.threads = [], []
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.rename(self.path, self.real)
        self.listening.bind(self.path)
        self.listening.listen()
        self.inode = os.stat(self.path).st_ino
        self.start(self.meet)

    def start(self, what, *args):
        self.threads.append(threading.Thread(target=what, args=args, daemon=True))
        self.threads[-1].start()

    def meet(self):
        try:
            new, _ = self.listening.accept()
        except OSError:
            return
        old = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sockets = [new, old]
        old.connect(self.real)
        self.start(self.pump, new, old)
        self.start(self.pump, old, new)

    def label_of(self, data):
        """What the record is about, as the table of steps calls it. Sections have three parts."""
        if data[:3] != b"OU\x01":
            return "?"
        kind = data[3]
        if kind == peer.CONNECTION_WORD:
            label = WORDS[data[13] if data[12:13] == b"\x08" else 0]
        elif kind == peer.SECTION:
            label = f"SECTION {self.part}"
        else:
            label = NAMES.get(kind, "?")
        if kind in (peer.READY, peer.YIELD):
            self.part = "final" if kind == peer.READY else "tail"
        return label

    def pump(self, source, to):
        """Until one of them ends: then the other sees that. At the relay's own end what is still on its way is lost, descriptors with it."""
        is_ours = False
        try:
            while self.one(source, to, self.judge):
                pass
        except End:
            is_ours = True
        except OSError:
            return  # that side has ended: what it had said comes by the other thread
        for s in self.sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
                while is_ours and self.one(s, None, lambda said: None):
                    pass
            except OSError:
                pass

    def one(self, source, to, judge):
        """Relays the next record. False: there is none any more."""
        try:
            data, control, _, _ = source.recvmsg(peer.RECORD_MAX, socket.CMSG_SPACE(peer.FDS_MAX * 4))
        except ConnectionResetError:  # it ended without having read everything; what it said before follows
            return True
        fds = array.array("i")
        for _, _, rights in control:
            fds.frombytes(rights)
        try:
            if not data:
                return False
            with self.lock:
                label = self.label_of(data)
                if label not in self.labels:
                    self.labels.append(label)
            judge(Said(self, to, label, data, list(fds)))
            return True
        finally:
            for fd in fds:
                os.close(fd)

    def close(self):
        """When it is decided who serves: that one listens at PATH, as if nobody had stood there."""
        for s in (self.listening, *self.sockets):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for t in self.threads:
            t.join(20)
        for s in (self.listening, *self.sockets):
            s.close()
        if os.stat(self.path).st_ino == self.inode:
            os.rename(self.real, self.path)
        else:  # new's
            os.unlink(self.real)

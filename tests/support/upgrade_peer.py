"""One side of an upgrade, played by a test: the records and messages of hotrestart/ over its socket, so that it can end, fall silent or
say the wrong thing at any step."""
import array
import fcntl
import os
import socket
import struct

HELLO, WELCOME, REFUSAL, LISTENERS, SECTION, OFFERED, READY, GO, LIVE, YIELD, CONNECTION, ANSWER, CONNECTION_WORD = range(1, 14)
ADOPTED, REFUSED, CLOSED, SETTLED = range(4)  # words of a connection
FIRST, LAST = 1, 2
RECORD_MAX, FDS_MAX = 65536, 253


def varint(n):
    out = b""
    while n >= 128:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, value):
    """A protobuf field: a number, bytes or a text."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def record(kind, payload=b"", flags=FIRST | LAST, fds=0, length=None):
    return b"OU" + bytes([1, kind, flags, fds, 0, 0]) + struct.pack("<I", len(payload) if length is None else length) + payload


def hello(protocol=1, oldest=1):
    return field(1, protocol) + field(2, oldest) + field(3, "a test")


def refusal_reason(payload):
    """Of a REFUSAL: its one field."""
    assert payload[:1] == b"\x0a", payload
    shift = 2 if payload[1] < 128 else 3
    return payload[shift:].decode()


def connection_id(payload):
    """Of a CONNECTION: its first field."""
    assert payload[:1] == b"\x08", payload[:20]
    number, shift, at = 0, 0, 1
    while True:
        number |= (payload[at] & 127) << shift
        if payload[at] < 128:
            return number
        shift, at = shift + 7, at + 1


def word(what, connection):
    """About one connection."""
    return (field(1, what) if what else b"") + field(2, connection)


class Peer:
    """A connected upgrade socket."""

    def __init__(self, sock):
        self.sock = sock
        self.fds = []

    def say(self, kind, payload=b"", fds=()):
        self.raw(record(kind, payload, fds=len(fds)), fds)

    def raw(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([data], rights)

    def hear(self):
        """The next record's kind and payload; (0, b"") at the end. Its descriptors are kept in fds."""
        data, control, flags, _ = self.sock.recvmsg(RECORD_MAX, socket.CMSG_SPACE(FDS_MAX * 4))
        assert not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC), flags
        for level, kind, rights in control:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
            fds = array.array("i")
            fds.frombytes(rights)
            self.fds += fds
        if not data:
            return 0, b""
        assert data[:3] == b"OU\x01", data[:12]
        return data[3], data[12:]

    def hear_until(self, kind):
        """Everything up to and with that kind: [(kind, payload), ...]."""
        heard = []
        while not heard or heard[-1][0] != kind:
            heard.append(self.hear())
            assert heard[-1][0], f"it has ended after {heard}"
        return heard

    def hear_connections(self, count):
        """The ids of so many that are handed over; what else is said meanwhile is let pass."""
        ids = []
        while len(ids) < count:
            kind, payload = self.hear()
            assert kind in (CONNECTION, SECTION), (kind, payload)
            if kind == CONNECTION:
                ids.append(connection_id(payload))
        return ids

    def close(self):
        for fd in self.fds:
            os.close(fd)
        self.fds = []
        self.sock.close()


def dial(path, timeout=20):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(timeout)
    sock.connect(str(path))
    return Peer(sock)


class Predecessor:
    """Who serves, as a successor sees it: has the right to serve, and listens at the path."""

    def __init__(self, path):
        self.lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self.take()
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listening.settimeout(20)
        self.listening.bind(str(path))
        self.listening.listen()

    def set_lock(self, kind):
        # struct flock: type, whence, start, length, pid
        fcntl.fcntl(self.lock, 37, struct.pack("hhlli4x", kind, os.SEEK_SET, 0, 1, 0))  # F_OFD_SETLK

    def take(self):
        self.set_lock(fcntl.F_WRLCK)

    def drop(self):
        self.set_lock(fcntl.F_UNLCK)

    def accept(self):
        """The successor, which has said HELLO."""
        sock, _ = self.listening.accept()
        sock.settimeout(20)
        peer = Peer(sock)
        kind, _ = peer.hear()
        assert kind == HELLO, kind
        return peer

    def offer(self, peer):
        """Nothing but itself: the successor binds its own sockets."""
        peer.say(WELCOME, field(1, 1) + field(2, "a test") + field(4, 1) + field(5, 1))
        peer.say(LISTENERS)
        peer.say(OFFERED)

    def close(self):
        self.listening.close()
        os.close(self.lock)

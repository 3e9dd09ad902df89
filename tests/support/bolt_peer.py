"""Bolt v1 frames, and providers."""
import queue
import socket
import struct

from acceptor import Acceptor

HEADER = struct.Struct(">BBHBIB")
REQUEST, ONEWAY = 1, 2


def _size(data):
    """Bytes of the frame that begins here, or of as much of it as tells more."""
    at = 14 if data[1] else 12  # behind the timeout of a request, the status of an answer
    if len(data) < at + 8:
        return at + 8
    return at + 8 + sum(struct.unpack_from(">HHI", data, at))


class Frames:
    """Cuts a stream of bytes into (whether it is a call that is answered, whether it is an answer, id, bytes of the frame)."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        self.rest += data
        while len(self.rest) >= HEADER.size and len(self.rest) >= (n := _size(self.rest)):
            _, kind, command, _, rid, _ = HEADER.unpack_from(self.rest)
            frame, self.rest = self.rest[:n], self.rest[n:]
            yield kind == REQUEST and command != 0, kind == 0, rid, frame


def request(rid, command, headers=(), timeout_ms=3000):
    """A request of Bolt v1: a heartbeat (0), or a call (1) with these headers."""
    def text(s):
        return struct.pack(">I", len(s)) + s.encode()
    name = b"com.alipay.sofa.rpc.core.request.SofaRequest" if command else b""
    block = b"".join(text(k) + text(v) for k, v in headers)
    content = b"N" if command else b""
    return struct.pack(">BBHBIBIHHI", 1, 1, command, 1, rid, 1, timeout_ms, len(name), len(block), len(content)) + name + block + content


def response(rid):
    """A call's answer, null."""
    name = b"com.alipay.sofa.rpc.core.response.SofaResponse"
    return HEADER.pack(1, 0, 2, 1, rid, 1) + struct.pack(">HHHI", 0, len(name), 0, 1) + name + b"N"


def answer(sock):
    """(id, status) of the next frame, an answer."""
    frames = Frames()
    while data := sock.recv(1 << 16):
        for _, is_answer, rid, frame in frames.feed(data):
            assert is_answer, frame
            return rid, struct.unpack_from(">H", frame, 10)[0]
    raise ConnectionError("the connection has ended")


class Silent(Acceptor):
    """Counts calls, and never answers one; with ends=True it ends the connection at each."""

    def __init__(self, ends=False):
        self.ends, self.count = ends, 0
        super().__init__()

    def serve(self, sock):
        frames = Frames()
        while data := sock.recv(1 << 16):
            for is_call, *_ in frames.feed(data):
                self.count += is_call
                if is_call and self.ends:
                    sock.shutdown(socket.SHUT_RDWR)
                    return


class Provider(Acceptor):
    """Answers each call with null; with hold=True, calls wait in `held` as (connection, id)."""

    def __init__(self, hold=False):
        self.hold, self.held, self.count = hold, queue.Queue(), 0
        super().__init__()

    def serve(self, sock):
        frames = Frames()
        while data := sock.recv(1 << 16):
            for is_call, _, rid, _ in frames.feed(data):
                self.count += is_call
                if is_call and self.hold:
                    self.held.put((sock, rid))
                elif is_call:
                    sock.sendall(response(rid))

"""Dubbo consumers and providers for the checks: frame by frame, with threads. The wire format is dubbo.py's."""
import queue
import socket
import struct

import dubbo as wire
from acceptor import Acceptor

READONLY = wire.request_frame(0, b"\x01R", event=True, twoway=False)
WRITEABLE = wire.request_frame(0, b"\x01W", event=True, twoway=False)
SERVICE = "a.Svc"


def read_frame(sock):
    """The next frame, or None at the end of the connection."""
    head = _exactly(sock, 16)
    if head is None:
        return None
    magic, flags, status, rid, length = struct.unpack(">HBBQI", head)
    assert magic == wire.MAGIC, head
    return wire.Frame(flags, status, rid, _exactly(sock, length) if length else b"")


def _exactly(sock, n):
    data = bytearray()
    while len(data) < n:
        try:
            more = sock.recv(min(n - len(data), 1 << 20))
        except ConnectionError:
            return None
        if not more:
            return None
        data += more
    return bytes(data)


class Provider(Acceptor):
    """Answers each call with its own name; with hold=True, calls wait in `held` as (connection, frame). reads=False: it never reads."""

    def __init__(self, name="p", hold=False, reads=True, size=0, buffer=None):
        self.name, self.hold, self.reads, self.size = name, hold, reads, size
        self.held, self.count = queue.Queue(), 0
        super().__init__(buffer=buffer)

    def accepted(self, sock):
        if self.reads:
            super().accepted(sock)

    def serve(self, sock):
        while frame := read_frame(sock):
            if frame.event:
                continue
            self.count += 1
            if self.hold:
                self.held.put((sock, frame))
            elif frame.twoway:
                self.answer(sock, frame)

    def answer(self, sock, frame, text=None):
        sock.sendall(wire.response(frame.id, b"\x91" + wire.string(text or self.name) + b"y" * self.size))

    def take(self, n):
        """The next n held calls."""
        return [self.held.get(timeout=30) for _ in range(n)]


class Consumer:
    def __init__(self, port, timeout=10, buffer=None):
        self.sock = socket.socket()
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.sock.connect(("127.0.0.1", port))
        self.sock.settimeout(timeout)
        self.last = 0

    def call(self, method="hello", **kw):
        """Sends one call; its id."""
        self.last += 1
        self.sock.sendall(wire.call(self.last, interface=SERVICE, method=method, **kw))
        return self.last

    def read(self):
        return read_frame(self.sock)

    def ask(self, method="hello", **kw):
        """A call and the values of its answer."""
        rid = self.call(method, **kw)
        frame = self.read()
        assert frame and frame.id == rid, frame
        return frame

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

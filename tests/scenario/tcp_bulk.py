"""Long bursts through tcp_proxy: they go from socket to socket inside the kernel, and lose or delay nothing."""
import hashlib
import random
import socket
import struct
import threading
import time

from gateway import Gateway, cluster

MARK = 0.3  # seconds that an end of a burst may take on a busy machine; a lost wake-up takes for ever


def _tcp_proxy():
    return {"name": "t", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                                          "stat_prefix": "t", "cluster": "up"}}


class Sink:
    """Takes one connection; digest, number of bytes, and when the last ones came."""

    def __init__(self, reads=lambda sock: sock.recv(1 << 20)):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.got, self.digest, self.reads = self.listener.getsockname()[1], 0, hashlib.sha256(), reads
        self.moved = threading.Condition()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        sock, _ = self.listener.accept()
        with sock:
            while data := self.reads(sock):
                with self.moved:
                    self.got += len(data)
                    self.digest.update(data)
                    self.moved.notify()
            sock.sendall(b"bye")

    def wait(self, n, seconds):
        with self.moved:
            return self.moved.wait_for(lambda: self.got >= n, seconds)


def _send(sock, sent, n):
    block = random.randbytes(1 << 20)
    while n:
        part = block[:n]
        sock.sendall(part)
        sent.update(part)
        n -= len(part)


def every_burst_arrives_whole_and_at_once():
    sink = Sink()
    slowest, total, sent = 0, 0, hashlib.sha256()
    with Gateway("bulk", _tcp_proxy(), [cluster("up", sink.port)]) as g:
        with socket.create_connection(("127.0.0.1", g.port)) as sock:
            for n in (1, 20_000_001, 70_000, 12_345_678, 1, 16 << 20, 99_999, 30_000_000, 3):
                _send(sock, sent, n)
                total += n
                start = time.monotonic()
                assert sink.wait(total, 20), f"{sink.got} of {total} bytes after a burst of {n}"
                slowest = max(slowest, time.monotonic() - start)
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(10) == b"bye"
    assert sink.digest.digest() == sent.digest()
    assert slowest < MARK * 10, slowest
    return f"{total >> 20} MiB, slowest end {slowest * 1000:.0f} ms"


def a_trickle_after_a_burst_is_not_held_back():
    sink = Sink()
    sent, waits = hashlib.sha256(), []
    with Gateway("trickle", _tcp_proxy(), [cluster("up", sink.port)]) as g:
        with socket.create_connection(("127.0.0.1", g.port)) as sock:
            _send(sock, sent, 24 << 20)
            total = 24 << 20
            assert sink.wait(total, 20), sink.got
            for _ in range(50):
                _send(sock, sent, 777)
                total += 777
                start = time.monotonic()
                assert sink.wait(total, 10), f"{sink.got} of {total}"
                waits.append(time.monotonic() - start)
    waits.sort()
    assert waits[len(waits) // 2] < 0.05, waits
    return f"median {waits[len(waits) // 2] * 1e6:.0f} us"


def a_reader_that_stops_now_and_then_gets_it_all():
    stops = iter([0.05, 0.2, 0.02] * 20)

    def reads(sock):
        if random.random() < 0.02:
            time.sleep(next(stops, 0))
        return sock.recv(1 << 18)
    sink = Sink(reads)
    sent = hashlib.sha256()
    with Gateway("stops", _tcp_proxy(), [cluster("up", sink.port)]) as g:
        with socket.create_connection(("127.0.0.1", g.port)) as sock:
            _send(sock, sent, 100_000_001)
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(10) == b"bye"
    assert (sink.got, sink.digest.digest()) == (100_000_001, sent.digest())


def a_receiver_that_resets_ends_its_session_alone():
    """The reset is met by a splice, while bytes wait in its pipe: the session ends, the program and other sessions don't."""
    with socket.create_server(("127.0.0.1", 0)) as origin:
        with Gateway("reset", _tcp_proxy(), [cluster("up", origin.getsockname()[1])]) as g:
            for _ in range(3):
                with socket.create_connection(("127.0.0.1", g.port)) as sock:
                    up, _ = origin.accept()
                    sock.settimeout(0.3)
                    try:
                        while True:  # until the pipe and every buffer on the way are full
                            sock.sendall(bytes(1 << 20))
                    except TimeoutError:
                        pass
                    up.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    up.close()
                    g.wait_for("tcp.t.downstream_cx_active", 0)
            g.wait_for("cluster.up.upstream_cx_active", 0)
            with socket.create_connection(("127.0.0.1", g.port)) as sock:
                sock.sendall(b"still here")
                up, _ = origin.accept()
                assert up.recv(100) == b"still here"
                up.close()

"""Memory while clients misbehave: bounded by the configured marks, whatever they do. Release build; figures of the process (VmRSS)."""
import socket
import time

from gateway import Gateway, cluster, http_manager
from origin import Origin

MIB = 1 << 20


def slow_readers():
    """200 clients ask for 8 MiB each and don't read: less than 256 KiB is held for each, and they get all of it when they do read."""
    origin = Origin()
    limits = {"per_connection_buffer_limit_bytes": 65536}
    try:
        with Gateway("interop-slow-readers", http_manager(), [cluster("up", origin.port, **limits)], listener=limits) as g:
            g.http("GET", "/size/10")
            before, clients = g.memory_kb(), []
            for _ in range(200):
                s = socket.create_connection(("127.0.0.1", g.port))
                s.sendall(b"GET /size/%d HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n" % (8 * MIB))
                clients.append(s)
            g.wait_for("cluster.up.upstream_rq_active", 200, 30)
            time.sleep(1)  # what an unbounded proxy would read in the meantime
            held = (g.memory_kb() - before) / 200
            for s in clients[:20]:
                got = 0
                while data := s.recv(1 << 18):
                    got += len(data)
                assert got > 8 * MIB, got
            for s in clients:
                s.close()
            assert held < 256, f"{held:.0f} KiB for each"
            return f"{held:.0f} KiB for each"
    finally:
        origin.stop()


def idle_connections():
    """1,000 idle connections, each after one request."""
    origin = Origin()
    try:
        with Gateway("interop-idle", http_manager(), [cluster("up", origin.port)]) as g:
            g.http("GET", "/size/10")
            before, clients = g.memory_kb(), []
            for _ in range(1000):
                s = socket.create_connection(("127.0.0.1", g.port))
                s.sendall(b"GET /size/10 HTTP/1.1\r\nhost: a\r\n\r\n")
                assert s.recv(4096).startswith(b"HTTP/1.1 200")
                clients.append(s)
            each = (g.memory_kb() - before) * 1024 / len(clients)
            for s in clients:
                s.close()
            assert each < 4096, f"{each:.0f} bytes each"
            return f"{each:.0f} bytes each"
    finally:
        origin.stop()

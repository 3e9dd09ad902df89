"""Free ports on 127.0.0.1, from below those that the kernel gives to clients: no client takes one before its server does."""
import collections
import random
import socket

OURS = range(11000, 20000)  # the differential tests and the benchmarks count up from higher ones
_given = collections.deque(maxlen=500)  # whose servers may not listen yet


def free_ports(n):
    """n different ports that nobody listens on now."""
    found = []
    while len(found) < n:
        port = random.choice(OURS)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.append(port)
            found.append(port)
    return found


def listening(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0

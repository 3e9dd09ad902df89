"""At most so many connections at a time, over all workers."""
import socket

from gateway import TYPE, Gateway


def the_next_one_gets_in_when_one_has_gone():
    limit = {"name": "l", "typed_config": {"@type": TYPE + "network.connection_limit.v3.ConnectionLimit", "stat_prefix": "l", "max_connections": 2}}
    echo = {"name": "e", "typed_config": {"@type": TYPE + "network.echo.v3.Echo"}}
    with Gateway("connection_limit", echo, [], gates=[limit]) as g:
        def is_served():
            s = socket.create_connection(("127.0.0.1", g.port), timeout=10)
            try:
                s.sendall(b"hi")
                if s.recv(16) == b"hi":
                    return s
            except OSError:
                pass
            s.close()
            return None
        first, second = is_served(), is_served()
        assert first and second and not is_served() and not is_served()
        assert g.stat("connection_limit.l.limited_connections") == 2
        first.close()
        g.wait_for("connection_limit.l.active_connections", 1)
        third = is_served()
        assert third
        second.close()
        third.close()
        g.wait_for("connection_limit.l.active_connections", 0)

"""Listeners of which a new version has another address, or none, while connections of the old one are open."""
import http.client
import signal
import time

from gateway import cluster, http_manager
from lds_file import Listeners, listener, says
from origin import Origin
from ports import free_ports, listening

NEVER = ["--disable-hot-restart", "--drain-time-s", "4000000"]  # no connection is asked to leave in the time that a check takes


def _listener(port, text, **extra):
    return listener(port, says(text), **extra)


def _wait(g, what, seconds=8):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, g.words()
        time.sleep(0.02)


def _ask(conn):
    conn.request("GET", "/")
    return conn.getresponse().read().decode()


def _active(g, port):
    found = g.get(f"/stats?filter=127.0.0.1_{port}.downstream_cx_active").strip()
    return int(found.rsplit(" ", 1)[1]) if found else None


def a_connection_outlives_its_listeners_address():
    """It is counted where it began, and its end is noted there too, even when the listener has gone."""
    first, second = free_ports(2)
    listeners = Listeners("listeners-move")
    listeners.put(_listener(first, "one"))
    with listeners.gateway("listeners-move", args=NEVER) as g:
        _wait(g, lambda: listening(first))
        old = http.client.HTTPConnection("127.0.0.1", first, timeout=10)
        assert _ask(old) == "one" and _active(g, first) == 1
        listeners.put(_listener(second, "two"))
        _wait(g, lambda: listening(second))
        new = http.client.HTTPConnection("127.0.0.1", second, timeout=10)
        assert _ask(new) == "two" and _ask(old) == "one"
        _wait(g, lambda: _active(g, second) == 1)
        assert _active(g, first) == 1
        listeners.put()
        _wait(g, lambda: not listening(second))
        new.close()
        _wait(g, lambda: not _active(g, second))
        assert _ask(old) == "one" and _active(g, first) == 1
        old.close()
        _wait(g, lambda: not _active(g, first))


def a_listener_that_is_bound_no_more():
    port = free_ports(1)[0]
    listeners = Listeners("listeners-unbound")
    listeners.put(_listener(port, "one"))
    with listeners.gateway("listeners-unbound") as g:
        _wait(g, lambda: listening(port))
        for text in ("two", "three"):
            listeners.put(_listener(port, text, bind_to_port=False))
            _wait(g, lambda: not listening(port))
            listeners.put(_listener(port, text))
            _wait(g, lambda: listening(port))
            conn = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            assert _ask(conn) == text
            conn.close()
        listeners.put(_listener(port, "four", bind_to_port=False))
        _wait(g, lambda: not listening(port))


def an_address_that_changes_during_a_drain():
    origin, listeners = Origin(), Listeners("listeners-drain")
    first, second = free_ports(2)
    listeners.put(_listener(first, "one"))
    try:
        with listeners.gateway("listeners-drain", http_manager(), [cluster("up", origin.port)]) as g:
            _wait(g, lambda: listening(first))
            held = http.client.HTTPConnection("127.0.0.1", g.port, timeout=20)
            held.request("GET", "/delay/3000")
            g.wait_for("cluster.up.upstream_rq_active", 1)
            g.ended = True
            g.proc.send_signal(signal.SIGTERM)
            _wait(g, lambda: not listening(first))
            listeners.put(_listener(second, "two"))
            g.wait_for("listener_manager.listener_modified", 1)
            _wait(g, lambda: not listening(second))
            assert held.getresponse().status == 200
            assert g.proc.wait(20) == 0, g.words()
    finally:
        origin.stop()

"""Connections that the proxy serves by itself: a text and an end, or an echo."""
import socket

from gateway import TYPE, Gateway


def _all_of(sock):
    seen = b""
    while data := sock.recv(65536):
        seen += data
    return seen


def a_text_is_written_and_the_connection_closed():
    direct = {"name": "d", "typed_config": {"@type": TYPE + "network.direct_response.v3.Config", "response": {"inline_string": "closed today\n"}}}
    with Gateway("direct_response", direct, []) as g, socket.create_connection(("127.0.0.1", g.port), timeout=10) as s:
        s.sendall(b"anybody there?")
        assert _all_of(s) == b"closed today\n"


def what_is_said_comes_back_until_the_client_ends():
    echo = {"name": "e", "typed_config": {"@type": TYPE + "network.echo.v3.Echo"}}
    with Gateway("echo", echo, []) as g, socket.create_connection(("127.0.0.1", g.port), timeout=10) as s:
        for word in (b"one", b"two" * 10000):
            s.sendall(word)
            back = b""
            while len(back) < len(word):
                back += s.recv(65536)
            assert back == word
        s.sendall(b"last")
        s.shutdown(socket.SHUT_WR)
        assert _all_of(s) == b"last"

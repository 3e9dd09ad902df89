"""Many requests of one client on one connection, sent without waiting."""
import socket

from gateway import Gateway, http_manager


def a_flood_of_answers_is_sent_to_the_end():
    """The codec stops at a MiB of answers; what waits behind goes on when they have left, even if the kernel takes all at once."""
    text, n = "x" * 4000, 2000
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": text}}}]
    with Gateway("flood", http_manager(routes), []) as g:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            s.settimeout(10)
            s.connect(("127.0.0.1", g.port))
            s.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * n)
            got = bytearray()
            while not got.endswith(text.encode()) or got.count(b"HTTP/1.1 200") < n:
                data = s.recv(1 << 20)
                assert data, f"closed after {len(got)} bytes"
                got += data
        assert g.stat("http.ingress.downstream_rq_total") == n
        return f"{len(got)} bytes, {g.stat('http1.response_flood')} floods"

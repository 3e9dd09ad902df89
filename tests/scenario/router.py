"""The router's attempts: what is sent again, what isn't, and what is given back when time is over."""
import threading

from acceptor import Acceptor
from gateway import Gateway, cluster, http_manager

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Origin(Acceptor):
    """`script`: for each request, in the order of their arrival, the bytes of its answer; b"": the connection ends without one; None: it hangs.
    What comes after the script gets the last. `heads`: first lines."""

    def __init__(self, *script):
        self.script, self.heads, self.lock = list(script), [], threading.Lock()
        super().__init__()

    def serve(self, sock):
        with sock, sock.makefile("rb") as f:
            while first := f.readline():
                headers = {}
                while (line := f.readline()) not in (b"\r\n", b""):
                    name, value = line.split(b":", 1)
                    headers[name.lower()] = value.strip()
                f.read(int(headers.get(b"content-length", 0)))
                with self.lock:
                    self.heads.append(first.decode().strip())
                    answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if answer is None:
                    f.read(1)  # until the connection ends
                    return
                if not answer:
                    return
                sock.sendall(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop_accepting()


def _route(**route):
    return [{"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s", **route}}]


def only_what_may_be_done_twice_is_sent_again():
    """A request that met the end of a connection that had idled: without being asked, only a method that RFC 9110 calls idempotent goes again."""
    for method, times in (("GET", 2), ("HEAD", 2), ("OPTIONS", 2), ("DELETE", 2), ("PUT", 2), ("TRACE", 2), ("POST", 1), ("PATCH", 1), ("LOCK", 1), ("MOVE", 1)):
        with Origin(OK, b"", b"HTTP/1.1 204 No\r\n\r\n") as o, Gateway("router-again", http_manager(_route()), [cluster("up", o.port)], args=["--disable-hot-restart", "--concurrency", "1"]) as g:
            assert g.http("GET", "/first").status == 200
            status = g.http(method, "/second").status
            assert sum("/second" in head for head in o.heads) == times, (method, o.heads)
            assert status == (204 if times == 2 else 503), (method, status)


def the_alternative_answer_gives_everything_back():
    """x-envoy-upstream-rq-timeout-alt-response: the slot of a retry too, and what was retained of the body."""
    refused = b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"
    up = {"circuit_breakers": {"thresholds": [{"max_retries": 1}]}}
    routes = _route(timeout="0.3s", retry_policy={"retry_on": "5xx", "num_retries": 1, "retry_back_off": {"base_interval": "0.001s"}})
    internal = {"use_remote_address": True, "internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}}
    with Origin(refused, None, refused, None) as o, Gateway("router-alt", http_manager(routes, **internal), [cluster("up", o.port, **up)]) as g:
        for n in (1, 2):
            answer = g.http("POST", "/", {"x-envoy-upstream-rq-timeout-alt-response": "1"}, b"b" * 50_000)
            assert answer.status == 204, vars(answer)
            g.wait_for("cluster.up.upstream_rq_retry", n)
            g.wait_for("cluster.up.upstream_cx_active", 0)
        assert g.stat("cluster.up.upstream_rq_retry_overflow") == 0
        assert g.stat("cluster.up.circuit_breakers.default.rq_retry_open") == 0

"""Buckets that all workers share: of requests and of connections."""
import socket

from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin

ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
ALWAYS = {"default_value": {"numerator": 100}}


def requests_over_the_limit_are_refused():
    origin = Origin()
    limit = {"name": "limit", "typed_config": {"@type": TYPE + "http.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "l", "filter_enabled": ALWAYS,
                                               "filter_enforced": ALWAYS, "token_bucket": {"max_tokens": 3, "fill_interval": "600s"}}}
    try:
        with Gateway("local_ratelimit", http_manager(http_filters=[limit, ROUTER]), [cluster("up", origin.port)]) as g:
            statuses = [g.http("GET", "/").status for _ in range(6)]
            assert sorted(statuses) == [200] * 3 + [429] * 3, statuses
            assert g.stat("l.http_local_rate_limit.rate_limited") == 3
    finally:
        origin.stop()


def connections_over_the_limit_are_closed():
    limit = {"name": "limit", "typed_config": {"@type": TYPE + "network.local_ratelimit.v3.LocalRateLimit", "stat_prefix": "c",
                                               "token_bucket": {"max_tokens": 2, "fill_interval": "600s"}}}
    echo = {"name": "echo", "typed_config": {"@type": TYPE + "network.echo.v3.Echo"}}
    with Gateway("local_ratelimit_connections", echo, [], gates=[limit]) as g:
        answers = []
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", g.port), timeout=10) as s:
                try:
                    s.sendall(b"hi")
                    answers.append(s.recv(16))
                except OSError:
                    answers.append(b"")
        assert sorted(answers) == [b"", b"", b"hi", b"hi"], answers
        assert g.stat("local_rate_limit.c.rate_limited") == 2

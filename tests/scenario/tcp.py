"""tcp_proxy when its hosts fail."""
import socket
import time

from gateway import Gateway, cluster


def however_many_attempts_fail_at_once():
    """One after the other, within one turn, on a stack that doesn't grow; the log shows the last host."""
    up = cluster("up")
    up["load_assignment"]["endpoints"][0]["lb_endpoints"] = [{"endpoint": {"address": {"pipe": {"path": "/no/such/socket"}}}}]
    proxy = {"name": "t", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "t", "cluster": "up", "max_connect_attempts": 60000,
        "access_log": [{"name": "f", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"text_format_source": {"inline_string": "%UPSTREAM_HOST% %RESPONSE_FLAGS%\n"}}}}]}}
    with Gateway("tcp-attempts", proxy, [up], args=["--disable-hot-restart", "--file-flush-interval-msec", "10"]) as g:
        with socket.create_connection(("127.0.0.1", g.port)) as sock:
            sock.settimeout(60)
            assert sock.recv(1) == b""
        g.wait_for("cluster.up.upstream_cx_connect_attempts_exceeded", 1)
        assert g.stat("cluster.up.upstream_cx_connect_fail") == 60000
        assert g.stat("cluster.up.upstream_cx_active") == g.stat("cluster.up.circuit_breakers.default.cx_open") == 0
        end = time.monotonic() + 10
        while "/no/such/socket URX,UF" not in g.words():
            assert time.monotonic() < end, g.words()
            time.sleep(0.02)

"""How the program starts, says that it is ready, refuses what it can't serve, and ends."""
import json
import signal
import socket
import subprocess
import time

import places
from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin


def _direct(status=200):
    return http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": status, "body": {"inline_string": "here"}}}])


def ready_and_serving():
    with Gateway("start-ready", _direct(), []) as g:
        assert json.loads(g.get("/server_info"))["state"] == "LIVE"
        answer = g.http("GET", "/")
        assert (answer.status, answer.text) == (200, "here"), vars(answer)


def traffic_reaches_the_upstream():
    origin = Origin()
    try:
        with Gateway("start-traffic", http_manager(), [cluster("up", origin.port)]) as g:
            for i in range(20):
                seen = json.loads(g.http("POST", f"/{i}", body=b"x" * i * 1000).text)
                assert (seen["path"], seen["length"]) == (f"/{i}", i * 1000), seen
            assert g.stat("cluster.up.upstream_rq_total") == 20
    finally:
        origin.stop()


def _refused(change):
    g = Gateway("start-refused", _direct(), [])
    change(g.bootstrap)
    g.config.write_text(json.dumps(g.bootstrap))
    r = subprocess.run([places.outrigger(), "-c", g.config, "--disable-hot-restart"], capture_output=True, text=True, timeout=20)
    assert r.returncode == 1, f"exit code {r.returncode}"
    return r.stdout + r.stderr


def bad_configuration_is_refused():
    """With exit code 1, and words that name the field."""
    assert "no_such_field" in _refused(lambda b: b.update(no_such_field=1))
    assert "admin" in _refused(lambda b: b["admin"]["address"].update(socket_address={"address": "127.0.0.1", "port_value": "many"}))


def more_than_it_can_hold_is_refused():
    """Limits of the configuration are said, not passed over."""
    def many_filters(b):
        manager = b["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        fault = {"name": "f", "typed_config": {"@type": TYPE + "http.fault.v3.HTTPFault"}}
        manager["http_filters"][:0] = [fault] * 255

    def many_mirrors(b):
        manager = b["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        manager["route_config"]["virtual_hosts"][0]["request_mirror_policies"] = [{"cluster": "up"}] * 65
    assert "http_filters: at most 255" in _refused(many_filters)
    words = _refused(many_mirrors)
    assert "request_mirror_policies: at most 64" in words, words


def a_port_in_use_is_refused():
    origin = Origin()
    try:
        words = _refused(lambda b: b["admin"]["address"]["socket_address"].update(port_value=origin.port))
        assert str(origin.port) in words or "in use" in words, words
    finally:
        origin.stop()


def ends_at_a_signal():
    for sig in (signal.SIGTERM, signal.SIGINT):
        with Gateway("start-signal", _direct(), []) as g:
            g.proc.send_signal(sig)
            assert g.proc.wait(15) == 0
            g.ended = True


def a_listener_of_many_filter_chains():
    """However many scopes of statistics they take."""
    with Gateway("start-chains", _direct(), []) as g:
        pass
    listener = g.bootstrap["static_resources"]["listeners"][0]
    chains = [{"name": f"c{i}", "filter_chain_match": {"destination_port": i + 1}, "filters": [_direct()]} for i in range(40)]
    with Gateway("start-chains", _direct(), [], listener={"filter_chains": chains, "default_filter_chain": listener["filter_chains"][0]}) as g:
        assert g.http("GET", "/").text == "here"


def its_log_and_its_pid_are_written_where_asked():
    scratch = places.scratch("start-files")
    log, pid = scratch / "process.log", scratch / "pid"
    for old in scratch.iterdir():
        old.unlink()

    def says(text):
        """Within a while: a thread of its own writes."""
        end = time.monotonic() + 5
        while text not in log.read_text():
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)

    with Gateway("start-log", _direct(), [], args=["--disable-hot-restart", "--log-path", log, "--pid-file", pid, "--log-level", "info"]) as g:
        assert int(pid.read_text()) == g.proc.pid
        says("serving with")
        log.rename(scratch / "process.log.1")
        g.post("/reopen_logs")
        assert log.exists()
        g.post("/logging?level=trace")
        g.proc.send_signal(signal.SIGTERM)
        assert g.proc.wait(15) == 0
        g.ended = True
        says("draining")
        assert "serving with" not in g.words()


def files_that_it_cannot_write_are_refused():
    for flag in ("--log-path", "--pid-file", "--admin-address-path"):
        g = Gateway("start-files", _direct(), [])
        r = subprocess.run([places.outrigger(), "-c", g.config, "--disable-hot-restart", flag, g.folder / "no" / "such"], capture_output=True, text=True, timeout=20)
        assert r.returncode == 1 and flag in r.stderr and "No such file" in r.stderr, (r.returncode, r.stderr)


def connections_of_a_listener_and_of_all_are_limited():
    """By Envoy's runtime keys; on all workers together."""
    def refused(limits, stat):
        runtime = {"layered_runtime": {"layers": [{"name": "static", "static_layer": limits}, {"name": "admin", "admin_layer": {}}]}}
        with Gateway("start-limits", _direct(), [], bootstrap=runtime) as g:
            def ask(s):
                s.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
                return s.recv(1000)
            for _ in range(2):
                held = [socket.create_connection(("127.0.0.1", g.port), timeout=10) for _ in range(3)]
                assert all(ask(s).startswith(b"HTTP/1.1 200") for s in held)
                for _ in range(5):
                    with socket.create_connection(("127.0.0.1", g.port), timeout=10) as s:
                        try:
                            assert ask(s) == b""
                        except (ConnectionResetError, BrokenPipeError):
                            pass
                for s in held:
                    s.close()
                g.wait_for(f"listener.127.0.0.1_{g.port}.downstream_cx_active", 0)
            assert g.stat(f"listener.127.0.0.1_{g.port}.{stat}") == 10
    refused({"envoy": {"resource_limits": {"listener": {"l": {"connection_limit": 3}}}}}, "downstream_cx_overflow")
    refused({"overload.global_downstream_max_connections": 3}, "downstream_global_cx_overflow")
    refused({"envoy.resource_limits.listener.l.connection_limit": 3, "overload": {"global_downstream_max_connections": 10}}, "downstream_cx_overflow")

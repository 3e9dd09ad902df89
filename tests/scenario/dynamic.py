"""Clusters, endpoints, listeners and routes that come from files while it runs: how files are replaced, and what a bad one does."""
import json
import os
import shutil
import threading
import time

import places
from gateway import Gateway, address, cluster, http_manager
from origin import Origin
from ports import free_ports

API = "type.googleapis.com/envoy.config."


def _source(path, **extra):
    return {"path_config_source": {"path": str(path), **extra}, "resource_api_version": "V3"}


def _answer(kind, *items, version="1"):
    return json.dumps({"version_info": version, "resources": [{"@type": API + kind, **i} for i in items]})


def _routes(text, version="1"):
    routes = [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": text}}}]
    return _answer("route.v3.RouteConfiguration", {"name": "dyn", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}, version=version)


def _endpoints(port, version="1"):
    return _answer("endpoint.v3.ClusterLoadAssignment", {"cluster_name": "up", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(port)}}]}]}, version=version)


def _rds(source):
    manager = http_manager()
    del manager["typed_config"]["route_config"]
    manager["typed_config"]["rds"] = {"route_config_name": "dyn", "config_source": source}
    return manager


def _listener(port, manager, name="dl"):
    return {"name": name, "address": address(port), "filter_chains": [{"filters": [manager]}]}


def _move(path, text):
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    os.rename(new, path)


def _until(g, text, seconds=8):
    end = time.monotonic() + seconds
    while (got := g.http("GET", "/").text) != text:
        assert time.monotonic() < end, f"{got}, not {text}; {g.words()}"
        time.sleep(0.02)


class _Folder:
    """An empty folder outside of the gateway's own, which is emptied when that starts."""

    def __init__(self, name):
        self.path = places.scratch(name)
        shutil.rmtree(self.path)
        self.path.mkdir()

    def file(self, name, text):
        path = self.path / name
        path.write_text(text)
        return path


def a_file_moved_into_place():
    path = _Folder("dynamic-move-files").file("rds.json", _routes("one"))
    with Gateway("dynamic-move", _rds(_source(path)), []) as g:
        assert g.http("GET", "/").text == "one"
        for i in range(20):
            _move(path, _routes(f"v{i}", f"v{i}"))
            _until(g, f"v{i}")
        assert f'version_text: "v{i}"' in g.get("/stats?filter=rds.dyn.version_text")


def a_file_written_in_place():
    path = _Folder("dynamic-write-files").file("rds.json", _routes("one"))
    with Gateway("dynamic-write", _rds(_source(path)), []) as g:
        assert g.http("GET", "/").text == "one"
        path.write_text(_routes("two", "2"))
        _until(g, "two")


def the_deprecated_path():
    path = _Folder("dynamic-path-files").file("rds.json", _routes("one"))
    with Gateway("dynamic-path", _rds({"path": str(path), "resource_api_version": "V3"}), []) as g:
        path.write_text(_routes("two", "2"))
        _until(g, "two")


def a_symbolic_link_swapped_in_the_watched_directory():
    """As Kubernetes mounts a ConfigMap: file -> ..data/file, ..data -> ..v1."""
    top = _Folder("dynamic-link-files").path
    for version in ("1", "2"):
        (top / f"..v{version}").mkdir()
        (top / f"..v{version}" / "rds.json").write_text(_routes("from " + version, version))
    (top / "..data").symlink_to("..v1")
    (top / "rds.json").symlink_to("..data/rds.json")
    for watched in ({"watched_directory": {"path": str(top)}}, {}):
        with Gateway("dynamic-link", _rds(_source(top / "rds.json", **watched)), []) as g:
            for version in ("2", "1"):
                (top / "..new").symlink_to(f"..v{version}")
                os.rename(top / "..new", top / "..data")
                _until(g, "from " + version)


def a_directory_that_goes_and_comes_back():
    folder = _Folder("dynamic-gone-files").path / "inner"
    folder.mkdir()
    path = folder / "rds.json"
    path.write_text(_routes("one"))
    with Gateway("dynamic-gone", _rds(_source(path)), []) as g:
        shutil.rmtree(folder)
        assert g.http("GET", "/").text == "one"
        folder.mkdir()
        path.write_text(_routes("two", "2"))
        _until(g, "two")


def broken_files_keep_what_serves():
    origin, folder = Origin(), _Folder("dynamic-broken-files")
    port = free_ports(1)[0]
    rds = folder.file("rds.json", _answer("route.v3.RouteConfiguration", {"name": "dyn", "virtual_hosts": [
        {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}]}]}))
    eds = folder.file("eds.json", _endpoints(origin.port))
    up = {"name": "up", "type": "EDS", "connect_timeout": "1s", "eds_cluster_config": {"eds_config": _source(eds)}}
    cds = folder.file("cds.json", _answer("cluster.v3.Cluster", up))
    lds = folder.file("lds.json", _answer("listener.v3.Listener", _listener(port, _rds(_source(rds)))))
    names = {cds: "cluster_manager.cds", lds: "listener_manager.lds", rds: "http.ingress.rds.dyn", eds: "cluster.up"}
    wrong = {cds: _answer("cluster.v3.Cluster", {**up, "connect_timeout": "-1s"}), lds: _answer("listener.v3.Listener", {"name": "dl"}),
             rds: _answer("route.v3.RouteConfiguration", {"name": "dyn", "virtual_hosts": [{"name": ""}]}),
             eds: _answer("endpoint.v3.ClusterLoadAssignment", {"cluster_name": "up", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {}}}]}]})}
    dynamic = {"cds_config": _source(cds), "lds_config": _source(lds)}
    try:
        with Gateway("dynamic-broken", http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 204}}]), [], bootstrap={"dynamic_resources": dynamic}) as g:
            g.port = port
            g.wait_for("server.state", 0)
            for path, name in names.items():
                good = path.read_text()
                path.write_text("{]")
                g.wait_for(name + ".update_failure", 1)
                assert g.http("GET", "/").status == 200, name
                path.write_text(wrong[path])
                g.wait_for(name + ".update_rejected", 1)
                assert g.http("GET", "/").status == 200, name
                path.write_text(good)
                g.wait_for(name + ".update_success", 2)
                assert g.http("GET", "/").status == 200, name
    finally:
        origin.stop()


def a_refused_listener_shows_why():
    folder = _Folder("dynamic-refused-files")
    port = free_ports(1)[0]
    good = _listener(port, http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]))
    lds = folder.file("lds.json", _answer("listener.v3.Listener", good, version="one"))
    with Gateway("dynamic-refused", http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 204}}]), [],
                 bootstrap={"dynamic_resources": {"lds_config": _source(lds)}}) as g:
        g.wait_for("server.state", 0)
        taken = {**good, "address": address(g.port)}
        lds.write_text(_answer("listener.v3.Listener", taken, version="two"))
        g.wait_for("listener_manager.lds.update_rejected", 1)
        shown, = json.loads(g.get("/config_dump?resource=dynamic_listeners"))["configs"]
        assert shown["active_state"]["version_info"] == "one"
        assert shown["error_state"]["failed_configuration"]["address"] == address(g.port)
        assert str(g.port) in shown["error_state"]["details"], shown["error_state"]
        lds.write_text(_answer("listener.v3.Listener", good, version="three"))
        g.wait_for("listener_manager.lds.update_success", 2)
        shown, = json.loads(g.get("/config_dump?resource=dynamic_listeners"))["configs"]
        assert "error_state" not in shown


def nothing_is_missing_while_things_change():
    """Clusters, endpoints and routes change under load; every request finds a host."""
    origins, folder = [Origin(), Origin()], _Folder("dynamic-load-files")
    eds = folder.file("eds.json", _endpoints(origins[0].port))

    def clusters(*numbers):
        return _answer("cluster.v3.Cluster", *[{"name": f"c{n}", "type": "EDS", "connect_timeout": "1s", "eds_cluster_config": {
            "eds_config": _source(eds), "service_name": "up"}} for n in numbers], version=str(numbers))

    def routes(n):
        return _answer("route.v3.RouteConfiguration", {"name": "dyn", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": f"c{n}"}}]}]}, version=str(n))

    cds, rds = folder.file("cds.json", clusters(0)), folder.file("rds.json", routes(0))
    bad, stop = [], threading.Event()
    try:
        with Gateway("dynamic-load", _rds(_source(rds)), [], bootstrap={"dynamic_resources": {"cds_config": _source(cds)}}) as g:
            g.wait_for("server.state", 0)

            def load():
                while not stop.is_set():
                    answer = g.http("GET", "/")
                    if answer.status != 200:
                        bad.append((answer.status, answer.text))

            threads = [threading.Thread(target=load) for _ in range(2)]
            for t in threads:
                t.start()
            try:
                for n in range(1, 8):
                    _move(cds, clusters(n - 1, n))
                    g.wait_for("cluster_manager.cds.update_success", 2 * n)
                    g.wait_for("cluster_manager.warming_clusters", 0)
                    _move(rds, routes(n))
                    g.wait_for("http.ingress.rds.dyn.config_reload", n + 1)
                    _move(eds, _endpoints(origins[n % 2].port, str(n)))
                    _move(cds, clusters(n))
                    g.wait_for("cluster_manager.cds.update_success", 2 * n + 1)
            finally:
                stop.set()
                for t in threads:
                    t.join()
            assert not bad, (len(bad), bad[:3])
            assert g.stat("cluster_manager.active_clusters") == 1
    finally:
        for o in origins:
            o.stop()


def a_bad_file_at_the_start_holds_up_nothing():
    """It counts as known, as in Envoy; mending it is enough."""
    folder, port = _Folder("dynamic-bad-start-files"), free_ports(1)[0]
    lds, cds = folder.file("lds.json", "{]"), folder.file("cds.json", _answer("cluster.v3.Cluster", {"name": ""}))
    static = http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 204}}])
    with Gateway("dynamic-bad-start", static, [], bootstrap={"dynamic_resources": {"lds_config": _source(lds), "cds_config": _source(cds)}}) as g:
        g.wait_for("server.state", 0)
        assert g.http("GET", "/").status == 204
        assert (g.stat("listener_manager.lds.update_failure"), g.stat("cluster_manager.cds.update_rejected")) == (1, 1)
        lds.write_text(_answer("listener.v3.Listener", _listener(port, http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]))))
        g.wait_for("listener_manager.listener_added", 2)
        g.port = port
        assert g.http("GET", "/").status == 200


def endpoints_change_while_they_are_checked():
    """Host sets are built beside those that health checks make meanwhile; none is lost."""
    origins, dead, folder = [Origin(), Origin()], free_ports(1)[0], _Folder("dynamic-checked-files")

    def endpoints(n):
        hosts = [{"endpoint": {"address": address(p)}} for p in (origins[n % 2].port, dead)]
        return _answer("endpoint.v3.ClusterLoadAssignment", {"cluster_name": "up", "endpoints": [{"lb_endpoints": hosts}]}, version=str(n))

    eds = folder.file("eds.json", endpoints(0))
    check = {"timeout": "0.5s", "interval": "0.05s", "no_traffic_interval": "0.05s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/"}}
    up = {"name": "up", "type": "EDS", "connect_timeout": "1s", "health_checks": [check], "eds_cluster_config": {"eds_config": _source(eds)}}
    try:
        with Gateway("dynamic-checked", http_manager(), [up]) as g:
            g.wait_for("cluster.up.membership_healthy", 1)
            for n in range(1, 30):
                _move(eds, endpoints(n))
                g.wait_for("cluster.up.update_success", n + 1)
                assert g.stat("cluster.up.membership_total") == 2
            g.wait_for("cluster.up.membership_healthy", 1)
            text = g.get("/clusters")
            assert f":{origins[1].port}::health_flags::healthy" in text and f":{dead}::health_flags::/failed_active_hc" in text, text
            assert f":{origins[0].port}::" not in text
            for _ in range(10):
                assert g.http("GET", "/").status == 200
    finally:
        for o in origins:
            o.stop()


def a_cluster_changes_its_type_and_back():
    """EDS, STATIC with another host, and the same EDS again: each time its own hosts."""
    origins, folder = [Origin(), Origin()], _Folder("dynamic-type-files")
    eds = folder.file("eds.json", _endpoints(origins[0].port))
    by_eds = {"name": "up", "type": "EDS", "connect_timeout": "1s", "eds_cluster_config": {"eds_config": _source(eds)}}
    cds = folder.file("cds.json", _answer("cluster.v3.Cluster", by_eds))
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "up"}}]
    manager = http_manager()
    manager["typed_config"]["route_config"].update(validate_clusters=False, virtual_hosts=[{"name": "all", "domains": ["*"], "routes": routes}])
    try:
        with Gateway("dynamic-type", manager, [], bootstrap={"dynamic_resources": {"cds_config": _source(cds)}}) as g:
            g.wait_for("server.state", 0)
            for n, (version, origin) in enumerate([(by_eds, 0), (cluster("up", origins[1].port), 1), (by_eds, 0)]):
                _move(cds, _answer("cluster.v3.Cluster", version, version=str(n)))
                end = time.monotonic() + 8
                while f":{origins[origin].port}::" not in (text := g.get("/clusters")):
                    assert time.monotonic() < end, (n, text)
                    time.sleep(0.02)
                assert f":{origins[1 - origin].port}::" not in text, (n, text)
                assert g.http("GET", "/").status == 200
    finally:
        for o in origins:
            o.stop()


def a_cluster_goes_while_requests_wait_to_be_retried():
    """They are told that it is gone; and nothing of the cluster stays behind, or the gateway would not end well."""
    class Failing(Origin):
        def answer(self, sock, f, request):
            while f.readline().strip():
                pass
            sock.sendall(b"HTTP/1.1 503 Later\r\nretry-after: 4\r\ncontent-length: 0\r\n\r\n")

    origin, folder = Failing(), _Folder("dynamic-retried-files")
    cds = folder.file("cds.json", _answer("cluster.v3.Cluster", cluster("up", origin.port)))
    retry = {"retry_on": "5xx", "num_retries": 1, "rate_limited_retry_back_off": {"reset_headers": [{"name": "retry-after", "format": "SECONDS"}]}}
    manager = http_manager()
    manager["typed_config"]["route_config"].update(validate_clusters=False, virtual_hosts=[{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "route": {"cluster": "up", "retry_policy": retry}}]}])
    answers = []
    try:
        with Gateway("dynamic-retried", manager, [], bootstrap={"dynamic_resources": {"cds_config": _source(cds)}}) as g:
            g.wait_for("server.state", 0)
            threads = [threading.Thread(target=lambda: answers.append(g.http("GET", "/"))) for _ in range(2)]
            for t in threads:
                t.start()
            g.wait_for("cluster.up.retry.upstream_rq_503", 2)
            _move(cds, _answer("cluster.v3.Cluster", version="2"))
            g.wait_for("cluster_manager.cluster_removed", 1)
            for t in threads:
                t.join()
        assert [a.status for a in answers] == [503] * 2 and {a.text for a in answers} == {""}, [vars(a) for a in answers]
    finally:
        origin.stop()

"""Sentinel for Java beside outrigger: its reader on our metric log, its lines beside ours in logs, its answers beside ours to the same commands."""
import http.server
import json
import os
import queue
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import java_peers
import places
from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin
from ports import free_ports

RUN = places.ROOT / "tests/interop/java/run.sh"
FLOW = [{"resource": "GET:/limited", "count": 3, "id": 77}]


def _gateway(name, origin, port, rules=FLOW, rule_file=None, **operations):
    folder = places.scratch(f"interop-sentinel-{name}") / "logs"
    for old in folder.glob("*"):
        old.unlink()
    source = {"filename": str(rule_file)} if rule_file else {"inline_string": json.dumps(rules)}
    sentinel = {"name": "sentinel", "typed_config": {
        "@type": "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel", "application": "demo.gate", "rules": {"flow": [source]},
        "http_resource": "METHOD_AND_PATH", "cluster_client": {}, "cluster_server": {"begins_by_command": True}, "origins": [{"header": "x-from"}], "operations": {
            "log_folder": str(folder), "command_port": port, **operations}}}
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    g = Gateway(f"interop-sentinel-{name}", http_manager(http_filters=[sentinel, router]), [cluster("up", origin.port)])
    g.logs = folder
    return g


def _get(port, command, form=None, **headers):
    data = urllib.parse.urlencode(form).encode() if form else None
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/{command}", data, headers), timeout=10) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def _call(g, path, count, origin="app-a"):
    statuses = []
    for _ in range(count):
        request = urllib.request.Request(f"http://127.0.0.1:{g.port}{path}", headers={"x-from": origin})
        try:
            with urllib.request.urlopen(request, timeout=5) as r:
                statuses.append(r.status)
        except urllib.error.HTTPError as e:
            statuses.append(e.code)
    return statuses


def _begin_second():
    time.sleep(1.05 - time.time() % 1)


def _java(*args):
    r = subprocess.run([RUN, "sentinel", "demo.sentinel.MetricLog", *map(str, args)], capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r.stderr[-800:]
    return [line for line in r.stdout.splitlines() if re.match(r"\d+\|", line)]


class _Dashboard:
    """Takes heartbeats, as the dashboard does."""

    def __init__(self):
        self.beats = queue.Queue()
        beats = self.beats

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                assert self.path == "/registry/machine"
                beats.put({name: value[0] for name, value in urllib.parse.parse_qs(form).items()})
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()


class _Application:
    """A Java application that uses Sentinel."""

    def __init__(self, name, port):
        java_peers.build()
        self.logs = places.scratch(f"interop-sentinel-{name}") / "java-logs"
        for old in self.logs.glob("*"):
            old.unlink()
        options = f"-Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dproject.name=demo.app -Dcsp.sentinel.api.port={port} -Dcsp.sentinel.log.dir={self.logs}"
        self.port = port
        self.proc = subprocess.Popen([RUN, "sentinel", "demo.sentinel.Application"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, text=True, env={**os.environ, "JOPTS": options})

    def __enter__(self):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if _get(self.port, "version")[0] == 200:
                    return self
            except OSError:
                time.sleep(0.1)
        self.proc.kill()
        raise RuntimeError("Sentinel's Java application doesn't start")

    def call(self, *words):
        self.proc.stdin.write(" ".join(words) + "\n")
        self.proc.stdin.flush()
        while (line := self.proc.stdout.readline()):
            if line.strip() in ("pass", "block"):
                return line.strip()
        raise RuntimeError("the Java application has ended")

    def __exit__(self, *_):
        self.proc.stdin.close()
        self.proc.wait(10)


def sentinels_own_reader_finds_what_we_wrote():
    """MetricSearcher by time, by resource and by lines; and the command metric says the same."""
    java_peers.build()
    port, = free_ports(1)
    origin = Origin()
    with _gateway("metric", origin, port) as g:
        begin = int(time.time()) * 1000
        for _ in range(3):
            _begin_second()
            _call(g, "/limited", 5)
            _call(g, "/free|path", 2)
        time.sleep(1.6)
        end = begin + 60000
        lines = _java(g.logs, "demo-gate-metrics.log", begin, end)
        assert len(lines) == 9, lines
        limited = [line.split("|")[2:6] for line in lines if "|GET:/limited|" in line]
        assert limited == [["3", "2", "3", "0"]] * 3, lines
        assert all(line.split("|")[2] == "5" for line in lines if "|__total_inbound_traffic__|" in line), lines
        assert sum("|GET:/free_path|2|0|" in line for line in lines) == 3, lines
        status, ours = _get(port, f"metric?startTime={begin}&endTime={end}&refetch=false")
        assert status == 200 and [line for line in ours.splitlines() if "|__system" not in line and "|__cpu" not in line] == lines, ours
        assert _java(g.logs, "demo-gate-metrics.log", begin, end, "GET:/limited") == \
            _get(port, f"metric?startTime={begin}&endTime={end}&identity=GET:/limited")[1].splitlines()
        later = int(lines[3].split("|")[0])
        some = _java(g.logs, "demo-gate-metrics.log", later, "lines=2")
        ours = _get(port, f"metric?startTime={later}&maxLines=2")[1].splitlines()
        assert some and [line for line in ours if "|__" not in line or "|__total" in line] == some, (some, ours)


def block_logs_have_the_same_columns():
    """The same rule, callers and calls: the same lines but for their time."""
    port, java_port = free_ports(2)
    rule = [{"resource": "GET:/limited", "count": 1, "id": 77}]
    origin = Origin()
    with _gateway("block", origin, port, rule) as g, _Application("block", java_port) as java:
        assert _get(java_port, "setRules", {"type": "flow", "data": urllib.parse.quote(json.dumps(rule))}) == (200, "success")
        _begin_second()
        assert _call(g, "/limited", 4).count(429) == 3
        assert [java.call("ctx", "app-a", "GET:/limited") for _ in range(4)].count("block") == 3
        time.sleep(2.5)
        ours, theirs = ((folder / "sentinel-block.log").read_bytes() for folder in (g.logs, java.logs))
        assert re.fullmatch(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\|1\|GET:/limited,FlowException,default,app-a,77\|3,0\r\n", ours), ours
        assert ours[19:] == theirs[19:], (ours, theirs)


def commands_are_answered_alike():
    """Rules set by the dashboard's request are shown as Java shows them; so is what is no command, no form, no rule."""
    port, java_port = free_ports(2)
    rules = {"flow": [{"resource": "a", "count": 2.5, "id": 7, "limitApp": "x", "controlBehavior": 1, "warmUpPeriodSec": 3}],
             "degrade": [{"resource": "q", "grade": 1, "count": 0.5, "timeWindow": 3, "id": 9}, {"resource": "bad"}],
             "authority": [{"resource": "r", "limitApp": "a,b", "strategy": 1}], "system": [{"qps": 1000, "avgRt": 30}, {"highestSystemLoad": 900.5}]}
    param = [{"resource": "p", "paramIdx": 1, "count": 5, "paramFlowItemList": [{"object": "VIP", "count": 100, "classType": "java.lang.String"}]}]
    origin = Origin()
    with _gateway("commands", origin, port) as g, _Application("commands", java_port):
        def both(command, form=None, **headers):
            ours, theirs = (_get(p, command, form, **headers) for p in (port, java_port))
            assert ours == theirs, (command, ours, theirs)
            return ours
        for kind, list_ in rules.items():
            assert both("setRules", {"type": kind, "data": urllib.parse.quote(json.dumps(list_))}) == (200, "success")
            assert both(f"getRules?type={kind}")[1] != "[]"
        assert both("setParamFlowRules", {"data": urllib.parse.quote(json.dumps(param))}) == (200, "success")
        for command in ("getParamFlowRules", "version", "getSwitch", "setSwitch?value=false", "getSwitch", "setSwitch?value=true", "getClusterMode",
                        "setClusterMode?mode=x", "nope", "", "getRules?type=x", "getRules", "setRules?type=flow&data=xx",
                        "setRules?type=zz&data=%5B%5D", "setParamFlowRules", "cnode", "cnode?id=none", "origin?id=none", "origin", "clusterNodeById?id=none",
                        "metric", "metric?startTime=x", "metric?startTime=1&endTime=x", "getRules?type=%zz", "cluster/client/fetchConfig", "systemStatus"):
            both(command)
        both("setRules", {"type": "flow"}, **{"Content-Type": "text/plain"})
        urls = [{row["url"]: row["desc"] for row in json.loads(_get(p, "api")[1])} for p in (port, java_port)]
        assert urls[0] == urls[1]
        assert both("setRules", {"type": "system", "data": "[]"}) == (200, "success") == both("setRules", {"type": "flow", "data": "[]"})
        assert _call(g, "/limited", 5) == [200] * 5


def the_token_client_is_told_and_shown_alike():
    """What a dashboard sends to make clients of both, and what is wrong in it."""
    port, java_port = free_ports(2)
    silent, origin = socket.create_server(("127.0.0.1", 0)), Origin()
    good = {"serverHost": "127.0.0.1", "serverPort": silent.getsockname()[1], "requestTimeout": 33}
    with silent, _gateway("client", origin, port), _Application("client", java_port):
        def both(command, form=None):
            ours, theirs = (_get(p, command, form) for p in (port, java_port))
            assert ours == theirs, (command, form, ours, theirs)
            return ours[1]

        def both_configs(**config):
            return both("cluster/client/modifyConfig", {"data": urllib.parse.quote(json.dumps(config))})

        def modes():
            return [json.loads(_get(p, "getClusterMode")[1]) for p in (port, java_port)]
        both("cluster/client/fetchConfig")
        both("cluster/client/modifyConfig")
        assert both_configs(**good) == "success"
        assert '"clientState":0' in both("cluster/client/fetchConfig")
        assert both("setClusterMode?mode=0") == "success"
        ours, theirs = modes()
        assert abs(ours.pop("lastModified") - theirs.pop("lastModified")) < 5000 and ours == theirs and ours["clientAvailable"], (ours, theirs)
        end = time.monotonic() + 10
        while '"clientState":2' not in _get(java_port, "cluster/client/fetchConfig")[1] and time.monotonic() < end:
            time.sleep(0.05)
        assert '"clientState":2' in both("cluster/client/fetchConfig")
        for change in ({"requestTimeout": 0}, {"serverPort": 0}, {"serverPort": 70000}, {"serverHost": " "}, {"serverHost": None}, {"unknown": 1}, {"serverPort": str(good["serverPort"])}):
            assert both_configs(**{**good, **change}) == "success", change
            both("cluster/client/fetchConfig")
        assert both_configs(requestTimeout=44) == "success"
        both("cluster/client/fetchConfig")
        for data in ("[]", "{", "x", "7", "{}", '{"serverHost":"127.0.0.1","requestTimeout":5}', '{"requestTimeout":"x"}', '{"requestTimeout":{}}'):
            ours, theirs = (_get(p, "cluster/client/modifyConfig", {"data": urllib.parse.quote(data)}) for p in (port, java_port))
            assert ours[0] == theirs[0], (data, ours, theirs)
        for mode in ("", "?mode=", "?mode=x", "?mode=7", "?mode=-7", "?mode=0"):
            both(f"setClusterMode{mode}")
        assert both("setClusterMode?mode=-1") == "success"
        ours, theirs = modes()
        assert ours["mode"] == theirs["mode"] == -1


def the_token_server_is_told_and_shown_alike():
    """What a dashboard sends to make servers of both, before and while they are one, and what is wrong in it."""
    port, java_port, *places_ = free_ports(4)
    ports, origin = dict(zip((port, java_port), places_)), Origin()
    rule = {"resource": "r", "count": 2.5, "clusterMode": True, "clusterConfig": {"flowId": 11, "thresholdType": 1}}
    param = {"resource": "p", "paramIdx": 0, "count": 5, "clusterMode": True, "clusterConfig": {"flowId": 12}, "paramFlowItemList": [
        {"object": "VIP", "count": 100, "classType": "java.lang.String"}]}

    def shown(at, command):
        """As JSON, without what differs: ports, the machine's address, the moment."""
        status, text = _get(at, f"cluster/server/{command}")
        value = json.loads(text.replace(f":{ports[at]}", ":1"))
        if command.startswith("info"):
            value["namespaceSet"].sort()
            for rows in (value["connection"], value["requestLimitData"]):
                rows.sort(key=lambda row: row["namespace"])
            value["appName"] = None
            for group in value["connection"]:
                group["connectionSet"] = len(group["connectionSet"])
            # the guard of "default", and its limit, are in Java's from the first set of names on
            value["requestLimitData"] = [row["namespace"] for row in value["requestLimitData"]]
        for row in [row for rows in value.values() for row in rows] if command.startswith("metricList") else []:
            row["timestamp"] = 0
        if command.startswith("fetchConfig"):
            value.get("namespaceSet", []).sort()
            value["flow"]["maxAllowedQps"] = None  # Java's shows its default
        return status, value
    with _gateway("server", origin, port) as _, _Application("server", java_port):
        def both(command, form=None):
            ours, theirs = (_get(p, f"cluster/server/{command}", form) for p in (port, java_port))
            assert ours == theirs, (command, form, ours, theirs)
            return ours

        def alike(*commands):
            for command in commands:
                ours, theirs = shown(port, command), shown(java_port, command)
                # Java's application is "demo.app", ours "demo.gate"
                ours, theirs = (json.loads(json.dumps(v).replace(name, "demo")) for v, name in ((ours, "demo.gate"), (theirs, "demo.app")))
                assert ours == theirs, (command, ours, theirs)

        def send(command, value, **more):
            return both(command, {"data": urllib.parse.quote(json.dumps(value)), **more})
        for at in ports:
            assert _get(at, f"cluster/server/modifyTransportConfig?port={ports[at]}&idleSeconds=55") == (200, "success")
        for at in ports:
            assert _get(at, "setClusterMode?mode=1") == (200, "success")
        assert send("modifyNamespaceSet", ["shop"]) == (200, "success")
        alike("info", "fetchConfig", "flowRules", "paramRules", "metricList?namespace=shop")
        assert send("modifyFlowRules", [rule, {"resource": "local"}, {"count": 1}], namespace="shop") == (200, "success") == send("modifyParamRules", [param], namespace="shop")
        alike("flowRules", "flowRules?namespace=shop", "flowRules?namespace=none", "paramRules", "metricList?namespace=shop", "metricList?namespace=none")
        assert send("modifyFlowConfig", {"exceedCount": 1.5, "maxOccupyRatio": 0.5, "maxAllowedQps": 100}) == (200, "success")
        alike("info", "fetchConfig", "fetchConfig?namespace=shop")
        for value in ({"exceedCount": -1}, {"intervalMs": 1000, "sampleCount": 3}, {"maxAllowedQps": -5}, {}):
            assert send("modifyFlowConfig", value) == (200, "success")
            alike("info", "fetchConfig")
        assert send("modifyFlowRules", [], namespace="nobody") == (200, "success")
        both("modifyTransportConfig?port=0&idleSeconds=5")
        for command in ("modifyTransportConfig", "modifyTransportConfig?port=5", "modifyTransportConfig?port=x&idleSeconds=1", "modifyFlowRules", "modifyFlowRules?namespace=shop",
                        "modifyParamRules", "modifyFlowConfig", "modifyNamespaceSet", "metricList", "nope"):
            both(command)
        for command in ("modifyFlowRules?namespace=shop&data=%7B", "modifyParamRules?namespace=shop&data=%7B", "modifyFlowConfig?data=%5B", "modifyNamespaceSet?data=x"):
            ours, theirs = (_get(at, f"cluster/server/{command}") for at in ports)  # Java tells what its parser said
            assert ours[0] == theirs[0] == 400, (command, ours, theirs)
        assert send("modifyFlowRules", [], namespace="shop") == (200, "success")
        alike("flowRules", "info")
        assert [json.loads(_get(at, "getClusterMode")[1])["mode"] for at in ports] == [1, 1]


def a_rule_that_is_set_holds_at_once_and_is_written():
    port, = free_ports(1)
    path = places.scratch("interop-sentinel-set") / "flow.json"
    path.write_text("[]")
    origin = Origin()
    with _gateway("set", origin, port, rule_file=path) as g:
        assert _call(g, "/limited", 5) == [200] * 5
        _begin_second()
        assert _get(port, "setRules", {"type": "flow", "data": urllib.parse.quote(json.dumps(FLOW))}) == (200, "success")
        _begin_second()
        assert _call(g, "/limited", 5).count(200) == 3
        assert json.loads(path.read_text()) == FLOW
        path.write_text("[]")  # whoever writes last
        end = time.monotonic() + 5
        while json.loads(_get(port, "getRules?type=flow")[1]) and time.monotonic() < end:
            time.sleep(0.05)
        _begin_second()
        assert _call(g, "/limited", 5) == [200] * 5


def beside_a_java_application_the_port_moves_on():
    """The port that Java has is left to it, and the heartbeat says the real one."""
    java_port, = free_ports(1)
    origin, dashboard = Origin(), _Dashboard()
    with _Application("beside", java_port), _gateway("beside", origin, java_port, dashboards=f"127.0.0.1:{dashboard.port}", heartbeat_interval_ms=300):
        beat = dashboard.beats.get(timeout=15)
        assert beat["app"] == "demo.gate" and beat["v"] == "1.8.9" and abs(int(beat["version"]) - time.time() * 1000) < 20000, beat
        assert java_port < int(beat["port"]) < java_port + 50, (java_port, beat)
        assert _get(int(beat["port"]), "getRules?type=flow")[1] != "[]" and _get(java_port, "getRules?type=flow") == (200, "[]")
        dashboard.beats.get(timeout=5)


class _RealDashboard:
    """Sentinel's dashboard, of this jar."""

    def __init__(self, jar):
        folder = places.scratch("interop-sentinel-console")
        self.port, own = free_ports(2)
        with open(folder / "log", "w") as log:
            self.proc = subprocess.Popen(
                [places.program("java"), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--add-opens", "java.base/java.lang=ALL-UNNAMED",
                 f"-Dserver.port={self.port}", "-Dauth.enabled=false", f"-Dcsp.sentinel.api.port={own}", f"-Dcsp.sentinel.log.dir={folder / 'logs'}",
                 f"-Duser.home={folder}", "-jar", jar], stdout=log, stderr=log)

    def __enter__(self):
        try:
            self.wait(lambda: self.ask("app/names.json") is not None, 90)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.proc.kill()
        self.proc.wait()

    def wait(self, what, seconds):
        """What it gives, once it gives something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if (got := what()):
                    return got
            except (OSError, ValueError):
                pass
            time.sleep(0.1)
        raise AssertionError(f"the dashboard gives nothing for {seconds} s")

    def ask(self, path, method="GET", **body):
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as r:
            answer = json.loads(r.read())
        assert answer["code"] == 0, answer
        return answer["data"] if "data" in answer else True


def _the_dashboard():
    """The machine, its resources and rules; a rule that is edited holds within a second; rates of calls are charted."""
    port, = free_ports(1)
    origin = Origin()
    with _RealDashboard(os.environ["SENTINEL_DASHBOARD"]) as dashboard, _gateway("dashboard", origin, port, dashboards=f"127.0.0.1:{dashboard.port}", client_ip="127.0.0.1",
                                                 heartbeat_interval_ms=1000) as g:
        machine, = dashboard.wait(lambda: dashboard.ask("app/demo.gate/machines.json"), 20)
        assert (machine["ip"], machine["port"], machine["healthy"], machine["version"]) == ("127.0.0.1", port, True, "1.8.9"), machine
        place = {"app": "demo.gate", "ip": "127.0.0.1", "port": port}
        where = urllib.parse.urlencode(place)
        seen, = dashboard.ask(f"v1/flow/rules?{where}")
        assert (seen["resource"], seen["count"], seen["limitApp"]) == ("GET:/limited", 3.0, "default"), seen
        _begin_second()
        assert _call(g, "/limited", 6).count(200) == 3
        dashboard.ask(f"v1/flow/save.json?{urllib.parse.urlencode({'id': seen['id'], 'count': 5, 'limitApp': 'default', 'grade': 1, 'strategy': 0, 'controlBehavior': 0})}", "PUT")
        _begin_second()
        assert _call(g, "/limited", 7).count(200) == 5
        dashboard.ask("v1/flow/rule", "POST", **place, resource="GET:/other", limitApp="default", grade=1, count=1, strategy=0, controlBehavior=0, clusterMode=False)
        _begin_second()
        assert _call(g, "/other", 3).count(200) == 1
        assert {r["resource"] for r in json.loads(_get(port, "getRules?type=flow")[1])} == {"GET:/limited", "GET:/other"}
        assert len(dashboard.ask(f"v1/flow/rules?{where}")) == 2
        rows = {row["resource"]: row for row in dashboard.ask(f"resource/machineResource.json?ip=127.0.0.1&port={port}&type=cluster")}
        assert "GET:/limited" in rows and rows["GET:/limited"]["oneMinuteBlock"] >= 5, rows
        tree = {row["resource"] for row in dashboard.ask(f"resource/machineResource.json?ip=127.0.0.1&port={port}&type=root")}
        assert {"GET:/limited", "GET:/other"} <= tree, tree
        dashboard.ask("degrade/rule", "POST", **place, resource="GET:/limited", limitApp="default", grade=0, count=200, timeWindow=10, slowRatioThreshold=0.5,
                      minRequestAmount=5, statIntervalMs=1000)
        assert json.loads(_get(port, "getRules?type=degrade")[1])[0]["slowRatioThreshold"] == 0.5
        dashboard.ask("paramFlow/rule", "POST", **place, rule={"resource": "GET:/limited", "limitApp": "default", "grade": 1, "paramIdx": 0, "count": 9, "durationInSec": 1})
        assert json.loads(_get(port, "getParamFlowRules")[1])[0]["count"] == 9
        dashboard.wait(lambda: _charted(dashboard, "passQps").get("GET:/limited", 0) >= 5, 40)


def _charted(dashboard, passes):
    """Passes of each resource in the dashboard's charts."""
    data = dashboard.ask("metric/queryTopResourceMetric.json?app=demo.gate") or {}
    return {name: sum(point[passes] for point in points) for name, points in (data.get("metric") or {}).items()}


def the_first_dashboard_sees_the_machine_and_edits_its_rules():
    """The same of the only version that a registry has, of 2018: rules are edited by forms, and it knows fewer kinds and fields."""
    java_peers.build()
    jar, = (places.ROOT / "build/java/peers-sentinel-dashboard/lib").glob("sentinel-dashboard-*.jar")
    port, = free_ports(1)
    origin = Origin()
    with _RealDashboard(jar) as dashboard, _gateway("first-dashboard", origin, port, dashboards=f"127.0.0.1:{dashboard.port}", client_ip="127.0.0.1",
                                                    heartbeat_interval_ms=1000) as g:
        machine, = dashboard.wait(lambda: dashboard.ask("app/demo.gate/machines.json"), 20)
        assert (machine["ip"], machine["port"], machine["health"]) == ("127.0.0.1", port, True), machine
        place = {"app": "demo.gate", "ip": "127.0.0.1", "port": port}

        def form(path, **fields):
            return dashboard.ask(f"{path}?{urllib.parse.urlencode(fields)}")
        seen, = form("flow/rules.json", **place)
        assert (seen["resource"], seen["count"], seen["limitApp"]) == ("GET:/limited", 3.0, "default"), seen
        _begin_second()
        assert _call(g, "/limited", 6).count(200) == 3
        form("flow/save.json", id=seen["id"], app="demo.gate", limitApp="default", grade=1, count=5, strategy=0, controlBehavior=0)
        _begin_second()
        assert _call(g, "/limited", 7).count(200) == 5
        form("flow/new.json", **place, resource="GET:/other", limitApp="default", grade=1, count=1, strategy=0, controlBehavior=0)
        _begin_second()
        assert _call(g, "/other", 3).count(200) == 1
        rows = {row["resource"]: row for row in form("resource/machineResource.json", ip="127.0.0.1", port=port, type="cluster")}
        assert rows["GET:/other"]["oneMinuteTotal"] == 3, rows
        tree = {row["resource"] for row in form("resource/machineResource.json", ip="127.0.0.1", port=port, type="root")}
        assert {"GET:/limited", "GET:/other"} <= tree, tree
        ids = {rule["resource"]: rule["id"] for rule in form("flow/rules.json", **place)}
        assert sorted(ids) == ["GET:/limited", "GET:/other"], ids
        dashboard.wait(lambda: _charted(dashboard, "passedQps").get("GET:/limited", 0) >= 5, 40)
        form("degrade/new.json", **place, resource="GET:/limited", limitApp="default", grade=0, count=200, timeWindow=10)
        rule, = json.loads(_get(port, "getRules?type=degrade")[1])
        assert (rule["resource"], rule["count"], rule["timeWindow"]) == ("GET:/limited", 200.0, 10), rule
        form("flow/delete.json", id=ids["GET:/other"])
        _begin_second()
        assert _call(g, "/other", 3) == [200] * 3


if os.environ.get("SENTINEL_DASHBOARD"):
    def the_dashboard_sees_the_machine_and_edits_its_rules():
        _the_dashboard()

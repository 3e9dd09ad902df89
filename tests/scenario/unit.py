"""Units: keys go to their unit over HTTP and Dubbo, and while shards move no write is accepted by two."""
import contextlib
import http.client
import json
import random
import threading
import time

import dubbo as wire
import places
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, address, cluster, dubbo_manager, http_manager
from origin import Origin
from ports import free_ports

UNIT = "type.googleapis.com/outrigger.filters.unit.v1.Unit"
RPC = "type.googleapis.com/outrigger.filters.network.rpc_proxy.v1.RpcProxy"
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
SHARDS = 100


def _ranges(owners, fenced=()):
    """owners: unit by shard"""
    return [{"first": s, "last": s, "unit": unit, "fenced": s in fenced} for s, unit in enumerate(owners)]


def _unit(version, owners, fenced=(), units=(), **extra):
    return {"@type": UNIT, "rule": {"name": "users", "version": version, "shard_count": len(owners), "shards": _ranges(owners, fenced), "global_unit": "A",
                                    "units": list(units)},
            "keys": [{"header": "x-user"}], "extractor": {"substring": {"from": -3, "length": 2}}} | extra


class App(Origin):
    """A unit's application: writes down when it had which write, and by which rule."""

    def __init__(self, name):
        self.name, self.writes = name, []
        super().__init__()

    def answer(self, sock, f, request):
        headers = {}
        while (line := f.readline().strip()):
            key, _, value = line.decode("latin-1").partition(":")
            headers[key.lower()] = value.strip()
        f.read(int(headers.get("content-length", 0)))
        begin = time.monotonic()
        time.sleep(random.random() * 0.02 if random.random() < 0.9 else 0.15)
        self.writes.append((headers.get("x-id"), int(headers["x-user"][-3:-1]), begin, time.monotonic(), int(headers.get("x-outrigger-unit-rule", 0))))
        body = self.name.encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


class CallApp(Provider):
    """The same for calls pay(id, user): many at a time on one connection."""

    def __init__(self, name):
        self.writes = []
        super().__init__(name, hold=True)
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            sock, frame = self.held.get()
            threading.Thread(target=self.pay, args=(sock, frame), daemon=True).start()

    def pay(self, sock, frame):
        *_, id, user, attachments = wire.describe(frame)["values"]
        begin = time.monotonic()
        time.sleep(random.random() * 0.02 if random.random() < 0.9 else 0.15)
        self.writes.append((id, int(user[-3:-1]), begin, time.monotonic(), int(attachments.get("x-outrigger-unit-rule", 0))))
        try:
            self.answer(sock, frame)
        except OSError:
            pass


class _Side:
    """One unit: its application, its outrigger, the file that its rule comes by."""

    app_type, keys = App, [{"header": "x-user"}]

    def __init__(self, name):
        self.name, self.app = name, self.app_type(name)
        self.port, = free_ports(1)
        self.rds = places.scratch(f"unit_move_{name}") / "rds.json"

    def write(self, version, owners, fenced, other, through, hold="10s", more=None):
        """through: "rds" or "lds"; more: of the route table"""
        rule = _unit(version, owners, fenced, units=[{"name": self.name}, {"name": other.name, "cluster": "other"}], local_unit=self.name, hold=hold, keys=self.keys)
        table = {"name": "r", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "app"}}],
                                                 "typed_per_filter_config": {"unit": rule}}], **(more or {})}
        if through == "rds":
            resource = {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", **table}
        else:
            resource = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", **self.listener({"route_config": table})}
        new = self.rds.with_suffix(".new")
        new.write_text(json.dumps({"version_info": str(version), "resources": [resource]}))
        new.rename(self.rds)

    def listener(self, routes):
        manager = http_manager(http_filters=[{"name": "unit", "typed_config": {"@type": UNIT}}, ROUTER])
        del manager["typed_config"]["route_config"]
        manager["typed_config"] |= routes
        return {"name": "l", "address": address(self.port), "filter_chains": [{"filters": [manager]}]}

    def gateway(self, other, through):
        source = {"path_config_source": {"path": str(self.rds)}, "resource_api_version": "V3"}
        clusters = [cluster("app", self.app.port), cluster("other", other.port)]
        g = Gateway(f"unit_move_{self.name}", None, clusters, bootstrap={"dynamic_resources": {"lds_config": source}} if through == "lds" else None)
        if through == "lds":
            g.without_listeners()
        else:
            rds = {"rds": {"config_source": source, "route_config_name": "r"}}
            g.bootstrap["static_resources"]["listeners"] = [self.listener(rds)]
            g.config.write_text(json.dumps(g.bootstrap))
        g.port = self.port
        return g


class _CallSide(_Side):
    app_type, keys = CallApp, [{"argument": "1"}]

    def listener(self, routes):
        proxy = {"@type": RPC, "stat_prefix": "calls", "http_filters": [{"name": "unit", "typed_config": {"@type": UNIT}}, ROUTER], **routes}
        return {"name": "l", "address": address(self.port), "filter_chains": [{"filters": [{"name": "calls", "typed_config": proxy}]}]}


class _Writers:
    """Threads that write to either unit, each on connections that stay."""

    def __init__(self, sides, count):
        self.sides, self.over, self.statuses, self.lock, self.next = sides, threading.Event(), {}, threading.Lock(), 0
        self.faults = []
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()

    def begin(self):
        with self.lock:
            self.next += 1
            return str(self.next), f"{random.randrange(10 ** 12):016d}"

    def end(self, id, status):
        with self.lock:
            self.statuses[id] = status

    def run(self):
        try:
            self.go()
        except Exception as e:
            self.faults.append(e)

    def go(self):
        conns = [http.client.HTTPConnection("127.0.0.1", s.port, timeout=30) for s in self.sides]
        for conn in conns:
            conn.connect()
        while not self.over.is_set():
            id, user = self.begin()
            conn = random.choice(conns)
            conn.request("POST", "/", body=b"w", headers={"x-id": id, "x-user": user})
            r = conn.getresponse()
            r.read()
            self.end(id, r.status)


class _Callers(_Writers):
    def go(self):
        consumers = [Consumer(s.port, timeout=30) for s in self.sides]
        while not self.over.is_set():
            id, user = self.begin()
            frame = random.choice(consumers).ask("pay", args=(id, user))
            self.end(id, 200 if frame.status == 20 and frame.body[:1] == b"\x91" else (frame.status, frame.body))
        for c in consumers:
            c.sock.close()


def _wait(side, g, stat, version):
    end = time.monotonic() + 20
    while g.stat(f"unit.users.{stat}") < version:
        assert time.monotonic() < end, (side.name, stat, version, g.words())
        time.sleep(0.01)


def _push(sides, gateways, version, owners, fenced, through):
    """To both, one a little after the other."""
    order = random.sample([0, 1], 2)
    for i in order:
        sides[i].write(version, owners, fenced, sides[1 - i], through)
        time.sleep(random.random() * 0.05)
    for i in order:
        _wait(sides[i], gateways[i], "rule_version", version)


def _judge(sides, writers, history):
    seen = {}
    for s in sides:
        for id, shard, begin, end, version in s.app.writes:
            assert id not in seen, f"write {id} of shard {shard} was accepted by {seen[id]} and {s.name}"
            seen[id] = s.name
            owners, fenced = history[version]
            assert owners[shard] == s.name and shard not in fenced, (s.name, shard, version)
    for shard in range(SHARDS):
        spans = sorted((begin, end, s.name) for s in sides for _, at, begin, end, _ in s.app.writes if at == shard)
        last_end = {s.name: 0.0 for s in sides}
        for begin, end, name in spans:
            other, = set(last_end) - {name}
            assert last_end[other] <= begin, f"shard {shard} was written in both units at once"
            last_end[name] = max(last_end[name], end)
    failed = {id: status for id, status in writers.statuses.items() if status != 200}
    assert not failed and not writers.faults, (failed, writers.faults)
    assert len(seen) == len(writers.statuses), (len(seen), len(writers.statuses))


def _move(through, rounds, side=_Side, writers_type=_Writers):
    """In each round a tenth of the shards goes to the other unit, while writes come."""
    sides = [side("A"), side("B")]
    owners = ["A" if s < SHARDS // 2 else "B" for s in range(SHARDS)]
    version, history, moved = 1, {1: (list(owners), set())}, 0
    for i in (0, 1):
        sides[i].write(version, owners, (), sides[1 - i], through)
    try:
        with sides[0].gateway(sides[1], through) as a, sides[1].gateway(sides[0], through) as b, contextlib.ExitStack() as later:
            gateways = (a, b)
            for g in gateways:
                g.wait_until_live()
            writers = later.enter_context(writers_type(sides, 12))
            for _ in range(rounds):
                giver = random.choice([i for i in (0, 1) if owners.count(sides[i].name) > SHARDS // 10])
                mine = [s for s in range(SHARDS) if owners[s] == sides[giver].name]
                moving = set(random.sample(mine, SHARDS // 10))
                version += 1
                history[version] = (list(owners), moving)
                _push(sides, gateways, version, owners, moving, through)
                _wait(sides[giver], gateways[giver], "drained_version", version)
                for s in moving:
                    owners[s] = sides[1 - giver].name
                version += 1
                history[version] = (list(owners), set())
                _push(sides, gateways, version, owners, (), through)
                moved += len(moving)
                time.sleep(0.3)
            writers.__exit__()
            held = sum(g.stat("unit.users.held") for g in gateways)
            forwarded = sum(g.stat("unit.users.forwarded") for g in gateways)
            accepted = sum(g.stat("unit.users.write_accepted") for g in gateways)
            active = sum(g.stat("unit.users.writes_active") + g.stat("unit.users.held_active") for g in gateways)
        _judge(sides, writers, history)
        assert accepted == len(writers.statuses) and not active, (accepted, len(writers.statuses), active)
        assert held and forwarded and moved == rounds * SHARDS // 10, (held, forwarded, moved)
        return f"{len(writers.statuses)} writes, {moved} shards moved in {rounds} rounds; {held} held, {forwarded} forwarded, none failed, none accepted twice"
    finally:
        for s in sides:
            s.app.stop()


def shards_move_under_load():
    """The rule comes with the routes: tables change below connections that stay."""
    return _move("rds", 8)


def shards_move_under_calls():
    """Dubbo: the key is an argument, callers share the connections between the units, and a write that is held holds up none behind it."""
    return _move("rds", 5, _CallSide, _Callers)


def shards_move_with_the_listener():
    """The rule comes with the listener: connections that began under an older one know the newest rule, too."""
    return _move("lds", 5)


def a_wrong_unit_sends_on_once():
    """Two units with different ideas of who owns a shard: nobody accepts it, nothing circles."""
    sides = [_Side("A"), _Side("B")]
    sides[0].write(1, ["B"] * SHARDS, (), sides[1], "rds")
    sides[1].write(1, ["A"] * SHARDS, (), sides[0], "rds")
    try:
        with sides[0].gateway(sides[1], "rds") as a, sides[1].gateway(sides[0], "rds") as b:
            r = a.http("POST", "/", {"x-user": "123", "x-id": "1"}, "w")
            assert r.status == 421 and r.text == "shard 12 of users isn't this unit's", r
            assert a.stat("unit.users.forwarded") == 1 and b.stat("unit.users.wrong_unit") == 1 and b.stat("unit.users.forwarded") == 0
            sides[1].write(2, ["A"] * 50 + ["B"] * 50, (), sides[0], "rds")
            _wait(sides[1], b, "rule_version", 2)
            r = a.http("POST", "/", {"x-user": "990", "x-id": "2"}, "w")
            assert (r.status, r.text) == (200, "B"), r
            # Decided by version 2, and A has only 1: it waits for it.
            t = threading.Timer(0.3, lambda: sides[0].write(2, ["A"] * 50 + ["B"] * 50, (), sides[1], "rds"))
            t.start()
            r = b.http("POST", "/", {"x-user": "100", "x-id": "3"}, "w")
            t.join()
            assert (r.status, r.text) == (200, "A") and a.stat("unit.users.behind") == 1 and a.stat("unit.users.held") == 1, r
            assert [w[0] for w in sides[0].app.writes] == ["3"] and [w[0] for w in sides[1].app.writes] == ["2"]
    finally:
        for s in sides:
            s.app.stop()


def a_refused_table_moves_nothing():
    """A newer rule in a resource that is refused isn't in force, nor is an older one in a resource that is taken."""
    sides = [_Side("A"), _Side("B")]
    mine = ["A"] * SHARDS
    sides[0].write(4, mine, (), sides[1], "rds")
    try:
        with sides[0].gateway(sides[1], "rds") as g:
            def ask():
                return g.http("POST", "/", {"x-user": "123", "x-id": "1"}, "w").status

            assert ask() == 200
            sides[0].write(5, ["B"] * SHARDS, (), sides[1], "rds", more={"request_headers_to_add": [{"header": {"key": "a b", "value": "c"}}]})
            g.wait_for("http.ingress.rds.r.update_rejected", 1)
            assert ask() == 200 and g.stat("unit.users.rule_version") == 4
            sides[0].write(3, ["B"] * SHARDS, (), sides[1], "rds")
            g.wait_for("unit.users.rule_refused", 1)
            assert ask() == 200 and g.stat("unit.users.rule_version") == 4
            sides[0].write(5, mine, (1, 12), sides[1], "rds", hold="0s")
            _wait(sides[0], g, "rule_version", 5)
            assert ask() == 503
            sides[0].write(6, mine, (), sides[1], "rds")
            _wait(sides[0], g, "rule_version", 6)
            assert ask() == 200
            assert [w[4] for w in sides[0].app.writes] == [4, 4, 4, 6]
    finally:
        for s in sides:
            s.app.stop()


def calls_go_by_an_argument():
    """One cluster with hosts of several units, by their labels: what a caller's own proxy does."""
    providers = {name: Provider(name) for name in ("A", "B", "C")}
    owners = ["A"] * 40 + ["B"] * 40 + ["C"] * 20
    unit = _unit(1, owners, local_unit="B", read_only_methods=[{"prefix": "get"}], missing_key="LOCAL_FIRST")
    unit |= {"keys": [{"argument": "1"}, {"attachment": "userId"}, {"argument": "0.user.id"}]}
    up = cluster("up", lb_subset_config={"subset_selectors": [{"keys": ["unit"]}]}, load_assignment={"cluster_name": "up", "endpoints": [{"lb_endpoints": [
        {"endpoint": {"address": address(p.port)}, "metadata": {"filter_metadata": {"envoy.lb": {"unit": name}}}} for name, p in providers.items()]}]})
    manager = dubbo_manager(SERVICE, {".*": "up"})
    manager["typed_config"]["dubbo_filters"] = [{"name": "unit", "config": unit}, {"name": "envoy.filters.dubbo.router"}]
    try:
        with Gateway("unit_dubbo", manager, [up], listener={"traffic_direction": "OUTBOUND"}) as g, Consumer(g.port) as c:
            def who(method="pay", **kw):
                names = {bytes(f.body[2:]).decode() if f.status == 20 else f.status for f in (c.ask(method, **kw) for _ in range(4))}
                assert len(names) == 1, names
                return names.pop()

            assert [who(args=("x", str(n))) for n in (2088000000000000, 2088000000000399, 2088000000000400, 2088000000000799, 2088000000000800)] == list("AABBC")
            assert who(args=("x", 812)) == "C", "an int's text"
            assert who("getUser", args=("x", "2088000000000000")) == "B", "a read uses the local copy"
            assert who(args=("x", "who?")) == "B" and who(args=()) == "B", "no key: the local unit first"
            assert who(args=(), attachments={"userId": "2088000000000999"}) == "C"
            assert who(args=({"user": {"id": "2088000000000450"}},), types="Ljava/util/Map;") == "B"
            assert who(args=({"user": {"id": 7000810}},), types="Ljava/util/Map;") == "C"
            assert g.stat("unit.users.read_local") == 4 and g.stat("unit.users.key_missing") == 4 and g.stat("unit.users.key_invalid") == 4
    finally:
        for p in providers.values():
            p.stop()

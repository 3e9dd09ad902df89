"""Classes of traffic: the primary one is served whatever else is offered; what is shed of the secondary one and accepted for later arrives, also when the process is killed."""
import asyncio
import contextlib
import shutil
import threading
import time

import dubbo as wire
import places
from dubbo_peer import SERVICE, Consumer, Provider
from gateway import TYPE, Gateway, cluster, http_manager, rpc_manager
from origin import Origin
from pauses import Pauses

FILTER = "type.googleapis.com/outrigger.filters.traffic_class.v1.TrafficClass"
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
CLASS_HEADER = "x-class"
SECONDARY, SPOOL = "traffic_class.shop.secondary.", "traffic_class.shop.spool."


def _folder(name):
    folder = places.scratch(name) / "spool"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _filters(folder=None, capacity=4, deferral=None, spool=None, **secondary):
    secondary = {"name": "secondary", "enter": 0.7, "leave": 0.5, **secondary}
    config = {"@type": FILTER, "name": "shop", "classes": [{"name": "primary"}, secondary],
              "rules": [{"class": "secondary", "headers": [{"name": CLASS_HEADER, "string_match": {"exact": "low"}}]}],
              "pressure": {"capacity": {"max_in_flight": capacity}, "hold": "0.2s"}}
    if folder:
        secondary["deferral"] = deferral or {}
        config["spool"] = {"path": str(folder), "base_interval": "0.05s", "max_interval": "0.2s", **(spool or {})}
    return [{"name": "traffic_class", "typed_config": config}, ROUTER]


class App(Origin):
    """Holds what it is asked until `open`, and what has an id until `late`; then answers with `status`. `seen`: (id, body, headers, path)."""

    def __init__(self):
        self.open, self.late, self.status, self.seen = threading.Event(), threading.Event(), 200, []
        self.late.set()
        super().__init__()

    def answer(self, sock, f, request):
        headers = {}
        while (line := f.readline().strip()):
            key, _, value = line.decode("latin-1").partition(":")
            headers[key.lower()] = value.strip()
        body = f.read(int(headers.get("content-length", 0)))
        self.seen.append((headers.get("x-id"), body, headers, request[1]))
        self.open.wait()
        if "x-id" in headers:
            self.late.wait()
        sock.sendall(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % self.status)

    def ids(self):
        return [seen[0] for seen in list(self.seen)]


@contextlib.contextmanager
def _busy(g, app, n):
    """So many primary requests are under way, until the end of the block."""
    def ask():
        with contextlib.suppress(OSError):
            g.http("GET", "/primary")
    app.open.clear()
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(n)]
    for t in threads:
        t.start()
    g.wait_for("traffic_class.shop.in_flight", n)
    try:
        yield
    finally:
        app.open.set()
        for t in threads:
            t.join()


class _Keeping(Gateway):
    """Its spool takes requests when it is entered: on a slow disk that opens later than the listeners."""

    def __enter__(self):
        super().__enter__()
        self.wait_for(SPOOL + "open", 1)
        return self


def _low(**more):
    return {CLASS_HEADER: "low", **{k.replace("_", "-"): v for k, v in more.items()}}


def the_lower_class_is_refused_and_comes_back():
    app = App()
    try:
        with Gateway("class-shed", http_manager(http_filters=_filters()), [cluster("up", app.port)]) as g:
            with _busy(g, app, 3):
                answer = g.http("POST", "/", _low(), b"x")
                assert answer.status == 503 and "pressure" in answer.text, answer
                assert g.stat(SECONDARY + "shed") == 1
                assert g.stat("traffic_class.shop.shed_classes") == 1
            end = time.monotonic() + 30
            while g.http("GET", "/", _low()).status != 200:
                assert time.monotonic() < end, "it stays shed"
                time.sleep(0.02)
            assert g.stat("traffic_class.shop.shed_classes") == 0
    finally:
        app.stop()


def a_busy_machine_is_a_pressure_too():
    app = App()
    app.open.set()
    filters = _filters()
    filters[0]["typed_config"]["pressure"] = {"cpu": 0.001}  # any work is too much
    try:
        with Gateway("class-cpu", http_manager(http_filters=filters), [cluster("up", app.port)]) as g:
            end = time.monotonic() + 60
            while g.http("GET", "/", _low()).status != 503:
                assert time.monotonic() < end, "nothing is shed"
                time.sleep(0.02)
            assert g.http("GET", "/").status == 200
    finally:
        app.stop()


def what_is_deferred_arrives_as_it_would_have():
    app, folder = App(), _folder("class-defer")
    routes = [{"match": {"prefix": "/old/"}, "route": {"cluster": "up", "prefix_rewrite": "/new/"}, "request_headers_to_add": [
        {"header": {"key": "x-added", "value": "yes"}}]}, {"match": {"prefix": "/"}, "route": {"cluster": "up"}}]
    try:
        with _Keeping("class-defer", http_manager(routes, http_filters=_filters(folder)), [cluster("up", app.port)]) as g:
            with _busy(g, app, 3):
                for i in range(20):
                    answer = g.http("POST", "/old/a?b", _low(x_id=str(i), idempotency_key=f"k{i}"), b"y" * (i * 1000))
                    assert answer.status == 202 and answer.headers["idempotency-key"] == f"k{i}", answer
                again = g.http("POST", "/old/a?b", _low(x_id="3", idempotency_key="k3"), b"y" * 3000)
                assert again.status == 202, again
                other = g.http("POST", "/old/a?b", _low(x_id="other", idempotency_key="k3"), b"not the same")
                assert other.status == 202, other
                assert g.stat(SPOOL + "duplicate") == 1 and g.stat(SPOOL + "accepted") == 21
                assert g.http("GET", "/old/a", _low()).status == 503  # its answer is what it is for
                assert [i for i in app.ids() if i] == []
            g.wait_for(SPOOL + "sent", 21)
            g.wait_for(SPOOL + "records", 0)
            late = {seen[0]: seen for seen in app.seen if seen[0]}
            assert sorted(i for i in app.ids() if i) == sorted([str(i) for i in range(20)] + ["other"]), app.ids()
            for i in range(20):
                _, body, headers, path = late[str(i)]
                assert body == b"y" * (i * 1000) and path == "/new/a?b", (len(body), path)
                assert headers["idempotency-key"] == f"k{i}" and headers["x-added"] == "yes" and int(headers["x-outrigger-deferred"]) > 1e12, headers
    finally:
        app.stop()


def what_fails_is_tried_again_and_at_last_given_up():
    app, folder = App(), _folder("class-retry")
    try:
        with _Keeping("class-retry", http_manager(http_filters=_filters(folder, spool={"max_attempts": 4})), [cluster("up", app.port)]) as g:
            app.status = 500
            with _busy(g, app, 3):
                assert g.http("POST", "/", _low(x_id="a")).status == 202
            g.wait_for(SPOOL + "dead", 1)
            assert app.ids().count("a") == 4 and g.stat(SPOOL + "retried") == 3, app.ids()
            keys = {seen[2]["idempotency-key"] for seen in app.seen if seen[0] == "a"}
            assert len(keys) == 1 and len(keys.pop()) == 36
            with _busy(g, app, 3):
                assert g.http("POST", "/", _low(x_id="b")).status == 202
                app.status = 200
            g.wait_for(SPOOL + "sent", 1)
            assert g.stat(SPOOL + "records") == 0
    finally:
        app.stop()


def _restart(g):
    """kill -9, and another process on the same folder."""
    g.proc.kill()
    g.proc.wait()
    g.log.close()
    g.__enter__()


def nothing_that_was_accepted_is_lost_when_it_is_killed():
    """Many clients, killed at any moment, three times: whatever was accepted arrives, and the spool is empty in the end."""
    app, folder, accepted, stop = App(), _folder("class-kill"), [], threading.Event()
    numbers, lock = iter(range(10**9)), threading.Lock()

    def client(g):
        while not stop.is_set():
            with lock:
                number = str(next(numbers))
            with contextlib.suppress(Exception):
                if g.http("POST", f"/{number}", _low(x_id=number, idempotency_key=f"k{number}"), number.encode() * 200, timeout=5).status == 202:
                    accepted.append(number)

    try:
        with _Keeping("class-kill", http_manager(http_filters=_filters(folder)), [cluster("up", app.port)]) as g:
            for _ in range(3):
                stop.clear()
                app.open.clear()
                for _ in range(4):
                    threading.Thread(target=_quietly, args=(g,), daemon=True).start()
                g.wait_for("traffic_class.shop.in_flight", 4)
                before = len(accepted)
                clients = [threading.Thread(target=client, args=(g,), daemon=True) for _ in range(6)]
                for t in clients:
                    t.start()
                end = time.monotonic() + 90
                while len(accepted) < before + 200:
                    assert time.monotonic() < end, f"only {len(accepted) - before} were accepted"
                    time.sleep(0.01)
                g.proc.kill()  # while they ask
                stop.set()
                for t in clients:
                    t.join()
                app.open.set()
                _restart(g)
            g.wait_for(SPOOL + "records", 0, 60)
            lost = set(accepted) - set(app.ids())
            assert not lost, f"{len(lost)} of {len(accepted)} lost: {sorted(lost)[:10]}"
            for number, body, headers, _ in app.seen:
                if number:
                    assert body == number.encode() * 200 and headers["idempotency-key"] == f"k{number}"
            twice = len([i for i in app.ids() if i]) - len({i for i in app.ids() if i})
            return f"{len(accepted)} accepted, 0 lost, {twice} sent again"
    finally:
        app.open.set()
        app.stop()


def what_was_on_its_way_at_the_end_is_sent_again():
    """SIGTERM while a replay waits for its answer."""
    app, folder = App(), _folder("class-end")
    try:
        with _Keeping("class-end", http_manager(http_filters=_filters(folder)), [cluster("up", app.port)]) as g:
            app.late.clear()
            with _busy(g, app, 3):
                for i in range(5):
                    assert g.http("POST", "/", _low(x_id=str(i))).status == 202
            g.wait_for(SPOOL + "sending", 1)
            fault = g.end()
            assert not fault, fault
            assert "Sanitizer" not in g.log_text(), g.words()
            g.log.close()
            app.late.set()
            g.__enter__()
            g.wait_for(SPOOL + "records", 0)
            assert sorted(i for i in app.ids() if i) == ["0", "0", "1", "2", "3", "4"], app.ids()
    finally:
        app.late.set()
        app.stop()


def _quietly(g):
    with contextlib.suppress(Exception):
        g.http("GET", "/primary", timeout=30)


# --- calls ---

class CallApp(Provider):
    """Writes down the ids of calls (their first argument) and attachments; answers when `open`."""

    def __init__(self):
        self.open, self.calls = threading.Event(), []
        super().__init__("app", hold=True)
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            sock, frame = self.held.get()
            threading.Thread(target=self.serve_call, args=(sock, frame), daemon=True).start()

    def serve_call(self, sock, frame):
        *_, id, attachments = wire.describe(frame)["values"]
        self.calls.append((id, frame.twoway, attachments))
        self.open.wait()
        with contextlib.suppress(OSError):
            if frame.twoway:
                self.answer(sock, frame)

    def ids(self):
        return [call[0] for call in list(self.calls)]


def _call_filters(folder):
    """One-way calls, and those that say so by an attachment."""
    deferral = {"match": [{"name": "x-later", "string_match": {"exact": "yes"}}]}
    return _filters(folder, deferral=deferral)


def calls_are_deferred_and_none_is_lost():
    app, folder, accepted = CallApp(), _folder("class-calls"), []
    low = {CLASS_HEADER: "low", "x-later": "yes"}
    try:
        with _Keeping("class-calls", rpc_manager("up", http_filters=_call_filters(folder)), [cluster("up", app.port)]) as g:
            for round in range(2):
                app.open.clear()
                with Consumer(g.port) as busy, Consumer(g.port) as c:
                    for _ in range(3):
                        busy.call(args=["primary"])
                    g.wait_for("traffic_class.shop.in_flight", 3)
                    sent = g.stat(SPOOL + "accepted")
                    for i in range(100):  # nobody is told of these: that they are there shows in the statistics
                        c.call(args=[f"oneway-{round}-{i}"], attachments=low, twoway=False)
                        accepted.append(f"oneway-{round}-{i}")
                    g.wait_for(SPOOL + "accepted", sent + 100)
                    for i in range(100):
                        answer = c.ask(args=[f"later-{round}-{i}"], attachments=low)
                        assert answer.status == 20 and answer.body == b"\x92", answer  # null
                        accepted.append(f"later-{round}-{i}")
                    blocked = c.ask(args=["blocked"], attachments={CLASS_HEADER: "low"})
                    assert blocked.status == 20 and b"pressure" in blocked.body, blocked
                    g.proc.kill()
                app.open.set()
                _restart(g)
            g.wait_for(SPOOL + "records", 0, 60)
            lost = set(accepted) - set(app.ids())
            assert not lost, sorted(lost)[:10]
            late = [call for call in app.calls if call[0] != "primary"]
            assert all(twoway for _, twoway, _ in late)  # or nobody would know that they arrived
            assert all(len(a["idempotency-key"]) == 36 and a["x-later"] == "yes" and a["path"] == SERVICE for _, _, a in late), late[0]
            return f"{len(accepted)} accepted, {len(late)} arrived"
    finally:
        app.open.set()
        app.stop()


# --- twice what the application takes ---

class Slots:
    """An application that serves `slots` requests at a time, each in so many seconds; the others wait their turn."""

    def __init__(self, slots, seconds):
        self.slots, self.seconds, self.seen = asyncio.Semaphore(slots), seconds, {}

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1024)
        self.port = self.server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
                await reader.readexactly(int(fields.get(b"content-length", 0)))
                async with self.slots:
                    await asyncio.sleep(self.seconds)
                id = fields[b"x-id"].decode()
                self.seen[id] = self.seen.get(id, 0) + 1
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()


class Clients:
    """Requests at their times, whatever became of those before: each on a connection that is free."""

    def __init__(self, port, pauses):
        self.port, self.pauses, self.free, self.answers = port, pauses, [], {"primary": [], "secondary": []}

    async def ask(self, kind, id):
        began = time.monotonic()
        status = 0
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = self.free.pop() if self.free else await asyncio.open_connection("127.0.0.1", self.port)
            extra = "" if kind == "primary" else f"{CLASS_HEADER}: low\r\n"
            writer.write(f"POST / HTTP/1.1\r\nhost: h\r\nx-id: {id}\r\n{extra}content-length: 5\r\n\r\nhello".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if line)
            await reader.readexactly(int(fields.get(b"content-length", 0)))
            status = int(head.split()[1])
            self.free.append((reader, writer))
        ended = time.monotonic()
        self.answers[kind].append((id, status, ended - began - self.pauses.within(began, ended), began))

    async def offer(self, seconds, **rates):
        """Evenly spaced, each kind at its rate."""
        times = sorted((i / rate, kind, f"{kind}-{len(self.answers[kind])}-{i}") for kind, rate in rates.items() for i in range(int(rate * seconds)))
        began, tasks = time.monotonic(), []
        for at, kind, id in times:
            if (wait := began + at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(self.ask(kind, id)))
        await asyncio.gather(*tasks)
        return self.take()

    def take(self):
        taken, self.answers = self.answers, {"primary": [], "secondary": []}
        return taken


def _p99(answers):
    times = sorted(seconds for _, _, seconds, _ in answers)
    return times[int(len(times) * 0.99)]


async def _twice(g, app, capacity, pauses):
    """One measurement: p99 without and with the load, the longest once the class was shed, and what came of it."""
    clients = Clients(g.port, pauses)
    await clients.offer(0.5, primary=capacity)  # connections
    quiet = await clients.offer(2, primary=capacity / 4)
    # Long enough: before the class is shed some of it is served, and ten of the first primary requests wait for a slot then, up to 56 ms.
    loaded = await clients.offer(6, primary=capacity, secondary=capacity)
    good = [a for a in loaded["primary"] if a[1] == 200]
    accepted = [a[0] for a in loaded["secondary"] if a[1] == 202]
    served = [a[0] for a in loaded["secondary"] if a[1] == 200]
    assert len(good) >= 0.999 * len(loaded["primary"]), f"{len(good)} of {len(loaded['primary'])} primary requests were served"
    assert len(accepted) + len(served) == len(loaded["secondary"]), loaded["secondary"][:5]
    end = time.monotonic() + 120
    while await asyncio.to_thread(g.stat, SPOOL + "records"):
        assert time.monotonic() < end, "the spool doesn't drain"
        await asyncio.sleep(0.05)
    lost = [i for i in accepted if i not in app.seen]
    assert not lost, f"{len(lost)} lost: {lost[:5]}"
    app.seen.clear()
    before, after = _p99(quiet["primary"]), _p99(loaded["primary"])
    shed = min(a[3] for a in loaded["secondary"] if a[1] == 202) + 2 * before  # what was served until then is over
    longest = max(seconds for _, _, seconds, began in loaded["primary"] if began > shed)
    return before, after, longest, (f"primary {len(good)}/{len(loaded['primary'])}, p99 {after * 1000:.0f} ms (unloaded {before * 1000:.0f}), at most {longest * 1000:.0f}; "
                                    f"secondary {len(served)} served, {len(accepted)} deferred, 0 lost")


def primary_is_served_at_twice_the_capacity():
    """Half primary, half secondary: the primary half by itself is what the application takes. Times are taken again, three times at most, when the machine had other things to do."""
    slots, service = 40, 0.2
    capacity = slots / service * 0.9  # with all slots taken all the time requests would wait for each other without any load
    folder = _folder("class-load")

    async def run():
        app = Slots(slots, service)
        await app.start()
        with _Keeping("class-load", http_manager(http_filters=_filters(folder, capacity=slots, spool={"max_replays": slots})), [cluster("up", app.port)]) as g, Pauses() as pauses:
            for _ in range(4):
                before, after, longest, said = await _twice(g, app, capacity, pauses)
                if after <= 1.2 * before and longest <= 2 * before:
                    return said
            raise AssertionError(said)

    return asyncio.run(run())

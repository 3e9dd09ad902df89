"""The tour of tools/demo: starts the services and the sidecar, calls through it, says what happens, and checks it."""
import fcntl
import os
import re
import signal
import string
import subprocess
import sys
import threading
import time
from pathlib import Path

from services import DubboProvider, HttpService, dubbo_call, http_get  # first: it finds tests/support
from ports import free_ports, listening

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "build" / "demo"


class NotAsTold(Exception):
    """Something that the demo says isn't so."""


def expect(wanted, got):
    if wanted != got:
        raise NotAsTold(f"expected {wanted!r}, got {got!r}")


def chapter(text):
    print(f"\n== {text}", flush=True)


def show(call, answer):
    print(f"   {call:52} {str(answer).strip()}", flush=True)


def port(preferred):
    """The preferred one if it is free."""
    if not listening(preferred):
        return preferred
    other = free_ports(1)[0]
    print(f"port {preferred} is taken: {other} instead", flush=True)
    return other


def only_one():
    """Holds FOLDER for this process: two demos would change each other's files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lock = open(FOLDER / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NotAsTold(f"Another tools/demo runs in this folder ({FOLDER}): end it with Ctrl-C first.") from None
    return lock


class Sidecar:
    """outrigger with the files of FOLDER."""

    def __init__(self, services):
        self.lock = only_one()
        self.ports = {"HTTP": port(10080), "DUBBO": port(20880), "ADMIN": port(9901), "FOLDER": str(FOLDER),
                      **{name: s.port for name, s in services.items()}}
        self.http, self.dubbo, self.admin = self.ports["HTTP"], self.ports["DUBBO"], self.ports["ADMIN"]
        (FOLDER / "access.log").unlink(missing_ok=True)
        for name in ("sidecar.yaml", "routes.yaml"):
            (FOLDER / name).write_text(string.Template((HERE / name).read_text()).substitute(self.ports))
        self.log = open(FOLDER / "log", "w+")
        self.process = subprocess.Popen([ROOT / "build/release/outrigger", "-c", FOLDER / "sidecar.yaml", "--disable-hot-restart", "--log-level", "warning",
                                         "--file-flush-interval-msec", "100"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 30
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise NotAsTold(f"outrigger doesn't start. The end of {FOLDER}/log:\n{(FOLDER / 'log').read_text()[-1500:]}")
            time.sleep(0.05)

    def is_ready(self):
        try:
            return http_get(self.admin, "/ready")[0] == 200
        except OSError:
            return False

    def stat(self, name):
        m = re.search(rf"^{re.escape(name)}: (\d+)$", http_get(self.admin, "/stats")[1], re.M)
        return int(m[1]) if m else 0

    def replace_routes(self, old, new):
        """Writes a new version beside the file and moves it over the old one, as a tool that deploys would."""
        path, beside = FOLDER / "routes.yaml", FOLDER / "routes.new"
        beside.write_text(path.read_text().replace(old, new))
        os.replace(beside, path)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Traffic:
    """Calls that flow in the background while something changes."""

    def __init__(self, sidecar):
        self.sidecar, self.good, self.bad, self.ends = sidecar, 0, [], threading.Event()
        self.threads = [threading.Thread(target=self.http), threading.Thread(target=self.dubbo)]

    def count(self, call, wanted):
        try:
            got = call()
        except OSError as e:
            got = str(e)
        if wanted in str(got):
            self.good += 1
        else:
            self.bad.append(got)
        self.ends.wait(0.005)

    def http(self):
        while not self.ends.is_set():
            self.count(lambda: http_get(self.sidecar.http, "/users/1"), "200, 'users")

    def dubbo(self):
        while not self.ends.is_set():
            self.count(lambda: dubbo_call(self.sidecar.dubbo, "find"), "stable answers")

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for t in self.threads:
            t.join()


def routing(sidecar):
    chapter("HTTP goes by path")
    for path, wanted in (("/users/1", "users"), ("/orders/7", "orders"), ("/nowhere", "")):
        status, text = http_get(sidecar.http, path)
        show(f"GET /{path.strip('/')}", f"{status} {text}")
        expect(200 if wanted else 404, status)
        expect(wanted, text[:len(wanted)])
    chapter("Dubbo goes by method and by attachment")
    for method, attachments, wanted in (("find", None, "stable"), ("update", None, "gray"), ("find", {"dubbo.tag": "gray"}, "gray")):
        text = dubbo_call(sidecar.dubbo, method, attachments)
        show(f"UserService.{method}(\"Ada\")" + (f" with {attachments}" if attachments else ""), text)
        expect(wanted, text[:len(wanted)])


def limits(sidecar):
    chapter("A limit: 10 calls a minute to /limited")
    statuses = [http_get(sidecar.http, "/limited")[0] for _ in range(25)]
    show("25 times GET /limited", f"{statuses.count(200)} times 200, {statuses.count(429)} times 429")
    expect((10, 15), (statuses.count(200), statuses.count(429)))


def a_change(sidecar):
    chapter("A file is replaced while calls flow: it is in force at once, and no call fails")
    show("GET /version", http_get(sidecar.http, "/version")[1])
    with Traffic(sidecar) as traffic:
        time.sleep(0.5)
        for old, new in (("one", "two"), ("two", "three")):
            sidecar.replace_routes(f'"{old}\\n"', f'"{new}\\n"')
            end = time.monotonic() + 20
            while (text := http_get(sidecar.http, "/version")[1]) != f"{new}\n" and time.monotonic() < end:
                time.sleep(0.01)
            show(f"routes.yaml: {old} becomes {new}; GET /version", text)
            expect(f"{new}\n", text)
        time.sleep(0.5)
    show("calls in the meantime", f"{traffic.good} answered, {len(traffic.bad)} failed {traffic.bad[:1] or ''}")
    expect([], traffic.bad[:3])


def a_host_dies(sidecar, host):
    chapter("One of the two hosts of /users is killed while calls flow: the route retries")
    with Traffic(sidecar) as traffic:
        time.sleep(0.3)
        host.stop()
        time.sleep(0.7)
    show("calls in the meantime", f"{traffic.good} answered, {len(traffic.bad)} failed {traffic.bad[:1] or ''}")
    expect([], traffic.bad[:3])


def numbers(sidecar):
    chapter("What was counted")
    for name in ("http.demo.downstream_rq_total", "cluster.users.upstream_rq_total", "cluster.users.upstream_rq_retry", "cluster.orders.upstream_rq_total",
                 "dubbo.dubbo.request", "dubbo.dubbo.response_success"):
        value = sidecar.stat(name)
        show(name, value)
        if name != "cluster.users.upstream_rq_retry" and not value:
            raise NotAsTold(f"{name} is 0")


def stay(sidecar):
    url, admin = f"http://127.0.0.1:{sidecar.http}", f"http://127.0.0.1:{sidecar.admin}"
    print(f"""
== Now you
   curl {url}/users/1                 {url}/orders/7    {url}/limited
   {admin}/stats            all numbers; /stats/prometheus, /clusters, /config_dump, /server_info, /ready
   {FOLDER.relative_to(ROOT)}/routes.yaml        the routes: save a new version (an editor that replaces the file) and call again
   {FOLDER.relative_to(ROOT)}/access.log         a line for each request
   dubbo://127.0.0.1:{sidecar.dubbo}/com.example.UserService    for a Dubbo client""", flush=True)


def main():
    once = sys.argv[1:] == ["--once"]
    for ends in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: nothing stays behind
        signal.signal(ends, signal.default_int_handler)
    services = {"USERS1": HttpService("users-1"), "USERS2": HttpService("users-2"), "ORDERS": HttpService("orders"),
                "STABLE": DubboProvider("stable"), "GRAY": DubboProvider("gray")}
    try:
        sidecar = Sidecar(services)
    except NotAsTold as e:
        print(e)
        return 1
    print(f"outrigger serves: HTTP on 127.0.0.1:{sidecar.http}, Dubbo on 127.0.0.1:{sidecar.dubbo}, its admin page on http://127.0.0.1:{sidecar.admin}", flush=True)
    try:
        routing(sidecar)
        limits(sidecar)
        a_change(sidecar)
        a_host_dies(sidecar, services["USERS2"])
        numbers(sidecar)
        if once:
            print("\nAll as told. Without --once it stays for you to try.", flush=True)
        else:
            stay(sidecar)
            print("\nCtrl-C ends it.", flush=True)
            while sidecar.process.poll() is None:
                time.sleep(0.2)
    except KeyboardInterrupt:
        print()
    except (NotAsTold, OSError) as e:
        print(f"\nNot as told: {e}")
        return 1
    finally:
        code = sidecar.stop()
    print(f"outrigger ended with exit code {code}")
    return 0 if code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

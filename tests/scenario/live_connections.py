"""Connections outlive the process: when it is replaced they go on with its successor, and their peers see nothing of it."""
import hashlib
import http.client
import os
import random
import socket
import threading
import time

import bolt_peer
import dubbo_peer
import upgrade_peer as peer
from acceptor import Acceptor
from gateway import TYPE, address, cluster, rpc_manager
from origin import Origin
from ports import free_ports
from upgrade_service import SOON, Service

KINDS = ("http", "dubbo", "bolt", "tcp")


class _Echo(Acceptor):
    def serve(self, sock):
        with sock:
            while data := sock.recv(1 << 16):
                sock.sendall(data)


class _World:
    """A service of four listeners, one for each protocol, with a provider behind each. with _World("name") as w: ..."""

    def __init__(self, name, hold=False, args=()):
        self.providers = {"http": Origin(), "dubbo": dubbo_peer.Provider(hold=hold), "bolt": bolt_peer.Provider(hold=hold), "tcp": _Echo()}
        clusters = [cluster("up" if kind == "http" else kind, p.port) for kind, p in self.providers.items()]
        self.service = Service(name, clusters, args=args)
        self.ports = dict(zip(KINDS, [self.service.port, *free_ports(3)]))
        tcp = {"name": "t", "typed_config": {"@type": TYPE + "network.tcp_proxy.v3.TcpProxy", "stat_prefix": "t", "cluster": "tcp"}}
        for kind, manager in (("dubbo", rpc_manager("dubbo")), ("bolt", rpc_manager("bolt", protocols=["BOLT"])), ("tcp", tcp)):
            self.service.bootstrap["static_resources"]["listeners"].append(
                {"name": kind, "address": address(self.ports[kind]), "filter_chains": [{"filters": [manager]}]})
        self.service.write()

    def __enter__(self):
        self.service.__enter__()
        return self

    def __exit__(self, *failure):
        try:
            self.service.__exit__(*failure)
        finally:
            for p in self.providers.values():
                p.stop()


class _Clients:
    """One long connection of each protocol."""

    def __init__(self, ports):
        self.http = http.client.HTTPConnection("127.0.0.1", ports["http"], timeout=SOON)
        self.http.connect()
        self.http.auto_open = 0  # no reconnect
        self.dubbo = dubbo_peer.Consumer(ports["dubbo"], timeout=SOON)
        self.bolt, self.tcp = (socket.create_connection(("127.0.0.1", ports[kind]), SOON) for kind in ("bolt", "tcp"))
        self.asked = dict.fromkeys(KINDS, 0)

    def ask(self, kind):
        """One exchange on the connection that has been there from the start, which stays open."""
        self.asked[kind] += 1
        getattr(self, "ask_" + kind)()

    def ask_http(self):
        self.http.request("GET", "/size/10")
        answer = self.http.getresponse()
        assert (answer.status, answer.read()) == (200, b"x" * 10)
        assert not answer.will_close

    def ask_dubbo(self):
        self.dubbo.ask()

    def ask_bolt(self):
        self.call_bolt()
        assert bolt_peer.answer(self.bolt) == (self.asked["bolt"], 0)

    def call_bolt(self):
        self.bolt.sendall(bolt_peer.request(self.asked["bolt"], 1, [("sofa_head_target_service", "x.Y:1.0"), ("sofa_head_method_name", "hello")], timeout_ms=60000))

    def ask_tcp(self):
        text = os.urandom(100)
        self.tcp.sendall(text)
        echo = b""
        while len(echo) < len(text):
            more = self.tcp.recv(200)
            assert more, "the connection has ended"
            echo += more
        assert echo == text

    def close(self):
        self.http.close()
        for sock in (self.dubbo.sock, self.bolt, self.tcp):
            sock.close()


def idle_connections_live_on():
    """Upgrade after upgrade, with other numbers of workers: the same four connections, and the same one behind the TCP pair."""
    with _World("live-idle") as w:
        clients = _Clients(w.ports)
        for workers in (1, 3, 2, 2):
            for kind in KINDS:
                clients.ask(kind)
            w.service.upgrade("--concurrency", str(workers))
        for kind in KINDS:
            clients.ask(kind)
        assert len(w.providers["tcp"].conns) == 1
        assert w.providers["dubbo"].count == w.providers["bolt"].count == 5
        for kind in KINDS:
            listener = f"listener.127.0.0.1_{w.ports[kind]}."
            w.service.wait_for(listener + "downstream_cx_active", 1)
            assert w.service.stat(listener + "downstream_cx_total") == 1  # of the service, not of each process
        clients.close()
        for kind in KINDS:
            w.service.wait_for(f"listener.127.0.0.1_{w.ports[kind]}.downstream_cx_active", 0)


def half_a_message_lives_on():
    """What was read of a request when the process changes is read again by the next, byte by byte."""
    with _World("live-half") as w:
        conn = socket.create_connection(("127.0.0.1", w.ports["http"]), SOON)
        conn.sendall(b"GET /size/3 HTTP/1.1\r\nho")
        call = dubbo_peer.wire.call(7, interface=dubbo_peer.SERVICE, method="hello")
        consumer = dubbo_peer.Consumer(w.ports["dubbo"], timeout=SOON)
        consumer.sock.sendall(call[:21])
        time.sleep(0.1)
        w.service.upgrade()
        conn.sendall(b"st: a\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\nxxx"):
            more = conn.recv(4096)
            assert more, answer
            answer += more
        consumer.sock.sendall(call[21:])
        assert consumer.read().id == 7
        conn.close()
        consumer.sock.close()


class _Load:
    """Exchanges all the time on connections that never change, and a stream each way that is compared."""

    def __init__(self, ports, count=3):
        self.stops, self.errors, self.sets = False, [], [_Clients(ports) for _ in range(count)]
        self.threads = [threading.Thread(target=self.run, args=(c, kind)) for c in self.sets for kind in ("http", "dubbo", "bolt")]
        self.threads += [threading.Thread(target=self.stream, args=(c.tcp,)) for c in self.sets]
        for t in self.threads:
            t.start()

    def run(self, clients, kind):
        try:
            while not self.stops:
                clients.ask(kind)
        except Exception as e:
            self.errors.append(f"{kind}: {e!r}")

    def stream(self, sock):
        """Bytes go up while their echo comes down."""
        sent, seen, chance = hashlib.sha256(), hashlib.sha256(), random.Random(3)
        total = [0]

        def send():
            try:
                while not self.stops:
                    data = chance.randbytes(chance.randrange(1, 40000))
                    sent.update(data)
                    sock.sendall(data)
                    total[0] += len(data)
                    time.sleep(0.002)
                sock.shutdown(socket.SHUT_WR)
            except OSError as e:
                self.errors.append(f"tcp: {e!r}")
        sender = threading.Thread(target=send)
        sender.start()
        try:
            while data := sock.recv(1 << 16):
                seen.update(data)
        except OSError as e:
            self.errors.append(f"tcp: {e!r}")
        sender.join()
        if sent.digest() != seen.digest() or not total[0]:
            self.errors.append(f"tcp: of {total[0]} bytes others came back")

    def stop(self):
        self.stops = True
        for t in self.threads:
            t.join()
        for c in self.sets:
            c.close()
        assert not self.errors, (len(self.errors), self.errors[:5])


def busy_connections_live_on():
    """Under load: no error, no reconnect, no call twice, no byte lost or changed."""
    with _World("live-load") as w:
        load = _Load(w.ports)
        try:
            for workers in (4, 1, 3, 2, 2):
                time.sleep(0.2)
                w.service.upgrade("--concurrency", str(workers))
            time.sleep(0.2)
        finally:
            load.stop()
        for kind in ("dubbo", "bolt"):
            assert w.providers[kind].count == sum(c.asked[kind] for c in load.sets), kind
        assert len(w.providers["tcp"].conns) == len(load.sets)


def _is_held_by(sock, pid):
    """Whether the process has the other end of this client's connection."""
    ends = f":{sock.getpeername()[1]:04X}", f":{sock.getsockname()[1]:04X}"
    for line in open("/proc/net/tcp"):
        fields = line.split()
        if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
            break
    else:
        return False
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{fd}") == f"socket:[{fields[9]}]":
                return True
        except FileNotFoundError:
            pass  # closed meanwhile
    return False


def _replace_beside(w, *moved):
    """A successor that serves already, and has these clients' connections, while the process before still has something to do."""
    epoch, end = w.service.state()["epoch"], time.monotonic() + SOON
    successor = w.service.start_another()
    w.service.wait_for_state(lambda s: s["epoch"] == epoch + 1 and s["state"] == "SERVING")
    for sock in moved:
        while _is_held_by(sock, w.service.proc.pid) or not _is_held_by(sock, successor.pid):
            assert time.monotonic() < end, w.service.words()
            time.sleep(0.01)
    assert w.service.proc.poll() is None
    return successor


def slow_calls_are_answered_through_the_relay():
    """The connection is the successor's while its calls are still under way in the process before: their answers come, and new calls go, by the same socket."""
    with _World("live-slow", hold=True) as w:
        clients = _Clients(w.ports)
        slow = [clients.dubbo.call() for _ in range(3)]
        clients.asked["bolt"] = 1
        clients.call_bolt()
        dubbo_calls, bolt_call = w.providers["dubbo"].take(3), w.providers["bolt"].held.get(timeout=SOON)
        successor = _replace_beside(w, clients.dubbo.sock, clients.bolt)
        newer = clients.dubbo.call()
        (sock, frame), = w.providers["dubbo"].take(1)
        assert sock is not dubbo_calls[0][0]  # another process's
        w.providers["dubbo"].answer(sock, frame)
        assert clients.dubbo.read().id == newer
        for (sock, frame), rid in zip(dubbo_calls, slow):
            w.providers["dubbo"].answer(sock, frame)
            answer = clients.dubbo.read()
            assert (answer.id, answer.status) == (rid, 20), answer
        bolt_call[0].sendall(bolt_peer.response(bolt_call[1]))
        assert bolt_peer.answer(clients.bolt) == (1, 0)
        w.service.wait_until_replaced(successor)
        assert w.providers["dubbo"].count == 4 and w.providers["bolt"].count == 1
        clients.close()


def calls_of_a_process_that_is_killed_are_answered_as_lost():
    """kill -9 of the one before while it owes answers: each caller hears at once, and its connection goes on."""
    with _World("live-lost", hold=True) as w:
        clients = _Clients(w.ports)
        slow = clients.dubbo.call()
        clients.asked["bolt"] = 1
        clients.call_bolt()
        w.providers["dubbo"].take(1)
        w.providers["bolt"].held.get(timeout=SOON)
        successor = _replace_beside(w, clients.dubbo.sock, clients.bolt)
        newer = clients.dubbo.call()
        (sock, frame), = w.providers["dubbo"].take(1)
        w.service.proc.kill()
        lost = clients.dubbo.read()
        assert lost.id == slow and lost.status != 20, lost
        rid, status = bolt_peer.answer(clients.bolt)
        assert rid == 1 and status, status
        w.providers["dubbo"].answer(sock, frame)
        assert clients.dubbo.read().id == newer
        w.service.proc.wait()
        w.service.proc = successor
        w.service.others.remove(successor)
        w.service.wait_for_state(lambda s: s["state"] == "SERVING" and not s["predecessor_is_there"])
        clients.close()


def a_caller_that_leaves_is_forgotten_by_both():
    """Its client goes while its call is under way in the process before: nobody waits for that answer."""
    with _World("live-gone", hold=True) as w:
        clients = _Clients(w.ports)
        clients.dubbo.call()
        w.providers["dubbo"].take(1)
        successor = _replace_beside(w, clients.dubbo.sock)
        clients.dubbo.call()
        w.providers["dubbo"].take(1)
        clients.close()
        w.service.wait_until_replaced(successor)


def _played(w, connections):
    """A successor played by the check that is LIVE, and the ids of what it was given."""
    p = peer.dial(w.service.path)
    p.say(peer.HELLO, peer.hello())
    p.hear_until(peer.OFFERED)
    p.say(peer.READY)
    p.hear_until(peer.GO)
    p.say(peer.LIVE)
    p.hear_until(peer.YIELD)
    return p, p.hear_connections(connections)


def what_a_successor_does_not_adopt_is_finished_where_it_was():
    """It dies, refuses each of them, says nonsense, or nothing for longer than anybody gives: calls under way are answered, and connections serve on."""
    for how in ("dies", "refuses", "speaks nonsense", "is silent, then dies"):
        with _World("live-unadopted", hold=True) as w:
            clients = _Clients(w.ports)
            slow = clients.dubbo.call()
            (sock, frame), = w.providers["dubbo"].take(1)
            clients.asked["bolt"] = 1
            clients.call_bolt()
            bolt_sock, bolt_id = w.providers["bolt"].held.get(timeout=SOON)
            clients.ask_http()
            clients.ask_tcp()
            p, ids = _played(w, 4)
            w.providers["dubbo"].answer(sock, frame)  # while nobody has its caller
            if how == "refuses":
                for id_ in ids:
                    p.say(peer.CONNECTION_WORD, peer.word(peer.REFUSED, id_))
            elif how == "speaks nonsense":
                p.say(peer.CONNECTION_WORD, peer.word(peer.ADOPTED, 4711))
            else:
                if how == "is silent, then dies":
                    time.sleep(6)
                p.close()
            seen = clients.dubbo.read()
            while seen.event:  # READONLY: it is drained
                seen = clients.dubbo.read()
            assert (seen.id, seen.status) == (slow, 20), (how, seen)
            bolt_sock.sendall(bolt_peer.response(bolt_id))
            assert bolt_peer.answer(clients.bolt) == (1, 0), how
            clients.http.request("GET", "/size/10")
            answer = clients.http.getresponse()
            assert (answer.status, answer.read()) == (200, b"x" * 10), how
            clients.ask_tcp()
            assert (w.providers["dubbo"].count, w.providers["bolt"].count, len(w.providers["tcp"].conns)) == (1, 1, 1)
            clients.close()
            w.service.ended = True
            assert w.service.proc.wait(SOON) == 0, w.service.words()
            p.close()


def what_a_successor_has_adopted_ends_with_it():
    """It dies then: nobody else may write there. What it hadn't adopted goes on."""
    with _World("live-adopted", hold=True) as w:
        clients = _Clients(w.ports)
        clients.dubbo.call()
        w.providers["dubbo"].take(1)
        clients.ask_http()
        clients.ask_tcp()
        second = _Clients(w.ports)
        second.ask_tcp()
        p, ids = _played(w, 8)
        for id_ in ids:
            p.say(peer.CONNECTION_WORD, peer.word(peer.ADOPTED, id_))
        p.close()
        for sock in (clients.http.sock, clients.dubbo.sock, clients.bolt, clients.tcp, second.tcp):
            sock.settimeout(SOON)
            try:
                assert sock.recv(1) == b""
            except ConnectionResetError:
                pass
        w.service.ended = True
        assert w.service.proc.wait(SOON) == 0, w.service.words()
        clients.close()
        second.close()


def answers_reach_a_successor_as_whole_frames():
    """Over the channel, once it has said that it has the connection and not before; then that nothing is left."""
    with _World("live-relay", hold=True) as w:
        consumer = dubbo_peer.Consumer(w.ports["dubbo"], timeout=SOON)
        consumer.call()
        (sock, frame), = w.providers["dubbo"].take(1)
        p, ids = _played(w, 1)
        w.providers["dubbo"].answer(sock, frame, "the answer")
        time.sleep(0.2)
        p.say(peer.CONNECTION_WORD, peer.word(peer.ADOPTED, ids[0]))
        heard = [h for h in p.hear_until(peer.ANSWER) if h[0] != peer.SECTION]
        assert len(heard) == 1 and b"the answer" in heard[0][1], heard
        heard = [h for h in p.hear_until(peer.CONNECTION_WORD) if h[0] != peer.SECTION]
        assert heard == [(peer.CONNECTION_WORD, peer.word(peer.SETTLED, ids[0]))], heard
        w.service.ended = True
        assert w.service.proc.wait(SOON) == 0, w.service.words()
        p.close()
        consumer.sock.close()


def a_listener_that_the_successor_lacks_keeps_its_connections():
    """They are finished by the process that has them; the others go."""
    with _World("live-lacking") as w:
        clients = _Clients(w.ports)
        for kind in KINDS:
            clients.ask(kind)
        kept = w.service.bootstrap["static_resources"]["listeners"]
        w.service.bootstrap["static_resources"]["listeners"] = [x for x in kept if x["name"] != "tcp"]
        w.service.write()
        successor = _replace_beside(w, clients.http.sock, clients.dubbo.sock, clients.bolt)
        for kind in KINDS:
            clients.ask(kind)
        assert w.service.proc.poll() is None  # for the pair's sake
        clients.tcp.close()
        w.service.wait_until_replaced(successor)
        for kind in ("http", "dubbo", "bolt"):
            clients.ask(kind)
        clients.close()


def one_that_is_told_to_end_while_it_gives_finishes_what_it_has():
    """SIGTERM, while it waits for an exchange to end: that ends, and no other connection suffers."""
    with _World("live-told") as w:
        clients, slow = _Clients(w.ports), http.client.HTTPConnection("127.0.0.1", w.ports["http"], timeout=SOON)
        slow.request("GET", "/delay/4000")
        while not w.providers["http"].conns:
            time.sleep(0.01)
        successor = _replace_beside(w, *(getattr(c, "sock", c) for c in (clients.http, clients.dubbo, clients.bolt, clients.tcp)))
        w.service.proc.terminate()
        for kind in KINDS:
            clients.ask(kind)
        assert slow.getresponse().status == 200
        w.service.wait_until_replaced(successor)
        for kind in KINDS:
            clients.ask(kind)
        clients.close()


def either_can_be_killed_while_connections_move():
    """kill -9 at any moment after LIVE: the other one serves what it has; nobody's call is answered twice."""
    chance = random.Random(11)
    for victim in ("old", "new") * 4:
        with _World("live-killed") as w:
            sets = [_Clients(w.ports) for _ in range(6)]
            for c in sets:
                for kind in KINDS:
                    c.ask(kind)
            old, new = w.service.proc, w.service.start_another()
            while w.service.pid_file.read_text().strip() != str(new.pid) and new.poll() is None:
                time.sleep(0.001)
            time.sleep(chance.random() ** 3 * 0.03)  # most of it is over after a few ms
            (old if victim == "old" else new).kill()
            for c in sets:
                for kind in KINDS:
                    try:
                        c.ask(kind)
                    except TimeoutError:
                        raise AssertionError(f"{victim} was killed, and nobody has the connection of {kind}") from None
                    except (OSError, AssertionError, http.client.HTTPException):
                        pass  # its process was killed, or it is drained
            for kind in ("dubbo", "bolt"):
                assert w.providers[kind].count <= sum(c.asked[kind] for c in sets)
            if victim == "old":
                old.wait()
                w.service.proc = new
                w.service.others.remove(new)
                w.service.wait_for_state(lambda s: s["state"] == "SERVING" and not s["predecessor_is_there"])
                assert w.service.http("GET", "/size/1").status == 200
            else:
                new.wait()
                w.service.ended = True
            for c in sets:
                c.close()

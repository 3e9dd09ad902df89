"""A control plane for tests: serves resources over ADS (state of the world, delta), and misbehaves on request.

Written on gRPC's generic handlers and on the messages of xds/proto, compiled for Python into build/test. Everything a client says is an
Event, in order; wait() blocks until one matches. What is answered by itself: what is subscribed, whenever it is asked for or set().
Everything else is injected: send() sends any response on the streams as they are.
"""
import concurrent.futures
import dataclasses
import itertools
import queue
import subprocess
import sys
import threading
import time

import places

try:
    import grpc
except ImportError:
    grpc = None

TYPES = {"cluster": "envoy.config.cluster.v3.Cluster", "endpoints": "envoy.config.endpoint.v3.ClusterLoadAssignment",
         "listener": "envoy.config.listener.v3.Listener", "routes": "envoy.config.route.v3.RouteConfiguration",
         "secret": "envoy.extensions.transport_sockets.tls.v3.Secret", "extension": "envoy.config.core.v3.TypedExtensionConfig"}
URL = "type.googleapis.com/"


def messages():
    """The Python modules of xds/proto: (discovery_pb2, json_format)."""
    if not grpc:
        raise places.Missing("python3-grpcio is not installed: tools/install_deps --test")
    out = places.scratch("python-protos")
    root = places.ROOT / "xds" / "proto"
    protos = [p for p in root.rglob("*.proto") if "google/protobuf" not in str(p)]
    built = out / "built"
    if not built.exists() or any(p.stat().st_mtime > built.stat().st_mtime for p in protos):
        subprocess.run([places.program("protoc"), f"-I{root}", f"--python_out={out}", *(str(p.relative_to(root)) for p in protos)], cwd=root, check=True)
        built.touch()
    if str(out) not in sys.path:
        import google
        sys.path.insert(0, str(out))
        google.__path__.append(str(out / "google"))
        import importlib
        for p in sorted(out.rglob("*_pb2.py")):
            importlib.import_module(".".join(p.relative_to(out).with_suffix("").parts))
    from envoy.service.discovery.v3 import discovery_pb2
    from google.protobuf import json_format
    return discovery_pb2, json_format


@dataclasses.dataclass
class Event:
    kind: str  # open, close, request (first of a type on its stream, or names changed), ack, nack
    stream: int
    type: str = ""  # a key of TYPES
    names: tuple = ()
    version: str = ""
    nonce: str = ""
    error: str = ""
    initial_versions: dict = dataclasses.field(default_factory=dict)
    unsubscribed: tuple = ()


class Stream:
    def __init__(self, number, delta):
        self.number, self.delta, self.out = number, delta, queue.Queue()
        self.names, self.sent, self.nonces = {}, {}, {}  # by type: subscribed names (None: all), {name: version}, last nonce


class ControlPlane:
    """with ControlPlane(delta=True) as plane: plane.port, plane.set("cluster", {...}), plane.wait(kind="ack", type="cluster")"""

    def __init__(self, delta=False):
        self.delta = delta
        self.discovery, self.json = messages()
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.events, self.streams, self.resources = [], [], {t: {} for t in TYPES}
        self.held, self.numbers, self.version = set(), itertools.count(1), 0
        self.server = None

    # --- the server ---------------------------------------------------------------------------------------------------

    def __enter__(self):
        self.start(0)
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, port=None):
        """Listens (again, on the same port, without an argument)."""
        service = "envoy.service.discovery.v3.AggregatedDiscoveryService"

        def handler(delta):
            return grpc.stream_stream_rpc_method_handler(lambda requests, context: self.serve(requests, context, delta))
        handlers = {"StreamAggregatedResources": handler(False), "DeltaAggregatedResources": handler(True)}
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        self.server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
        self.port = self.server.add_insecure_port(f"127.0.0.1:{self.port if port is None else port}")
        self.server.start()

    def stop(self):
        for stream in list(self.streams):
            stream.out.put(None)
        self.server.stop(0).wait()

    def drop_streams(self):
        with self.lock:
            for stream in list(self.streams):
                stream.out.put(None)

    def serve(self, requests, context, delta):
        stream = Stream(next(self.numbers), delta)
        with self.lock:
            self.streams.append(stream)
            self.note(Event("open", stream.number))
        threading.Thread(target=self.read, args=(stream, requests), daemon=True).start()
        try:
            while (response := stream.out.get()) is not None:
                yield response.SerializeToString()
        finally:
            with self.lock:
                if stream in self.streams:
                    self.streams.remove(stream)
                self.note(Event("close", stream.number))

    def read(self, stream, requests):
        kind = self.discovery.DeltaDiscoveryRequest if stream.delta else self.discovery.DiscoveryRequest
        try:
            for data in requests:
                with self.lock:
                    (self.on_delta if stream.delta else self.on_request)(stream, kind.FromString(data))
        except grpc.RpcError:
            pass
        stream.out.put(None)

    def type_of(self, url):
        return next((t for t, name in TYPES.items() if URL + name == url), url)

    def note(self, event):
        self.events.append(event)
        self.changed.notify_all()

    # --- state of the world -------------------------------------------------------------------------------------------

    def on_request(self, stream, r):
        t, names = self.type_of(r.type_url), tuple(r.resource_names)
        answered = bool(r.response_nonce) and r.response_nonce == stream.nonces.get(t)
        kind = "request" if not r.response_nonce else "nack" if r.HasField("error_detail") else "ack"
        self.note(Event(kind, stream.number, t, names, r.version_info, r.response_nonce, r.error_detail.message))
        before = stream.names.get(t)
        stream.names[t] = names
        if not r.response_nonce or (answered and before != names):
            self.answer(stream, t)

    def answer(self, stream, t):
        """What the stream subscribes to of the type, unless it is held back or there is nothing."""
        names = stream.names.get(t)
        chosen = {n: m for n, m in self.resources.get(t, {}).items() if not names or n in names or "*" in names}
        if t in self.held or (not chosen and t not in ("cluster", "listener")):
            return
        self.respond(stream, t, list(chosen.values()), str(self.version))

    def respond(self, stream, t, anys, version, nonce=None):
        stream.nonces[t] = nonce if nonce is not None else f"n{stream.number}-{next(self.numbers)}"
        stream.out.put(self.discovery.DiscoveryResponse(version_info=version, resources=anys, type_url=URL + TYPES.get(t, t), nonce=stream.nonces[t]))
        return stream.nonces[t]

    # --- delta --------------------------------------------------------------------------------------------------------

    def on_delta(self, stream, r):
        t = self.type_of(r.type_url)
        first = t not in stream.names
        kind = "request" if not r.response_nonce else "nack" if r.HasField("error_detail") else "ack"
        self.note(Event(kind, stream.number, t, tuple(r.resource_names_subscribe), "", r.response_nonce, r.error_detail.message,
                        dict(r.initial_resource_versions), tuple(r.resource_names_unsubscribe)))
        names = stream.names.setdefault(t, set())
        if first:
            stream.sent[t] = dict(r.initial_resource_versions)
            if not r.resource_names_subscribe and t in ("cluster", "listener"):
                names.add("*")
        names.update(r.resource_names_subscribe)
        names.difference_update(r.resource_names_unsubscribe)
        for n in r.resource_names_subscribe:
            if not (first and n in r.initial_resource_versions):
                stream.sent[t].pop(n, None)
        if first or r.resource_names_subscribe:
            self.answer_delta(stream, t, r.resource_names_subscribe)

    def answer_delta(self, stream, t, asked=()):
        if t in self.held:
            return
        names, sent = stream.names.get(t, set()), stream.sent.setdefault(t, {})
        mine = {n: m for n, m in self.resources.get(t, {}).items() if n in names or "*" in names}
        news = {n: m for n, m in mine.items() if sent.get(n) != self.version_of(m)}
        gone = [n for n in sent if n not in mine] + [n for n in asked if n != "*" and n not in mine and n not in sent]
        if news or gone or (asked and not sent):
            self.respond_delta(stream, t, news, gone)

    def respond_delta(self, stream, t, news, gone, nonce=None):
        """news: {name: Any} or a list of pairs."""
        pairs = list(news.items()) if isinstance(news, dict) else news
        stream.nonces[t] = nonce if nonce is not None else f"n{stream.number}-{next(self.numbers)}"
        stream.out.put(self.discovery.DeltaDiscoveryResponse(
            system_version_info=str(self.version), type_url=URL + TYPES.get(t, t), nonce=stream.nonces[t], removed_resources=gone,
            resources=[self.discovery.Resource(name=n, version=self.version_of(m), resource=m) for n, m in pairs]))
        sent = stream.sent.setdefault(t, {})
        sent.update({n: self.version_of(m) for n, m in pairs})
        for n in gone:
            sent.pop(n, None)
        return stream.nonces[t]

    @staticmethod
    def version_of(any_message):
        import hashlib
        return hashlib.sha256(any_message.value).hexdigest()[:12]

    # --- what tests do ------------------------------------------------------------------------------------------------

    def pack(self, t, resource):
        """Any of a resource written as JSON."""
        from google.protobuf import any_pb2, symbol_database
        message = symbol_database.Default().GetPrototype(symbol_database.Default().pool.FindMessageTypeByName(TYPES[t]))()
        self.json.ParseDict(resource, message)
        packed = any_pb2.Any()
        packed.Pack(message, deterministic=True)
        return packed

    @staticmethod
    def name_of(resource):
        return resource.get("name") or resource["cluster_name"]

    def put(self, t, *resources):
        """Sets them without telling anybody."""
        with self.lock:
            self.version += 1
            for r in resources:
                self.resources[t][self.name_of(r)] = self.pack(t, r)

    def set(self, t, *resources):
        """Adds or changes them, and tells who subscribes."""
        with self.lock:
            self.put(t, *resources)
            self.push(t)

    def remove(self, t, *names):
        with self.lock:
            self.version += 1
            for n in names:
                self.resources[t].pop(n)
            self.push(t)

    def push(self, t):
        with self.lock:
            for stream in self.streams:
                if t in stream.names:
                    (self.answer_delta if stream.delta else self.answer)(stream, t)

    def hold(self, t):
        """No answer for the type until release()."""
        with self.lock:
            self.held.add(t)

    def release(self, t):
        with self.lock:
            self.held.discard(t)
            self.push(t)

    def send(self, t, resources, removed=(), nonce=None, version="injected"):
        """On every stream a response with these: (name, JSON or Any) pairs. Nothing is remembered as served. Returns the last nonce."""
        with self.lock:
            pairs = [(n, r if hasattr(r, "type_url") else self.pack(t, r)) for n, r in resources]
            for stream in self.streams:
                said = self.respond_delta(stream, t, pairs, list(removed), nonce) if stream.delta else \
                    self.respond(stream, t, [m for _, m in pairs], version, nonce)
            return said

    def mark(self):
        """For `since`: only what comes after counts."""
        with self.lock:
            return len(self.events)

    def wait(self, since=0, seconds=10, **want):
        """The first event whose fields have these values."""
        end = time.monotonic() + seconds
        with self.lock:
            while True:
                for e in self.events[since:]:
                    if all(getattr(e, k) == v for k, v in want.items()):
                        return e
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {want} in {seconds} s; seen: {self.events[since:][-12:]}")
                self.changed.wait(left)

    def none_of(self, since, seconds, **want):
        """That no such event comes for a while."""
        try:
            e = self.wait(since, seconds, **want)
        except AssertionError:
            return
        raise AssertionError(f"unexpected: {e}")

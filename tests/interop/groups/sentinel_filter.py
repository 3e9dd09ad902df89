"""The resources that calls of real consumers have, held against the methods as Java's own tools name them."""
import json
import re
import subprocess

import places
import sofa_peers
from gateway import TYPE, Gateway, cluster, rpc_manager
from java_peers import SERVICE, build, consumer, shared

SENTINEL = "type.googleapis.com/outrigger.filters.sentinel.v1.Sentinel"
FILTERS = [{"name": "sentinel", "typed_config": {"@type": SENTINEL, "application": "demo"}},
           {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}]
PRIMITIVES = {"boolean": "Z", "byte": "B", "char": "C", "double": "D", "float": "F", "int": "I", "long": "J", "short": "S"}


def _get_name(written):
    """Class.getName() of a type as javap writes it: without type arguments, arrays as descriptors."""
    depth = written.count("[]")
    name = re.sub(r"<.*>", "", written.replace("[]", ""))
    if not depth:
        return name
    return "[" * depth + PRIMITIVES.get(name, f"L{name};")


def _split(arguments):
    """At the commas that aren't within type arguments."""
    parts, depth = [""], 0
    for c in arguments:
        depth += (c == "<") - (c == ">")
        if c == "," and not depth:
            parts.append("")
        else:
            parts[-1] += c
    return [p.strip() for p in parts if p.strip()]


def _methods(module, mark=":"):
    classes = places.ROOT / f"build/java/peers-{module}"
    path = f"{classes}/classes:" + ":".join(map(str, classes.glob("lib/*.jar")))
    text = subprocess.run(["javap", "-cp", path, SERVICE], capture_output=True, text=True, timeout=60, check=True).stdout
    found = re.findall(r"(\w+)\((.*)\)(?: throws .*)?;", text)
    return {f"{SERVICE}{mark}{name}({','.join(map(_get_name, _split(arguments)))})" for name, arguments in found}


def _judge(g, methods):
    """What the page says of each resource, once the consumer is through."""
    shop, = json.loads(g.get("/sentinel"))["applications"]
    seen = {r["name"]: r for r in shop["resources"]}
    interface = seen.pop(SERVICE)
    assert interface["minute_pass"] == sum(r["minute_pass"] for r in seen.values()) > 10, "each call is one of its interface, too"
    assert not set(seen) - methods, set(seen) - methods
    assert len(seen) >= 10 and all(r["threads"] == 0 for r in seen.values()), list(seen)
    failing = sorted(re.search(r"\w+\(", n)[0] for n, r in seen.items() if r["minute_exception"])
    assert failing == ["fail("], failing
    return f"{len(seen)} methods"


def _resources_are_methods(module):
    build()
    provider, = shared("a", module=module)
    with Gateway(f"interop-sentinel-{module}", rpc_manager("up", http_filters=FILTERS), [cluster("up", provider.port)]) as g:
        passed, failed, out = consumer(g.port, "--method", "all", "--count", "1", "--timeout", "20000", module=module)
        assert passed and not failed, out[-800:]
        return _judge(g, _methods(module))


def resources_are_methods_3():
    return _resources_are_methods("dubbo3")


def resources_are_methods_2_7():
    return _resources_are_methods("dubbo27")


def resources_are_methods_of_sofa():
    """Its types are in the SofaRequest, its callers' name in the header map."""
    build()
    provider, = sofa_peers.shared("a")
    with Gateway("interop-sentinel-sofa", sofa_peers.manager(filters=[{"name": "sentinel", "config": FILTERS[0]["typed_config"]}]), [cluster("up", provider.port)]) as g:
        passed, failed, out = sofa_peers.consumer(g.port, "--count", "1")
        assert passed and not failed, out[-800:]
        return _judge(g, _methods("sofa", "#"))

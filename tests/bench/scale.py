"""Memory for each idle connection, and proxies with many clusters and endpoints from files."""
import json
import os
import subprocess
import time
import urllib.request

import harness as H
from adapters import ADAPTERS, ENVOY_HCM, ENVOY_HEAD, ENVOY_CLUSTER

IDLE = int(os.environ.get("BENCH_IDLE", "9500"))  # a relay needs two sockets each, under a hard limit of 20,000


def settle(proxy, secs=1.0):
    time.sleep(secs)
    return H.memory(proxy.pids())


def exp_idle(args):
    out = {}
    o_port = H.port()
    o = H.Process([H.BIN / "origin", o_port, 100], H.LOAD_CPU, o_port)
    root = H.WORK / "htdocs"
    root.mkdir(exist_ok=True)
    (root / "index.html").write_text("x" * 100)
    h2_port = H.port()
    o2 = H.Process(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", root, h2_port], H.LOAD_CPU, h2_port)
    for name in args.proxies or ["relay", "nginx", "haproxy", "envoy", "nghttpx", "outrigger"]:
        for proto in getattr(args, "protocols", ("h1", "h2")):
            scenario = "h1" if "h1" in ADAPTERS[name]["conf"] else "h2"  # h1 listeners of Envoy and HAProxy detect h2
            if (proto == "h2" and name in ("relay", "nginx", "outrigger")) or (proto == "h1" and scenario == "h2"):
                continue
            p = H.start_proxy(name, scenario, o.port if scenario == "h1" else o2.port)
            before = settle(p)
            load = subprocess.Popen([str(x) for x in [H.BIN / "httpgen", "-p", p.port, "-I", IDLE]]
                                    + (["-2"] if proto == "h2" else []),
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            said = load.stdout.readline().strip()
            opened = int(said.split()[1])
            held = settle(p, 2)
            load.stdin.close()
            load.wait()
            after = settle(p, 3)
            p.stop()
            out[f"{name} {proto}"] = {"start": before, "held": held, "after_close": after, "connections": opened,
                                      "bytes_per_conn": round((held["rss_kb"] - before["rss_kb"]) * 1024 / max(opened, 1)), "said": said}
            print(name, proto, out[f"{name} {proto}"], flush=True)
    o.stop()
    o2.stop()
    return out


XDS = """
node: {id: bench, cluster: bench}
dynamic_resources:
  cds_config: {path_config_source: {path: "@DIR@/cds.json"}, resource_api_version: V3}
"""
TYPE = "type.googleapis.com/envoy.config."


def lb_endpoint(c, i, port=8080):
    return {"endpoint": {"address": {"socket_address": {"address": f"10.{c % 256}.{i // 250}.{i % 250 + 1}", "port_value": port}}},
            "metadata": {"filter_metadata": {"envoy.lb": {"version": f"v{i % 3}", "zone": f"z{i % 4}"},
                                             "istio": {"workload": f"app-{c};ns-{c % 20};app-{c};v{i % 3};Kubernetes"}}}}


def inline_clusters(d, n, changed=0):
    res = [{"@type": TYPE + "cluster.v3.Cluster", "name": f"outbound|8080||svc-{i}.ns-{i % 100}.svc.cluster.local", "type": "STATIC",
            "connect_timeout": "1s", "load_assignment": {
                "cluster_name": f"outbound|8080||svc-{i}.ns-{i % 100}.svc.cluster.local",
                "endpoints": [{"lb_endpoints": [lb_endpoint(i // 250, i % 250, 9000 + changed if i == 0 else 8080)]}]}} for i in range(n)]
    replace(d / "cds.json", {"version_info": str(changed), "resources": res})


def eds_clusters(d, n, endpoints):
    res = [{"@type": TYPE + "cluster.v3.Cluster", "name": f"c{i}", "type": "EDS", "connect_timeout": "1s",
            "eds_cluster_config": {"eds_config": {"path_config_source": {"path": str(d / f"eds{i}.json")},
                                                  "resource_api_version": "V3"}}} for i in range(n)]
    for i in range(n):
        eds_file(d, i, endpoints)
    replace(d / "cds.json", {"version_info": "1", "resources": res})


def eds_file(d, c, endpoints, changed=0):
    eps = [lb_endpoint(c, i) for i in range(endpoints)]
    eps[0] = lb_endpoint(c, 0, 8080 + changed)
    replace(d / f"eds{c}.json", {"version_info": str(changed), "resources": [
        {"@type": TYPE + "endpoint.v3.ClusterLoadAssignment", "cluster_name": f"c{c}", "endpoints": [{"lb_endpoints": eps}]}]})


def replace(path, data):
    tmp = path.with_suffix(".tmp")
    tmp.write_text(json.dumps(data, separators=(",", ":")))
    tmp.rename(path)


def stats(p, pattern):
    url = f"http://127.0.0.1:{p.admin}/stats?filter={pattern}"
    text = urllib.request.urlopen(url, timeout=60).read().decode()
    return dict(line.rsplit(": ", 1) for line in text.splitlines() if ": " in line)


def read_samples(path):
    lines = path.read_text().splitlines()
    start = int(lines[0][2:])
    return start, [tuple(map(int, x.split()[:3])) for x in lines[1:] if x]


def buckets(samples, width_us=100_000):
    """Worst and p99 of the 100 ms buckets' own p99 and max."""
    by = {}
    for due, lat, code in samples:
        if code == 0:
            by.setdefault(due // width_us, []).append(lat)
    p99 = sorted(sorted(v)[int(len(v) * .99)] for v in by.values())
    mx = sorted(max(v) for v in by.values())
    lat = sorted(x for v in by.values() for x in v)
    return {"n": len(lat), "p50_us": lat[len(lat) // 2], "p99_us": lat[int(len(lat) * .99)], "max_us": lat[-1],
            "bucket_p99_median_us": p99[len(p99) // 2], "bucket_max_median_us": mx[len(mx) // 2],
            "bucket_max_p90_us": mx[int(len(mx) * .9)], "buckets_over_10ms": sum(x > 10_000 for x in mx), "buckets": len(mx)}


def under_load(p, secs, each_second=None):
    """1,000 rps for secs; each_second(k) once a second. CPU of the proxy and the 100 ms buckets."""
    out = H.WORK / "samples.txt"
    pids = p.pids()
    c0 = H.cpu(pids)
    load = subprocess.Popen(H.pinned([H.BIN / "httpgen", "-p", p.port, "-c", 32, "-r", 1000, "-d", secs, "-o", out], H.LOAD_CPU),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    t0, k = time.monotonic(), 0
    while time.monotonic() < t0 + secs:
        if each_second and time.monotonic() > t0 + k + 0.5 and k < secs:
            k += 1
            each_second(k)
        time.sleep(0.02)
    text, _ = load.communicate()
    c1 = H.cpu(pids)
    return {"cpu_ms": round((c1[0] - c0[0]) / 1e6), "errors": json.loads(text.splitlines()[-1])["errors"], "updates": k,
            **buckets(read_samples(out)[1])}


def exp_xds(args):
    out = {}
    for proxy in args.proxies or ["envoy", "outrigger"]:
        out.update({f"{proxy}: {title}": row for title, row in xds_rows(proxy).items()})
    return out


def xds_rows(proxy):
    secs = 20
    out = {}
    o_port = H.port()
    o = H.Process([H.BIN / "origin", o_port, 1000], H.LOAD_CPU, o_port)
    conf = XDS + ENVOY_HEAD + ENVOY_HCM + ENVOY_CLUSTER
    for title, write, change in (
            ("no clusters", lambda d: inline_clusters(d, 0), None),
            ("10,000 clusters x 1 endpoint", lambda d: inline_clusters(d, 10000), lambda d, k: inline_clusters(d, 10000, k)),
            ("100 clusters x 2,000 endpoints", lambda d: eds_clusters(d, 100, 2000), lambda d, k: eds_file(d, 0, 2000, k))):
        d = H.WORK / "xds"
        subprocess.run(["rm", "-rf", d], check=True)
        d.mkdir()
        write(d)
        t0 = time.monotonic()
        p = H.start_proxy(proxy, "h1", o.port, conf=conf.replace("@DIR@", str(d)), wait=400)
        load_s = time.monotonic() - t0 - 0.3
        c = H.cpu(p.pids())
        mem = settle(p, 2)
        st = stats(p, "cluster_manager.active_clusters|cluster.c0.membership_total")
        idle0 = H.cpu(p.pids())
        time.sleep(3)
        idle_cores = (H.cpu(p.pids())[0] - idle0[0]) / 3e9
        row = {**mem, "load_s": round(load_s, 2), "load_cpu_s": round(c[0] / 1e9, 2), "idle_cores": round(idle_cores, 4), **st,
               "files_mb": round(sum(f.stat().st_size for f in d.iterdir()) / 1e6, 1)}
        row["quiet"] = under_load(p, secs)
        if change:
            row["updating"] = under_load(p, secs, lambda k: change(d, k))
            row["update_cpu_ms"] = round((row["updating"]["cpu_ms"] - row["quiet"]["cpu_ms"]) / max(row["updating"]["updates"], 1), 1)
            row["stats_after"] = stats(p, "cluster_manager.cds.update_success|cluster_manager.cluster_modified|cluster_manager.cluster_updated$"
                                          "|cluster.c0.update_success|cluster.c0.membership_change")
            row["after"] = H.memory(p.pids())
        p.stop()
        out[title] = row
        print(proxy, title, json.dumps(row), flush=True)
    o.stop()
    return out


def exp_ready(args):
    """/ready, 500 times a second, while 200,000 endpoints come, are all replaced, and go."""
    from endpoints import watch
    from readiness import BUSY_MS, READY_MS
    out = {}
    for kind, clusters, seconds in (("eds", 1, 60), ("eds", 100, 60), ("cds", 1, 60), ("cds", 100, 60), ("cds", 10000, 60)):
        title = f"{kind}, {clusters:,} clusters x {200000 // clusters:,} endpoints"
        out[title] = watch("ready", H.WORK / "ready", kind, clusters, 200000 // clusters, seconds, (BUSY_MS, READY_MS), builds=("release",))
        print(title, json.dumps(out[title]), flush=True)
    return out

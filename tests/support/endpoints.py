"""Clusters with many endpoints that come, change and go by files, while /ready and calls are watched."""
import json
import os
import re
import shutil
import threading
import time
from pathlib import Path

from gateway import Gateway, http_manager
from readiness import Readiness

API = "type.googleapis.com/envoy.config."
CLUSTERS_A_SECOND = 5000  # so many are looked at: the builder makes the page, between configurations


def _source(path):
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


class Swarm:
    """kind: cds (the endpoints stand in the clusters) or eds. Files are written ahead, and moved into place at once."""

    def __init__(self, folder, kind, clusters, endpoints):
        self.folder, self.kind, self.clusters, self.endpoints = Path(folder), kind, clusters, endpoints
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.cds = self.folder / "cds.json"
        self.version = 0
        for new, path in self.files(0, 0):
            os.rename(new, path)
        if kind == "eds":
            self.write(self.cds, [{"@type": API + "cluster.v3.Cluster", "name": f"c{i}", "type": "EDS", "connect_timeout": "1s",
                                   "eds_cluster_config": {"eds_config": _source(self.folder / f"eds{i}.json")}} for i in range(clusters)]).rename(self.cds)

    def write(self, path, resources):
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"version_info": str(self.version), "resources": resources}, separators=(",", ":")))
        return new

    def assignment(self, c, count, port):
        def endpoint(i):
            n = c * self.endpoints + i
            return {"endpoint": {"address": {"socket_address": {"address": f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", "port_value": port}}},
                    "metadata": {"filter_metadata": {"envoy.lb": {"version": f"v{i % 3}", "zone": f"z{i % 4}"},
                                                     "istio": {"workload": f"app-{c};ns-{c % 20};app-{c};v{i % 3};Kubernetes"}}}}
        return {"cluster_name": f"c{c}", "endpoints": [{"lb_endpoints": [endpoint(i) for i in range(count)]}]}

    def files(self, count, port):
        """(written, its place) of a version in which every cluster has so many endpoints; with none at all CDS has no clusters."""
        if self.kind == "cds":
            some = range(self.clusters if count else 0)
            return [(self.write(self.cds, [{"@type": API + "cluster.v3.Cluster", "name": f"c{c}", "type": "STATIC", "connect_timeout": "1s",
                                            "load_assignment": self.assignment(c, count, port)} for c in some]), self.cds)]
        paths = [self.folder / f"eds{c}.json" for c in range(self.clusters)]
        return [(self.write(path, [{"@type": API + "endpoint.v3.ClusterLoadAssignment", **self.assignment(c, count, port)}]), path) for c, path in enumerate(paths)]

    def is_in_force(self, g):
        if self.kind == "cds":
            said = g.get("/stats?filter=^cluster_manager.(cds.version_text|warming_clusters)")
            return f'"{self.version}"' in said and "warming_clusters: 0" in said
        return len(re.findall(f'"{self.version}"', g.get("/stats?filter=^cluster.c.*version_text"))) == self.clusters

    def swap(self, g, count, port, seconds):
        self.version += 1
        files = self.files(count, port)
        end = time.monotonic() + seconds
        with Readiness(g.admin, g.proc.pid) as r:
            for new, path in files:
                os.rename(new, path)
            while not self.is_in_force(g) and time.monotonic() < end:
                time.sleep(max(0.2, self.clusters / CLUSTERS_A_SECOND))
            assert time.monotonic() < end, f"not in force after {seconds} s: {g.words()}"
            time.sleep(0.5)  # the old version goes
        return r


class _Calls:
    """One after the other, until the end."""

    def __init__(self, g):
        self.g, self.over, self.count, self.failed = g, threading.Event(), 0, 0
        self.thread = threading.Thread(target=self.go)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def go(self):
        while not self.over.wait(0.01):
            self.count += 1
            try:
                self.failed += self.g.http("GET", "/").status != 200
            except OSError:
                self.failed += 1


def watch(name, folder, kind, clusters, endpoints, seconds, limits, builds=()):
    """Rows of Readiness: usual, and while so many endpoints come, are all replaced, and go. Every call must be answered.
    limits: milliseconds that main may be busy at a time, and of /ready's p99."""
    swarm = Swarm(folder, kind, clusters, endpoints)
    manager = http_manager([{"match": {"prefix": "/"}, "direct_response": {"status": 200}}])
    rows = {}
    with Gateway(name, manager, [], builds=builds, bootstrap={"dynamic_resources": {"cds_config": _source(swarm.cds)}}) as g, _Calls(g) as calls:
        with Readiness(g.admin, g.proc.pid) as usual:
            time.sleep(1)
        rows["usual"] = usual.row
        for step, count, port in (("come", endpoints, 8080), ("are others", endpoints, 8081), ("go", 0, 0)):
            r = swarm.swap(g, count, port, seconds)
            rows[step] = {**r.row, "rss_mb": g.memory_kb() // 1024}
            members = sum(int(n) for n in re.findall(r"membership_total: (\d+)", g.get("/stats?filter=membership_total")))
            assert members == count * clusters, (step, members)
            r.check(usual.row, *limits)
    assert calls.count > 20 and not calls.failed, (calls.count, calls.failed)
    return rows

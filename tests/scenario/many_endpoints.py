"""Endpoints by the thousand come, change and go: /ready is answered meanwhile, and so are calls. `tests/bench/bench.py ready` has 200,000."""
import places
from endpoints import watch
from readiness import patiently

ENDPOINTS = 20000
BUSY_MS, READY_MS = 60, 20  # main at a time, under a sanitizer (10 is the rule); /ready's p99


def _watch(name, kind, clusters, ready_ms=READY_MS):
    rows = patiently(lambda: watch(name, places.scratch(name + "-files"), kind, clusters, ENDPOINTS // clusters, 60, (BUSY_MS, ready_ms)))
    return {step: (row["p99_ms"], row["busy_max_ms"], row["worker_busy_max_ms"]) for step, row in rows.items()}


def of_one_cluster_by_eds():
    return _watch("many-eds", "eds", 1)


def of_many_clusters_by_eds():
    return _watch("many-eds-clusters", "eds", 20)


def of_one_cluster_in_its_configuration():
    return _watch("many-cds", "cds", 1)


def of_many_clusters_in_their_configuration():
    # Under a sanitizer on two processors this was seen to take 6 to 26 ms; without, 4.
    return _watch("many-cds-clusters", "cds", 200, 60)

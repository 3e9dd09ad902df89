"""The scrape page, read by the Prometheus project's own parser."""
import urllib.request

import places
from gateway import Gateway, cluster, http_manager
from origin import Origin

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError:
    text_string_to_metric_families = None


def _scrape(requests):
    if not text_string_to_metric_families:
        raise places.Missing("python3-prometheus-client is not installed: tools/install_deps --test")
    origin = Origin()
    try:
        with Gateway("interop-prometheus", http_manager(), [cluster("up", origin.port)]) as g:
            for _ in range(requests):
                urllib.request.urlopen(f"http://127.0.0.1:{g.port}/", timeout=5).read()
            return list(text_string_to_metric_families(g.get("/stats/prometheus")))
    finally:
        origin.stop()


def _value(families, name, **labels):
    for f in families:
        for s in f.samples:
            if s.name == name and all(s.labels.get(k) == v for k, v in labels.items()):
                return s.value
    return None


def page_parses_and_counts():
    families = _scrape(7)
    assert _value(families, "envoy_cluster_upstream_rq_total", envoy_cluster_name="up") == 7
    assert _value(families, "envoy_http_downstream_rq_total", envoy_http_conn_manager_prefix="ingress") == 7
    return f"{len(families)} families"


def each_series_once():
    seen = set()
    for f in _scrape(1):
        for s in f.samples:
            key = (s.name, tuple(sorted(s.labels.items())))
            assert key not in seen, f"twice: {key}"
            seen.add(key)


def histograms_add_up():
    checked = 0
    for f in _scrape(5):
        if f.type != "histogram":
            continue
        series = {}
        for s in f.samples:
            rest = tuple(sorted((k, v) for k, v in s.labels.items() if k != "le"))
            series.setdefault(rest, {}).setdefault(s.name.removeprefix(f.name), []).append(s)
        for parts in series.values():
            buckets = sorted(parts["_bucket"], key=lambda s: float(s.labels["le"]))
            values = [b.value for b in buckets]
            assert values == sorted(values), f"{f.name}: buckets fall"
            assert buckets[-1].labels["le"] == "+Inf" and values[-1] == parts["_count"][0].value, f"{f.name}: +Inf isn't the count"
            checked += 1
    assert checked, "no histogram"
    return f"{checked} histograms"

"""What a request's headers say reaches the balancer, the rules of access and the log."""
import re

import places
from gateway import TYPE, Gateway, address, cluster, http_manager
from origin import Origin

FILTER = {"name": "notes", "typed_config": {
    "@type": TYPE + "http.header_to_metadata.v3.Config", "stat_prefix": "notes", "request_rules": [
        {"header": "x-user", "remove": True,
         "on_header_present": {"metadata_namespace": "who", "key": "name", "regex_value_rewrite": {"pattern": {"regex": "@.*"}, "substitution": ""}},
         "on_header_missing": {"metadata_namespace": "who", "key": "name", "value": "nobody"}},
        {"cookie": "age", "on_header_present": {"metadata_namespace": "who", "key": "age", "type": "NUMBER"}}],
    "response_rules": [{"header": "content-type", "on_header_present": {"metadata_namespace": "what", "key": "type"}}]}}
ROUTER = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}


def _log(path, text):
    return {"name": "file", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": str(path),
                                             "log_format": text}}


def _lines(g, path):
    """The log's lines, sorted, when all of them are written: at the end. Two connections may be two workers', which write in no order."""
    g.post("/quitquitquit")
    g.ended = True
    g.proc.wait(15)
    return sorted(path.read_text().splitlines())


def headers_and_cookies_are_logged():
    origin = Origin()
    try:
        folder = places.scratch("header_to_metadata")
        text, json = folder / "text.log", folder / "json.log"
        for path in (text, json):
            path.unlink(missing_ok=True)
        logs = [_log(text, {"text_format_source": {"inline_string": "%DYNAMIC_METADATA(who:name)% %DYNAMIC_METADATA(who:age)% %DYNAMIC_METADATA(what)%\n"}}),
                _log(json, {"json_format": {"who": "%DYNAMIC_METADATA(who)%", "age": "%DYNAMIC_METADATA(who:age)%"}})]
        with Gateway("header_to_metadata", http_manager(http_filters=[FILTER, ROUTER], access_log=logs), [cluster("up", origin.port)]) as g:
            assert '"x-user"' not in g.http("GET", "/", {"x-user": "alice@example.com", "cookie": "age=42"}).text
            g.http("GET", "/")
            assert g.stat("http_filter_name.notes.request_rules_processed") == 4
            assert g.stat("http_filter_name.notes.request_metadata_added") == 3
            assert g.stat("http_filter_name.notes.request_header_not_found") == 1
            assert g.stat("http_filter_name.notes.response_metadata_added") == 2
            lines = _lines(g, text)
        assert lines == ['alice 42 {"type":"application/json"}', 'nobody - {"type":"application/json"}'], lines
        lines = sorted(json.read_text().splitlines())
        assert lines == ['{"age":42,"who":{"name":"alice","age":42}}', '{"age":null,"who":{"name":"nobody"}}'], lines
    finally:
        origin.stop()


def a_subset_is_chosen_by_a_header():
    origins = {"prod": Origin(), "dev": Origin()}
    notes = {"name": "notes", "typed_config": {"@type": TYPE + "http.header_to_metadata.v3.Config", "request_rules": [
        {"header": "x-stage", "on_header_present": {"metadata_namespace": "envoy.lb", "key": "stage"}}]}}
    hosts = [{"endpoint": {"address": address(o.port)}, "metadata": {"filter_metadata": {"envoy.lb": {"stage": stage}}}} for stage, o in origins.items()]
    up = cluster("up", lb_subset_config={"fallback_policy": "NO_FALLBACK", "subset_selectors": [{"keys": ["stage"]}]},
                 load_assignment={"cluster_name": "up", "endpoints": [{"lb_endpoints": hosts}]})
    try:
        with Gateway("header_to_metadata_subset", http_manager(http_filters=[notes, ROUTER]), [up]) as g:
            for stage, status in (("prod", 200), ("dev", 200), ("none", 503)):
                for _ in range(3):
                    assert g.http("GET", "/", {"x-stage": stage}).status == status, stage
            assert g.http("GET", "/").status == 503
            requests = re.findall(r"^up::127\.0\.0\.1:(\d+)::rq_total::(\d+)", g.get("/clusters"), re.M)
            assert sorted(requests) == sorted((str(o.port), "3") for o in origins.values()), requests
    finally:
        for o in origins.values():
            o.stop()


def access_is_judged_by_what_was_noted():
    origin = Origin()
    alice = {"filter": "who", "path": [{"key": "name"}], "value": {"string_match": {"exact": "alice"}}}
    rbac = {"name": "rbac", "typed_config": {"@type": TYPE + "http.rbac.v3.RBAC", "rules": {"policies": {
        "alice": {"permissions": [{"any": True}], "principals": [{"metadata": alice}]}}}}}
    try:
        with Gateway("header_to_metadata_rbac", http_manager(http_filters=[FILTER, rbac, ROUTER]), [cluster("up", origin.port)]) as g:
            assert g.http("GET", "/", {"x-user": "alice@example.com"}).status == 200
            assert g.http("GET", "/", {"x-user": "bob@example.com"}).status == 403
            assert g.http("GET", "/").status == 403
    finally:
        origin.stop()

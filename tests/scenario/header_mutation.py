"""Headers that are added and taken away, on the way there and back."""
import json

from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin


def the_upstream_and_the_client_see_what_was_changed():
    def adds(key, value):
        return {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}

    chain = {"name": "change", "typed_config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {
        "request_mutations": [{"remove": "x-secret"}, adds("x-path", "%REQ(:PATH)%"), adds("x-who", "chain")],
        "response_mutations": [{"remove": "content-type"}, adds("x-code", "%RESPONSE_CODE%")]}}}
    route = {"@type": TYPE + "http.header_mutation.v3.HeaderMutationPerRoute", "mutations": {"request_mutations": [adds("x-who", "route")]}}
    routes = [{"match": {"prefix": "/r"}, "route": {"cluster": "up"}, "typed_per_filter_config": {"change": route}},
              {"match": {"prefix": "/none"}, "direct_response": {"status": 404}}, {"match": {"prefix": "/"}, "route": {"cluster": "up"}}]
    router = {"name": "router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}}
    origin = Origin()
    try:
        with Gateway("header_mutation", http_manager(routes, http_filters=[chain, router]), [cluster("up", origin.port)]) as g:
            for path, who in (("/a", "chain"), ("/r", "route")):
                answer = g.http("GET", path, {"x-secret": "s"})
                got = dict(json.loads(answer.text)["headers"])
                assert got["x-path"] == path and got["x-who"] == who and "x-secret" not in got, got
                assert answer.headers["x-code"] == "200" and "content-type" not in answer.headers, answer.headers
            assert g.http("GET", "/none").headers["x-code"] == "404"
    finally:
        origin.stop()

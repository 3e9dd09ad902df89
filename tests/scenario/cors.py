"""A browser's questions are answered by the proxy, and answers are marked for the origins that may read them."""
from gateway import TYPE, Gateway, cluster, http_manager
from origin import Origin


def preflights_and_requests():
    policy = {"@type": TYPE + "http.cors.v3.CorsPolicy", "allow_origin_string_match": [{"suffix": ".good.example"}], "allow_methods": "GET,PUT"}
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "up"}, "typed_per_filter_config": {"cors": policy}}]
    filters = [{"name": n, "typed_config": {"@type": TYPE + t}} for n, t in (("cors", "http.cors.v3.Cors"), ("router", "http.router.v3.Router"))]
    origin = Origin()
    try:
        with Gateway("cors", http_manager(routes, http_filters=filters), [cluster("up", origin.port)]) as g:
            asks = {"origin": "http://a.good.example", "access-control-request-method": "PUT"}
            answer = g.http("OPTIONS", "/", asks)
            assert answer.status == 200 and answer.headers["access-control-allow-methods"] == "GET,PUT", answer
            assert g.stat("cluster.up.upstream_rq_total") == 0
            answer = g.http("GET", "/", {"origin": "http://a.good.example"})
            assert answer.headers["access-control-allow-origin"] == "http://a.good.example", answer
            answer = g.http("GET", "/", {"origin": "http://bad.example"})
            assert answer.status == 200 and "access-control-allow-origin" not in answer.headers, answer
            assert g.stat("http.ingress.cors.origin_valid") == 2 and g.stat("http.ingress.cors.origin_invalid") == 1
    finally:
        origin.stop()

"""What a real SOFA RPC provider makes of a call whose headers were changed on the way, and a real consumer of its answer."""
import re

from gateway import TYPE, Gateway, cluster
from java_peers import SERVICE
from sofa_peers import consumer, manager, rpc_manager, shared

KINDS = 20


def _set(key, value):
    return {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def _gateway(name, port, request=(), response=()):
    mutate = {"name": "mutate", "config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {
        "request_mutations": list(request), "response_mutations": list(response)}}}
    asks = {"name": "x-never", "present_match": True, "invert_match": True}  # so that the header map is read
    route = {"name": "all", "interface": "*", "routes": [{"match": {"method": {"name": {"safe_regex": {"regex": ".*"}}}, "headers": [asks]}, "route": {"cluster": "up"}}]}
    return Gateway(f"interop-bolt-edits-{name}", manager(before=[route], filters=[mutate]), [cluster("up", port)])


def _props(provider):
    """Of each call: target service, method, and requestProps, which the header map has been put into."""
    return re.findall(r"^props (\S+) (\S+) .*? (\{.*)$", provider.text(), re.M)


def what_the_provider_takes_of_an_edited_call():
    """The header map's word counts, entry by entry; what it hasn't comes from requestProps: so a removed entry must leave both."""
    a, = shared("a", args=("--props",))
    edits = _set("rpc_req_baggage.x-tag", "green"), _set("added", "1"), {"remove": "my-head"}, {"remove": "rpc_req_baggage.gone"}, _set("tri-consumer-appname", "other")
    with _gateway("map", a.port, edits) as g:
        passed, failed, out = consumer(g.port, "--method", "sayHello", "--no-generic", "--attach", "x-tag=blue", "--attach", "y-tag=kept", "--attach", "gone=gone", "--header", "my-head=v")
        assert (passed, failed) == (1, 0), out[-800:]
        (service, method, props), = _props(a)
        assert (service, method) == (SERVICE + ":1.0", "sayHello")
        assert "x-tag=green" in props and "y-tag=kept" in props and "blue" not in props, props
        assert "added=1" in props and "app=other" in props and "my-head" not in props and "gone" not in props, props


def every_kind_of_call_is_edited_and_answered():
    """A SofaRequest written anew, with an entry more, one changed, one taken out of requestProps: the provider reads all arguments behind it. Answers with an entry more and one changed."""
    a, = shared("a", args=("--props",))
    edits = _set("x-new", "new"), _set("tri-consumer-appname", "other"), {"remove": "my-head"}
    with _gateway("kinds", a.port, edits, (_set("x-more", "more"), _set("rpc_resp_baggage.srv-name", "edited"))) as g:
        passed, failed, out = consumer(g.port, "--attach", "x-tag=blue", "--header", "my-head=v", "--count", "3", "--concurrency", "3")
        assert (passed, failed) == (KINDS * 3, 0), out[-1500:]
        assert re.search(r"^OK  responseAttachment .* edited$", out, re.M), out[-1500:]
        seen = _props(a)
        assert len(seen) == KINDS * 3
        for service, method, props in seen:
            assert "x-new=new" in props and "app=other" in props and "x-tag=blue" in props and "my-head" not in props, (method, props)


def a_call_is_sent_to_another_unique_id():
    a, = shared("u", args=("--uniqueId", "u1", "--props"))
    with _gateway("unique", a.port, [_set("tri-service-group", "u1")]) as g:
        passed, failed, out = consumer(g.port, "--method", "sayHello", "--no-generic")
        assert (passed, failed) == (1, 0), out[-800:]
        (service, _, props), = _props(a)
        assert service == SERVICE + ":1.0:u1" and f"service={SERVICE}:1.0:u1" in props, (service, props)


def a_call_becomes_one_of_another_method():
    """The provider obeys the method in the SofaRequest, not the header's: both are rewritten. Here sayHello(text) is echoAttachment(text), whose answer is the baggage of that name."""
    a, = shared("a", args=("--props",))
    table = {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [
        {"match": {"path": f"/{SERVICE}/sayHello"}, "route": {"cluster": "up", "timeout": "0s", "prefix_rewrite": f"/{SERVICE}/echoAttachment"}}]}]}
    with Gateway("interop-bolt-method", rpc_manager(route_config=table), [cluster("up", a.port)]) as g:
        passed, failed, out = consumer(g.port, "--method", "sayHello", "--no-generic", "--attach", "w\u00f6rld=hello w\u00f6rld")
        (_, method, props), = _props(a)
        assert (passed, failed, method) == (1, 0, "echoAttachment") and a.calls("echoAttachment") == 1, (out[-800:], method, a.text()[-500:])


LIES = "service=demo.api.Other:1.0", "sofa_head_target_service=demo.api.Other:1.0", "sofa_head_method_name=add"


def calls_that_contradict_themselves_are_refused():
    """Where that is asked for, and where a filter judges by what a call says it is: the provider would run another one than it is routed by. A consumer's own headers can lie."""
    a, = shared("a", args=("--props",))
    with Gateway("interop-bolt-lies", rpc_manager(), [cluster("up", a.port)]) as g:
        passed, failed, out = consumer(g.port, "--method", "sayHello", "--no-generic", "--header", LIES[2])
        assert (passed, failed) == (1, 0) and a.calls("sayHello") == 1, "the provider obeys the SofaRequest"
    with Gateway("interop-bolt-strict", rpc_manager(strict_attachments=True), [cluster("up", a.fresh().port)]) as g:
        for lie in LIES:
            passed, failed, out = consumer(g.port, "--method", "sayHello", "--no-generic", "--header", lie)
            assert (passed, failed) == (0, 1) and "SofaRpcException: the call's attachments contradict its fields" in out, (lie, out)
        passed, failed, out = consumer(g.port, "--attach", "x-tag=blue")
        assert (passed, failed) == (KINDS, 0), out[-1500:]
    deny = {"name": "deny", "config": {"@type": TYPE + "http.rbac.v3.RBAC", "rules": {"action": "DENY", "policies": {"hello": {
        "permissions": [{"url_path": {"path": {"exact": f"/{SERVICE}/sayHello"}}}], "principals": [{"any": True}]}}}}}
    with Gateway("interop-bolt-rbac", manager(filters=[deny]), [cluster("up", a.fresh().port)]) as g:
        for args, said in (((), "RBAC: access denied"), (("--header", LIES[2]), "contradict its fields")):
            passed, failed, out = consumer(g.port, "--method", "sayHello,add", "--no-generic", *args)
            assert (passed, failed) == (1, 1) and said in re.search(r"^ERR sayHello .*", out, re.M)[0], out
        assert a.calls("sayHello") == 0, a.text()[-500:]

"""What filters make of attachments, as real Dubbo peers read it: each clause of the naming rules by the provider's own word."""
import re

from java_peers import SERVICE, consumer, shared
from gateway import TYPE, Gateway, call_manager, cluster, dubbo_manager, rule

ANY = ".*"


def _adds(key, value):
    return {"append": {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def _manager(request=(), response=(), routes=None):
    manager = dubbo_manager(SERVICE, routes or {ANY: "up"})
    manager["typed_config"]["dubbo_filters"] = [
        {"name": "change", "config": {"@type": TYPE + "http.header_mutation.v3.HeaderMutation", "mutations": {
            "request_mutations": list(request), "response_mutations": list(response)}}},
        {"name": "envoy.filters.dubbo.router"}]
    return manager


def _seen(provider, method="touch"):
    """The attachments of the provider's last call of the method, as it logs them."""
    lines = re.findall(rf"^call {method} from=\S+ attachments=\{{(.*)\}}$", provider.text(), re.M)
    assert lines, provider.text()[-800:]
    return dict(pair.split("=", 1) for pair in lines[-1].split(", "))


CHANGES = [_adds("x-new", "new"), _adds("k", "9"), _adds("x-foo", "8"), {"remove": "x-secret"},
           _adds("a%20b", "7"), _adds("x-envoy-tag", "never"), _adds("connection", "never")]
SENT = {"k": "1", "K": "2", "X-Foo": "3", "X-Secret": "s", "x-secret": "t", ":path": "here", "a b": "4", "kept": "as it is", "caf\u00e9": "\u4e2d"}
EXPECTED = {"k": "9", "K": "2", "X-Foo": "8", ":path": "here", "a b": "7", "kept": "as it is", "caf\u00e9": "\u4e2d", "x-new": "new"}
NEVER = {"x-secret", "X-Secret", "x-envoy-tag", "connection", "x-foo", "tri-service-timeout"}


def _naming(name, module, *peer_args):
    sent = [a for k, v in SENT.items() for a in ("--attach", f"{k}={v}")]
    a, = shared("a", args=peer_args, module=module)
    with Gateway(f"interop-attachments-{name}", _manager(CHANGES), [cluster("up", a.port)]) as g:
        passed, failed, out = consumer(g.port, *sent, "--method", "touch", *peer_args, module=module)
        assert (passed, failed) == (1, 0), out[-800:]
        seen = _seen(a)
        assert {k: seen.get(k) for k in EXPECTED} == EXPECTED and not NEVER & set(seen), seen


def every_clause_of_the_naming_rules():
    _naming("d33", "dubbo3")


def every_clause_of_the_naming_rules_of_2_7():
    _naming("d27", "dubbo27")


def every_clause_of_the_naming_rules_in_fastjson2():
    _naming("fastjson2", "dubbo3", "--serialization", "fastjson2")


def every_kind_of_call_is_edited_and_answered():
    """Objects, exceptions, generic and one-way calls, large ones: with an attachment more, and an answer's attachment changed."""
    request, response = [_adds("x-new", "new")], [_adds("x-more", "more")]
    for module in ("dubbo3", "dubbo27"):
        a, = shared("a", module=module)
        with Gateway(f"interop-attachments-kinds-{module}", _manager(request, response), [cluster("up", a.port)]) as g:
            passed, failed, out = consumer(g.port, "--attach", "x-tag=blue", "--count", "5", "--concurrency", "4", module=module)
            assert failed == 0 and passed >= 18 * 5, out[-1500:]
            for method in ("sayHello", "placeOrder", "fail", "fire note", "length", "sum"):
                assert _seen(a, method)["x-new"] == "new", method


def an_answers_attachment_is_changed():
    a, = shared("a")
    with Gateway("interop-attachments-answer", _manager(response=[_adds("srv-name", "edited")]), [cluster("up", a.port)]) as g:
        passed, failed, out = consumer(g.port, "--method", "responseAttachment")
        assert (passed, failed) == (1, 0) and re.search(r"^OK  responseAttachment .* edited$", out, re.M), out[-800:]


def a_call_goes_to_another_version_and_group():
    """Java dispatches on attachments and checks the fields: only both together arrive."""
    changes = [_adds("tri-service-version", "2.0.0"), _adds("tri-service-group", "blue")]
    for module in ("dubbo3", "dubbo27"):
        a, = shared("a", args=("--version", "2.0.0", "--group", "blue"), module=module)
        with Gateway(f"interop-attachments-version-{module}", _manager(changes), [cluster("up", a.port)]) as g:
            passed, failed, out = consumer(g.port, "--version", "1.0.0", "--group", "green", "--method", "sayHello,placeOrder,genericAdd", "--count", "5", module=module)
            assert (passed, failed) == (15, 0), out[-1500:]


def generic_calls_are_what_they_mean():
    """Routed by the method they name and by its arguments: as maps, as bean descriptors, asked asynchronously; $echo by its own. What isn't so has no route."""
    order = {"0.status": "NEW", "0.items[0].sku": {"present": True}}
    rules = [rule("up", "$echo", {"0": "there?"}), rule("up", "add", {"0": {"range": {"start": 40, "end": 41}}, "1": "2"}), rule("up", "placeOrder", order | {"0.customerId": {"range": {"start": 77, "end": 78}}}),
             rule("up", "placeOrder", order | {"0.customerId": "9007199254740993", "0.items[1].sku": "sku-2", "0.parent.status": "PAID", "0.tags[\"colour\"]": "blue"})]
    for module in ("dubbo3", "dubbo27"):
        a, = shared("a", module=module)
        with Gateway(f"interop-attachments-generic-{module}", call_manager({"interface": SERVICE, "routes": rules}), [cluster("up", a.port)]) as g:
            passed, failed, out = consumer(g.port, "--method", "genericAdd,genericOrder,genericAsync,echoService", "--count", "5", module=module)
            assert (passed, failed) == (20, 0), out[-1500:]
            passed, failed, out = consumer(g.port, "--generic", "bean", "--method", "genericBean", "--count", "5", module=module)
            assert (passed, failed) == (5, 0), out[-1500:]
            assert (a.calls("add"), a.calls("placeOrder")) == (10, 10)
            passed, failed, out = consumer(g.port, "--method", "genericFail", module=module)
            assert (passed, failed) == (0, 1) and "no route for demo.api.DemoService.fail" in out, out[-800:]

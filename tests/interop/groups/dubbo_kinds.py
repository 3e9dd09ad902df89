"""Every kind of call, between Dubbo 3.3 and 2.7 in their four pairings, through outrigger."""
from gateway import Gateway, cluster, dubbo_manager
from java_peers import SERVICE, consumer, shared

KINDS = 23


def _pairing(consumers, providers):
    """POJO, enum, BigDecimal, byte[], null, exceptions, one-way, generic, asynchronous; attachments both ways; 8 MB both ways; 64 at a time."""
    name = f"interop-kinds-{consumers}-{providers}"
    with _gateway(name, providers) as g:
        passed, failed, out = consumer(g.port, "--attach", "x-tag=blue", "--count", 6, "--concurrency", 3, "--timeout", 20000, "--method",
                                       "all", module=consumers, heap="320m")
        assert failed == 0 and passed == 6 * KINDS, out[-1500:]
        passed, failed, out = consumer(g.port, "--method", "payload8m:2:1,response8m:2:1,mixed:1280:64", "--timeout", 30000, "--no-generic",
                                       module=consumers, heap="320m")
        assert (passed, failed) == (1284, 0), out[-1500:]
        assert g.stat("dubbo.dubbo.request_active") == g.stat("cluster.up.upstream_rq_active") == 0
        assert g.stat("dubbo.dubbo.local_response_business_exception") == g.stat("dubbo.dubbo.request_decoding_error") == 0


def _gateway(name, module):
    provider, = shared("a", module=module)
    return Gateway(name, dubbo_manager(SERVICE, {".*": "up"}), [cluster("up", provider.port)])


def consumer_3_to_provider_3():
    _pairing("dubbo3", "dubbo3")


def consumer_2_7_to_provider_3():
    _pairing("dubbo27", "dubbo3")


def consumer_3_to_provider_2_7():
    _pairing("dubbo3", "dubbo27")


def consumer_2_7_to_provider_2_7():
    _pairing("dubbo27", "dubbo27")

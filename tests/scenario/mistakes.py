"""What --mode validate says of usual mistakes: where, what is wrong, and what to do. The configuration is the README's first one."""
import re
import subprocess

import places

HTTP_FILTERS = "          http_filters:                            # what each request passes, in this order\n"
ROUTER = '{name: r, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}'
MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
INLINE = '"@type": type.googleapis.com/'
FIRST_LISTENER = "    filter_chains:    "
FIRST_CLUSTER = "    lb_policy: ROUND_ROBIN"


def _first():
    return re.search(r"```yaml\n(admin:.*?)```", (places.ROOT / "README.md").read_text(), re.DOTALL)[1]


def _say(name, text):
    """What is said of a configuration, and the exit code."""
    path = places.scratch("mistakes") / f"{name}.yaml"
    path.write_text(text)
    done = subprocess.run([places.outrigger(), "-c", path, "--mode", "validate"], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr, done.returncode


# The first text of the configuration becomes the second; all of the words must be said.
REFUSED = {
    "misspelled_field": ("lb_policy:", "lb_polcy:", [".yaml:40:5:", "did you mean lb_policy?"]),
    "misspelled_value": ("ROUND_ROBIN", "ROUNDROBIN", ["did you mean ROUND_ROBIN?"]),
    "tab": ("\n  - name: application", "\n\t- name: application", [".yaml:37:1:", "not tabs"]),
    "wrong_indentation": ("          stat_prefix: inbound", "         stat_prefix: inbound", [".yaml:12:10:", "look at the indentation"]),
    "open_bracket": ("fill_interval: 1s}", "fill_interval: 1s", ["is not closed"]),
    "unknown_cluster": ("cluster: application  ", "cluster: aplication  ", [".route.cluster: there is no cluster aplication"]),
    "misspelled_type": ("LocalRateLimit\n", "LocalRatelimit\n", ["did you mean envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit?"]),
    "older_api": (MANAGER, "envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager", [f"did you mean {MANAGER}?"]),
    "no_type": (f'          "@type": type.googleapis.com/{MANAGER}\n', "", ['"@type": type.googleapis.com/PACKAGE.MESSAGE']),
    "no_router": ("          - name: envoy.filters.http.router        # the last: sends the request to the cluster of its route\n            typed_config:\n"
                  '              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n', "",
                  ["http_filters[0]", "must be one that ends a chain, as envoy.filters.http.router"]),
    "router_first": (HTTP_FILTERS, f"{HTTP_FILTERS}          - {ROUTER}\n", ["http_filters[0]", "must be the last"]),
    "filter_that_is_not_there": (HTTP_FILTERS, HTTP_FILTERS + "          - {name: lua, typed_config: {" + INLINE + "envoy.extensions.filters.http.lua.v3.Lua}}\n",
                                 ["http_filters[0]", "--help lists those there are"]),
    "message_filter_on_connections": ("    - filters:\n", "    - filters:\n      - {name: cors, typed_config: {" + INLINE + "envoy.extensions.filters.http.cors.v3.Cors}}\n",
                                      ["filters[0].typed_config", "this one is a filter of messages, for http_filters"]),
    "time_without_unit": ("timeout: 15s", "timeout: 15", ['must be a time like "1.5s"']),
    "port_too_large": ("port_value: 8080", "port_value: 80800", ["must be at most 65535"]),
    "name_in_a_static_cluster": ("address: 127.0.0.1, port_value: 8080", "address: localhost, port_value: 8080", ["names need the type STRICT_DNS or LOGICAL_DNS"]),
    "two_paths": ("match: {prefix: /}", "match: {prefix: /, path: /a}", ["can't be given together with prefix"]),
    "route_to_nowhere": ('direct_response: {status: 200, body: {inline_string: "hello\\n"}}', "", ["needs one of: route redirect direct_response"]),
    "bad_pattern": ("match: {prefix: /}", "match: {safe_regex: {regex: '/(a'}}", ["missing closing parenthesis"]),
    "files_without_a_node": ("static_resources:", "dynamic_resources: {cds_config: {path_config_source: {path: /etc/hostname}}}\nstatic_resources:",
                             ["--service-node and --service-cluster"]),
    # What this program hasn't yet is refused, never silently left out.
    "http2_to_clients": ("stat_prefix: inbound", "codec_type: HTTP2\n          stat_prefix: inbound", ["codec_type: only HTTP/1.1 is served yet"]),
    "http2_to_hosts": (FIRST_CLUSTER, f"    http2_protocol_options: {{}}\n{FIRST_CLUSTER}", ["http2_protocol_options: HTTP/2 is not supported yet"]),
    "tls": ("    - filters:\n", "    - transport_socket: {name: tls, typed_config: {" + INLINE + "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext}}\n"
            "      filters:\n", ["transport_socket: 'tls' is not supported yet"]),
    "tls_by_match": (FIRST_CLUSTER, f"    transport_socket_matches: [{{name: a, match: {{}}, transport_socket: {{name: tls}}}}]\n{FIRST_CLUSTER}",
                     ["transport_socket_matches: is not supported"]),
    "proxy_protocol": (FIRST_LISTENER, "    listener_filters: [{name: pp, typed_config: {" + INLINE + "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}]\n"
                       + FIRST_LISTENER, ["listener_filters[0]: 'pp' is not supported yet"]),
    "interception": (FIRST_LISTENER, f"    use_original_dst: true\n{FIRST_LISTENER}", ["use_original_dst: is not supported"]),
    "origin_by_extension": ("stat_prefix: inbound", "original_ip_detection_extensions: [{name: x, typed_config: {"
                            + INLINE + "envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig, header_name: x}}]\n          stat_prefix: inbound",
                            ["original_ip_detection_extensions: only one is supported, an XffConfig"]),
    "origin_twice": ("stat_prefix: inbound", "use_remote_address: true\n          original_ip_detection_extensions: [{name: x, typed_config: {"
                     + INLINE + "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig}}]\n          stat_prefix: inbound",
                     ["original_ip_detection_extensions: can't be given together with use_remote_address"]),
    "control_plane": ("static_resources:", "node: {id: a, cluster: b}\ndynamic_resources: {cds_config: {ads: {}}, ads_config: {api_type: GRPC}}\nstatic_resources:",
                      ["is not supported yet: name files"]),
}

# Accepted, with a warning that says so.
WARNED = {
    "twice": ("    type: STATIC\n", "    type: STATIC\n    type: STATIC\n", ["given more than once"]),
    "tracing": ("stat_prefix: inbound", "tracing: {}\n          stat_prefix: inbound", ["tracing: has no effect: requests aren't traced yet"]),
    "hedging": ("timeout: 15s", "hedge_policy: {hedge_on_per_try_timeout: true}\n                  timeout: 15s", ["hedge_policy: has no effect"]),
    "inspector": (FIRST_LISTENER, "    listener_filters: [{name: i, typed_config: {" + INLINE + "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}}]\n"
                  + FIRST_LISTENER, ["listener_filters[0]: has no effect"]),
}


def _check(table, exit_code):
    first = _first()
    for name, (text, instead, words) in table.items():
        assert text in first, name
        said, code = _say(name, first.replace(text, instead, 1))
        assert code == exit_code, (name, code, said)
        for word in words:
            assert word in said, (name, word, said)
        assert all(line.count(f"{name}.yaml") <= 1 for line in said.splitlines()), f"{name}: the place is said twice: {said}"


def refused_and_told_what_to_do():
    _check(REFUSED, 1)


def accepted_and_told_what_is_left_out():
    _check(WARNED, 0)


def the_readme_s_own_is_right():
    said, code = _say("first", _first())
    assert code == 0 and "warn" not in said, said


def help_lists_the_filters_and_its_example_serves():
    said = subprocess.run([places.outrigger(), "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "* " + MANAGER in said and "envoy.extensions.filters.http.cors.v3.Cors" in said, said
    example = re.search(r"--config-yaml '(.*?)'", said, re.DOTALL)[1]
    done = subprocess.run([places.outrigger(), "--config-yaml", example, "--mode", "validate"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

/* A client codec and a server codec back to back: what one writes the other understands, in pieces
 * of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/http1_peer.h"

static const struct http1_options with_trailers = {
	.max_head_bytes = 4000, .max_headers = 20, .enable_trailers = true};

struct pair {
	struct http1_peer client, server;
	uint32_t seed;
};

static void open_pair(struct pair *pair)
{
	http1_peer_open(&pair->client, CODEC_CLIENT, &with_trailers);
	http1_peer_open(&pair->server, CODEC_SERVER, &with_trailers);
	pair->server.answer = HTTP1_PEER_ECHO;
	pair->seed = 7;
}

static void close_pair(struct pair *pair)
{
	http1_peer_close(&pair->client);
	http1_peer_close(&pair->server);
}

/* Hands over all that `from` has written, in pieces. */
static bool carry(struct pair *pair, struct http1_peer *from, struct http1_peer *to)
{
	size_t len = from->out.len;
	char *bytes = malloc(len + 1);

	buf_peek(&from->out, bytes, len);
	buf_clear(&from->out);
	for (size_t at = 0; at < len;) {
		pair->seed = pair->seed * 1664525 + 1013904223;
		size_t n = 1 + (pair->seed >> 20) % 37;
		if (n > len - at)
			n = len - at;
		http1_peer_feed(to, slice_make(bytes + at, n), false);
		at += n;
	}
	free(bytes);
	return len;
}

static void settle(struct pair *pair)
{
	bool has_moved;

	do {
		has_moved = carry(pair, &pair->client, &pair->server);
		has_moved |= carry(pair, &pair->server, &pair->client);
	} while (has_moved);
}

static void many_exchanges_on_one_connection(void **state)
{
	struct pair pair;
	char body[3000], expected[3300];
	(void)state;

	memset(body, 'b', sizeof body);
	open_pair(&pair);
	for (int i = 1; i <= 40; i++) {
		bool is_chunked = i & 1;
		size_t len = (size_t)i * 73;
		char head[100];
		int end =
			snprintf(head, sizeof head, ":method: POST\n:path: /%d\n:authority: h", i);
		if (!is_chunked)
			snprintf(head + end, sizeof head - (size_t)end, "\ncontent-length: %zu",
				 len);
		http1_peer_send(&pair.client, head, false);
		http1_peer_send_data(&pair.client, slice_make(body, len / 2), false);
		settle(&pair);
		http1_peer_send_data(&pair.client, slice_make(body, len - len / 2), true);
		settle(&pair);
		assert_int_equal(pair.client.closed, i);
		assert_int_equal(pair.server.closed, i);
		snprintf(expected, sizeof expected, "H(:status: 200)D(%.*s)$C", (int)len, body);
		assert_string_equal(http1_peer_trace(&pair.client), expected);
		http1_peer_forget(&pair.client);
	}
	assert_false(pair.client.http1.codec.must_close || pair.server.http1.codec.must_close);
	close_pair(&pair);
}

static void trailers_go_both_ways(void **state)
{
	struct pair pair;
	(void)state;

	open_pair(&pair);
	http1_peer_send(&pair.client, ":method: POST\n:path: /\n:authority: h\nx-a: b", false);
	http1_peer_send_data(&pair.client, SLICE("body"), false);
	http1_peer_send_trailers(&pair.client, "x-t: 1\nx-u: 2");
	settle(&pair);
	assert_string_equal(http1_peer_trace(&pair.server),
			    "H(:method: POST|:scheme: http|:authority: h|:path: /|x-a: b)D(body)"
			    "T(x-t: 1|x-u: 2)C");
	assert_string_equal(http1_peer_trace(&pair.client),
			    "H(:status: 200)D(body)T(x-t: 1|x-u: 2)C");
	close_pair(&pair);
}

static void upgrades_become_tunnels(void **state)
{
	struct pair pair;
	(void)state;

	open_pair(&pair);
	pair.server.answer = HTTP1_PEER_SILENT;
	http1_peer_send(&pair.client,
			":method: GET\n:path: /\n:authority: h\nconnection: upgrade\nupgrade: x",
			false);
	settle(&pair);
	http1_peer_reply(&pair.server, ":status: 101\nconnection: upgrade\nupgrade: x", false);
	settle(&pair);
	assert_true(pair.client.exchange.is_tunnel && pair.server.exchange.is_tunnel);
	http1_peer_send_data(&pair.client, SLICE("GET / HTTP/1.1\r\n\r\n"), false);
	http1_peer_send_data(&pair.server, SLICE("\0\1\2"), false);
	settle(&pair);
	assert_non_null(strstr(http1_peer_trace(&pair.server), "D(GET / HTTP/1.1\r\n\r\n)"));
	close_pair(&pair);
}

/* A proxy: what its server end read its client end sends on, and the other way round. */
static void the_case_of_names_is_kept(void **state)
{
	static const struct http1_options preserving = {
		.max_head_bytes = 1000, .max_headers = 9, .header_case = HTTP1_CASE_PRESERVE};
	struct http1_peer server, client;
	(void)state;

	http1_peer_open(&server, CODEC_SERVER, &preserving);
	http1_peer_open(&client, CODEC_CLIENT, &preserving);
	http1_peer_feed(
		&server,
		SLICE("GET / HTTP/1.1\r\nAccept: a\r\nHost: h\r\nX-MiXed: 1\r\nKeep-Alive: x\r\n"
		      "lower: 2\r\n\r\n"),
		false);
	assert_string_equal(
		http1_peer_trace(&server),
		"H(:method: GET|:scheme: http|:authority: h|:path: /|accept: a|x-mixed: 1|"
		"lower: 2)$");
	headers_add(server.headers, SLICE("x-added"), SLICE("3"));
	client.exchange = (struct exchange){.arena = &client.arena, .codec = &client.http1.codec};
	http1_codec.send_headers(&client.exchange, server.headers, true);
	assert_string_equal(http1_peer_take_out(&client).data,
			    "GET / HTTP/1.1\r\nHost: h\r\nAccept: a\r\nX-MiXed: 1\r\nlower: 2\r\n"
			    "x-added: 3\r\n\r\n");
	http1_peer_feed(&client, SLICE("HTTP/1.1 204 N\r\nX-uP: V\r\n\r\n"), false);
	http1_codec.send_headers(&server.exchange, client.headers, true);
	assert_string_equal(http1_peer_take_out(&server).data,
			    "HTTP/1.1 204 No Content\r\nX-uP: V\r\n\r\n");
	http1_peer_close(&server);
	http1_peer_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_exchanges_on_one_connection),
		cmocka_unit_test(trailers_go_both_ways),
		cmocka_unit_test(upgrades_become_tunnels),
		cmocka_unit_test(the_case_of_names_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

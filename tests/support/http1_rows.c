#include "support/http1_rows.h"

#include <stdio.h>
#include <stdlib.h>

static void open_for(struct http1_peer *peer, const struct http1_row *row, enum codec_side side)
{
	http1_peer_open(peer, side, row->options ? row->options : &http1_default_options);
	peer->answer = row->answer;
	if (side == CODEC_CLIENT)
		http1_peer_send(
			peer, row->request ? row->request : ":method: GET\n:path: /\n:authority: h",
			true);
	if (side == CODEC_CLIENT)
		http1_peer_take_out(peer);
}

static void differ(const struct http1_row *row, size_t cut, const char *what, const char *actual,
		   const char *expected)
{
	fprintf(stderr, "%s, split at %zu: %s\n     is: %s\nexpected: %s\n", row->what, cut, what,
		actual, expected);
	abort();
}

static void check(struct http1_peer *peer, const struct http1_row *row, size_t cut)
{
	const char *trace = http1_peer_trace(peer);
	bool closes = peer->http1.codec.must_close;

	if (strcmp(trace, row->trace))
		differ(row, cut, "events", trace, row->trace);
	if (closes != row->closes)
		differ(row, cut, "must_close", closes ? "true" : "false",
		       row->closes ? "true" : "false");
	if (!row->out)
		return;
	const char *out = http1_peer_take_out(peer).data;
	if (strcmp(out, row->out))
		differ(row, cut, "output", out, row->out);
}

static void run_split(const struct http1_row *row, enum codec_side side, size_t cut)
{
	struct http1_peer peer;

	open_for(&peer, row, side);
	if (cut)
		http1_peer_feed(&peer, slice_sub(row->input, 0, cut), false);
	http1_peer_feed(&peer, slice_sub(row->input, cut, row->input.len), row->eof);
	check(&peer, row, cut);
	http1_peer_close(&peer);
}

static void run_bytewise(const struct http1_row *row, enum codec_side side)
{
	struct http1_peer peer;

	open_for(&peer, row, side);
	for (size_t i = 0; i < row->input.len; i++)
		http1_peer_feed(&peer, slice_sub(row->input, i, i + 1), false);
	if (row->eof)
		http1_peer_feed(&peer, SLICE(""), true);
	check(&peer, row, row->input.len);
	http1_peer_close(&peer);
}

void http1_rows_run(const struct http1_row *rows, unsigned count, enum codec_side side)
{
	for (const struct http1_row *row = rows; row < rows + count; row++) {
		for (size_t cut = 0; cut < row->input.len || !cut; cut++)
			run_split(row, side, cut);
		run_bytewise(row, side);
	}
}

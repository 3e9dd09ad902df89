/* Tables of HTTP/1 input and what must come of it: run whole, at every split, and byte by byte. */
#ifndef SUPPORT_HTTP1_ROWS_H
#define SUPPORT_HTTP1_ROWS_H

#include "support/http1_peer.h"

struct http1_row {
	const char *what;
	struct slice input;
	const char *trace;
	const struct http1_options *options; /* NULL: the defaults */
	const char *request; /* client: the head sent before, as lines; NULL: a GET */
	const char *out;     /* what was sent in all; NULL: not looked at */
	enum http1_peer_answer answer;
	bool eof;
	bool closes; /* must_close afterwards */
};

#define HTTP1_INPUT(text)                                                                          \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* Fails the running test at the first difference, naming row and split. */
void http1_rows_run(const struct http1_row *rows, unsigned count, enum codec_side side);

#endif

/* A long answer of the admin page on its way out: a piece a turn, and none while the client doesn't
 * read.
 *
 *   body [sent | piece | ...]   ─ a turn ─> the stream ─ flushed ─ next turn ─> ... ─> end
 *
 * Owner: itself, until the body is sent or the stream has ended; the builder frees the body, which
 * would take main too long. Thread: main. Timer: to the next piece. Limit: ADMIN_PIECE bytes a
 * turn. */
#ifndef SERVER_ADMIN_ANSWER_H
#define SERVER_ADMIN_ANSWER_H

#include "server/builder.h"
#include "stream/stream.h"
#include "telemetry/text.h"

enum { ADMIN_PIECE = 256 * 1024 };

/* Answers the stream, which has no source. Takes the body's bytes. content_type: constant text. */
void admin_answer_send(struct stream *s, struct builder *builder, unsigned status,
		       const char *content_type, struct text *body);

#endif

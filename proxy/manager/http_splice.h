/* Large HTTP/1 bodies that no filter reads go from socket to socket inside the kernel.
 *
 *   from's codec: so many bytes are left ──┐
 *                                          ├─ the smaller is the room ─ moved ─> told to both
 *   to's codec: so many were announced ────┘
 *
 * Joined when a message's data comes in full reads and the rest of it is large and of known length;
 * parted with its last byte, however that came, or by the end of the stream or of either
 * connection. Whatever is paused, blocked or queued in between makes it wait its turn. Owner: the
 * stream's arena, which both connections outlive. Thread: its worker. */
#ifndef MANAGER_HTTP_SPLICE_H
#define MANAGER_HTTP_SPLICE_H

#include "stream/filter.h"

struct stream;
struct upstream_request;

/* After data of the direction was passed on: what is left may be spliced. Does nothing if it can't
 * be, or is already. The request must be attached. */
void http_splice(struct stream *s, struct upstream_request *request, enum direction direction);

/* The direction's message has ended, by bytes that were read: parts what was joined. Before its end
 * is passed on, which may give the connections to others. The request must be attached. */
void http_splice_end(struct stream *s, struct upstream_request *request, enum direction direction);

#endif

/* Which bytes of a Dubbo request make the values of some of its attachments: so that calls are told
 * apart by those alone, and not by a trace id beside them.
 *
 *   H | path  org.example.Orders | x-region  north | trace-id  0af7… | Z
 *                                            └── bytes, tag and all
 *
 * Pure function. Thread: any. */
#ifndef CODEC_DUBBO_ATTACHMENT_BYTES_H
#define CODEC_DUBBO_ATTACHMENT_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* The bytes of the values of the attachments that rpc_attachment_find gives for these names, where
 * `bytes` are all that stands behind the arguments; .len 0: there is none. Values of equal bytes
 * are equal. Borrows the bytes. False: they can't be told so: one is more than a text, a number and
 * the like, or needs a copy to be read, or is named as asked for but for its case; or they can't be
 * read, or are over a limit of dubbo_attachments.h. */
bool dubbo_attachment_bytes(struct slice bytes, const struct slice *names, uint32_t count,
			    struct slice *values);

#endif

/* Serializations of which a proxy reads the five strings of a request only, and writes one: the
 * text of an error.
 *
 *   JSON lines      fastjson, gson, protobuf-json    "text"\n
 *   protobuf        length, then a StringValue       [n]{0a [m] text}
 *   java            a stream of Java objects, from its first block of data: [int][u16] text
 *   nativejava      the same:                        [u16] text
 *
 * Attachments and arguments of these aren't read. Pure functions. Thread: any. */
#ifndef CODEC_DUBBO_FOREIGN_H
#define CODEC_DUBBO_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

/* Whether its strings are known here; the other functions are for these only. */
bool dubbo_foreign_is_known(uint8_t serialization);

/* What stands before the first string, taken off the front of *rest; *rest is what strings are read
 * from then. STATUS_MALFORMED: it isn't there. */
MUST_CHECK enum status dubbo_foreign_begin(struct slice *rest, uint8_t serialization);

/* Takes one string off the front of *rest; null gives .data NULL. Borrowed. STATUS_MALFORMED: cut
 * short, none, or one with escapes, which names don't have. */
MUST_CHECK enum status dubbo_foreign_take(struct slice *rest, uint8_t serialization,
					  struct slice *out);

/* A body that is one string. Texts over DUBBO_FOREIGN_TEXT bytes are cut. In the arena. */
struct slice dubbo_foreign_string(uint8_t serialization, struct slice text, struct arena *arena);

enum { DUBBO_FOREIGN_TEXT = 16384 };

#endif

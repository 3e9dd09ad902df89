/* Formats from configuration: SubstitutionFormatString and trees of JSON.
 *
 * Owner: the arena given; immutable. Thread: main or builder. */
#ifndef MESSAGE_FORMAT_CONFIG_H
#define MESSAGE_FORMAT_CONFIG_H

#include "message/format.h"

struct Envoy__Config__Core__V3__SubstitutionFormatString;
struct Google__Protobuf__Struct;

/* STATUS_INVALID and a diag, with the path from the message on, for a bad format, an unreadable
 * file or an unknown formatter. */
enum status MUST_CHECK
format_load(const struct Envoy__Config__Core__V3__SubstitutionFormatString *message,
	    struct arena *arena, const struct format **format, struct diag *diag);

/* A line of JSON with sorted keys. flags: enum format_flags. */
enum status MUST_CHECK format_load_json(const struct Google__Protobuf__Struct *tree, unsigned flags,
					struct arena *arena, const struct format **format,
					struct diag *diag);

#endif

/* Any bytes as the answer of a control plane: unpacked, its Anys decoded, validated, written as
 * JSON. */
#include <stddef.h>
#include <stdint.h>

#include "xds/message_hash.h"
#include "xds/message_json.h"
#include "xds/semantics.h"
#include "xds/validate.h"
#include "xds/wire_message.h"

#include "envoy/service/discovery/v3/discovery.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct message_json_options compact = {0};
	struct arena arena;
	struct diag diag = {0};
	ProtobufCMessage *message;

	arena_init(&arena, 4096);
	if (wire_message_unpack(slice_make(data, size),
				&envoy__service__discovery__v3__discovery_response__descriptor,
				NULL, &arena, &message, &diag)) {
		invariant(diag_is_set(&diag));
	} else {
		if (message_validate(message, "", NULL, &diag) ||
		    semantics_check(message, "", &diag))
			invariant(diag_is_set(&diag));
		invariant(message_json(message, &compact, &arena).len >= 2);
		invariant(message_hash(message) == message_hash(message));
	}
	arena_free(&arena);
	return 0;
}

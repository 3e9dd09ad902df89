/* Any bytes as a bootstrap: the first byte chooses YAML or JSON, and whether unknown fields are
 * faults. */
#include <stddef.h>
#include <stdint.h>

#include "xds/yaml_message.h"

#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct document_limits limits = {.bytes = 1 << 20, .nodes = 20000, .depth = 50};
	struct document document;
	struct arena arena;
	struct diag diag = {0};
	ProtobufCMessage *message;

	if (!size)
		return 0;
	struct yaml_options options = {.allow_unknown = data[0] & 2};
	if (document_parse(&document, slice_make(data + 1, size - 1),
			   data[0] & 1 ? DOCUMENT_JSON : DOCUMENT_YAML, "fuzz", &limits, &diag)) {
		invariant(diag_is_set(&diag));
		return 0;
	}
	arena_init(&arena, 4096);
	if (yaml_message_read(&document, &envoy__config__bootstrap__v3__bootstrap__descriptor,
			      &options, &arena, &message, &diag))
		invariant(diag_is_set(&diag));
	arena_free(&arena);
	document_free(&document);
	return 0;
}

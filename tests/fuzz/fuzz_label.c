/* Values of metadata as a header may bring them: a serialised google.protobuf.Value. What is read
 * is the same each time, and a log shows it as JSON, whole or cut. */
#include "base/attributes.h"
#include "message/format.h"
#include "message/metadata.h"
#include "message/stream_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct format *format_of(const char *text, struct arena *arena)
{
	const struct format *format;
	struct diag diag = {.line = 0};

	invariant(!format_compile(slice_of(text), arena, &format, &diag));
	return format;
}

static void check_sorted(const struct label *label)
{
	for (uint32_t i = 0; label->kind >= LABEL_LIST && i < label->count; i++) {
		const struct label *item = &label->items[i];
		if (label->kind == LABEL_STRUCT) {
			invariant(!i || slice_compare(item[-1].key, item->key) < 0);
			invariant(label_item(label, item->key) == item);
		}
		check_sorted(item);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stream_info info = {.flags = 0};
	struct label label = {.kind = LABEL_NULL}, again = {.kind = LABEL_NULL};
	struct slice wire = slice_make(data, size);
	char line[256];
	struct arena arena;

	arena_init(&arena, 4096);
	bool is_read = label_read(&label, wire, &arena);
	invariant(label_read(&again, wire, &arena) == is_read);
	if (is_read) {
		check_sorted(&label);
		invariant(label_hash(&label) == label_hash(&again));
		metadata_set(&info.metadata, SLICE("m"), SLICE("k"), &label, &arena);
		size_t len = format_write(format_of("%DYNAMIC_METADATA(m)%", &arena), &info, line,
					  sizeof line);
		invariant(len >= 7); /* {"k":…} */
		len = format_write(format_of("%DYNAMIC_METADATA(m:k:a):9%", &arena), &info, line,
				   sizeof line);
		invariant(len && len <= 9);
	}
	arena_free(&arena);
	return 0;
}

/* Any bytes as Hessian2 values: what reads as text must skip to the same place, what is skipped
 * must be skipped again alike, and texts must come back when they are written. */
#include <stdint.h>
#include <stdlib.h>

#include "codec/hessian2.h"
#include "codec/hessian2_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read_back(struct slice text, struct arena *arena)
{
	struct hessian2_writer writer;
	struct hessian2_reader reader;
	struct slice back, again;

	hessian2_writer_init(&writer, arena);
	hessian2_write_string(&writer, text);
	hessian2_init(&reader, hessian2_written(&writer), arena);
	invariant(!hessian2_read_string(&reader, &back) && reader.pos == reader.len);

	/* what isn't UTF-8 has become '?': from then on nothing changes */
	hessian2_writer_init(&writer, arena);
	hessian2_write_string(&writer, back);
	hessian2_init(&reader, hessian2_written(&writer), arena);
	invariant(!hessian2_read_string(&reader, &again) && slice_equal(back, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hessian2_reader reader;
	struct arena arena;
	struct slice text;
	enum status status = STATUS_OK;

	arena_init(&arena, 4096);
	hessian2_init(&reader, slice_make(data, size), &arena);
	while (!status && reader.pos < size) {
		struct hessian2_reader other = reader, third = reader;
		status = hessian2_skip(&reader);
		if (!hessian2_read_text(&other, &text)) {
			invariant(!status && other.pos == reader.pos);
			if (text.data)
				write_and_read_back(text, &arena);
		}
		invariant(hessian2_skip(&third) == status);
		invariant(status || (third.pos == reader.pos && reader.pos <= size));
	}
	write_and_read_back(slice_make(data, size), &arena);
	arena_free(&arena);
	return 0;
}

/* Any bytes as values of Hessian2, and as an argument that descriptors describe. */
#include <stdint.h>
#include <stdlib.h>

#include "codec/dubbo_bean.h"
#include "codec/hessian2.h"
#include "message/argument_path.h"
#include "message/argument_value.h"
#include "support/hessian_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_described(struct slice bytes)
{
	static const struct argument_step steps[][2] = {
		{{.kind = ARGUMENT_STEP_INDEX}, {.kind = ARGUMENT_STEP_FIELD, .name = {"id", 2}}},
		{{.kind = ARGUMENT_STEP_FIELD, .name = {"tags", 4}},
		 {.kind = ARGUMENT_STEP_KEY, .name = {"colour", 6}}},
		{{.kind = ARGUMENT_STEP_FIELD, .name = {"items", 5}},
		 {.kind = ARGUMENT_STEP_INDEX}},
	};
	struct arena arena;

	arena_init(&arena, 4096);
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		for (unsigned count = 0; count <= 2; count++) {
			struct hessian2_reader reader;
			struct argument_value value;
			hessian2_init(&reader, bytes, &arena);
			if (!dubbo_bean_read_at(&reader, steps[i], count, &value))
				invariant(value.kind <= ARGUMENT_OBJECT);
		}
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hessian_fuzz(slice_make(data, size), &hessian2_grammar);
	read_described(slice_make(data, size));
	return 0;
}

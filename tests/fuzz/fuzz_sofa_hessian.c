/* Any bytes as values of SOFA's older Hessian, and as the content of a SOFA request. */
#include <stdint.h>
#include <stdlib.h>

#include "codec/sofa_hessian.h"
#include "codec/sofa_request.h"
#include "message/argument_path.h"
#include "message/argument_value.h"
#include "support/hessian_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct argument_path path = {.argument = 1};
	struct slice bytes = slice_make(data, size);
	struct argument_value value;
	struct arena arena;

	hessian_fuzz(bytes, &sofa_hessian_grammar);
	arena_init(&arena, 4096);
	if (sofa_request_argument(bytes, &sofa_hessian_grammar, &path, &arena, &value))
		value.kind = ARGUMENT_ABSENT;
	invariant(value.kind <= ARGUMENT_OBJECT);
	arena_free(&arena);
	return 0;
}

/* Any bytes as values of Hessian2. */
#include <stdint.h>
#include <stdlib.h>

#include "codec/hessian2_grammar.h"
#include "support/hessian_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hessian_fuzz(slice_make(data, size), &hessian2_grammar);
	return 0;
}

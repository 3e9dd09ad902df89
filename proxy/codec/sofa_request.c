#include "codec/sofa_request.h"

#include "codec/hessian2.h"
#include "codec/hessian2_path.h"
#include "message/argument_path.h"
#include "message/argument_value.h"

enum status sofa_request_argument(struct slice content, const struct hessian2_grammar *grammar,
				  const struct argument_path *path, struct arena *arena,
				  struct argument_value *value)
{
	struct hessian2_reader reader;

	*value = (struct argument_value){.kind = ARGUMENT_ABSENT};
	hessian2_init(&reader, content, arena);
	reader.grammar = grammar;
	for (uint32_t i = 0; i <= path->argument; i++) { /* the request object, and those before */
		enum status status = hessian2_skip(&reader);
		if (status)
			return status;
		if (reader.pos == reader.len)
			return STATUS_OK;
	}
	return hessian2_read_at(&reader, path->steps, path->step_count, value);
}

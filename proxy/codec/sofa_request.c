#include "codec/sofa_request.h"

#include "codec/hessian2.h"
#include "codec/hessian2_path.h"
#include "message/argument_path.h"
#include "message/argument_value.h"

/* In the request object, which comes first. */
static enum status read_types(struct hessian2_reader *reader, const struct argument_path *path,
			      struct argument_value *value)
{
	struct argument_step steps[2] = {
		{.kind = ARGUMENT_STEP_FIELD, .name = SLICE("methodArgSigs")}};

	if (path->step_count > 1)
		return STATUS_OK;
	if (path->step_count)
		steps[1] = path->steps[0];
	return hessian2_read_at(reader, steps, 1 + path->step_count, value);
}

enum status sofa_request_argument(struct slice content, const struct hessian2_grammar *grammar,
				  const struct argument_path *path, struct arena *arena,
				  struct argument_value *value)
{
	struct hessian2_reader reader;

	*value = (struct argument_value){.kind = ARGUMENT_ABSENT};
	hessian2_init(&reader, content, arena);
	reader.grammar = grammar;
	if (path->argument == ARGUMENT_PATH_TYPES)
		return read_types(&reader, path, value);
	for (uint32_t i = 0; i <= path->argument; i++) { /* the request object, and those before */
		enum status status = hessian2_skip(&reader);
		if (status)
			return status;
		if (reader.pos == reader.len)
			return STATUS_OK;
	}
	return hessian2_read_at(&reader, path->steps, path->step_count, value);
}

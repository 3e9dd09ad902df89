#include "routing/policy.h"
#include "stream/session.h"

static bool argument(void *context, const struct argument_path *path, struct argument_value *value)
{
	struct stream *s = context;
	return s->session->config->type->argument(s, path, value);
}

static bool attachment(void *context, struct slice name, struct slice *text)
{
	struct stream *s = context;
	return s->session->config->type->attachment(s, name, text);
}

void stream_facts(struct stream *s, struct policy_facts *facts)
{
	const struct session_type *type = s->session->config->type;

	*facts = (struct policy_facts){
		.headers = s->request,
		.route = s->route,
		.metadata = s->info.metadata,
		.arena = &s->arena,
		.random = s->random,
		.argument = type->argument ? argument : NULL,
		.attachment = type->attachment ? attachment : NULL,
		.context = s,
	};
}

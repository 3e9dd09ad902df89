/* Calls with arguments and attachments, for tests of what routes ask of them. */
#ifndef TESTS_UNIT_ROUTING_CALL_SUPPORT_H
#define TESTS_UNIT_ROUTING_CALL_SUPPORT_H

#include "message/rpc_head.h"
#include "outrigger/config/route/v1/rpc_route.pb-c.h"
#include "routing_support.h"

#define CALL_TABLE_TYPE (&outrigger__config__route__v1__rpc_route_configuration__descriptor)

struct call_argument {
	const char *path;
	struct argument_value value;
};

/* What stands in the body of a call, and how often it was looked into. */
struct call {
	struct routing_fixture *f;
	struct call_argument arguments[16];
	unsigned argument_count;
	struct rpc_attachment attachments[16];
	struct rpc_head head;
	unsigned reads, argument_reads;
	bool read_attachments;
};

static inline struct argument_value text_value(const char *text)
{
	return (struct argument_value){.kind = ARGUMENT_STRING, .text = slice_of(text)};
}

static inline struct argument_value int_value(int64_t n)
{
	return (struct argument_value){.kind = ARGUMENT_INT, .integer = n, .number = (double)n};
}

static inline void call_argument(struct call *call, const char *path, struct argument_value value)
{
	call->arguments[call->argument_count++] = (struct call_argument){path, value};
}

static inline void call_attachment(struct call *call, const char *name, const char *value)
{
	call->attachments[call->head.attachment_count++] =
		(struct rpc_attachment){slice_of(name), slice_of(value)};
}

static inline void call_read(void *context, const struct call_needs *needs,
			     struct argument_value *values)
{
	struct call *call = context;
	call->reads++;
	for (uint32_t i = 0; i < needs->path_count; i++) {
		call->argument_reads++;
		for (unsigned k = 0; k < call->argument_count; k++)
			if (slice_equal(needs->paths[i]->text, slice_of(call->arguments[k].path)))
				values[i] = call->arguments[k].value;
	}
	if (!needs->attachments)
		return;
	call->read_attachments = true;
	call->head.attachments = call->attachments;
	call->head.has_attachments = true;
	for (uint32_t i = 0; i < call->head.attachment_count; i++) {
		const struct rpc_attachment *a = &call->attachments[i];
		if (slice_equal(a->name, SLICE("group")))
			headers_set_id(&call->f->headers, HEADER_TRI_SERVICE_GROUP, a->value);
		else if (slice_equal(a->name, SLICE("remote.application")))
			headers_set_id(&call->f->headers, HEADER_TRI_CONSUMER_APPNAME, a->value);
		if (needs->headers)
			headers_set(&call->f->headers, a->name, a->value);
	}
}

static inline const struct route_table *call_table_try(struct routing_fixture *f, const char *yaml)
{
	struct route_table_options options = {&f->hooks, true};
	const struct route_table *table;
	f->diag = (struct diag){0};
	f->hooks.can_read_arguments = true;
	if (!route_table_load_calls(&table, message_of(f, CALL_TABLE_TYPE, yaml), &options,
				    &f->arena, &f->diag))
		return table;
	diag_format(&f->diag, f->said, sizeof f->said);
	return NULL;
}

/* services: a YAML list in one line. */
static inline const struct route_table *call_table(struct routing_fixture *f, const char *services)
{
	const struct route_table *t =
		call_table_try(f, arena_printf(&f->arena, "name: t\nservices: [%s]", services));
	if (!t)
		fail_msg("%s", f->said);
	return t;
}

static inline void call_init(struct call *call, struct routing_fixture *f)
{
	*call = (struct call){.f = f, .head.protocol = RPC_DUBBO};
}

/* Where the call goes: "interface/method"; the cluster's name, or "-". */
static inline const char *call_to(struct call *call, const struct route_table *t, const char *path,
				  const char *more, unsigned *looked_at)
{
	struct routing_fixture *f = call->f;
	struct cluster_pick pick;

	request(f, arena_printf(&f->arena, "POST /%s", path), "a.Svc", more);
	call->head.has_attachments = false;
	call->reads = call->argument_reads = 0;
	call->read_attachments = false;
	f->headers.rpc = &call->head;
	route_match_input_init(&f->input, &f->headers, f->random);
	f->input.read_call = call_read;
	f->input.read_context = call;
	const struct route *route = route_table_match(t, &f->input, looked_at);
	if (!route)
		return "-";
	assert_true(route_pick_cluster(route, &f->headers, 0, NULL, &pick));
	return arena_string(&f->stream, pick.name);
}

#endif

#include "envoy/config/accesslog/v3/accesslog.pb-c.h"
#include "message/stream_info.h"
#include "routing/fraction.h"
#include "routing/runtime.h"
#include "telemetry/access_log_filter_private.h"

typedef Envoy__Config__Accesslog__V3__AccessLogFilter filter_message;
typedef Envoy__Config__Accesslog__V3__ComparisonFilter comparison_message;

typedef struct Envoy__Config__Bootstrap__V3__LayeredRuntime runtime_message;

enum { FILTERS_DEPTH_MAX = 16 };

/* What all filters of a tree are loaded with. */
struct loading {
	const runtime_message *runtime;
	struct arena *arena;
	struct diag *diag;
};

static enum status load(const filter_message *message, unsigned depth, const struct loading *l,
			const struct access_log_filter **filter);

static enum status load_comparison(const comparison_message *message, const struct loading *l,
				   struct access_log_filter *f)
{
	struct diag *diag = l->diag;
	if (!message || !message->value)
		return diag_at(diag, "comparison.value", "value is required");
	f->value = message->value->default_value;
	if (message->value->runtime_key[0])
		f->value =
			runtime_number(l->runtime, slice_of(message->value->runtime_key), f->value);
	switch (message->op) {
	case ENVOY__CONFIG__ACCESSLOG__V3__COMPARISON_FILTER__OP__EQ:
		f->comparison = FILTER_EQUAL;
		return STATUS_OK;
	case ENVOY__CONFIG__ACCESSLOG__V3__COMPARISON_FILTER__OP__GE:
		f->comparison = FILTER_AT_LEAST;
		return STATUS_OK;
	case ENVOY__CONFIG__ACCESSLOG__V3__COMPARISON_FILTER__OP__LE:
		f->comparison = FILTER_AT_MOST;
		return STATUS_OK;
	case ENVOY__CONFIG__ACCESSLOG__V3__COMPARISON_FILTER__OP__NE:
		f->comparison = FILTER_DIFFERENT;
		return STATUS_OK;
	case _ENVOY__CONFIG__ACCESSLOG__V3__COMPARISON_FILTER__OP_IS_INT_SIZE:
		break;
	}
	return diag_at(diag, "comparison.op", "value must be one of the defined enum values");
}

static void load_fraction(const Envoy__Config__Accesslog__V3__RuntimeFilter *message,
			  const struct loading *l, struct access_log_filter *f)
{
	struct fraction fraction = fraction_of_key(slice_of(message->runtime_key),
						   message->percent_sampled, l->runtime);
	f->excludes = message->use_independent_randomness;
	f->numerator = fraction.numerator;
	f->denominator = fraction.denominator;
}

static enum status load_children(filter_message *const *messages, size_t count, unsigned depth,
				 const struct loading *l, struct access_log_filter *f)
{
	struct diag *diag = l->diag;
	if (count < 2)
		return diag_at(diag, "filters", "value must contain at least 2 item(s)");
	const struct access_log_filter **children =
		ARENA_NEW_ARRAY(l->arena, const struct access_log_filter *, count);
	for (size_t i = 0; i < count; i++) {
		enum status status = load(messages[i], depth + 1, l, &children[i]);
		if (status) {
			diag_prefix(diag, "filters[%zu]", i);
			return status;
		}
	}
	f->children = children;
	f->child_count = (unsigned)count;
	return STATUS_OK;
}

static enum status load_flags(const Envoy__Config__Accesslog__V3__ResponseFlagFilter *message,
			      struct access_log_filter *f, struct diag *diag)
{
	static const char *const names[] = {
#define FLAG_NAME(name, short_form, long_form) [RESPONSE_FLAG_##name] = short_form,
		RESPONSE_FLAG_TABLE(FLAG_NAME)
#undef FLAG_NAME
	};
	f->mask = message->n_flags ? 0 : UINT64_MAX;
	for (size_t i = 0; i < message->n_flags; i++) {
		unsigned flag = 0;
		while (flag < COUNT_OF(names) && strcmp(names[flag], message->flags[i]) != 0)
			flag++;
		if (flag == COUNT_OF(names))
			return diag_set(diag, "flags[%zu]: unknown response flag \"%s\"", i,
					message->flags[i]);
		f->mask |= UINT64_C(1) << flag;
	}
	return STATUS_OK;
}

static void load_statuses(const Envoy__Config__Accesslog__V3__GrpcStatusFilter *message,
			  struct access_log_filter *f)
{
	f->excludes = message->exclude;
	for (size_t i = 0; i < message->n_statuses; i++)
		f->mask |= UINT64_C(1) << ((unsigned)message->statuses[i] & 63);
}

static void load_types(const Envoy__Config__Accesslog__V3__LogTypeFilter *message,
		       struct access_log_filter *f)
{
	f->excludes = message->exclude;
	for (size_t i = 0; i < message->n_types; i++)
		f->mask |= UINT64_C(1) << ((unsigned)message->types[i] & 63);
}

/* Without a matcher whatever has such a value is left out. */
static enum status load_metadata(const Envoy__Config__Accesslog__V3__MetadataFilter *message,
				 struct arena *arena, struct access_log_filter *f,
				 struct diag *diag)
{
	f->passes_without =
		!message->match_if_key_not_found || message->match_if_key_not_found->value;
	if (!message->matcher)
		return STATUS_OK;
	enum status status = metadata_match_load(&f->metadata, message->matcher, arena, diag);
	if (status)
		diag_prefix(diag, "metadata_filter.matcher");
	return status;
}

static enum status load_specifier(const filter_message *message, unsigned depth,
				  const struct loading *l, struct access_log_filter *f)
{
	struct diag *diag = l->diag;
#define CASE(name) ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER_##name
	switch (message->filter_specifier_case) {
	case CASE(STATUS_CODE_FILTER):
		f->kind = FILTER_STATUS_CODE;
		return load_comparison(message->status_code_filter->comparison, l, f);
	case CASE(DURATION_FILTER):
		f->kind = FILTER_DURATION;
		return load_comparison(message->duration_filter->comparison, l, f);
	case CASE(NOT_HEALTH_CHECK_FILTER):
		f->kind = FILTER_NOT_HEALTH_CHECK;
		return STATUS_OK;
	case CASE(TRACEABLE_FILTER): /* nothing is traced */
		f->kind = FILTER_NOTHING;
		return STATUS_OK;
	case CASE(RUNTIME_FILTER):
		f->kind = FILTER_SAMPLED;
		load_fraction(message->runtime_filter, l, f);
		return STATUS_OK;
	case CASE(AND_FILTER):
		f->kind = FILTER_AND;
		return load_children(message->and_filter->filters, message->and_filter->n_filters,
				     depth, l, f);
	case CASE(OR_FILTER):
		f->kind = FILTER_OR;
		return load_children(message->or_filter->filters, message->or_filter->n_filters,
				     depth, l, f);
	case CASE(HEADER_FILTER):
		f->kind = FILTER_HEADER;
		if (!message->header_filter->header)
			return diag_at(diag, "header", "value is required");
		return header_matches_load(&f->headers, "header", &message->header_filter->header,
					   1, l->arena, diag);
	case CASE(RESPONSE_FLAG_FILTER):
		f->kind = FILTER_RESPONSE_FLAG;
		return load_flags(message->response_flag_filter, f, diag);
	case CASE(GRPC_STATUS_FILTER):
		f->kind = FILTER_GRPC_STATUS;
		load_statuses(message->grpc_status_filter, f);
		return STATUS_OK;
	case CASE(LOG_TYPE_FILTER):
		f->kind = FILTER_LOG_TYPE;
		load_types(message->log_type_filter, f);
		return STATUS_OK;
	case CASE(METADATA_FILTER):
		f->kind = FILTER_METADATA;
		return load_metadata(message->metadata_filter, l->arena, f, diag);
	case CASE(EXTENSION_FILTER):
		return diag_set(diag, "Didn't find a registered implementation for name: '%s'",
				message->extension_filter->name);
	case CASE(_NOT_SET):
	case _ENVOY__CONFIG__ACCESSLOG__V3__ACCESS_LOG_FILTER__FILTER_SPECIFIER__CASE_IS_INT_SIZE:
		break;
	}
#undef CASE
	return diag_set(diag, "a filter_specifier is required");
}

static enum status load(const filter_message *message, unsigned depth, const struct loading *l,
			const struct access_log_filter **filter)
{
	struct access_log_filter *f = ARENA_NEW(l->arena, struct access_log_filter);
	if (depth > FILTERS_DEPTH_MAX)
		return diag_set(l->diag, "filters are at most %d levels deep", FILTERS_DEPTH_MAX);
	*filter = f;
	return load_specifier(message, depth, l, f);
}

enum status access_log_filter_load(const filter_message *message, const runtime_message *runtime,
				   struct arena *arena, const struct access_log_filter **filter,
				   struct diag *diag)
{
	const struct loading l = {runtime, arena, diag};
	*filter = NULL;
	return message ? load(message, 0, &l, filter) : STATUS_OK;
}

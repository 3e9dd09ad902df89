#include <envoy/config/core/v3/base.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>
#include <outrigger/filters/sentinel/v1/sentinel.pb-c.h>
#include <outrigger/type/v1/request_value.pb-c.h>

#include <unistd.h>

#include "base/addr.h"
#include "filters/sentinel/cluster_client.h"
#include "filters/sentinel/cluster_server_config.h"
#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/nacos_sources.h"
#include "filters/sentinel/ops/ops.h"
#include "filters/sentinel/resource_stats.h"
#include "filters/sentinel/rule_sources.h"
#include "filters/sentinel/sentinel.h"
#include "message/data_source_config.h"
#include "routing/duration.h"

typedef Outrigger__Filters__Sentinel__V1__Sentinel Message;
typedef Outrigger__Filters__Sentinel__V1__SentinelPerRoute PerRoute;
typedef Outrigger__Filters__Sentinel__V1__Rules Rules;
typedef Outrigger__Filters__Sentinel__V1__Parameter Parameter;
typedef Outrigger__Filters__Sentinel__V1__Fallback Fallback;
typedef Outrigger__Filters__Sentinel__V1__AnswerCache AnswerCache;
typedef Outrigger__Filters__Sentinel__V1__ResourceNames ResourceNames;
typedef Outrigger__Filters__Sentinel__V1__Operations Operations;
typedef Outrigger__Filters__Sentinel__V1__ClusterClient ClusterClient;
typedef Envoy__Config__Core__V3__DataSource DataSource;

#define SOURCE(kind) ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_##kind
#define TRAFFIC(name) OUTRIGGER__FILTERS__SENTINEL__V1__SENTINEL__TRAFFIC__##name
#define PARAMETER(name) OUTRIGGER__FILTERS__SENTINEL__V1__PARAMETER__SOURCE_##name

enum {
	INLINE_BYTES_MAX = 16 << 20,
	BODY_BYTES_MAX = 1 << 20,
	RESOURCES_MAX = 1000000,
	KEPT_BYTES = 8 << 20, /* answers */
	KEPT_BYTES_MAX = 1 << 30,
	KEPT_BODY_BYTES = 64 << 10,
	KEPT_BODY_BYTES_MAX = 4 << 20,
};

/* --- rules --- */

/* Rules that aren't valid are left out later; what is no list of rules is refused now. */
static enum status check_text(const struct sentinel_source *source, struct diag *diag)
{
	struct rule_json_reader reader = {.dialect = source->dialect};
	struct arena arena;
	struct rule_list list = {0};

	arena_init(&arena, 4096);
	reader.arena = &arena;
	enum status status = rule_json_parse(&reader, source->kind, source->text, &list);
	arena_free(&arena);
	if (status)
		return diag_set(diag,
				status == STATUS_MALFORMED ? "is no JSON" : "must be a JSON array");
	return STATUS_OK;
}

/* Its kind and dialect are known. */
static enum status load_source(struct sentinel_source *source, const DataSource *message,
			       struct arena *arena, struct diag *diag)
{
	if (message->specifier_case == SOURCE(FILENAME)) {
		if (access(message->filename, R_OK))
			return diag_at(diag, "filename", "'%s' can't be read", message->filename);
		source->path = arena_string(arena, slice_of(message->filename));
		return STATUS_OK;
	}
	enum status status =
		data_source_load(&source->text, message, INLINE_BYTES_MAX, arena, diag);
	return status ? status : check_text(source, diag);
}

struct rules_loader {
	struct sentinel_part *part;
	int dialect; /* the message's */
	struct arena *arena;
	struct diag *diag;
};

/* field: of the message Rules. */
static enum status load_sources(const struct rules_loader *loader, enum rule_kind kind,
				const char *field, DataSource *const *messages, size_t count)
{
	struct sentinel_part *part = loader->part;

	for (size_t i = 0; i < count; i++) {
		struct sentinel_source *source = &part->sources[part->count++];
		source->kind = kind;
		source->dialect = sentinel_dialect_of(loader->dialect, kind);
		enum status status = load_source(source, messages[i], loader->arena, loader->diag);
		if (status) {
			diag_prefix(loader->diag, "rules.%s[%zu]", field, i);
			return status;
		}
	}
	return STATUS_OK;
}

static enum status load_rules(struct sentinel_part *part, const Rules *m, struct slice application,
			      struct arena *arena, struct diag *diag)
{
	struct rules_loader loader = {.part = part, .arena = arena, .diag = diag};
	enum status status;

	if (!m)
		return STATUS_OK;
	loader.dialect = (int)m->dialect;
	part->sources = ARENA_NEW_ARRAY(arena, struct sentinel_source,
					m->n_flow + m->n_degrade + m->n_system + m->n_authority +
						m->n_param_flow + NACOS_SOURCES * m->n_nacos + 1);
	if ((status = load_sources(&loader, RULE_FLOW, "flow", m->flow, m->n_flow)) ||
	    (status = load_sources(&loader, RULE_DEGRADE, "degrade", m->degrade, m->n_degrade)) ||
	    (status = load_sources(&loader, RULE_SYSTEM, "system", m->system, m->n_system)) ||
	    (status = load_sources(&loader, RULE_AUTHORITY, "authority", m->authority,
				   m->n_authority)) ||
	    (status = load_sources(&loader, RULE_PARAM_FLOW, "param_flow", m->param_flow,
				   m->n_param_flow)))
		return status;
	for (size_t i = 0; i < m->n_nacos; i++) {
		status = sentinel_nacos_load(part, m->nacos[i], application, arena, diag);
		if (status) {
			diag_prefix(diag, "rules.nacos[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

static enum status load_operations(struct sentinel_part *part, const Operations *message,
				   struct arena *arena, struct diag *diag)
{
	struct sentinel_ops_options *options = ARENA_NEW(arena, struct sentinel_ops_options);
	struct slice address = arena_slice(arena, slice_of(message->command_address));
	uint32_t port =
		message->command_port ? message->command_port->value : SENTINEL_COMMAND_PORT;
	struct addr addr;

	if (address.len && addr_parse_ip(address, 0, &addr))
		return diag_at(diag, "operations.command_address", "must be an IP address");
	if (port > UINT16_MAX)
		return diag_at(diag, "operations.command_port", "must be at most 65535");
	if (message->metric_file_size > INT64_MAX)
		return diag_at(diag, "operations.metric_file_size", "must be below 2^63");
	*options = (struct sentinel_ops_options){
		.application_type = message->application_type,
		.writes_metric_log = !message->disable_metric_log,
		.writes_block_log = !message->disable_block_log,
		.writes_record_log = !message->disable_record_log,
		.writes_server_log = !message->disable_server_log,
		.log_folder = arena_slice(arena, slice_of(message->log_folder)),
		.names_pid = message->log_name_use_pid,
		.metric_file_size = (int64_t)message->metric_file_size,
		.metric_files = message->metric_file_count,
		.has_command_centre = !message->disable_command_centre,
		.command_address = address,
		.command_port = (uint16_t)port,
		.dashboards = arena_slice(arena, slice_of(message->dashboards)),
		.client_ip = arena_slice(arena, slice_of(message->client_ip)),
		.heartbeat_ms = message->heartbeat_interval_ms,
	};
	part->operations = options;
	return STATUS_OK;
}

static enum status load_cluster(struct sentinel_part *part, const ClusterClient *message,
				struct arena *arena, struct diag *diag)
{
	struct cluster_client_options *options = ARENA_NEW(arena, struct cluster_client_options);
	struct slice server = slice_of(message->server_address);
	uint32_t timeout_ms = message->request_timeout_ms;
	struct addr addr;

	if (server.len && (server.len >= CLUSTER_SERVER_MAX || addr_parse_ip(server, 0, &addr)))
		return diag_at(diag, "cluster_client.server_address", "must be an IP address");
	if (message->server_port > UINT16_MAX)
		return diag_at(diag, "cluster_client.server_port", "must be at most 65535");
	if (timeout_ms > CLUSTER_TIMEOUT_MAX_MS)
		return diag_at(diag, "cluster_client.request_timeout_ms", "must be at most %d",
			       CLUSTER_TIMEOUT_MAX_MS);
	*options = (struct cluster_client_options){
		.server = arena_slice(arena, server),
		.port = (uint16_t)(message->server_port ? message->server_port
							: CLUSTER_SERVER_PORT),
		.request_timeout_ms = timeout_ms ? timeout_ms : CLUSTER_REQUEST_TIMEOUT_MS,
		.name_space = arena_slice(arena, slice_of(message->namespace_)),
	};
	part->cluster = options;
	return STATUS_OK;
}

static void adopt(void *part)
{
	sentinel_part_adopt(part);
}

static enum status load_application(struct sentinel_config *config, const Message *message,
				    const struct config_context *context, struct diag *diag)
{
	struct sentinel_part *part = ARENA_NEW(context->arena, struct sentinel_part);
	struct slice name =
		message->application[0] ? slice_of(message->application) : context->service_cluster;
	struct sentinel_options options = {
		.resources_max = message->max_resources ? message->max_resources->value : 0,
		.contexts_max = message->max_contexts ? message->max_contexts->value : 0,
	};
	enum status status = load_rules(part, message->rules, name, context->arena, diag);

	if (status)
		return status;
	if (message->operations &&
	    (status = load_operations(part, message->operations, context->arena, diag)))
		return status;
	if (message->cluster_client &&
	    (status = load_cluster(part, message->cluster_client, context->arena, diag)))
		return status;
	if (message->cluster_server &&
	    (status = cluster_server_load(&part->cluster_server, message->cluster_server,
					  context->arena, diag)))
		return status;
	if (!name.len)
		return diag_at(diag, "application", "is required where node.cluster isn't set");
	if (options.resources_max > RESOURCES_MAX)
		return diag_at(diag, "max_resources", "must be at most %d", RESOURCES_MAX);
	if (options.contexts_max > RESOURCES_MAX)
		return diag_at(diag, "max_contexts", "must be at most %d", RESOURCES_MAX);
	part->resource_stats_max = message->max_resource_stats ? message->max_resource_stats->value
							       : RESOURCE_STATS_DEFAULT;
	if (part->resource_stats_max > RESOURCE_STATS_MAX)
		return diag_at(diag, "max_resource_stats", "must be at most %d",
			       RESOURCE_STATS_MAX);
	if (!context->sentinel)
		return STATUS_OK;
	config->application =
		sentinel_application_for(context->arena, context->sentinel, name, &options);
	part->application = config->application;
	part->key = config_state_name(context, name, 0);
	arena_defer(context->arena, sentinel_part_leave, part);
	config_when_published(context, adopt, part);
	return STATUS_OK;
}

/* --- the rest --- */

static enum status load_parameters(struct sentinel_config *config, const Message *message,
				   struct arena *arena, struct diag *diag)
{
	struct sentinel_parameter *parameters =
		ARENA_NEW_ARRAY(arena, struct sentinel_parameter, message->n_parameters);
	enum status status = STATUS_OK;

	for (size_t i = 0; !status && i < message->n_parameters; i++) {
		const Parameter *parameter = message->parameters[i];
		if (parameter->source_case == PARAMETER(QUERY))
			parameters[i].query = arena_slice(arena, slice_of(parameter->query));
		else if (parameter->source_case == PARAMETER(VALUE))
			status = request_values_load(&parameters[i].value, "value",
						     &parameter->value, 1, arena, diag);
		else
			status = diag_set(diag, "value or query is required");
		if (status)
			diag_prefix(diag, "parameters[%zu]", i);
	}
	config->parameters = parameters;
	config->parameter_count = (uint32_t)message->n_parameters;
	return status;
}

static enum status load_fallback(const struct sentinel_fallback **loaded, const Fallback *message,
				 const struct config_context *context, struct diag *diag)
{
	struct arena *arena = context->arena;
	struct sentinel_fallback *fallback;
	enum status status = STATUS_OK;

	if (!message)
		return STATUS_OK;
	fallback = ARENA_NEW(arena, struct sentinel_fallback);
	*loaded = fallback;
	if (message->status && (message->status < 200 || message->status > 599))
		return diag_at(diag, "fallback.status", "must be from 200 to 599");
	fallback->status = (uint16_t)message->status;
	fallback->content_type = arena_slice(arena, slice_of(message->content_type));
	fallback->has_last_answer = message->last_answer;
	if (message->cluster[0]) {
		fallback->cluster = arena_slice(arena, slice_of(message->cluster));
		fallback->cluster_slot =
			context->slot(context, PUBLISHED_CLUSTER, fallback->cluster);
	}
	if (message->body)
		status = data_source_load(&fallback->body, message->body, BODY_BYTES_MAX, arena,
					  diag);
	else if (message->status || message->content_type[0])
		fallback->body = SLICE("");
	if (status)
		diag_prefix(diag, "fallback.body");
	return status;
}

static enum status load_keeping(const struct sentinel_keeping **loaded, const AnswerCache *message,
				const struct config_context *context, struct diag *diag)
{
	unsigned workers = context->sentinel ? context->sentinel->workers : 1;
	struct sentinel_keeping *keeping;
	enum status status;
	uint32_t age_ms;

	if (!message)
		return STATUS_OK;
	keeping = ARENA_NEW(context->arena, struct sentinel_keeping);
	*loaded = keeping;
	uint32_t bytes = message->max_bytes ? message->max_bytes : KEPT_BYTES;
	uint32_t body = message->max_body_bytes ? message->max_body_bytes : KEPT_BODY_BYTES;
	if (bytes > KEPT_BYTES_MAX)
		return diag_at(diag, "answer_cache.max_bytes", "must be at most %d",
			       KEPT_BYTES_MAX);
	if (body > KEPT_BODY_BYTES_MAX)
		return diag_at(diag, "answer_cache.max_body_bytes", "must be at most %d",
			       KEPT_BODY_BYTES_MAX);
	keeping->bytes_max = bytes / workers;
	keeping->body_max = body;
	status = duration_load(&age_ms, DURATION_UNSET, message->max_age, "answer_cache.max_age",
			       diag);
	keeping->age_max_ms = age_ms == DURATION_UNSET ? UINT64_MAX : age_ms;
	if (status || !message->key[0])
		return status;
	status = name_template_compile(&keeping->key, message->key, context->arena, diag);
	if (status)
		diag_prefix(diag, "answer_cache.key");
	return status;
}

static enum status load_names(struct sentinel_resource_names *loaded, const ResourceNames *message,
			      struct arena *arena, struct diag *diag)
{
	enum status status = STATUS_OK;

	if (!message->n_names || message->n_names > SENTINEL_RESOURCES_A_REQUEST)
		return diag_at(diag, "names", "must be one, or two");
	for (size_t i = 0; !status && i < message->n_names; i++) {
		status = name_template_compile(&loaded->templates[loaded->count++],
					       message->names[i], arena, diag);
		if (status)
			diag_prefix(diag, "names[%zu]", i);
	}
	return status;
}

static enum status load_resources(struct sentinel_config *config, const Message *message,
				  struct arena *arena, struct diag *diag)
{
	struct sentinel_resource_names *names =
		ARENA_NEW_ARRAY(arena, struct sentinel_resource_names, message->n_resources);
	enum status status = STATUS_OK;

	for (size_t i = 0; !status && i < message->n_resources; i++) {
		status = load_names(&names[i], message->resources[i], arena, diag);
		if (status)
			diag_prefix(diag, "resources[%zu]", i);
	}
	config->resources = names;
	config->resource_count = (uint32_t)message->n_resources;
	return status;
}

static enum status load_peer(struct sentinel_config *config, const Message *message,
			     const struct config_context *context, struct diag *diag)
{
	config->peer_name = (uint8_t)message->origin_peer; /* the same order */
	if (config->peer_name && !context->has_peer_names)
		return diag_at(diag, "origin_peer",
			       "needs a listener whose clients show certificates");
	return STATUS_OK;
}

static enum status load_route(const void **loaded, const PerRoute *message,
			      const struct config_context *context, struct diag *diag)
{
	struct sentinel_route *route = ARENA_NEW(context->arena, struct sentinel_route);
	enum status status = STATUS_OK;

	*loaded = route;
	route->is_disabled = message->disabled;
	if (message->resource[0])
		status = name_template_compile(&route->resource, message->resource, context->arena,
					       diag);
	if (status) {
		diag_prefix(diag, "resource");
		return status;
	}
	return load_fallback(&route->fallback, message->fallback, context, diag);
}

/* A header's name that stands for an attachment of another name. */
static bool is_encoded(const struct request_value *value)
{
	return value->source == REQUEST_VALUE_HEADER &&
	       slice_find_char(value->name, '%', 0) < value->name.len;
}

static bool asks_header(const struct request_value *value)
{
	return value->source == REQUEST_VALUE_COOKIE || is_encoded(value);
}

/* What else is asked of a call is read from its attachments themselves. */
static bool asks_headers(const struct sentinel_config *config)
{
	bool asks = config->keeping && config->keeping->key &&
		    name_template_asks_headers(config->keeping->key);

	for (uint32_t i = 0; i < config->origins.count; i++)
		asks |= asks_header(&config->origins.items[i]);
	for (uint32_t i = 0; i < config->parameter_count; i++)
		asks |= !config->parameters[i].query.data &&
			asks_header(&config->parameters[i].value.items[0]);
	for (uint32_t i = 0; i < config->resource_count; i++)
		for (uint32_t k = 0; k < config->resources[i].count; k++)
			asks |= name_template_asks_headers(config->resources[i].templates[k]);
	return asks;
}

/* Of an answer it looks at what its head says, and keeps it as it came. */
static bool asks_attachments(const void *config, enum direction direction)
{
	const struct sentinel_config *own = config;

	return direction == DIRECTION_REQUEST && (!own || own->asks_headers);
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	const Message *message = (const Message *)base;
	struct arena *arena = context->arena;
	struct sentinel_config *config;
	enum status status;

	if (is_per_route)
		return load_route(loaded, (const PerRoute *)base, context, diag);
	config = ARENA_NEW(arena, struct sentinel_config);
	*loaded = config;
	config->naming.is_outbound = message->traffic == TRAFFIC(BY_LISTENER)
					     ? context->is_outbound
					     : message->traffic == TRAFFIC(OUTBOUND);
	if (message->dubbo_names) {
		config->naming.has_version_and_group = message->dubbo_names->version_and_group;
		config->naming.has_prefix = message->dubbo_names->prefix;
	}
	config->http_resource = (uint8_t)message->http_resource; /* the same order */
	config->waits_past_deadline = message->waits_past_deadline;
	if ((status = request_values_load(&config->origins, "origins", message->origins,
					  message->n_origins, arena, diag)) ||
	    (status = load_parameters(config, message, arena, diag)) ||
	    (status = load_resources(config, message, arena, diag)) ||
	    (status = load_peer(config, message, context, diag)) ||
	    (status = load_keeping(&config->keeping, message->answer_cache, context, diag)) ||
	    (status = load_fallback(&config->route.fallback, message->fallback, context, diag)))
		return status;
	config->asks_headers = asks_headers(config);
	return load_application(config, message, context, diag);
}

const struct filter_type sentinel_filter = {
	.name = "outrigger.filters.sentinel",
	.message = &outrigger__filters__sentinel__v1__sentinel__descriptor,
	.per_route = &outrigger__filters__sentinel__v1__sentinel_per_route__descriptor,
	.state_size = sizeof(struct sentinel_state),
	.is_limiter = true,
	.config_load = config_load,
	.policy = &sentinel_policy,
	.is_policy_on_demand = true,
	.reads_answers = sentinel_reads_answers,
	.asks_attachments = asks_attachments,
	.request_headers = sentinel_request_headers,
	.response_headers = sentinel_response_headers,
	.response_data = sentinel_response_data,
	.close = sentinel_close,
};

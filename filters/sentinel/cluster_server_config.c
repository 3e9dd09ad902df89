#include "filters/sentinel/cluster_server_config.h"

#include <envoy/config/core/v3/base.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>
#include <outrigger/filters/sentinel/v1/sentinel.pb-c.h>

#include "base/hash.h"
#include "filters/sentinel/cluster/token_metric.h"
#include "filters/sentinel/cluster_files.h"
#include "filters/sentinel/cluster_server.h"
#include "message/data_source_config.h"

typedef Outrigger__Filters__Sentinel__V1__ClusterServer Message;
typedef Outrigger__Filters__Sentinel__V1__ClusterNamespace Namespace;
typedef Outrigger__Filters__Sentinel__V1__ClusterFlowConfig FlowConfig;
typedef Envoy__Config__Core__V3__DataSource DataSource;

enum {
	IDLE_SECONDS_MAX = 1000000,
	CONNECTIONS_MAX = 100000,
};

static enum status load_text(struct cluster_server_name_space *own, enum token_kind kind,
			     const DataSource *message, struct arena *arena, struct diag *diag)
{
	const char *field = kind == TOKEN_KIND_FLOW ? "flow" : "param_flow";
	struct token_rules *rules;

	if (!message)
		return STATUS_OK;
	enum status status =
		data_source_load(&own->rules[kind], message, CLUSTER_RULES_BYTES_MAX, arena, diag);
	if (status) {
		diag_prefix(diag, "%s", field);
		return status;
	}
	status = token_rules_parse(kind, own->rules[kind], 0, &rules);
	if (status)
		return diag_at(diag, field, "%s",
			       status == STATUS_MALFORMED ? "is no JSON"
			       : status == STATUS_INVALID ? "must be a JSON array"
							  : "has too many rules");
	token_rules_free(rules); /* rules that aren't valid are left out when they are loaded */
	if (message->specifier_case == ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_FILENAME)
		own->paths[kind] = arena_string(arena, slice_of(message->filename));
	return STATUS_OK;
}

static enum status load_name_space(struct cluster_server_name_space *own, const Namespace *message,
				   struct arena *arena, struct diag *diag)
{
	struct slice name = slice_of(message->name);
	enum status status;

	if (rule_is_blank(name) || name.len > TOKEN_NAME_MAX)
		return diag_at(diag, "name", "must have from 1 to %d bytes", TOKEN_NAME_MAX);
	own->name = arena_slice(arena, name);
	status = load_text(own, TOKEN_KIND_FLOW, message->flow, arena, diag);
	return status ? status : load_text(own, TOKEN_KIND_PARAM, message->param_flow, arena, diag);
}

static enum status load_name_spaces(struct cluster_server_options *options, const Message *message,
				    struct arena *arena, struct diag *diag)
{
	struct cluster_server_name_space *own =
		ARENA_NEW_ARRAY(arena, struct cluster_server_name_space, message->n_namespaces + 1);

	if (message->n_namespaces > TOKEN_NAME_SPACES_MAX)
		return diag_at(diag, "namespaces", "must be at most %d", TOKEN_NAME_SPACES_MAX);
	for (size_t i = 0; i < message->n_namespaces; i++) {
		enum status status = load_name_space(&own[i], message->namespaces[i], arena, diag);
		if (status) {
			diag_prefix(diag, "namespaces[%zu]", i);
			return status;
		}
	}
	options->name_spaces = own;
	options->count = message->n_namespaces;
	return STATUS_OK;
}

static enum status load_real(double *own, const Google__Protobuf__DoubleValue *message,
			     const char *field, struct diag *diag)
{
	if (!message)
		return STATUS_OK;
	if (!(message->value >= 0))
		return diag_at(diag, field, "must be >= 0");
	*own = message->value;
	return STATUS_OK;
}

static enum status load_flow(struct token_arbiter_config *own, const FlowConfig *message,
			     struct diag *diag)
{
	enum status status;

	if (!message)
		return STATUS_OK;
	if ((status = load_real(&own->exceed_count, message->exceed_count, "exceed_count", diag)) ||
	    (status = load_real(&own->max_occupy_ratio, message->max_occupy_ratio,
				"max_occupy_ratio", diag)) ||
	    (status = load_real(&own->max_allowed_qps, message->max_allowed_qps, "max_allowed_qps",
				diag)))
		return status;
	if (message->interval_ms)
		own->interval_ms = (int32_t)message->interval_ms;
	if (message->sample_count)
		own->sample_count = (int32_t)message->sample_count;
	if (!token_metric_can_be(own->sample_count, own->interval_ms))
		return diag_at(diag, "interval_ms",
			       "must be a multiple of sample_count, which is at most %d",
			       TOKEN_SAMPLES_MAX);
	return STATUS_OK;
}

static enum status load_listen(struct token_listen *own, const Message *message, struct diag *diag)
{
	struct slice address = message->address[0] ? slice_of(message->address) : SLICE("0.0.0.0");
	uint32_t port = message->port ? message->port->value : TOKEN_SERVER_PORT;

	if (port > UINT16_MAX)
		return diag_at(diag, "port", "must be at most 65535");
	if (addr_parse_ip(address, (uint16_t)port, &own->addr))
		return diag_at(diag, "address", "must be an IP address");
	if (message->idle_seconds > IDLE_SECONDS_MAX)
		return diag_at(diag, "idle_seconds", "must be at most %d", IDLE_SECONDS_MAX);
	if (message->max_connections > CONNECTIONS_MAX)
		return diag_at(diag, "max_connections", "must be at most %d", CONNECTIONS_MAX);
	own->idle_ms = message->idle_seconds ? message->idle_seconds * 1000 : TOKEN_IDLE_MS;
	own->connections_max =
		message->max_connections ? message->max_connections : TOKEN_CONNECTIONS_MAX;
	return STATUS_OK;
}

/* Of what it says, and of the files' texts. */
static uint64_t hash_of(const struct cluster_server_options *options, const Message *message,
			struct arena *arena)
{
	size_t size = protobuf_c_message_get_packed_size(&message->base);
	uint8_t *bytes = arena_alloc(arena, size + 1);
	uint64_t hash;

	protobuf_c_message_pack(&message->base, bytes);
	hash = hash_bytes(slice_make((const char *)bytes, size));
	for (size_t i = 0; i < options->count; i++)
		for (int kind = 0; kind < TOKEN_KINDS; kind++)
			hash = hash_combine(hash, hash_bytes(options->name_spaces[i].rules[kind]));
	return hash;
}

static enum status load(struct cluster_server_options *options, const Message *message,
			struct arena *arena, struct diag *diag)
{
	enum status status;

	options->config = TOKEN_ARBITER_DEFAULTS;
	options->begins_by_command = message->begins_by_command;
	options->flow_stats_max = message->max_flow_stats ? message->max_flow_stats->value
							  : CLUSTER_FLOW_STATS_DEFAULT;
	if (options->flow_stats_max > CLUSTER_FLOW_STATS_MAX)
		return diag_at(diag, "max_flow_stats", "must be at most %d",
			       CLUSTER_FLOW_STATS_MAX);
	if ((status = load_listen(&options->listen, message, diag)) ||
	    (status = load_name_spaces(options, message, arena, diag)))
		return status;
	status = load_flow(&options->config, message->flow, diag);
	if (status)
		diag_prefix(diag, "flow");
	options->hash = hash_of(options, message, arena);
	return status;
}

enum status cluster_server_load(const struct cluster_server_options **loaded,
				const Message *message, struct arena *arena, struct diag *diag)
{
	struct cluster_server_options *options = ARENA_NEW(arena, struct cluster_server_options);
	enum status status = load(options, message, arena, diag);

	*loaded = options;
	if (status)
		diag_prefix(diag, "cluster_server");
	return status;
}

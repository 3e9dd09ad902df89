/* Commands that change the token server which the application may be: read and checked here, done
 * by main (struct cluster_change). What isn't valid in itself is left as it was, and "success", as
 * in Java. */
#include "base/attributes.h"
#include "filters/sentinel/cluster/token_metric.h"
#include "filters/sentinel/cluster_server.h"
#include "filters/sentinel/core/json_members.h"
#include "filters/sentinel/ops/commands.h"
#include "filters/sentinel/ops/java_text.h"

enum { IDLE_SECONDS_MAX = 1000000 };

/* The parameter `data`, which is encoded twice, in the arena. False: that is broken. */
static bool read_data(const struct command_request *request, struct arena *arena,
		      struct slice *data)
{
	char *copy = arena_string(arena, command_parameter(request, SLICE("data")));
	ssize_t len = java_url_decode(copy, slice_of(copy).len);

	*data = slice_make(copy, len < 0 ? 0 : (size_t)len);
	return len >= 0;
}

static bool has_data(const struct command_request *request, struct command_answer *answer)
{
	if (slice_trim(command_parameter(request, SLICE("data"))).len)
		return true;
	command_fail(answer, SLICE("empty data"));
	return false;
}

static void done(struct command_answer *answer, struct cluster_change *change)
{
	answer->change = change;
	text_add(&answer->body, SLICE("success"));
}

/* --- rules --- */

static void modify_rules(const struct command_context *context,
			 const struct command_request *request, enum token_kind kind,
			 struct command_answer *answer)
{
	struct slice name = command_parameter(request, SLICE("namespace")), data;

	if (!name.len) {
		command_fail(answer, SLICE("empty namespace"));
		return;
	}
	if (!has_data(request, answer))
		return;
	struct cluster_change *change = cluster_change_new();
	change->what = CLUSTER_CHANGE_RULES;
	change->name = arena_slice(&change->arena, name);
	if (read_data(request, &change->arena, &data) &&
	    !token_rules_parse(kind, data, context->cluster.tokens->arbiter.seed, &change->rules)) {
		done(answer, change);
		return;
	}
	cluster_change_free(change);
	command_fail(answer, kind == TOKEN_KIND_FLOW ? SLICE("decode cluster flow rules error")
						     : SLICE("decode cluster param rules error"));
}

void command_modify_server_flow_rules(const struct command_context *context,
				      const struct command_request *request,
				      struct command_answer *answer)
{
	modify_rules(context, request, TOKEN_KIND_FLOW, answer);
}

void command_modify_server_param_rules(const struct command_context *context,
				       const struct command_request *request,
				       struct command_answer *answer)
{
	modify_rules(context, request, TOKEN_KIND_PARAM, answer);
}

/* --- settings --- */

/* False: it can't be decoded. What isn't named has its default. */
static bool read_flow_config(struct slice data, struct cluster_change *change)
{
	struct token_arbiter_config *config = &change->config;
	json_t *json = json_loadb(data.data, data.len, 0, NULL);
	struct json_members members = {.object = json, .arena = &change->arena};
	bool is_object = json_is_object(json);

	*config = TOKEN_ARBITER_DEFAULTS;
	if (is_object) {
		config->exceed_count = json_members_real(&members, "exceedCount", 1);
		config->max_occupy_ratio = json_members_real(&members, "maxOccupyRatio", 1);
		config->max_allowed_qps = json_members_real(&members, "maxAllowedQps", 30000);
		config->interval_ms = json_members_int(&members, "intervalMs", 1000);
		config->sample_count = json_members_int(&members, "sampleCount", 10);
	}
	json_decref(json);
	return is_object && !members.fault;
}

/* One for a single name space counts for all, as in Java. */
/* One whose text is all of the parameter `data`. */
static void modify(const struct command_request *request, enum cluster_change_kind what,
		   bool (*read)(struct slice data, struct cluster_change *change),
		   struct slice fault, struct command_answer *answer)
{
	struct slice data;

	if (!has_data(request, answer))
		return;
	struct cluster_change *change = cluster_change_new();
	change->what = what;
	if (read_data(request, &change->arena, &data) && read(data, change)) {
		done(answer, change);
		return;
	}
	cluster_change_free(change);
	command_fail(answer, fault);
}

void command_modify_server_flow_config(const struct command_context *context,
				       const struct command_request *request,
				       struct command_answer *answer)
{
	(void)context;
	modify(request, CLUSTER_CHANGE_CONFIG, read_flow_config,
	       SLICE("decode cluster server flow config error"), answer);
}

void command_modify_server_transport(const struct command_context *context,
				     const struct command_request *request,
				     struct command_answer *answer)
{
	struct slice port_text = command_parameter(request, SLICE("port"));
	struct slice idle_text = command_parameter(request, SLICE("idleSeconds"));
	int64_t port, idle;

	(void)context;
	if (!slice_trim(port_text).len) {
		command_fail(answer, SLICE("invalid empty port"));
	} else if (!slice_trim(idle_text).len) {
		command_fail(answer, SLICE("invalid empty idleSeconds"));
	} else if (!command_read_int(port_text, &port) || !command_read_int(idle_text, &idle)) {
		command_fail(answer, SLICE("invalid parameter"));
	} else if (port <= 0 || port > UINT16_MAX) {
		text_add(&answer->body, SLICE("success"));
	} else {
		struct cluster_change *change = cluster_change_new();
		change->what = CLUSTER_CHANGE_LISTEN;
		change->port = (uint16_t)port;
		change->idle_ms =
			idle > 0 ? (uint32_t)(idle < IDLE_SECONDS_MAX ? idle : IDLE_SECONDS_MAX) *
					   1000
				 : TOKEN_IDLE_MS;
		done(answer, change);
	}
}

/* False: it is no array of strings. */
static bool read_names(struct slice data, struct cluster_change *change)
{
	json_t *json = json_loadb(data.data, data.len, 0, NULL);
	bool are_names = json_is_array(json) && json_array_size(json) <= TOKEN_NAME_SPACES_MAX;
	const json_t *value;
	size_t i;

	if (are_names)
		change->names =
			ARENA_NEW_ARRAY(&change->arena, struct slice, json_array_size(json) + 1);
	json_array_foreach(json, i, value)
	{
		are_names = are_names && json_is_string(value);
		if (are_names)
			change->names[change->count++] =
				arena_slice(&change->arena, slice_make(json_string_value(value),
								       json_string_length(value)));
	}
	json_decref(json);
	return are_names;
}

void command_modify_server_name_spaces(const struct command_context *context,
				       const struct command_request *request,
				       struct command_answer *answer)
{
	(void)context;
	modify(request, CLUSTER_CHANGE_NAMES, read_names,
	       SLICE("decode client cluster config error"), answer);
}

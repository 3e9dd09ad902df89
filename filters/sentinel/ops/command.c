#include "filters/sentinel/ops/commands.h"

#include "base/attributes.h"
#include "filters/sentinel/cluster_server.h"
#include "filters/sentinel/ops/java_text.h"

/* --- what needs no file of its own --- */

static void version(const struct command_context *context, const struct command_request *request,
		    struct command_answer *answer)
{
	(void)context;
	(void)request;
	text_add(&answer->body, SLICE(COMMAND_SENTINEL_VERSION));
}

static void basic_info(const struct command_context *context, const struct command_request *request,
		       struct command_answer *answer)
{
	(void)request;
	text_printf(&answer->body, "{\n\t\"machine\": \"%s\",\n\t\"ip\": \"%s\"\n}",
		    context->hostname, context->ip);
}

static void get_switch(const struct command_context *context, const struct command_request *request,
		       struct command_answer *answer)
{
	(void)request;
	text_printf(&answer->body, "Sentinel switch value: %s",
		    sentinel_is_on(context->sentinel) ? "true" : "false");
}

/* Boolean.valueOf: whatever isn't "true" is false. */
static void set_switch(const struct command_context *context, const struct command_request *request,
		       struct command_answer *answer)
{
	struct slice value = command_parameter(request, SLICE("value"));

	sentinel_set_switch(context->sentinel, slice_equal_nocase(value, SLICE("true")));
	text_printf(&answer->body, "Sentinel set switch value: %.*s",
		    value.data ? (int)value.len : 4, value.data ? value.data : "null");
}

static command_fn api;

static const struct command {
	const char *name, *help;
	command_fn *run;
} commands[] = {
	{"api", "get all available command handlers", api},
	{"basicInfo", "get sentinel config info", basic_info},
	{"cluster/client/fetchConfig", "get cluster client config", command_fetch_client_config},
	{"cluster/client/modifyConfig", "modify cluster client config",
	 command_modify_client_config},
	{"cluster/server/fetchConfig", "get cluster server config", command_fetch_server_config},
	{"cluster/server/flowRules", "get cluster flow rules", command_server_flow_rules},
	{"cluster/server/info", "get cluster server info", command_server_info},
	{"cluster/server/metricList", "get cluster server metrics", command_server_metrics},
	{"cluster/server/modifyFlowConfig", "modify cluster server flow config",
	 command_modify_server_flow_config},
	{"cluster/server/modifyFlowRules", "modify cluster flow rules",
	 command_modify_server_flow_rules},
	{"cluster/server/modifyNamespaceSet", "modify server namespace set",
	 command_modify_server_name_spaces},
	{"cluster/server/modifyParamRules", "modify cluster param flow rules",
	 command_modify_server_param_rules},
	{"cluster/server/modifyTransportConfig", "modify cluster server transport config",
	 command_modify_server_transport},
	{"cluster/server/paramRules", "get cluster server param flow rules",
	 command_server_param_rules},
	{"clusterNode",
	 "get all clusterNode VO, use type=notZero to ignore those nodes with totalRequest <=0",
	 command_cluster_node},
	{"clusterNodeById", "get clusterNode VO by id, request param: id={resourceName}",
	 command_cluster_node_by_id},
	{"cnode", "get clusterNode metrics by id, request param: id={resourceName}", command_cnode},
	{"getClusterMode", "get cluster mode status", command_get_cluster_mode},
	{"getParamFlowRules", "Get all parameter flow rules", command_get_param_flow_rules},
	{"getRules", "get all active rules by type, request param: type={ruleType}",
	 command_get_rules},
	{"getSwitch", "get sentinel switch status", get_switch},
	{"jsonTree", "get tree node VO start from root node", command_json_tree},
	{"metric",
	 "get and aggregate metrics, accept param: "
	 "startTime={startTime}&endTime={endTime}&maxLines={maxLines}&identify={resourceName}",
	 command_metric},
	{"origin", "get origin clusterNode by id, request param: id={resourceName}",
	 command_origin},
	{"setClusterMode", "set cluster mode, accept param: mode={0|1} 0:client mode 1:server mode",
	 command_set_cluster_mode},
	{"setParamFlowRules", "Set parameter flow rules, while previous rules will be replaced.",
	 command_set_param_flow_rules},
	{"setRules", "modify the rules, accept param: type={ruleType}&data={ruleJson}",
	 command_set_rules},
	{"setSwitch", "set sentinel switch, accept param: value={true|false}", set_switch},
	{"systemStatus", "get system status", command_system_status},
	{"tree", "get metrics in tree mode, use id to specify detailed tree root", command_tree},
	{"version", "get sentinel version", version},
};

static bool is_there(const struct command_context *context, const struct command *command)
{
	struct slice name = slice_of(command->name);

	if (slice_starts_with(name, SLICE("cluster/server/")))
		return context->cluster.is_server_available;
	return context->cluster.is_available || !slice_starts_with(name, SLICE("cluster/client/"));
}

static void api(const struct command_context *context, const struct command_request *request,
		struct command_answer *answer)
{
	(void)request;
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (!is_there(context, &commands[i]))
			continue;
		text_printf(&answer->body, "%s{\"url\":\"/%s\",\"desc\":\"%s\"}", i ? "," : "[",
			    commands[i].name, commands[i].help);
	}
	text_add(&answer->body, SLICE("]"));
}

/* --- reading a request --- */

/* In the arena, decoded; false: it can't be. */
static bool decode(struct arena *arena, struct slice raw, struct slice *value)
{
	struct slice copy = arena_slice(arena, slice_trim(raw));
	ssize_t len = java_url_decode((char *)(uintptr_t)copy.data, copy.len);

	*value = slice_make(copy.data, len < 0 ? 0 : (size_t)len);
	return len >= 0;
}

/* As Java does, what has no value isn't there. */
static enum status parse_form(struct arena *arena, struct slice form,
			      struct command_request *request)
{
	form = slice_sub(form, 0, slice_find_char(form, '#', 0));
	for (size_t at = 0; at < form.len;) {
		size_t end = slice_find_char(form, '&', at);
		struct slice item = slice_sub(form, at, end);
		size_t equals = slice_find_char(item, '=', 0);
		at = end + 1;
		if (!equals || equals + 1 >= item.len || request->count == COMMAND_PARAMETERS_MAX)
			continue;
		struct command_parameter *parameter = &request->parameters[request->count];
		if (!decode(arena, slice_sub(item, 0, equals), &parameter->name) ||
		    !decode(arena, slice_sub(item, equals + 1, item.len), &parameter->value))
			return STATUS_MALFORMED;
		request->count++;
	}
	return STATUS_OK;
}

enum status command_parse(struct arena *arena, struct slice target, struct slice body,
			  struct command_request *request)
{
	size_t question = slice_find_char(target, '?', 0);
	struct slice path = slice_sub(target, 0, question);
	enum status status = STATUS_OK;

	*request = (struct command_request){
		.name = arena_slice(arena, slice_sub(path, path.len ? 1 : 0, path.len)),
	};
	if (question < target.len)
		status = parse_form(arena, slice_sub(target, question + 1, target.len), request);
	return status ? status : parse_form(arena, body, request);
}

struct slice command_parameter(const struct command_request *request, struct slice name)
{
	for (unsigned i = request->count; i--;)
		if (slice_equal(request->parameters[i].name, name))
			return request->parameters[i].value;
	return (struct slice){0};
}

/* --- answering it --- */

void command_run(const struct command_context *context, const struct command_request *request,
		 struct command_answer *answer)
{
	*answer = (struct command_answer){.status = 200};
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (slice_equal(slice_of(commands[i].name), request->name) &&
		    is_there(context, &commands[i])) {
			commands[i].run(context, request, answer);
			return;
		}
	answer->status = 400;
	if (!slice_trim(request->name).len)
		text_add(&answer->body, SLICE("Invalid command"));
	else
		text_printf(&answer->body, "Unknown command `%.*s`", SLICE_FMT(request->name));
}

void command_answer_free(struct command_answer *answer)
{
	text_free(&answer->body);
	text_free(&answer->rules_text);
	cluster_change_free(answer->change);
	answer->change = NULL;
}

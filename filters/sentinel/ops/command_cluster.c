/* Commands about the application's part in a cluster: as Java answers with its cluster client, and
 * its embedded token server, in the application, and without. */
#include <string.h>

#include "base/addr.h"
#include "base/attributes.h"
#include "filters/sentinel/core/json_members.h"
#include "filters/sentinel/ops/commands.h"
#include "filters/sentinel/ops/java_text.h"

enum { TIMEOUT_MAX_MS = 10000 }; /* longer ones hold up too much */

void command_get_cluster_mode(const struct command_context *context,
			      const struct command_request *request, struct command_answer *answer)
{
	const struct command_cluster *cluster = &context->cluster;

	(void)request;
	text_printf(&answer->body,
		    "{\"mode\":%d,\"clientAvailable\":%s,\"serverAvailable\":%s,"
		    "\"lastModified\":%lld}",
		    cluster->mode, cluster->is_available ? "true" : "false",
		    cluster->is_server_available ? "true" : "false",
		    (long long)cluster->last_modified_ms);
}

bool command_read_int(struct slice text, int64_t *value)
{
	bool is_negative = slice_starts_with(text, SLICE("-"));
	bool is_signed = is_negative || slice_starts_with(text, SLICE("+"));
	uint64_t size;

	if (!slice_to_uint64(slice_sub(text, is_signed, text.len), &size) ||
	    size > (uint64_t)INT32_MAX + is_negative)
		return false;
	*value = is_negative ? -(int64_t)size : (int64_t)size;
	return true;
}

/* Modes that aren't known are ignored. */
void command_set_cluster_mode(const struct command_context *context,
			      const struct command_request *request, struct command_answer *answer)
{
	int64_t mode;

	if (!command_read_int(command_parameter(request, SLICE("mode")), &mode)) {
		command_fail(answer, SLICE("invalid parameter"));
	} else if (mode == CLUSTER_CLIENT && !context->cluster.is_available) {
		command_fail(answer, SLICE("token client mode not available: no SPI found"));
	} else if (mode == CLUSTER_SERVER && !context->cluster.is_server_available) {
		command_fail(answer, SLICE("token server mode not available: no SPI found"));
	} else {
		answer->cluster = context->cluster;
		answer->sets_mode = mode >= CLUSTER_NOT_STARTED && mode <= CLUSTER_SERVER;
		answer->cluster.mode = (int32_t)mode;
		text_add(&answer->body, SLICE("success"));
	}
}

void command_fetch_client_config(const struct command_context *context,
				 const struct command_request *request,
				 struct command_answer *answer)
{
	const struct command_cluster *cluster = &context->cluster;

	(void)request;
	text_printf(&answer->body, "{\"clientState\":%d,\"requestTimeout\":%u",
		    cluster->client_state, cluster->request_timeout_ms);
	if (cluster->server[0])
		text_printf(&answer->body, ",\"serverHost\":\"%s\"", cluster->server);
	text_printf(&answer->body, ",\"serverPort\":%u}", cluster->server_port);
}

/* An address that Java would look up is refused. */
static bool is_server(struct slice server)
{
	struct addr addr;

	return server.len < sizeof((struct command_cluster *)0)->server &&
	       (slice_equal(server, SLICE("localhost")) || !addr_parse_ip(server, 0, &addr));
}

/* NULL: good. What isn't valid of it is left as it was, as Java does. */
static const char *read_config(const json_t *json, struct arena *arena,
			       struct command_cluster *cluster)
{
	struct json_members members = {.object = json, .arena = arena};
	struct slice server = slice_trim(json_members_string(&members, "serverHost", SLICE("")));
	int32_t port = json_members_int(&members, "serverPort", -1);
	int32_t timeout_ms = json_members_int(&members, "requestTimeout", -1);

	if (!json_is_object(json) || members.fault ||
	    !json_members_value(&members, "requestTimeout") ||
	    (server.len && !json_members_value(&members, "serverPort")))
		return "decode client cluster config error";
	if (server.len && !is_server(server))
		return "serverHost must be an IP address";
	if (timeout_ms > 0 && timeout_ms <= TIMEOUT_MAX_MS)
		cluster->request_timeout_ms = (uint32_t)timeout_ms;
	if (server.len && port > 0 && port <= UINT16_MAX) {
		memcpy(cluster->server, server.data, server.len);
		cluster->server[server.len] = 0;
		cluster->server_port = (uint16_t)port;
	}
	return NULL;
}

/* The dashboard encodes it twice. */
void command_modify_client_config(const struct command_context *context,
				  const struct command_request *request,
				  struct command_answer *answer)
{
	struct slice data = command_parameter(request, SLICE("data"));
	const char *fault = "decode client cluster config error";
	struct text text = {0};
	struct arena arena;

	if (!slice_trim(data).len) {
		command_fail(answer, SLICE("empty data"));
		return;
	}
	arena_init(&arena, 1024);
	answer->cluster = context->cluster;
	text_add(&text, data);
	ssize_t len = java_url_decode(text.data, text.len);
	json_t *json = len < 0 ? NULL : json_loadb(text.data, (size_t)len, 0, NULL);
	if (json)
		fault = read_config(json, &arena, &answer->cluster);
	json_decref(json);
	text_free(&text);
	arena_free(&arena);
	answer->sets_server = !fault;
	if (fault)
		command_fail(answer, slice_of(fault));
	else
		text_add(&answer->body, SLICE("success"));
}

/* A command of the command centre: a name and parameters in, a status and a text out.
 *
 *   "setRules?type=flow" + body ─> command_parse ─> command_run ─> answer ─┬─> client
 *                                                                          └─> rules to be set
 *
 * Texts and JSON are those of Sentinel for Java 1.8.9, so that its dashboard reads them. What a
 * command needs to know of the process stands in its context; it changes nothing there but the
 * switch: rules that are to be set, and a cluster's settings, are handed back, checked.
 *
 * Owner: the caller. Thread: any but a worker's; some wait for the disk. Limits: COMMAND_*. */
#ifndef SENTINEL_OPS_COMMAND_H
#define SENTINEL_OPS_COMMAND_H

#include "base/arena.h"
#include "base/status.h"
#include "filters/sentinel/core/rule.h"
#include "telemetry/text.h"

struct cluster_change;
struct rule_list;
struct sentinel;
struct token_server;

enum {
	COMMAND_PARAMETERS_MAX = 32,         /* further ones aren't there */
	COMMAND_BODY_MAX = 64 * 1024 * 1024, /* of a request: a rule set, encoded twice */
};

#define COMMAND_SENTINEL_VERSION "1.8.9"
#define COMMAND_SERVER_ERROR SLICE("Command server error")

struct command_parameter {
	struct slice name, value; /* decoded once */
};

struct command_request {
	struct slice name;
	struct command_parameter parameters[COMMAND_PARAMETERS_MAX]; /* the last of a name counts */
	unsigned count;
};

enum { /* of a cluster */
       CLUSTER_NOT_STARTED = -1,
       CLUSTER_CLIENT = 0,
       CLUSTER_SERVER = 1,
};

/* The application's token client, and the token server that it may be. */
struct command_cluster {
	bool is_available; /* else there is none, as far as commands know */
	int32_t mode;
	int64_t last_modified_ms; /* of the mode; -1: never */
	char server[64];          /* "": none was told */
	uint16_t server_port;
	uint32_t request_timeout_ms;
	int32_t client_state; /* enum token_client_state */
	bool is_server_available;
	struct token_server *tokens; /* what holds its lock may look into it; NULL: none yet */
	struct slice application;    /* its name */
};

struct command_context {
	struct sentinel *sentinel;
	const struct rule_list *rules;           /* in force; NULL: none */
	const char *rule_paths[RULE_KINDS];      /* where set ones are written to; NULL: nowhere */
	const char *rule_refusals[RULE_KINDS];   /* static: why they aren't; NULL: they are */
	const char *metric_folder, *metric_base; /* of the metric log */
	const char *hostname, *ip;
	struct command_cluster cluster;
	int64_t now_ms;
};

struct command_answer {
	unsigned status; /* 200, 400, 500 */
	struct text body;
	bool sets_rules;
	enum rule_kind kind;         /* sets_rules: of that kind, these instead of all others … */
	struct text rules_text;      /* … a JSON array */
	bool sets_mode, sets_server; /* of the cluster: its mode, or server and timeout … */
	struct command_cluster cluster; /* … from now on */
	struct cluster_change *change;  /* owned: of the token server. NULL: none */
};

/* target: "/name?query". body: a form, or empty. Slices of the request are in the arena.
 * STATUS_MALFORMED: a broken %XX. */
enum status MUST_CHECK command_parse(struct arena *arena, struct slice target, struct slice body,
				     struct command_request *request);

/* .data NULL: it isn't there. */
struct slice command_parameter(const struct command_request *request, struct slice name);

/* Always answers. Free by command_answer_free. */
void command_run(const struct command_context *context, const struct command_request *request,
		 struct command_answer *answer);
void command_answer_free(struct command_answer *answer);

#endif

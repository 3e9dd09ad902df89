/* The commands, for command.c's table. Each fills the answer's body; the status is 200 unless it
 * sets another. */
#ifndef SENTINEL_OPS_COMMANDS_H
#define SENTINEL_OPS_COMMANDS_H

#include "filters/sentinel/core/rule_list.h"
#include "filters/sentinel/core/sentinel.h"
#include "filters/sentinel/ops/command.h"

typedef void command_fn(const struct command_context *context,
			const struct command_request *request, struct command_answer *answer);

/* command_nodes.c */
command_fn command_cnode, command_origin, command_cluster_node, command_cluster_node_by_id;
command_fn command_system_status;
/* command_tree.c */
command_fn command_tree, command_json_tree;
/* command_rules.c */
command_fn command_get_rules, command_set_rules;
command_fn command_get_param_flow_rules, command_set_param_flow_rules;
/* command_cluster.c */
command_fn command_get_cluster_mode, command_set_cluster_mode;
command_fn command_fetch_client_config, command_modify_client_config;
/* command_server_show.c: of the token server */
command_fn command_fetch_server_config, command_server_info, command_server_metrics;
command_fn command_server_flow_rules, command_server_param_rules;
/* command_server_change.c */
command_fn command_modify_server_flow_rules, command_modify_server_param_rules;
command_fn command_modify_server_flow_config, command_modify_server_transport;
command_fn command_modify_server_name_spaces;
/* command_metric.c */
command_fn command_metric;

static inline void command_fail(struct command_answer *answer, struct slice text)
{
	answer->status = 400;
	text_add(&answer->body, text);
}

/* Integer.valueOf; false: it is none. command_cluster.c */
bool command_read_int(struct slice text, int64_t *value);

#endif

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
/* command_metric.c */
command_fn command_metric;

static inline void command_fail(struct command_answer *answer, struct slice text)
{
	answer->status = 400;
	text_add(&answer->body, text);
}

#endif

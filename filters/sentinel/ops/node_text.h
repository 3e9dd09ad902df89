/* What a node has counted, as the commands show it: a row of a table, or a NodeVo.
 *
 * Pure. */
#ifndef SENTINEL_OPS_NODE_TEXT_H
#define SENTINEL_OPS_NODE_TEXT_H

#include "filters/sentinel/core/node.h"
#include "telemetry/text.h"

/* In a tree of them. */
struct node_place {
	struct slice id, parent_id; /* .data NULL: none */
};

/* {"averageRt":0,"blockQps":0,...}: members by name, as fastjson has them. place: NULL outside a
 * tree. */
void node_text_json(struct text *out, const struct node_view *view, struct slice name,
		    const struct node_place *place, int64_t now_ms);

#endif

#include "filters/sentinel/ops/node_text.h"

#include <inttypes.h>

#include "filters/sentinel/core/java_number.h"

static void member(struct text *out, const char *name, int64_t value)
{
	text_printf(out, ",\"%s\":%" PRId64, name, value);
}

static void text_member(struct text *out, const char *name, struct slice value)
{
	text_printf(out, ",\"%s\":", name);
	text_add_json(out, value);
}

void node_text_json(struct text *out, const struct node_view *view, struct slice name,
		    const struct node_place *place, int64_t now_ms)
{
	text_printf(out, "{\"averageRt\":%" PRId64, java_long(view->avg_rt));
	member(out, "blockQps", java_long(view->block_qps));
	member(out, "exceptionQps", java_long(view->exception_qps));
	if (place && place->id.data)
		text_member(out, "id", place->id);
	member(out, "oneMinuteBlock", (int64_t)view->minute_block);
	member(out, "oneMinuteException", (int64_t)view->minute_exception);
	member(out, "oneMinutePass", (int64_t)view->minute_pass);
	member(out, "oneMinuteTotal", (int64_t)(view->minute_pass + view->minute_block));
	if (place && place->parent_id.data)
		text_member(out, "parentId", place->parent_id);
	member(out, "passQps", java_long(view->pass_qps));
	text_member(out, "resource", name);
	member(out, "successQps", java_long(view->success_qps));
	member(out, "threadNum", view->threads);
	member(out, "timestamp", now_ms);
	member(out, "totalQps", java_long(view->total_qps));
	text_add(out, SLICE("}"));
}

#include "base/attributes.h"
#include "filters/sentinel/ops/commands.h"
#include "filters/sentinel/core/java_number.h"
#include "filters/sentinel/ops/metric_line.h"
#include "filters/sentinel/ops/metric_searcher.h"

enum { LINES_DEFAULT = 6000, LINES_MAX = 12000 };

static bool is_blank(struct slice text)
{
	return !slice_trim(text).len;
}

/* Ours has no negative times, lines or the like: what isn't a number is an error, as in Java. */
static bool number(struct slice text, int64_t *value)
{
	uint64_t size;

	if (!slice_to_uint64(text, &size) || size > INT64_MAX)
		return false;
	*value = (int64_t)size;
	return true;
}

/* Java fails on text that is no number with a 500 for startTime, and this for the others. */
static bool read_query(const struct command_request *request, struct metric_query *query,
		       struct command_answer *answer)
{
	struct slice end = command_parameter(request, SLICE("endTime"));
	struct slice lines = command_parameter(request, SLICE("maxLines"));

	if (!number(command_parameter(request, SLICE("startTime")), &query->begin_ms)) {
		answer->status = 500;
		text_add(&answer->body, COMMAND_SERVER_ERROR);
		return false;
	}
	query->has_end = !is_blank(end);
	query->lines_max = LINES_DEFAULT;
	if ((query->has_end && !number(end, &query->end_ms)) ||
	    (!query->has_end && !is_blank(lines) && !number(lines, &query->lines_max))) {
		command_fail(answer, SLICE("Error when retrieving metrics"));
		return false;
	}
	if (query->lines_max > LINES_MAX)
		query->lines_max = LINES_MAX;
	query->identity = command_parameter(request, SLICE("identity"));
	return true;
}

static void add_status(struct text *out, struct slice name, double value, int64_t now_ms)
{
	if (!(value > 0))
		return;
	metric_line_put_thin(&(struct metric_line){.time_ms = now_ms / 1000 * 1000,
						   .resource = name,
						   .pass = java_long(value * 10000)},
			     out);
	text_add(out, SLICE("\n"));
}

void command_metric(const struct command_context *context, const struct command_request *request,
		    struct command_answer *answer)
{
	struct metric_query query = {.folder = context->metric_folder,
				     .base = context->metric_base};
	struct system_status status = sentinel_status(context->sentinel);

	if (is_blank(command_parameter(request, SLICE("startTime"))) ||
	    !read_query(request, &query, answer))
		return;
	metric_search(&query, &answer->body);
	if (!is_blank(query.identity))
		return;
	add_status(&answer->body, SLICE("__system_load__"), status.load, context->now_ms);
	add_status(&answer->body, SLICE("__cpu_usage__"), status.cpu, context->now_ms);
}

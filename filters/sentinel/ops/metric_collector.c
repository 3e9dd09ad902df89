#include "filters/sentinel/ops/metric_collector.h"

#include "filters/sentinel/ops/local_time.h"
#include "filters/sentinel/ops/metric_line.h"

void metric_collector_init(struct metric_collector *collector, int64_t now_ms)
{
	collector->last = now_ms / 1000 - 1;
}

static void add_node(const struct node *node, struct slice name, int32_t type, int64_t second,
		     struct slice date, struct text *lines)
{
	struct leap_sum sum;

	leap_array_second_at(&node->windows, (uint32_t)second, &sum);
	if (!(sum.pass | sum.block | sum.success | sum.exception | sum.rt | sum.occupied))
		return;
	metric_line_put_fat(
		&(struct metric_line){
			.time_ms = second * 1000,
			.resource = name,
			.pass = (int64_t)sum.pass,
			.block = (int64_t)sum.block,
			.success = (int64_t)sum.success,
			.exception = (int64_t)sum.exception,
			.rt = (int64_t)(sum.success ? sum.rt / sum.success : sum.rt),
			.occupied = (int64_t)sum.occupied,
			.type = type,
		},
		date, lines);
}

static void add_second(const struct sentinel *sentinel, int64_t second, struct text *lines)
{
	const struct local_time time = local_time_of(second);
	struct slice date = local_time_text(&time);
	struct name_entry *entry = NULL;

	while ((entry = name_table_next(&sentinel->resources, entry))) {
		const struct resource *resource = (struct resource *)(void *)entry;
		add_node(resource->cluster, entry->name, (int32_t)resource->type, second, date,
			 lines);
	}
	add_node(sentinel->entrance, METRIC_INBOUND_NAME, RESOURCE_COMMON, second, date, lines);
}

bool metric_collector_next(struct metric_collector *collector, const struct sentinel *sentinel,
			   int64_t now_ms, struct text *lines, int64_t *time_ms)
{
	int64_t now = now_ms / 1000;
	size_t before = lines->len;

	if (collector->last < now - SENTINEL_MINUTE_WINDOWS)
		collector->last = now - SENTINEL_MINUTE_WINDOWS;
	while (lines->len == before && collector->last + 1 < now)
		add_second(sentinel, ++collector->last, lines);
	*time_ms = collector->last * 1000;
	return lines->len > before;
}

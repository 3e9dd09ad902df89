#include "filters/sentinel/ops/metric_line.h"

#include <inttypes.h>

enum { COLUMNS_MIN = 8, COLUMNS_MAX = 11 };

static void put_name(struct slice name, struct text *out)
{
	size_t from = 0;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		if (c != '|' && c != '\n' && c != '\r')
			continue;
		text_add(out, slice_sub(name, from, i));
		text_add(out, SLICE("_"));
		from = i + 1;
	}
	text_add(out, slice_sub(name, from, name.len));
}

static void put_counts(const struct metric_line *line, struct text *out)
{
	put_name(line->resource, out);
	text_printf(out,
		    "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64
		    "|%" PRId32 "|%" PRId32,
		    line->pass, line->block, line->success, line->exception, line->rt,
		    line->occupied, line->concurrency, line->type);
}

void metric_line_put_thin(const struct metric_line *line, struct text *out)
{
	text_printf(out, "%" PRId64 "|", line->time_ms);
	put_counts(line, out);
}

void metric_line_put_fat(const struct metric_line *line, struct slice date, struct text *out)
{
	text_printf(out, "%" PRId64 "|%.*s|", line->time_ms, SLICE_FMT(date));
	put_counts(line, out);
	text_add(out, SLICE("\n"));
}

static bool read_number(struct slice text, int64_t *number)
{
	bool is_negative = text.len && text.data[0] == '-';
	uint64_t size;

	if (is_negative)
		text = slice_sub(text, 1, text.len);
	if (!slice_to_uint64(text, &size) || size > INT64_MAX)
		return false;
	*number = is_negative ? -(int64_t)size : (int64_t)size;
	return true;
}

bool metric_line_parse(struct slice text, struct metric_line *line)
{
	struct slice columns[COLUMNS_MAX];
	int64_t numbers[COLUMNS_MAX] = {0};
	unsigned count = 0;
	size_t at = 0;

	while (count < COLUMNS_MAX && at <= text.len) {
		size_t end = slice_find_char(text, '|', at);
		columns[count++] = slice_sub(text, at, end);
		at = end + 1;
	}
	if (count < COLUMNS_MIN || at <= text.len)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (i != 1 && i != 2 && !read_number(columns[i], &numbers[i]))
			return false;
	*line = (struct metric_line){
		.time_ms = numbers[0],
		.resource = columns[2],
		.pass = numbers[3],
		.block = numbers[4],
		.success = numbers[5],
		.exception = numbers[6],
		.rt = numbers[7],
		.occupied = numbers[8],
		.concurrency = (int32_t)numbers[9],
		.type = (int32_t)numbers[10],
	};
	return true;
}

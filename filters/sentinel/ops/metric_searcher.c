#include "filters/sentinel/ops/metric_searcher.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/attributes.h"
#include "filters/sentinel/ops/metric_files.h"
#include "filters/sentinel/ops/metric_line.h"

enum { PAIR_SIZE = 16 };

struct search {
	const struct metric_query *query;
	struct text *out;
	int64_t count, last_second;
};

static int64_t get_long(const unsigned char *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return (int64_t)value;
}

static bool read_pair(int fd, int64_t at, int64_t *second, int64_t *offset)
{
	unsigned char pair[PAIR_SIZE];

	if (pread(fd, pair, PAIR_SIZE, (off_t)(at * PAIR_SIZE)) != PAIR_SIZE)
		return false;
	*second = get_long(pair);
	*offset = get_long(pair + 8);
	return true;
}

/* Where the first second from begin on starts, -1: not in this file. Seconds ascend. */
static int64_t find_offset(const char *index_path, int64_t begin)
{
	int fd = open(index_path, O_RDONLY | O_CLOEXEC);
	int64_t low = 0, high, second, offset, found = -1;

	if (fd < 0)
		return -1;
	high = (int64_t)lseek(fd, 0, SEEK_END) / PAIR_SIZE;
	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		if (!read_pair(fd, middle, &second, &offset))
			break;
		if (second < begin) {
			low = middle + 1;
		} else {
			high = middle;
			found = offset;
		}
	}
	close(fd);
	return found;
}

static void add(struct search *search, const struct metric_line *line)
{
	metric_line_put_thin(line, search->out);
	text_add(search->out, SLICE("\n"));
	search->count++;
}

/* False: nothing more is wanted. */
static bool take_until_end(struct search *search, const struct metric_line *line)
{
	const struct metric_query *query = search->query;
	int64_t second = line->time_ms / 1000;

	if (second < query->begin_ms / 1000 || second > query->end_ms / 1000)
		return false;
	if (!query->identity.data || slice_equal(query->identity, line->resource))
		add(search, line);
	return search->count < METRIC_LINES_MAX;
}

static bool take_some(struct search *search, const struct metric_line *line)
{
	int64_t second = line->time_ms / 1000;

	if (search->count >= METRIC_LINES_MAX ||
	    (search->count >= search->query->lines_max && second != search->last_second))
		return false;
	add(search, line);
	search->last_second = second;
	return true;
}

/* False: nothing more is wanted, of later files neither. */
static bool read_file(struct search *search, const char *path, int64_t offset)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	bool goes_on = true;

	if (!file)
		return true;
	if (fseeko(file, (off_t)offset, SEEK_SET))
		goes_on = false;
	while (goes_on && (len = getline(&text, &size, file)) > 0) {
		struct metric_line line;
		if (text[len - 1] != '\n')
			break; /* is being written */
		if (!metric_line_parse(slice_make(text, (size_t)len - 1), &line))
			continue;
		goes_on = search->query->has_end ? take_until_end(search, &line)
						 : take_some(search, &line);
	}
	free(text);
	fclose(file);
	return goes_on && (search->query->has_end || search->count < search->query->lines_max);
}

static char *path_of(const struct metric_query *query, const char *name, const char *suffix)
{
	char *path;

	invariant(asprintf(&path, "%s/%s%s", query->folder, name, suffix) >= 0);
	return path;
}

void metric_search(const struct metric_query *query, struct text *out)
{
	struct search search = {.query = query, .out = out, .last_second = -1};
	struct metric_files files;
	bool has_begun = false, goes_on = true;

	metric_files_list(&files, query->folder, query->base);
	for (size_t i = 0; goes_on && i < files.count; i++) {
		int64_t offset = 0;
		if (!has_begun) {
			char *index = path_of(query, files.names[i], ".idx");
			offset = find_offset(index, query->begin_ms / 1000);
			free(index);
			has_begun = offset >= 0;
		}
		if (has_begun) {
			char *path = path_of(query, files.names[i], "");
			goes_on = read_file(&search, path, offset);
			free(path);
		}
	}
	metric_files_free(&files);
}

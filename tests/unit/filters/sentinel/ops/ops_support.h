/* A folder of its own for logs, read as a whole; the time zone is Shanghai's. */
#ifndef TESTS_UNIT_SENTINEL_OPS_SUPPORT_H
#define TESTS_UNIT_SENTINEL_OPS_SUPPORT_H

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "../core/sentinel_support.h"

#include "telemetry/text.h"

struct log_place {
	char folder[64];
};

static inline void open_place(struct log_place *place)
{
	setenv("TZ", "Asia/Shanghai", 1);
	tzset();
	strcpy(place->folder, "/tmp/outrigger-logs-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
}

static inline const char *path_in(const struct log_place *place, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", place->folder, name);
	return path;
}

static inline void close_place(const struct log_place *place)
{
	DIR *dir = opendir(place->folder);
	struct dirent *entry;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			assert_int_equal(unlink(path_in(place, entry->d_name)), 0);
	closedir(dir);
	assert_int_equal(rmdir(place->folder), 0);
}

/* "(absent)" for none. Freed by the caller. */
static inline struct text text_of(const struct log_place *place, const char *name)
{
	FILE *file = fopen(path_in(place, name), "r");
	struct text text = {0};
	char bytes[4096];
	size_t n;

	if (!file) {
		text_add(&text, SLICE("(absent)"));
		return text;
	}
	while ((n = fread(bytes, 1, sizeof bytes, file)))
		text_add(&text, slice_make(bytes, n));
	fclose(file);
	return text;
}

static inline void assert_slice(struct slice text, const char *expected)
{
	char copy[8192];

	assert_true(text.len < sizeof copy);
	if (text.len)
		memcpy(copy, text.data, text.len);
	copy[text.len] = 0;
	assert_string_equal(copy, expected);
}

static inline void assert_file(const struct log_place *place, const char *name,
			       const char *expected)
{
	struct text text = text_of(place, name);

	assert_slice(text_slice(&text), expected);
	text_free(&text);
}

static inline unsigned count_files(const struct log_place *place)
{
	DIR *dir = opendir(place->folder);
	struct dirent *entry;
	unsigned count = 0;

	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

#endif

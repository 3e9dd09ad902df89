#include "filters/sentinel/ops/metric_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/ops/local_time.h"

enum { NUMBER_DIGITS_MAX = 9 };

char *metric_files_base(struct slice application, int pid)
{
	char *base;

	int len = pid ? asprintf(&base, "%.*s-metrics.log.pid%d", SLICE_FMT(application), pid)
		      : asprintf(&base, "%.*s-metrics.log", SLICE_FMT(application));
	invariant(len >= 0);
	for (size_t i = 0; i < application.len; i++)
		if (base[i] == '.' || base[i] == '/')
			base[i] = '-';
	return base;
}

static bool is_digits(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return true;
}

static bool is_date(struct slice text)
{
	return text.len == LOCAL_DATE_LEN && text.data[4] == '-' && text.data[7] == '-' &&
	       is_digits(slice_sub(text, 0, 4)) && is_digits(slice_sub(text, 5, 7)) &&
	       is_digits(slice_sub(text, 8, 10));
}

/* ".yyyy-MM-dd" or ".yyyy-MM-dd.n" behind the base. */
static bool is_metric_file(struct slice name, struct slice base)
{
	if (!slice_starts_with(name, base))
		return false;
	struct slice rest = slice_sub(name, base.len, name.len);
	if (rest.len < 1 + LOCAL_DATE_LEN || rest.data[0] != '.' ||
	    !is_date(slice_sub(rest, 1, 1 + LOCAL_DATE_LEN)))
		return false;
	rest = slice_sub(rest, 1 + LOCAL_DATE_LEN, rest.len);
	return !rest.len || (rest.data[0] == '.' && is_digits(slice_sub(rest, 1, rest.len)));
}

/* All have the same base: so by date, then by number. */
static int compare(const void *a, const void *b, void *base_len)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	const size_t *before = base_len;
	size_t x_len = strlen(x), y_len = strlen(y);
	int order = memcmp(x + *before, y + *before, 1 + LOCAL_DATE_LEN);

	if (order)
		return order;
	return x_len != y_len ? (x_len > y_len) - (x_len < y_len) : strcmp(x, y);
}

static void add(struct metric_files *files, const char *name)
{
	char *copy = strdup(name);

	files->names = realloc(files->names, (files->count + 1) * sizeof *files->names);
	invariant(files->names && copy);
	files->names[files->count++] = copy;
}

void metric_files_list(struct metric_files *files, const char *folder, const char *base)
{
	size_t base_len = strlen(base);
	struct dirent *entry;
	DIR *dir = opendir(folder);

	*files = (struct metric_files){0};
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (is_metric_file(slice_of(entry->d_name), slice_make(base, base_len)))
			add(files, entry->d_name);
	closedir(dir);
	if (files->count)
		qsort_r(files->names, files->count, sizeof *files->names, compare, &base_len);
}

void metric_files_free(struct metric_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->names[i]);
	free(files->names);
	*files = (struct metric_files){0};
}

/* What stands behind the date; 0: nothing, or no such number. */
static unsigned long number_of(const char *name, size_t date_end)
{
	const char *number = name + date_end;

	return *number == '.' && strlen(number) <= 1 + NUMBER_DIGITS_MAX
		       ? strtoul(number + 1, NULL, 10)
		       : 0;
}

char *metric_files_next(const struct metric_files *files, const char *base, struct slice date)
{
	size_t date_end = strlen(base) + 1 + LOCAL_DATE_LEN;
	const char *last = NULL;
	char *name;
	int len;

	for (size_t i = 0; i < files->count; i++)
		if (!memcmp(files->names[i] + date_end - LOCAL_DATE_LEN, date.data, LOCAL_DATE_LEN))
			last = files->names[i];
	if (last)
		len = asprintf(&name, "%s.%.*s.%lu", base, SLICE_FMT(date),
			       number_of(last, date_end) + 1);
	else
		len = asprintf(&name, "%s.%.*s", base, SLICE_FMT(date));
	invariant(len >= 0);
	return name;
}

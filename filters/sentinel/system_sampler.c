#include "filters/sentinel/system_sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 512,
	FIELD_IDLE = 3,
	FIELD_IOWAIT = 4,
	FIELDS = 8, /* those of guests are in the first two */
};

static bool read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool is_read = file && fgets(line, size, file);

	if (file)
		(void)fclose(file);
	return is_read;
}

bool system_sampler_parse(const char *line, uint64_t *busy_ticks, uint64_t *all_ticks)
{
	uint64_t busy = 0, all = 0;
	char *end;

	if (strncmp(line, "cpu ", 4) != 0)
		return false;
	line += 4;
	for (int field = 0; field < FIELDS; field++, line = end) {
		uint64_t ticks = strtoull(line, &end, 10);
		if (end == line)
			return false;
		all += ticks;
		if (field != FIELD_IDLE && field != FIELD_IOWAIT)
			busy += ticks;
	}
	*busy_ticks = busy;
	*all_ticks = all;
	return true;
}

static double share(uint64_t part, uint64_t part_before, uint64_t all, uint64_t all_before)
{
	return part > part_before && all > all_before
		       ? (double)(part - part_before) / (double)(all - all_before)
		       : 0;
}

static double machine_share(struct system_sampler *sampler)
{
	char line[LINE_MAX_BYTES];
	uint64_t busy, all;
	double found;

	if (!read_line("/proc/stat", line, sizeof line) || !system_sampler_parse(line, &busy, &all))
		return 0;
	found = share(busy, sampler->busy_ticks, all, sampler->all_ticks);
	if (!sampler->all_ticks)
		found = 0;
	sampler->busy_ticks = busy;
	sampler->all_ticks = all;
	return found;
}

static double process_share(struct system_sampler *sampler, uint64_t wall_ns)
{
	struct timespec used;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) < 0)
		return 0;
	uint64_t process_ns = (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
	double found = sampler->wall_ns
			       ? share(process_ns, sampler->process_ns, wall_ns, sampler->wall_ns)
			       : 0;
	sampler->process_ns = process_ns;
	sampler->wall_ns = wall_ns;
	return processors > 1 ? found / (double)processors : found;
}

struct system_status system_sampler_read(struct system_sampler *sampler, uint64_t wall_ns)
{
	double machine = machine_share(sampler), process = process_share(sampler, wall_ns);
	struct system_status status = {.cpu = machine > process ? machine : process};
	char line[LINE_MAX_BYTES];

	if (read_line("/proc/loadavg", line, sizeof line))
		status.load = strtod(line, NULL);
	if (status.cpu > 1)
		status.cpu = 1;
	return status;
}

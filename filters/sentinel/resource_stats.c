#include "filters/sentinel/resource_stats.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "filters/sentinel/core/sentinel.h"

STAT_TYPE(sentinel_resource_stats, "sentinel_resource", RESOURCE_STAT, RESOURCE_STATS);

struct resource_stats {
	struct stats *stats;
	struct slice application; /* heap */
	int64_t last;             /* the second that was looked at last */
	uint32_t limit;
	uint32_t count;             /* of scopes */
	struct stat_scope **scopes; /* by a resource's id; NULL: it did nothing yet */
};

struct resource_stats *resource_stats_new(struct stats *stats, struct slice application,
					  uint32_t limit, int64_t now_ms)
{
	struct resource_stats *own = calloc(1, sizeof *own);
	char *name = malloc(application.len + 1);

	invariant(own && name);
	memcpy(name, application.data, application.len);
	own->stats = stats;
	own->application = slice_make(name, application.len);
	own->limit = limit;
	own->last = (now_ms - RESOURCE_STATS_LAG_MS) / 1000 - 1;
	return own;
}

void resource_stats_free(struct resource_stats *own)
{
	if (!own)
		return;
	for (uint32_t i = 0; i < own->count; i++)
		stat_scope_drop(own->stats, own->scopes[i]);
	free(own->scopes);
	free((char *)(uintptr_t)own->application.data);
	free(own);
}

int64_t resource_stats_last(const struct resource_stats *own)
{
	return own->last;
}

void resource_stats_resume(struct resource_stats *own, int64_t last)
{
	own->last = last;
}

static void make_room(struct resource_stats *own, uint32_t id)
{
	uint32_t count = own->count ? own->count : 16;

	while (count <= id)
		count *= 2;
	own->scopes = realloc(own->scopes, count * sizeof(struct stat_scope *));
	invariant(own->scopes);
	memset(own->scopes + own->count, 0, (count - own->count) * sizeof(struct stat_scope *));
	own->count = count;
}

uint32_t resource_stats_limit(const struct resource_stats *own)
{
	return own ? own->limit : 0;
}

void resource_stats_clean(char *name)
{
	for (char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '_';
	for (char *c = name; (c = strstr(c, ".resource."));)
		*c = '_';
}

static struct stat_scope *scope_of(struct resource_stats *own, const struct resource *resource)
{
	struct arena arena;

	if (resource->id >= own->count)
		make_room(own, resource->id);
	if (own->scopes[resource->id])
		return own->scopes[resource->id];
	arena_init(&arena, 2048);
	size_t before = sizeof "sentinel." + own->application.len;
	char *name = arena_printf(&arena, "sentinel.%.*s.resource.%.*s",
				  SLICE_FMT(own->application), SLICE_FMT(resource->entry.name));
	resource_stats_clean(name + before);
	own->scopes[resource->id] =
		stat_scope_take(own->stats, &sentinel_resource_stats, slice_of(name));
	arena_free(&arena);
	return own->scopes[resource->id];
}

static void add_second(struct resource_stats *own, const struct resource *resource, int64_t second)
{
	struct stats_shard *shard = stats_main_shard(own->stats);
	struct leap_sum sum;

	leap_array_second_at(&resource->cluster->windows, (uint32_t)second, &sum);
	if (!(sum.pass | sum.block | sum.success | sum.exception))
		return;
	const struct stat_scope *scope = scope_of(own, resource);
	stat_add(shard, scope, RESOURCE_STAT_PASS, sum.pass);
	stat_add(shard, scope, RESOURCE_STAT_BLOCK, sum.block);
	stat_add(shard, scope, RESOURCE_STAT_EXCEPTION, sum.exception);
	stat_add(shard, scope, RESOURCE_STAT_SUCCESS, sum.success);
	stat_add(shard, scope, RESOURCE_STAT_RT, sum.rt);
}

void resource_stats_collect(struct resource_stats *own, const struct sentinel *sentinel,
			    int64_t now_ms)
{
	int64_t now = (now_ms - RESOURCE_STATS_LAG_MS) / 1000;
	struct name_entry *entry = NULL;

	if (!own || own->last + 1 >= now)
		return;
	if (own->last < now - SENTINEL_MINUTE_WINDOWS)
		own->last = now - SENTINEL_MINUTE_WINDOWS;
	while ((entry = name_table_next(&sentinel->resources, entry))) {
		const struct resource *resource = (struct resource *)(void *)entry;
		if (resource->id >= own->limit || entry->name.len > RESOURCE_STATS_NAME_MAX)
			continue;
		for (int64_t second = own->last + 1; second < now; second++)
			add_second(own, resource, second);
	}
	own->last = now - 1;
}

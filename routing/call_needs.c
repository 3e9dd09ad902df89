#include "routing/call_needs.h"

#include "routing/matcher.h"

const struct call_facts *call_facts_read(const struct route_match_input *input,
					 const struct call_needs *needs)
{
	struct arena *arena = input->headers->arena;
	struct call_facts *facts = input->facts;

	for (const struct call_facts *known = facts; known; known = known->older)
		if (known->read_for == needs)
			return known;
	struct call_facts *older = NULL;
	if (facts->read_for) {
		older = ARENA_NEW(arena, struct call_facts);
		*older = *facts;
	}
	struct argument_value *values =
		ARENA_NEW_ARRAY(arena, struct argument_value, needs->path_count);
	*facts = (struct call_facts){needs, values, older}; /* ARGUMENT_ABSENT is 0 */
	if (input->read_call)
		input->read_call(input->read_context, needs, values);
	return facts;
}

bool call_needs_add(struct call_needs_builder *b, const struct argument_path *path, uint8_t *slot)
{
	uint32_t i = 0;

	while (i < b->needs.path_count && !argument_path_equal(b->paths[i], path))
		i++;
	if (i == RPC_PATHS_MAX)
		return false;
	if (i == b->needs.path_count)
		b->paths[b->needs.path_count++] = path;
	*slot = (uint8_t)i;
	return true;
}

void call_needs_add_attachment(struct call_needs_builder *b, struct slice name)
{
	struct call_needs *needs = &b->needs;

	needs->attachments = true;
	if (needs->attachment_count > RPC_NAMES_MAX)
		return;
	for (uint32_t i = 0; i < needs->attachment_count; i++)
		if (slice_equal(needs->attachment_names[i], name))
			return;
	if (needs->attachment_count < RPC_NAMES_MAX)
		needs->attachment_names[needs->attachment_count] = name;
	needs->attachment_count++;
}

/* Attachments that count one by one: when nothing asks for others. */
static uint8_t attachment_count(const struct call_needs *needs)
{
	bool is_few = needs->attachment_count <= RPC_NAMES_MAX;

	return is_few && !needs->names && !needs->headers ? needs->attachment_count : 0;
}

void call_needs_pool_init(struct call_needs_pool *pool, size_t capacity, struct arena *arena,
			  struct arena *scratch)
{
	*pool = (struct call_needs_pool){
		.arena = arena, .scratch = scratch, .capacity = (uint32_t)capacity};
	if (!capacity)
		return;
	name_map_init(&pool->map, capacity, scratch);
	pool->items = ARENA_NEW_ARRAY(scratch, const struct call_needs *, capacity);
}

/* What is asked, as bytes: paths in their order, each kept once, tell it. */
static struct slice key_of(const struct call_needs_builder *b, struct arena *scratch)
{
	size_t size = b->needs.path_count * sizeof b->paths[0];
	uint8_t names = attachment_count(&b->needs);
	char *key = arena_alloc(scratch, size + names * sizeof(struct slice) + 3);

	if (size)
		memcpy(key, b->paths, size);
	/* Equal texts may stand in two places: then these aren't shared. */
	for (uint32_t i = 0; i < names; i++, size += sizeof(struct slice))
		memcpy(key + size, &b->needs.attachment_names[i], sizeof(struct slice));
	key[size] = b->needs.attachments;
	key[size + 1] = b->needs.headers;
	key[size + 2] = b->needs.names;
	return slice_make(key, size + 3);
}

static const struct call_needs *new_needs(const struct call_needs_builder *b, struct arena *arena)
{
	struct call_needs *needs = ARENA_NEW(arena, struct call_needs);
	const struct argument_path **paths =
		ARENA_NEW_ARRAY(arena, const struct argument_path *, b->needs.path_count);

	if (b->needs.path_count)
		memcpy(paths, b->paths, b->needs.path_count * sizeof *paths);
	*needs = b->needs;
	needs->attachment_count = attachment_count(&b->needs);
	needs->paths = paths;
	return needs;
}

const struct call_needs *call_needs_take(struct call_needs_pool *pool,
					 const struct call_needs_builder *b)
{
	if (!b->needs.attachments && !b->needs.path_count)
		return NULL;
	if (pool->count == pool->capacity)
		return new_needs(b, pool->arena);
	uint32_t at = name_map_add(&pool->map, key_of(b, pool->scratch), pool->count);
	if (at == pool->count)
		pool->items[pool->count++] = new_needs(b, pool->arena);
	return pool->items[at];
}

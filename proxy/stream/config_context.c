#include "stream/config_context.h"

#include "base/hash.h"

struct config_ordinal {
	uint64_t key;
	unsigned count;
	struct config_ordinal *next;
};

struct held_scope {
	struct stats *stats;
	struct stat_scope *scope;
};

static void drop_scope(void *ptr)
{
	struct held_scope *held = ptr;
	stat_scope_drop(held->stats, held->scope);
}

struct stat_scope *config_scope(const struct config_context *context, const struct stat_type *type,
				struct slice name)
{
	struct held_scope *held = ARENA_NEW(context->arena, struct held_scope);

	held->stats = context->stats;
	held->scope = stat_scope_take(context->stats, type, name);
	arena_defer(context->arena, drop_scope, held);
	return held->scope;
}

void config_when_published(const struct config_context *context, void (*run)(void *argument),
			   void *argument)
{
	struct published_call *call;

	if (!context->object) {
		run(argument);
		return;
	}
	call = ARENA_NEW(context->arena, struct published_call);
	*call = (struct published_call){context->object->calls, run, argument};
	context->object->calls = call;
}

static unsigned ordinal(struct config_ordinals *ordinals, struct arena *arena, uint64_t key)
{
	struct config_ordinal *o = ordinals->list;

	while (o && o->key != key)
		o = o->next;
	if (!o) {
		o = ARENA_NEW(arena, struct config_ordinal);
		*o = (struct config_ordinal){.key = key, .next = ordinals->list};
		ordinals->list = o;
	}
	return o->count++;
}

struct slice config_state_name(const struct config_context *context, struct slice name,
			       uint64_t hash)
{
	struct config_ordinals *ordinals = context->ordinals;

	if (!ordinals)
		return arena_slice(context->arena, name);
	unsigned n = ordinal(ordinals, context->arena, hash_combine(hash_bytes(name), hash));
	return slice_of(arena_printf(context->arena, "%.*s %.*s %u", SLICE_FMT(ordinals->object),
				     SLICE_FMT(name), n));
}

#include "server/publisher.h"

#include <stdlib.h>

#include "server/worker.h"

/* A batch while it is gathered on main, and its copy on the way to one worker. */
struct publication {
	struct message message;
	uint32_t count, size;
	struct publication_change *changes;
};

void publisher_init(struct publisher *publisher, struct mailbox *mailbox)
{
	memset(publisher, 0, sizeof *publisher);
	pthread_mutex_init(&publisher->lock, NULL);
	arena_init(&publisher->names_arena, 4096);
	for (int kind = 0; kind < PUBLISHED_KINDS; kind++)
		map_init(&publisher->names[kind], NULL);
	publisher->mailbox = mailbox;
}

void publisher_fini(struct publisher *publisher)
{
	if (publisher->pending) {
		free(publisher->pending->changes);
		free(publisher->pending);
	}
	for (int kind = PUBLISHED_KINDS - 1; kind >= 0; kind--) {
		for (uint32_t slot = 0; slot < publisher->current_size[kind]; slot++)
			if (publisher->current[kind][slot])
				published_drop(publisher->current[kind][slot]);
		free(publisher->current[kind]);
		map_free(&publisher->names[kind]);
	}
	arena_free(&publisher->names_arena);
	pthread_mutex_destroy(&publisher->lock);
}

uint32_t publisher_slot(struct publisher *publisher, enum published_kind kind, struct slice name)
{
	pthread_mutex_lock(&publisher->lock);
	struct map_entry *entry = map_find(&publisher->names[kind], name);
	if (!entry) {
		entry = map_at(&publisher->names[kind], arena_slice(&publisher->names_arena, name),
			       NULL);
		entry->number = publisher->slot_count[kind]++;
	}
	uint32_t slot = (uint32_t)entry->number;
	pthread_mutex_unlock(&publisher->lock);
	return slot;
}

struct published *publisher_current(const struct publisher *publisher, enum published_kind kind,
				    uint32_t slot)
{
	return slot < publisher->current_size[kind] ? publisher->current[kind][slot] : NULL;
}

void published_drop(struct published *object)
{
	invariant(object->references);
	if (!--object->references)
		object->free(object);
}

static void set_current(struct publisher *publisher, enum published_kind kind, uint32_t slot,
			struct published *object)
{
	if (slot >= publisher->current_size[kind]) {
		uint32_t size = publisher->current_size[kind] ? publisher->current_size[kind] : 16;
		while (size <= slot)
			size *= 2;
		publisher->current[kind] =
			realloc(publisher->current[kind], size * sizeof(struct published *));
		invariant(publisher->current[kind]);
		for (uint32_t i = publisher->current_size[kind]; i < size; i++)
			publisher->current[kind][i] = NULL;
		publisher->current_size[kind] = size;
	}
	struct published *old = publisher->current[kind][slot];
	publisher->current[kind][slot] = object;
	if (old)
		published_drop(old);
}

static void note_change(struct publisher *publisher, struct publication_change change)
{
	struct publication *pending = publisher->pending;

	if (!pending) {
		pending = publisher->pending = calloc(1, sizeof *pending);
		invariant(pending);
	}
	for (uint32_t i = 0; i < pending->count; i++) {
		struct publication_change *other = &pending->changes[i];
		if (other->kind == change.kind && other->slot == change.slot) {
			*other = change;
			return;
		}
	}
	if (pending->count == pending->size) {
		pending->size = pending->size ? pending->size * 2 : 16;
		pending->changes = realloc(pending->changes, pending->size * sizeof change);
		invariant(pending->changes);
	}
	pending->changes[pending->count++] = change;
}

void publisher_add(struct publisher *publisher, struct published *object)
{
	set_current(publisher, object->kind, object->slot, object);
	note_change(publisher, (struct publication_change){object->kind, object->slot, object});
}

void publisher_remove(struct publisher *publisher, enum published_kind kind, uint32_t slot)
{
	set_current(publisher, kind, slot, NULL);
	note_change(publisher, (struct publication_change){kind, slot, NULL});
}

/* On the worker: one kind after the other, so that nothing points at what isn't there yet. */
static void publication_apply(struct message *message, void *receiver)
{
	struct publication *publication = container_of(message, struct publication, message);

	for (int kind = 0; kind < PUBLISHED_KINDS; kind++)
		for (uint32_t i = 0; i < publication->count; i++)
			if (publication->changes[i].kind == (enum published_kind)kind)
				worker_apply(receiver, &publication->changes[i]);
	free(publication->changes);
	free(publication);
}

static void send_to(struct worker *worker, const struct publication *pending)
{
	struct publication *copy = malloc(sizeof *copy);
	invariant(copy);
	*copy = (struct publication){.message.run = publication_apply, .count = pending->count};
	copy->changes = malloc(pending->count * sizeof *copy->changes);
	invariant(copy->changes);
	memcpy(copy->changes, pending->changes, pending->count * sizeof *copy->changes);
	for (uint32_t i = 0; i < pending->count; i++)
		if (pending->changes[i].object)
			pending->changes[i].object->references++;
	mailbox_post(&worker->mailbox, &copy->message);
}

void publisher_send(struct publisher *publisher)
{
	struct publication *pending = publisher->pending;

	if (!pending || publisher->is_held)
		return;
	publisher->pending = NULL;
	for (unsigned i = 0; i < publisher->worker_count; i++)
		send_to(publisher->workers[i], pending);
	free(pending->changes);
	free(pending);
}

#include "server/publisher.h"

#include <stdlib.h>

#include "server/worker.h"

/* A worker applies so many changes in one turn. */
enum { PUBLICATION_SLICE = 256 };

/* A batch while it is gathered on main, and its copy on the way to one worker. */
struct publication {
	struct message message;
	struct publication *next; /* the worker's: arrived later */
	uint32_t count, size;
	uint32_t applied;
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
		free(publisher->noted[kind]);
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

static void make_room(struct publisher *publisher, enum published_kind kind, uint32_t slot)
{
	uint32_t before = publisher->current_size[kind], size = before ? before : 16;

	if (slot < before)
		return;
	while (size <= slot)
		size *= 2;
	publisher->current[kind] =
		realloc(publisher->current[kind], size * sizeof(struct published *));
	publisher->noted[kind] = realloc(publisher->noted[kind], size * sizeof(uint32_t));
	invariant(publisher->current[kind] && publisher->noted[kind]);
	for (uint32_t i = before; i < size; i++) {
		publisher->current[kind][i] = NULL;
		publisher->noted[kind][i] = 0;
	}
	publisher->current_size[kind] = size;
}

static void set_current(struct publisher *publisher, enum published_kind kind, uint32_t slot,
			struct published *object)
{
	make_room(publisher, kind, slot);
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
	uint32_t *noted = &publisher->noted[change.kind][change.slot];
	if (*noted) {
		pending->changes[*noted - 1] = change;
		return;
	}
	if (pending->count == pending->size) {
		pending->size = pending->size ? pending->size * 2 : 16;
		pending->changes = realloc(pending->changes, pending->size * sizeof change);
		invariant(pending->changes);
	}
	pending->changes[pending->count++] = change;
	*noted = pending->count;
}

void publisher_add(struct publisher *publisher, struct published *object)
{
	for (const struct published_call *call = object->calls; call; call = call->next)
		call->run(call->argument);
	set_current(publisher, object->kind, object->slot, object);
	note_change(publisher, (struct publication_change){object->kind, object->slot, object});
}

void publisher_remove(struct publisher *publisher, enum published_kind kind, uint32_t slot)
{
	set_current(publisher, kind, slot, NULL);
	note_change(publisher, (struct publication_change){kind, slot, NULL});
}

/* --- the worker's side --- */

static void on_next_turn(struct message *message, void *receiver);

/* Some changes of the oldest batch; the rest in the turns to come. */
static void apply_slice(struct worker *worker)
{
	struct publication *publication = worker->publications;
	uint32_t end = publication->applied + PUBLICATION_SLICE;

	if (end > publication->count)
		end = publication->count;
	while (publication->applied < end)
		worker_apply(worker, &publication->changes[publication->applied++]);
	if (end == publication->count) {
		worker->publications = publication->next;
		free(publication->changes);
		free(publication);
	}
	if (worker->publications) {
		worker->publications->message.run = on_next_turn;
		mailbox_post(&worker->mailbox, &worker->publications->message);
	}
}

static void on_next_turn(struct message *message, void *receiver)
{
	(void)message; /* the oldest one's */
	apply_slice(receiver);
}

static void on_publication(struct message *message, void *receiver)
{
	struct worker *worker = receiver;
	struct publication **at = &worker->publications;

	while (*at)
		at = &(*at)->next;
	*at = container_of(message, struct publication, message);
	if (worker->publications == *at)
		apply_slice(worker);
}

/* --- main's side --- */

/* Nothing may point at what isn't there yet, or not any more: kinds come one after the other, and
 * go the other way. */
static unsigned rank(const struct publication_change *change)
{
	bool goes = !change->object && change->kind != PUBLISHED_LISTENER;
	return goes ? 2 * PUBLISHED_KINDS - (unsigned)change->kind : (unsigned)change->kind;
}

static struct publication_change *in_order(const struct publication *pending)
{
	struct publication_change *changes = malloc(pending->count * sizeof *changes);
	uint32_t count = 0;

	invariant(changes);
	for (unsigned r = 0; r <= 2 * PUBLISHED_KINDS; r++)
		for (uint32_t i = 0; i < pending->count; i++)
			if (rank(&pending->changes[i]) == r)
				changes[count++] = pending->changes[i];
	return changes;
}

static void send_to(struct worker *worker, const struct publication *pending)
{
	struct publication *copy = malloc(sizeof *copy);
	invariant(copy);
	*copy = (struct publication){.message.run = on_publication, .count = pending->count};
	copy->changes = in_order(pending);
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
	for (uint32_t i = 0; i < pending->count; i++)
		publisher->noted[pending->changes[i].kind][pending->changes[i].slot] = 0;
	for (unsigned i = 0; i < publisher->worker_count; i++)
		send_to(publisher->workers[i], pending);
	free(pending->changes);
	free(pending);
}

#include "base/slab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/poison.h"

struct slab_chunk {
	struct list_node link; /* slab->open; unlinked: full */
	void *free;            /* an object that was given, linked by its first word */
	uint32_t used;
	uint32_t fresh; /* offset of the first object that was never taken */
};

static size_t aligned(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static struct slab_chunk *chunk_of(void *object)
{
	return (void *)((char *)object - (uintptr_t)object % SLAB_CHUNK_SIZE);
}

static bool is_full(const struct slab *slab, const struct slab_chunk *chunk)
{
	return !chunk->free && chunk->fresh + slab->object_size > SLAB_CHUNK_SIZE;
}

/* Pages of its own: the heap would not give them back. */
static char *map_chunk(void)
{
	size_t size = 2 * SLAB_CHUNK_SIZE;
	char *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	invariant(start != MAP_FAILED);
	size_t before = -(uintptr_t)start % SLAB_CHUNK_SIZE;
	if (before)
		munmap(start, before);
	munmap(start + before + SLAB_CHUNK_SIZE, SLAB_CHUNK_SIZE - before);
	return start + before;
}

/* AddressSanitizer looks for lost pointers in the heap only. */
static void chunk_open(struct slab *slab)
{
	struct slab_chunk *chunk =
		UNDER_ASAN ? aligned_alloc(SLAB_CHUNK_SIZE, SLAB_CHUNK_SIZE) : (void *)map_chunk();

	invariant(chunk);
	*chunk = (struct slab_chunk){.fresh = (uint32_t)aligned(sizeof *chunk)};
	POISON((char *)chunk + chunk->fresh, SLAB_CHUNK_SIZE - chunk->fresh);
	list_push_back(&slab->open, &chunk->link);
	slab->chunk_count++;
}

static void chunk_close(struct slab *slab, struct slab_chunk *chunk)
{
	list_remove(&chunk->link);
	slab->chunk_count--;
	UNPOISON(chunk, SLAB_CHUNK_SIZE);
	if (UNDER_ASAN)
		free(chunk);
	else
		munmap(chunk, SLAB_CHUNK_SIZE);
}

static void slab_open(struct slab *slab, size_t size)
{
	invariant(size && size <= SLAB_CHUNK_SIZE / 4);
	*slab = (struct slab){.object_size = aligned(size)};
	list_init(&slab->open);
}

void *slab_take(struct slab *slab, size_t size)
{
	if (UNLIKELY(!slab->object_size))
		slab_open(slab, size);
	invariant(aligned(size) == slab->object_size);
	if (list_is_empty(&slab->open))
		chunk_open(slab);

	struct slab_chunk *chunk = container_of(slab->open.next, struct slab_chunk, link);
	void *object = chunk->free;
	if (!object) {
		object = (char *)chunk + chunk->fresh;
		chunk->fresh += (uint32_t)slab->object_size;
	}
	UNPOISON(object, slab->object_size);
	if (object == chunk->free)
		memcpy(&chunk->free, object, sizeof chunk->free);
	chunk->used++;
	if (is_full(slab, chunk))
		list_remove(&chunk->link);
	return object;
}

void slab_give(struct slab *slab, void *object)
{
	struct slab_chunk *chunk = chunk_of(object);

	invariant(chunk->used);
	memcpy(object, &chunk->free, sizeof chunk->free);
	chunk->free = object;
	chunk->used--;
	POISON(object, slab->object_size);
	if (!list_is_linked(&chunk->link))
		list_push_back(&slab->open, &chunk->link);
	bool is_last = slab->open.next == slab->open.prev;
	if (!chunk->used && !is_last)
		chunk_close(slab, chunk);
}

void slab_fini(struct slab *slab)
{
	if (!slab->object_size)
		return;
	while (!list_is_empty(&slab->open)) {
		struct slab_chunk *chunk = container_of(slab->open.next, struct slab_chunk, link);
		invariant(!chunk->used);
		chunk_close(slab, chunk);
	}
	invariant(!slab->chunk_count);
}

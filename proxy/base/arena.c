#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/poison.h"

enum {
	TABLE_ALIGNMENT = 64,
	HUGE_PAGE = 2 << 20,
};

/* Bytes left free behind each piece, so that AddressSanitizer sees who runs over its end. */
enum { GAP = UNDER_ASAN ? 8 : 0 };

struct arena_block {
	struct arena_block *older;
	size_t size; /* of bytes[] */
	char bytes[];
};

struct arena_defer {
	struct arena_defer *older;
	void (*fn)(void *ptr);
	void *ptr;
};

/* No room: but next and end are no NULL, for the sake of pieces of no bytes. */
static void close_block(struct arena *arena)
{
	arena->next = arena->end = (char *)arena;
}

void arena_init(struct arena *arena, size_t block_size)
{
	*arena = (struct arena){.block_size = block_size, .block_most = block_size * ARENA_GROWTH};
	close_block(arena);
}

static void run_defers(struct arena *arena)
{
	while (arena->defers) {
		struct arena_defer *defer = arena->defers;
		arena->defers = defer->older;
		defer->fn(defer->ptr);
	}
}

/* To what this round took, unless that is out of the ordinary. */
static void grow(struct arena *arena)
{
	if (arena->allocated > arena->block_most)
		return;
	while (arena->block_size < arena->allocated)
		arena->block_size *= 2;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *kept, *older;

	run_defers(arena); /* which may take blocks */
	kept = arena->blocks;
	if (LIKELY(kept && !kept->older && kept->size == arena->block_size)) {
		POISON(kept->bytes, kept->size);
		arena->next = kept->bytes;
		arena->end = kept->bytes + kept->size;
		return;
	}
	kept = NULL;
	grow(arena);
	for (struct arena_block *block = arena->blocks; block; block = older) {
		older = block->older;
		if (!kept && block->size == arena->block_size) {
			kept = block;
			continue;
		}
		arena->allocated -= sizeof *block + block->size;
		free(block);
	}
	arena->blocks = kept;
	close_block(arena);
	if (kept) {
		POISON(kept->bytes, kept->size);
		kept->older = NULL;
		arena->next = kept->bytes;
		arena->end = kept->bytes + kept->size;
	}
}

void arena_free(struct arena *arena)
{
	run_defers(arena);
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;
		arena->blocks = block->older;
		free(block);
	}
	arena_init(arena, arena->block_most / ARENA_GROWTH);
}

static void block_count(struct arena *arena, struct arena_block *block, size_t size)
{
	block->size = size;
	arena->allocated += sizeof *block + size;
	POISON(block->bytes, size);
}

static struct arena_block *block_new(struct arena *arena, size_t size)
{
	struct arena_block *block = NULL;
	if (size < SIZE_MAX - sizeof *block)
		block = malloc(sizeof *block + size);
	invariant(block);
	block_count(arena, block, size);
	return block;
}

static void *hand_out(char *bytes, size_t size)
{
	UNPOISON(bytes, size);
	return bytes;
}

void *arena_alloc_slow(struct arena *arena, size_t size)
{
	size_t rounded = ((size + 7) & ~(size_t)7) + GAP;
	invariant(rounded >= size);

	if ((size_t)(arena->end - arena->next) >= rounded) {
		arena->next += rounded;
		return hand_out(arena->next - rounded, size);
	}
	/* A big request gets a block of its own behind the current one, whose room stays in use. */
	if (rounded > arena->block_size / 4 && arena->blocks) {
		struct arena_block *own = block_new(arena, rounded);
		own->older = arena->blocks->older;
		arena->blocks->older = own;
		return hand_out(own->bytes, size);
	}
	struct arena_block *block =
		block_new(arena, rounded > arena->block_size ? rounded : arena->block_size);
	block->older = arena->blocks;
	arena->blocks = block;
	arena->next = block->bytes + rounded;
	arena->end = block->bytes + block->size;
	return hand_out(block->bytes, size);
}

/* A block of its own that begins with a huge page. Its end takes one more if that fills half of it,
 * else small pages. Whether the system has huge ones is no matter. */
static char *alloc_huge(struct arena *arena, size_t size)
{
	struct arena_block *block;
	void *place;
	size_t whole = sizeof *block + TABLE_ALIGNMENT + size;

	if (whole % HUGE_PAGE >= HUGE_PAGE / 2)
		whole += HUGE_PAGE - whole % HUGE_PAGE;
	invariant(whole > size && !posix_memalign(&place, HUGE_PAGE, whole));
	madvise(place, whole - whole % HUGE_PAGE, MADV_HUGEPAGE);
	block = place;
	block_count(arena, block, whole - sizeof *block);
	if (arena->blocks) {
		block->older = arena->blocks->older;
		arena->blocks->older = block;
	} else {
		block->older = NULL;
		arena->blocks = block;
	}
	return block->bytes;
}

void *arena_alloc_table(struct arena *arena, size_t size)
{
	invariant(size < SIZE_MAX - TABLE_ALIGNMENT);
	char *bytes = size < HUGE_PAGE / 2 ? arena_alloc(arena, size + TABLE_ALIGNMENT)
					   : alloc_huge(arena, size);

	bytes += -(uintptr_t)bytes % TABLE_ALIGNMENT;
	return hand_out(bytes, size);
}

void *arena_zalloc(struct arena *arena, size_t size)
{
	return size ? memset(arena_alloc(arena, size), 0, size) : NULL;
}

void *arena_zalloc_array(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	invariant(!__builtin_mul_overflow(count, size, &total));
	return arena_zalloc(arena, total);
}

struct slice arena_slice(struct arena *arena, struct slice s)
{
	return (struct slice){arena_string(arena, s), s.len};
}

char *arena_string(struct arena *arena, struct slice s)
{
	invariant(s.len < SIZE_MAX);
	char *copy = arena_alloc(arena, s.len + 1);
	if (s.len)
		memcpy(copy, s.data, s.len);
	copy[s.len] = 0;
	return copy;
}

struct slice arena_number(struct arena *arena, uint64_t n)
{
	static const char one[] = "0123456789";
	char digits[20];
	size_t at = sizeof digits;

	if (n < 10)
		return slice_make(one + n, 1);
	for (; n; n /= 10)
		digits[--at] = one[n % 10];
	return arena_slice(arena, slice_make(digits + at, sizeof digits - at));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	invariant(len >= 0);

	char *text = arena_alloc(arena, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

void arena_defer(struct arena *arena, void (*fn)(void *ptr), void *ptr)
{
	struct arena_defer *defer = arena_alloc(arena, sizeof *defer);
	*defer = (struct arena_defer){arena->defers, fn, ptr};
	arena->defers = defer;
}

#include "base/buf.h"

#include <stdlib.h>

#include "base/poison.h"

enum {
	SEGMENTS_PER_SLAB = 127,   /* with its header just below 4 KiB */
	FREE_SMALL_BLOCKS = 256,   /* kept for reuse: 1 MiB of each size */
	FREE_BIG_BLOCKS = 64,      /* likewise */
	CALM_TURNS_PER_SPARE = 64, /* a spare turn block unused for so many turns goes back */
};

struct buf_block {
	struct buf_block *next; /* in the free list */
	uint32_t room;          /* of bytes[] */
	bool is_big;
	_Alignas(8) char bytes[];
};

struct segment_slab {
	struct segment_slab *older;
	struct buf_segment segments[SEGMENTS_PER_SLAB];
};

struct buf_turn_block {
	struct buf_turn_block *older;
	char bytes[BUF_TURN_BLOCK_SIZE];
};

static void give_late_blocks(struct buf_pool *pool);

static const unsigned free_block_limits[2] = {FREE_SMALL_BLOCKS, FREE_BIG_BLOCKS};

static size_t block_heap_size(bool is_big)
{
	return is_big ? BUF_BLOCK_SIZE : BUF_SMALL_BLOCK_SIZE;
}

static size_t block_room(bool is_big)
{
	return block_heap_size(is_big) - offsetof(struct buf_block, bytes);
}

void buf_pool_init(struct buf_pool *pool)
{
	*pool = (struct buf_pool){0};
}

static void free_turn_blocks(struct buf_turn_block *block)
{
	while (block) {
		struct buf_turn_block *older = block->older;
		UNPOISON(block->bytes, sizeof block->bytes);
		free(block);
		block = older;
	}
}

void buf_pool_fini(struct buf_pool *pool)
{
	size_t missing = 0;

	give_late_blocks(pool);
	invariant(!pool->blocks_out);
	for (struct segment_slab *slab = pool->segment_slabs; slab; slab = slab->older)
		missing += SEGMENTS_PER_SLAB;
	for (struct buf_segment *s = pool->free_segments; s; s = s->next)
		missing--;
	invariant(!missing);

	for (struct segment_slab *slab = pool->segment_slabs; slab;) {
		struct segment_slab *older = slab->older;
		free(slab);
		slab = older;
	}
	for (int big = 0; big < 2; big++) {
		while (pool->free_blocks[big]) {
			struct buf_block *block = pool->free_blocks[big];
			pool->free_blocks[big] = block->next;
			free(block);
		}
	}
	free_turn_blocks(pool->turn_blocks);
	free_turn_blocks(pool->turn_spare);
	buf_pool_init(pool);
}

/* --- turn memory */

static void turn_block_open(struct buf_pool *pool)
{
	struct buf_turn_block *block = pool->turn_spare;

	if (block) {
		pool->turn_spare = block->older;
	} else {
		block = malloc(sizeof *block);
		invariant(block);
		POISON(block->bytes, sizeof block->bytes);
	}
	block->older = pool->turn_blocks;
	pool->turn_blocks = block;
	pool->turn_next = block->bytes;
	pool->turn_end = block->bytes + sizeof block->bytes;
	pool->turn_taken += sizeof block->bytes;
}

char *buf_turn_reserve_slow(struct buf_pool *pool, size_t n)
{
	invariant(n <= BUF_TURN_BLOCK_SIZE);
	if ((size_t)(pool->turn_end - pool->turn_next) < n || !pool->turn_next)
		turn_block_open(pool);
	UNPOISON(pool->turn_next, n);
	return pool->turn_next;
}

/* Busy turns find their blocks again; what calm turns leave unused goes back one by one. */
static void spare_return(struct buf_pool *pool)
{
	struct buf_turn_block *spare = pool->turn_spare;

	if (!spare || ++pool->calm_turns < CALM_TURNS_PER_SPARE)
		return;
	pool->calm_turns = 0;
	pool->turn_spare = spare->older;
	spare->older = NULL;
	free_turn_blocks(spare);
}

void buf_pool_rewind(struct buf_pool *pool)
{
	struct buf_turn_block *block = pool->turn_blocks;

	give_late_blocks(pool);
	if (!block)
		return;
	if (!block->older)
		spare_return(pool);
	else
		pool->calm_turns = 0;
	while (block->older) {
		struct buf_turn_block *older = block->older;
		POISON(block->bytes, sizeof block->bytes);
		block->older = pool->turn_spare;
		pool->turn_spare = block;
		block = older;
	}
	POISON(block->bytes, sizeof block->bytes);
	pool->turn_blocks = block;
	pool->turn_next = block->bytes;
	pool->turn_end = block->bytes + sizeof block->bytes;
	pool->turn_taken = sizeof block->bytes;
}

/* --- segments and blocks */

void buf_refill_segments(struct buf_pool *pool)
{
	struct segment_slab *slab = malloc(sizeof *slab);

	invariant(slab);
	slab->older = pool->segment_slabs;
	pool->segment_slabs = slab;
	for (int i = SEGMENTS_PER_SLAB - 1; i >= 0; i--) {
		slab->segments[i].next = pool->free_segments;
		pool->free_segments = &slab->segments[i];
	}
}

static struct buf_block *block_take(struct buf_pool *pool, bool is_big)
{
	struct buf_block *block = pool->free_blocks[is_big];

	if (block) {
		pool->free_blocks[is_big] = block->next;
		pool->free_block_count[is_big]--;
		UNPOISON(block->bytes, block->room);
	} else {
		block = malloc(block_heap_size(is_big));
		invariant(block);
		block->room = (uint32_t)block_room(is_big);
		block->is_big = is_big;
	}
	pool->blocks_out++;
	pool->bytes_out += block_heap_size(is_big);
	return block;
}

static void block_drop(struct buf_pool *pool, struct buf_block *block)
{
	bool is_big = block->is_big;

	pool->blocks_out--;
	pool->bytes_out -= block_heap_size(is_big);
	if (pool->free_block_count[is_big] >= free_block_limits[is_big]) {
		free(block);
		return;
	}
	POISON(block->bytes, block->room);
	block->next = pool->free_blocks[is_big];
	pool->free_blocks[is_big] = block;
	pool->free_block_count[is_big]++;
}

/* --- plain blocks */

static struct buf_block *block_of(char *bytes)
{
	return container_of(bytes, struct buf_block, bytes);
}

static bool is_huge(const struct buf_block *block)
{
	return block->room > block_room(true);
}

char *buf_pool_take(struct buf_pool *pool, size_t size, size_t *room)
{
	struct buf_block *block;

	if (size <= block_room(true)) {
		block = block_take(pool, size > block_room(false));
	} else {
		invariant(size <= UINT32_MAX);
		block = malloc(sizeof *block + size);
		invariant(block);
		block->room = (uint32_t)size;
		block->is_big = true;
		pool->blocks_out++;
		pool->bytes_out += sizeof *block + size;
	}
	*room = block->room;
	return block->bytes;
}

void buf_pool_give(struct buf_pool *pool, char *bytes)
{
	struct buf_block *block = block_of(bytes);

	if (!is_huge(block)) {
		block_drop(pool, block);
		return;
	}
	pool->blocks_out--;
	pool->bytes_out -= sizeof *block + block->room;
	free(block);
}

void buf_pool_give_late(struct buf_pool *pool, char *bytes)
{
	struct buf_block *block = block_of(bytes);

	block->next = pool->late_blocks;
	pool->late_blocks = block;
}

static void give_late_blocks(struct buf_pool *pool)
{
	while (pool->late_blocks) {
		struct buf_block *block = pool->late_blocks;
		pool->late_blocks = block->next;
		buf_pool_give(pool, block->bytes);
	}
}

static void segment_drop(struct buf_pool *pool, struct buf_segment *segment)
{
	if (segment->block)
		block_drop(pool, segment->block);
	segment->next = pool->free_segments;
	pool->free_segments = segment;
}

static void segment_push(struct buf *buf, struct buf_segment *segment)
{
	segment->next = NULL;
	if (buf->last)
		buf->last->next = segment;
	else
		buf->first = segment;
	buf->last = segment;
	buf->len += segment->len;
}

static struct buf_segment *segment_pop(struct buf *buf)
{
	struct buf_segment *segment = buf->first;

	buf->first = segment->next;
	if (!buf->first)
		buf->last = NULL;
	buf->len -= segment->len;
	return segment;
}

/* Bytes that still fit behind an OWNED segment's own. */
static size_t segment_room(const struct buf_segment *segment)
{
	return (size_t)(segment->block->bytes + segment->block->room -
			(segment->data + segment->len));
}

/* --- bytes */

void buf_clear_slow(struct buf *buf)
{
	struct buf_pool *pool = buf->pool;

	for (struct buf_segment *s = buf->first; s; s = s->next)
		if (s->block)
			block_drop(pool, s->block);
	buf->last->next = pool->free_segments; /* all of them at once */
	pool->free_segments = buf->first;
	buf->first = buf->last = NULL;
	buf->len = 0;
}

static const char *turn_copy(struct buf_pool *pool, struct slice bytes)
{
	char *copy = buf_turn_reserve(pool, bytes.len);

	memcpy(copy, bytes.data, bytes.len);
	buf_turn_commit(pool, bytes.len);
	return copy;
}

void buf_append_copy(struct buf *buf, struct slice bytes)
{
	if (bytes.len)
		buf_append_turn(buf, slice_make(turn_copy(buf->pool, bytes), bytes.len));
}

void buf_append_owned(struct buf *buf, struct slice bytes)
{
	while (bytes.len) {
		struct buf_segment *last = buf->last;
		if (!last || !last->block || !segment_room(last)) {
			last = buf_segment_take(buf->pool);
			*last = (struct buf_segment){
				.block = block_take(buf->pool, bytes.len > block_room(false))};
			last->data = last->block->bytes;
			segment_push(buf, last);
		}
		size_t n = segment_room(last) < bytes.len ? segment_room(last) : bytes.len;
		size_t at = (size_t)(last->data - last->block->bytes) + last->len;
		memcpy(last->block->bytes + at, bytes.data, n);
		last->len += n;
		buf->len += n;
		bytes = slice_sub(bytes, n, bytes.len);
	}
}

void buf_prepend_copy(struct buf *buf, struct slice bytes)
{
	if (!bytes.len)
		return;
	struct buf_segment *segment = buf_segment_take(buf->pool);
	*segment = (struct buf_segment){
		.next = buf->first, .data = turn_copy(buf->pool, bytes), .len = bytes.len};
	buf->first = segment;
	if (!buf->last)
		buf->last = segment;
	buf->len += bytes.len;
}

void buf_move(struct buf *dst, struct buf *src, size_t n)
{
	invariant(n <= src->len);
	if (n == src->len) {
		buf_move_all(dst, src);
		return;
	}
	while (n && n >= src->first->len) {
		n -= src->first->len;
		segment_push(dst, segment_pop(src));
	}
	if (!n)
		return;
	struct slice head = {src->first->data, n};
	if (src->first->block)
		buf_append_copy(dst, head);
	else
		buf_append_turn(dst, head);
	buf_drain(src, n);
}

void buf_borrow_all(struct buf *dst, const struct buf *src)
{
	for (const struct buf_segment *s = src->first; s; s = s->next)
		buf_append_turn(dst, slice_make(s->data, s->len));
}

void buf_copy_all(struct buf *dst, const struct buf *src)
{
	for (const struct buf_segment *s = src->first; s; s = s->next)
		buf_append_owned(dst, slice_make(s->data, s->len));
}

void buf_copy_range(struct buf *dst, const struct buf *src, size_t at, size_t n)
{
	for (const struct buf_segment *s = src->first; s && n; s = s->next) {
		size_t skipped = at < s->len ? at : s->len;
		size_t len = s->len - skipped < n ? s->len - skipped : n;
		buf_append_owned(dst, slice_make(s->data + skipped, len));
		at -= skipped;
		n -= len;
	}
}

void buf_drain_slow(struct buf *buf, size_t n)
{
	invariant(n <= buf->len);
	while (n && n >= buf->first->len) {
		n -= buf->first->len;
		segment_drop(buf->pool, segment_pop(buf));
	}
	if (n) {
		buf->first->data += n;
		buf->first->len -= n;
		buf->len -= n;
	}
}

void buf_own(struct buf *buf)
{
	struct buf owned = {.pool = buf->pool};
	const struct buf_segment *turn = buf->first;

	while (turn && turn->block)
		turn = turn->next;
	if (!turn)
		return;
	while (buf->first) {
		struct buf_segment *segment = segment_pop(buf);
		if (segment->block) {
			segment_push(&owned, segment);
		} else {
			buf_append_owned(&owned, slice_make(segment->data, segment->len));
			segment_drop(buf->pool, segment);
		}
	}
	*buf = owned;
}

size_t buf_peek(const struct buf *buf, void *out, size_t n)
{
	size_t done = 0;

	for (const struct buf_segment *s = buf->first; s && done < n; s = s->next) {
		size_t part = s->len < n - done ? s->len : n - done;
		memcpy((char *)out + done, s->data, part);
		done += part;
	}
	return done;
}

struct slice buf_flat(const struct buf *buf)
{
	if (buf->first == buf->last)
		return buf->first ? slice_make(buf->first->data, buf->len) : SLICE("");
	char *copy = buf_turn_reserve(buf->pool, buf->len);
	buf_peek(buf, copy, buf->len);
	buf_turn_commit(buf->pool, buf->len);
	return slice_make(copy, buf->len);
}

void buf_check(const struct buf *buf)
{
	const struct buf_segment *last = NULL;
	size_t sum = 0;

	for (const struct buf_segment *s = buf->first; s; last = s, s = s->next) {
		invariant(s->len && s->data);
		invariant(!s->block || (s->data >= s->block->bytes &&
					s->data + s->len <= s->block->bytes + s->block->room));
		sum += s->len;
	}
	invariant(sum == buf->len);
	invariant(last == buf->last);
}

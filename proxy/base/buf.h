/* Bytes in transit: a chain of segments, moved and never shared.
 *
 *   first -> segment -> segment -> last      len == sum of the segments (buf_check, in tests)
 *
 * A segment is OWNED (it holds one pooled block, alone) or TURN (it points at bytes that live until
 * the end of this loop turn: the worker's turn block, a stream's arena, a retained body). Whatever
 * outlives the turn calls buf_own(), which copies TURN bytes into owned blocks; at the end of a
 * turn no buf holds a TURN segment.
 *
 * Owner: who embeds the buf owns the segments. Thread: its worker. Size: bounded by the marks of
 * who fills it, not by itself. Nothing here fails: sizes from the wire are capped before. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/attributes.h"
#include "base/slice.h"

enum {
	BUF_BLOCK_SIZE = 16384,       /* heap size of a big block, its header included */
	BUF_SMALL_BLOCK_SIZE = 4096,  /* of a small one */
	BUF_TURN_BLOCK_SIZE = 262144, /* of one turn block */
	BUF_TURN_LIMIT =
		4 << 20, /* what one turn may take at most; then reads wait for the next turn */
};

struct buf_block;
struct buf_turn_block;

struct buf_segment {
	struct buf_segment *next;
	const char *data;
	size_t len;
	struct buf_block *block; /* NULL: TURN */
};

/* Where segments, blocks and turn memory come from. One a worker; in tests one a test. */
struct buf_pool {
	struct buf_segment *free_segments;
	struct buf_block *free_blocks[2]; /* small, big */
	unsigned free_block_count[2];
	void *segment_slabs;                /* freed by buf_pool_fini */
	char *turn_next, *turn_end;         /* room in the current turn block */
	struct buf_turn_block *turn_blocks; /* in use this turn, newest first */
	struct buf_turn_block *turn_spare;  /* kept from busier turns, given back slowly */
	unsigned calm_turns;                /* in a row that left a spare block unused */
	size_t turn_taken;                  /* bytes of turn blocks in use */
	struct buf_block *late_blocks;      /* given back at the rewind */
	size_t blocks_out; /* blocks owned by bufs now: 0 when all bufs are clear */
	size_t bytes_out;  /* their heap size */
};

struct buf {
	struct buf_segment *first, *last;
	size_t len;
	struct buf_pool *pool;
};

void buf_pool_init(struct buf_pool *pool);
/* Every buf of the pool must be clear. */
void buf_pool_fini(struct buf_pool *pool);

char *buf_turn_reserve_slow(struct buf_pool *pool, size_t n);

/* Room for n contiguous bytes (n <= BUF_TURN_BLOCK_SIZE) that live until buf_pool_rewind. Give back
 * what isn't used with buf_turn_commit(pool, used) before the next reserve. Never NULL, the limit
 * notwithstanding. */
static inline char *buf_turn_reserve(struct buf_pool *pool, size_t n)
{
	if (!UNDER_ASAN && LIKELY((size_t)(pool->turn_end - pool->turn_next) >= n))
		return pool->turn_next;
	return buf_turn_reserve_slow(pool, n);
}

static inline void buf_turn_commit(struct buf_pool *pool, size_t used)
{
	pool->turn_next += used;
}

/* True when this turn has taken its share of memory: sockets not yet read wait for the next turn.
 */
static inline bool buf_turn_is_full(const struct buf_pool *pool)
{
	return pool->turn_taken >= BUF_TURN_LIMIT;
}

/* End of the turn: forgets all TURN bytes. No buf may hold any. */
void buf_pool_rewind(struct buf_pool *pool);

static inline void buf_init(struct buf *buf, struct buf_pool *pool)
{
	*buf = (struct buf){.pool = pool};
}

void buf_refill_segments(struct buf_pool *pool);

/* For buf_append_turn only: a segment of the pool, not initialised. */
static inline struct buf_segment *buf_segment_take(struct buf_pool *pool)
{
	if (UNLIKELY(!pool->free_segments))
		buf_refill_segments(pool);
	struct buf_segment *segment = pool->free_segments;
	pool->free_segments = segment->next;
	return segment;
}

void buf_clear_slow(struct buf *buf);

/* Drops all bytes. */
static inline void buf_clear(struct buf *buf)
{
	struct buf_segment *first = buf->first;

	if (!first)
		return;
	if (UNLIKELY(first != buf->last || first->block)) {
		buf_clear_slow(buf);
		return;
	}
	first->next = buf->pool->free_segments;
	buf->pool->free_segments = first;
	buf->first = buf->last = NULL;
	buf->len = 0;
}

/* Appends without copying; the bytes must live until the end of the turn. */
static inline void buf_append_turn(struct buf *buf, struct slice bytes)
{
	struct buf_segment *last = buf->last;

	if (!bytes.len)
		return;
	buf->len += bytes.len;
	if (last && !last->block && last->data + last->len == bytes.data) {
		last->len += bytes.len;
		return;
	}
	struct buf_segment *segment = buf_segment_take(buf->pool);
	*segment = (struct buf_segment){.data = bytes.data, .len = bytes.len};
	if (last)
		last->next = segment;
	else
		buf->first = segment;
	buf->last = segment;
}

/* Appends a copy in turn memory: for small things written now (heads, frames). bytes.len <=
 * BUF_TURN_BLOCK_SIZE. */
void buf_append_copy(struct buf *buf, struct slice bytes);

/* Appends a copy in owned blocks: for what must outlive the turn. */
void buf_append_owned(struct buf *buf, struct slice bytes);

/* Puts a copy (in turn memory) before all other bytes. */
void buf_prepend_copy(struct buf *buf, struct slice bytes);

/* Moves the first n bytes of src to the end of dst; copies nothing (a split OWNED segment's head is
 * copied to the turn block). n <= src->len. Both of one pool. */
void buf_move(struct buf *dst, struct buf *src, size_t n);

/* Moves everything. */
static inline void buf_move_all(struct buf *dst, struct buf *src)
{
	if (!src->first)
		return;
	if (dst->last)
		dst->last->next = src->first;
	else
		dst->first = src->first;
	dst->last = src->last;
	dst->len += src->len;
	src->first = src->last = NULL;
	src->len = 0;
}

/* Appends src's bytes to dst as TURN, src stays as it is and must live until the end of the turn.
 */
void buf_borrow_all(struct buf *dst, const struct buf *src);

/* Appends owned copies of src's bytes to dst. */
void buf_copy_all(struct buf *dst, const struct buf *src);

/* The same of n bytes from the offset `at`, or as many as there are. */
void buf_copy_range(struct buf *dst, const struct buf *src, size_t at, size_t n);

void buf_drain_slow(struct buf *buf, size_t n);

/* Drops the first n bytes. n <= buf->len. */
static inline void buf_drain(struct buf *buf, size_t n)
{
	struct buf_segment *first = buf->first;

	if (UNLIKELY(!first || n >= first->len)) {
		buf_drain_slow(buf, n);
		return;
	}
	first->data += n;
	first->len -= n;
	buf->len -= n;
}

/* Copies every TURN segment into owned blocks, so that the buf may outlive the turn. */
void buf_own(struct buf *buf);

/* Fills at most max entries, in order; returns how many. */
static inline int buf_iovec(const struct buf *buf, struct iovec *iov, int max)
{
	int count = 0;
	for (const struct buf_segment *s = buf->first; s && count < max; s = s->next, count++)
		iov[count] = (struct iovec){(void *)(uintptr_t)s->data, s->len};
	return count;
}

/* The first min(n, len) bytes copied to out; returns how many. */
size_t buf_peek(const struct buf *buf, void *out, size_t n);

/* All bytes as one run: the only segment's own bytes, or else a copy in turn memory. len <=
 * BUF_TURN_BLOCK_SIZE. */
struct slice buf_flat(const struct buf *buf);

/* A plain block of at least `size` bytes, aligned to 8: from the free lists up to their block
 * sizes, else from the heap. *room: how many bytes it holds. Return it with one of the two below.
 */
char *buf_pool_take(struct buf_pool *pool, size_t size, size_t *room);
void buf_pool_give(struct buf_pool *pool, char *block);
/* At the rewind: TURN segments may point into it until then. */
void buf_pool_give_late(struct buf_pool *pool, char *block);

/* Aborts when an invariant is broken. For tests and debug builds. */
void buf_check(const struct buf *buf);

#endif

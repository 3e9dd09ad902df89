#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

static int setup(void **state)
{
	struct buf_pool *pool = calloc(1, sizeof *pool);
	buf_pool_init(pool);
	*state = pool;
	return 0;
}

static int teardown(void **state)
{
	struct buf_pool *pool = *state;
	buf_pool_fini(pool);
	free(pool);
	return 0;
}

static void assert_bytes(const struct buf *buf, const char *expected, size_t len)
{
	char *bytes = malloc(len + 1);
	buf_check(buf);
	assert_int_equal(buf->len, len);
	assert_int_equal(buf_peek(buf, bytes, len + 1), len);
	assert_memory_equal(bytes, expected, len);
	free(bytes);
}

static void assert_text(const struct buf *buf, const char *expected)
{
	assert_bytes(buf, expected, strlen(expected));
}

static unsigned segment_count(const struct buf *buf)
{
	struct iovec iov[64];
	return (unsigned)buf_iovec(buf, iov, 64);
}

static void turn_bytes_are_not_copied(void **state)
{
	static const char text[] = "one two";
	struct buf buf;

	buf_init(&buf, *state);
	buf_append_turn(&buf, slice_make(text, 3));
	buf_append_turn(&buf, slice_make(text + 4, 3));
	buf_append_turn(&buf, SLICE(""));
	assert_text(&buf, "onetwo");
	struct iovec iov[4];
	assert_int_equal(buf_iovec(&buf, iov, 4), 2);
	assert_ptr_equal(iov[0].iov_base, text);
	assert_ptr_equal(iov[1].iov_base, text + 4);
	assert_int_equal(buf_iovec(&buf, iov, 1), 1);
	buf_clear(&buf);
	assert_int_equal(buf.len, 0);
}

static void neighbours_in_memory_make_one_segment(void **state)
{
	static const char text[] = "one two";
	struct buf buf;

	buf_init(&buf, *state);
	buf_append_turn(&buf, slice_make(text, 3));
	buf_append_turn(&buf, slice_make(text + 3, 4));
	assert_int_equal(segment_count(&buf), 1);
	buf_append_copy(&buf, SLICE(" three"));
	buf_append_copy(&buf, SLICE(" four"));
	assert_int_equal(segment_count(&buf), 2);
	assert_text(&buf, "one two three four");
	buf_clear(&buf);
}

static void owned_bytes_survive_the_turn(void **state)
{
	struct buf_pool *pool = *state;
	struct buf buf;

	buf_init(&buf, pool);
	buf_append_copy(&buf, SLICE("turn"));
	buf_append_owned(&buf, SLICE(" owned"));
	buf_append_copy(&buf, SLICE(" turn again"));
	buf_own(&buf);
	buf_pool_rewind(pool);
	memset(buf_turn_reserve(pool, 100), '#', 100);
	assert_text(&buf, "turn owned turn again");
	assert_int_equal(pool->blocks_out, 2); /* the second copy went behind " owned" */
	buf_clear(&buf);
	assert_int_equal(pool->blocks_out, 0);
	assert_int_equal(pool->bytes_out, 0);
}

static void small_appends_fill_one_small_block(void **state)
{
	struct buf_pool *pool = *state;
	struct buf buf;

	buf_init(&buf, pool);
	for (int i = 0; i < 1000; i++)
		buf_append_owned(&buf, SLICE("abc"));
	assert_int_equal(pool->blocks_out, 1);
	assert_int_equal(pool->bytes_out, BUF_SMALL_BLOCK_SIZE);
	assert_int_equal(segment_count(&buf), 1);
	buf_clear(&buf);
}

static void blocks_come_back_without_the_heap(void **state)
{
	struct buf_pool *pool = *state;
	static char bytes[3 * BUF_BLOCK_SIZE];
	struct buf buf;

	buf_init(&buf, pool);
	buf_append_owned(&buf, slice_make(bytes, sizeof bytes));
	const void *first = buf.first->block;
	assert_int_equal(pool->blocks_out, 4); /* headers take a little of each */
	buf_clear(&buf);
	assert_int_equal(pool->free_block_count[0] + pool->free_block_count[1], 4);
	buf_append_owned(&buf, slice_make(bytes, sizeof bytes));
	assert_int_equal(pool->free_block_count[0] + pool->free_block_count[1], 0);
	bool is_reused = false;
	for (const struct buf_segment *s = buf.first; s; s = s->next)
		is_reused |= s->block == first;
	assert_true(is_reused);
	buf_clear(&buf);
}

static void the_free_lists_are_bounded(void **state)
{
	struct buf_pool *pool = *state;
	static char bytes[300 * BUF_BLOCK_SIZE];
	struct buf buf;

	buf_init(&buf, pool);
	buf_append_owned(&buf, slice_make(bytes, sizeof bytes));
	assert_true(pool->blocks_out > 300);
	buf_clear(&buf);
	assert_true(pool->free_block_count[1] * (size_t)BUF_BLOCK_SIZE <= 1 << 20);
}

static void a_prepended_head_comes_first(void **state)
{
	struct buf buf;

	buf_init(&buf, *state);
	buf_prepend_copy(&buf, SLICE("b"));
	buf_prepend_copy(&buf, SLICE(""));
	buf_append_turn(&buf, SLICE("c"));
	buf_prepend_copy(&buf, SLICE("a"));
	assert_text(&buf, "abc");
	buf_clear(&buf);
}

static void move_relinks_whole_segments(void **state)
{
	struct buf_pool *pool = *state;
	struct buf src, dst;

	buf_init(&src, pool);
	buf_init(&dst, pool);
	buf_append_owned(&src, SLICE("owned"));
	const char *owned = src.first->data;
	buf_append_turn(&src, SLICE("turn"));
	buf_move(&dst, &src, 5);
	assert_ptr_equal(dst.first->data, owned);
	assert_text(&dst, "owned");
	assert_text(&src, "turn");
	buf_move(&dst, &src, 0);
	buf_move_all(&dst, &src);
	buf_move_all(&dst, &src);
	assert_text(&dst, "ownedturn");
	assert_text(&src, "");
	buf_clear(&dst);
}

static void a_split_owned_block_stays_with_its_tail(void **state)
{
	struct buf_pool *pool = *state;
	struct buf src, dst;

	buf_init(&src, pool);
	buf_init(&dst, pool);
	buf_append_owned(&src, SLICE("headtail"));
	buf_move(&dst, &src, 4);
	assert_text(&dst, "head");
	assert_text(&src, "tail");
	assert_null(dst.first->block);
	assert_int_equal(pool->blocks_out, 1);
	buf_clear(&src);
	assert_text(&dst, "head");
	buf_clear(&dst);
}

static void borrowing_leaves_the_source_alone(void **state)
{
	struct buf_pool *pool = *state;
	struct buf src, dst;

	buf_init(&src, pool);
	buf_init(&dst, pool);
	buf_append_owned(&src, SLICE("kept"));
	buf_borrow_all(&dst, &src);
	assert_ptr_equal(dst.first->data, src.first->data);
	assert_null(dst.first->block);
	buf_clear(&dst);
	buf_copy_all(&dst, &src);
	assert_ptr_not_equal(dst.first->data, src.first->data);
	buf_clear(&src);
	assert_text(&dst, "kept");
	buf_clear(&dst);
}

static void a_range_is_copied_across_segments(void **state)
{
	struct buf src, dst;

	buf_init(&src, *state), buf_init(&dst, *state);
	buf_append_owned(&src, SLICE("one"));
	buf_append_turn(&src, SLICE("two"));
	buf_append_turn(&src, SLICE("three"));
	buf_copy_range(&dst, &src, 4, 4);
	assert_text(&dst, "woth");
	buf_copy_range(&dst, &src, 3, 3);
	assert_text(&dst, "wothtwo");
	buf_copy_range(&dst, &src, 9, 100);
	buf_copy_range(&dst, &src, 11, 1);
	buf_copy_range(&dst, &src, 0, 0);
	assert_text(&dst, "wothtwoee");
	buf_clear(&src);
	buf_pool_rewind(*state);
	assert_text(&dst, "wothtwoee");
	buf_clear(&dst);
}

static void flat_copies_only_when_it_must(void **state)
{
	struct buf buf;

	buf_init(&buf, *state);
	assert_int_equal(buf_flat(&buf).len, 0);
	buf_append_owned(&buf, SLICE("one"));
	assert_ptr_equal(buf_flat(&buf).data, buf.first->data);
	buf_append_turn(&buf, SLICE("two"));
	struct slice flat = buf_flat(&buf);
	assert_int_equal(flat.len, 6);
	assert_memory_equal(flat.data, "onetwo", 6);
	buf_clear(&buf);
}

static void a_turn_takes_its_share_and_no_more(void **state)
{
	struct buf_pool *pool = *state;
	unsigned reserved = 0;

	while (!buf_turn_is_full(pool)) {
		buf_turn_reserve(pool, BUF_BLOCK_SIZE);
		buf_turn_commit(pool, BUF_BLOCK_SIZE);
		reserved++;
	}
	assert_int_equal(pool->turn_taken, BUF_TURN_LIMIT);
	assert_true(reserved * (size_t)BUF_BLOCK_SIZE > BUF_TURN_LIMIT - BUF_TURN_BLOCK_SIZE);
	assert_non_null(buf_turn_reserve(pool, BUF_TURN_BLOCK_SIZE));
	buf_pool_rewind(pool);
	assert_false(buf_turn_is_full(pool));
	assert_int_equal(pool->turn_taken, BUF_TURN_BLOCK_SIZE);
}

static unsigned spare_blocks(const struct buf_pool *pool)
{
	struct first_member {
		struct buf_turn_block *older;
	};
	unsigned n = 0;
	for (const void *b = pool->turn_spare; b; b = ((const struct first_member *)b)->older)
		n++;
	return n;
}

static void calm_turns_give_spare_memory_back(void **state)
{
	struct buf_pool *pool = *state;

	for (int i = 0; i < 4; i++) {
		buf_turn_reserve(pool, BUF_TURN_BLOCK_SIZE);
		buf_turn_commit(pool, BUF_TURN_BLOCK_SIZE);
	}
	buf_pool_rewind(pool);
	assert_int_equal(spare_blocks(pool), 3);
	for (int turn = 0; turn < 1000; turn++) {
		buf_turn_reserve(pool, 100);
		buf_turn_commit(pool, 100);
		buf_pool_rewind(pool);
	}
	assert_int_equal(spare_blocks(pool), 0);
}

/* Every operation in random order against one flat string per buf. */
static void random_operations_agree_with_a_string(void **state)
{
	enum { BUFS = 3, MAX = 200000 };
	struct buf_pool *pool = *state;
	static char model[BUFS][MAX], source[40000];
	size_t lens[BUFS] = {0};
	struct buf bufs[BUFS];

	srand(11);
	for (size_t i = 0; i < sizeof source; i++)
		source[i] = (char)rand();
	for (int i = 0; i < BUFS; i++)
		buf_init(&bufs[i], pool);
	for (int step = 0; step < 4000; step++) {
		int a = rand() % BUFS, b = (a + 1 + rand() % (BUFS - 1)) % BUFS;
		size_t n = (size_t)rand() % (rand() % 8 ? 300 : sizeof source / 2);
		struct slice bytes = {source + rand() % (int)(sizeof source / 2), n};
		bool has_room = lens[a] + n <= MAX && lens[a] + lens[b] <= MAX;

		switch (has_room ? rand() % 10 : 8) {
		case 0:
			buf_append_turn(&bufs[a], bytes);
			memcpy(model[a] + lens[a], bytes.data, n), lens[a] += n;
			break;
		case 1:
			buf_append_copy(&bufs[a], bytes);
			memcpy(model[a] + lens[a], bytes.data, n), lens[a] += n;
			break;
		case 2:
			buf_append_owned(&bufs[a], bytes);
			memcpy(model[a] + lens[a], bytes.data, n), lens[a] += n;
			break;
		case 3:
			buf_prepend_copy(&bufs[a], bytes);
			memmove(model[a] + n, model[a], lens[a]);
			memcpy(model[a], bytes.data, n), lens[a] += n;
			break;
		case 4:
			n = lens[b] ? (size_t)rand() % (lens[b] + 1) : 0;
			buf_move(&bufs[a], &bufs[b], n);
			memcpy(model[a] + lens[a], model[b], n), lens[a] += n;
			memmove(model[b], model[b] + n, lens[b] - n), lens[b] -= n;
			break;
		case 5:
			buf_move_all(&bufs[a], &bufs[b]);
			memcpy(model[a] + lens[a], model[b], lens[b]), lens[a] += lens[b];
			lens[b] = 0;
			break;
		case 6:
			buf_copy_all(&bufs[a], &bufs[b]);
			memcpy(model[a] + lens[a], model[b], lens[b]), lens[a] += lens[b];
			break;
		case 7:
			for (int i = 0; i < BUFS; i++)
				buf_own(&bufs[i]);
			buf_pool_rewind(pool);
			break;
		default:
			n = (size_t)rand() % (lens[a] + 1);
			buf_drain(&bufs[a], n);
			memmove(model[a], model[a] + n, lens[a] - n), lens[a] -= n;
			break;
		}
		for (int i = 0; i < BUFS; i++)
			assert_bytes(&bufs[i], model[i], lens[i]);
	}
	for (int i = 0; i < BUFS; i++)
		buf_clear(&bufs[i]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(turn_bytes_are_not_copied),
		TEST(neighbours_in_memory_make_one_segment),
		TEST(owned_bytes_survive_the_turn),
		TEST(small_appends_fill_one_small_block),
		TEST(blocks_come_back_without_the_heap),
		TEST(the_free_lists_are_bounded),
		TEST(a_prepended_head_comes_first),
		TEST(move_relinks_whole_segments),
		TEST(a_split_owned_block_stays_with_its_tail),
		TEST(borrowing_leaves_the_source_alone),
		TEST(a_range_is_copied_across_segments),
		TEST(flat_copies_only_when_it_must),
		TEST(a_turn_takes_its_share_and_no_more),
		TEST(calm_turns_give_spare_memory_back),
		TEST(random_operations_agree_with_a_string),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

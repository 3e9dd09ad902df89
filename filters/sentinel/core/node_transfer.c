#include "filters/sentinel/core/node_transfer.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/core/occupy.h"

enum { AHEAD_MAX = 120 }; /* windows, or seconds, by which a clock may have gone back */

static uint32_t load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static bool is_none(const struct leap_sum *sum)
{
	return !(sum->pass | sum->block | sum->exception | sum->success | sum->rt);
}

/* --- from a node --- */

static struct leap_sum sum_of(const struct metric_bucket *bucket)
{
	return (struct leap_sum){
		.pass = load(&bucket->pass),
		.block = load(&bucket->block),
		.exception = load(&bucket->exception),
		.success = load(&bucket->success),
		.rt = load(&bucket->rt),
		.min_rt = load(&bucket->min_rt),
	};
}

static void add(struct leap_sum *to, const struct leap_sum *sum)
{
	to->pass += sum->pass;
	to->block += sum->block;
	to->exception += sum->exception;
	to->success += sum->success;
	to->rt += sum->rt;
	if (sum->min_rt < to->min_rt)
		to->min_rt = sum->min_rt;
}

static uint64_t less(uint64_t from, uint64_t n)
{
	return from > n ? from - n : 0;
}

static void take_off(struct leap_sum *from, const struct leap_sum *sum)
{
	from->pass = less(from->pass, sum->pass);
	from->block = less(from->block, sum->block);
	from->exception = less(from->exception, sum->exception);
	from->success = less(from->success, sum->success);
	from->rt = less(from->rt, sum->rt);
}

/* The newest window of each parity, of those that aren't over. */
static void take_windows(struct node_image *image, const struct leap_array *array)
{
	for (unsigned parity = 0; parity < 2; parity++) {
		struct node_count *count = &image->windows[image->window_count];
		uint32_t newest = image->window - 2;
		for (unsigned i = 0; i < array->shard_count; i++) {
			uint32_t start = load(&array->shards[i].buckets[parity].start);
			if ((int32_t)(start - newest) > 0)
				newest = start;
		}
		int32_t ahead = (int32_t)(newest - image->window);
		if (ahead < -1 || ahead > AHEAD_MAX)
			continue;
		*count = (struct node_count){newest, {.min_rt = SENTINEL_RT_MAX}};
		for (unsigned i = 0; i < array->shard_count; i++) {
			const struct metric_bucket *bucket = &array->shards[i].buckets[parity];
			struct leap_sum sum = sum_of(bucket);
			if (load(&bucket->start) == newest)
				add(&count->sum, &sum);
		}
		image->window_count += !is_none(&count->sum) || count->sum.min_rt < SENTINEL_RT_MAX;
	}
}

/* The minute's seconds, and what is in windows that nobody has folded into it yet. */
static void take_seconds(struct node_image *image, const struct leap_array *array)
{
	struct leap_sum sums[SENTINEL_MINUTE_WINDOWS];
	uint32_t second = image->window / 2;

	leap_array_seconds(array, second, sums);
	for (uint32_t i = 0; i < image->window_count; i++) {
		uint32_t age = second - image->windows[i].start / 2;
		if (age < SENTINEL_MINUTE_WINDOWS)
			take_off(&sums[age], &image->windows[i].sum);
	}
	for (uint32_t age = 0; age < SENTINEL_MINUTE_WINDOWS; age++)
		if (!is_none(&sums[age]))
			image->seconds[image->second_count++] =
				(struct node_count){second - age, sums[age]};
}

static void take_occupy(struct node_image *image, const struct occupy *occupy)
{
	image->has_occupy = true;
	for (int i = 0; i < 2; i++) {
		image->head[i] = atomic_load_explicit(&occupy->head[i], memory_order_relaxed);
		image->borrow[i] = atomic_load_explicit(&occupy->borrow[i], memory_order_relaxed);
	}
	for (int i = 0; i < SENTINEL_MINUTE_WINDOWS; i++)
		image->occupied[i] =
			atomic_load_explicit(&occupy->occupied[i], memory_order_relaxed);
}

void node_image_take(struct node_image *image, const struct node *node, uint32_t window)
{
	const struct leap_array *array = &node->windows;
	const struct occupy *occupy = atomic_load_explicit(&array->occupy, memory_order_acquire);

	image->window = window;
	image->threads = leap_array_threads(array);
	image->window_count = image->second_count = 0;
	image->has_occupy = false;
	take_windows(image, array);
	take_seconds(image, array);
	if (occupy)
		take_occupy(image, occupy);
}

bool node_image_is_empty(const struct node_image *image)
{
	return !image->window_count && !image->second_count && !image->threads &&
	       !image->has_occupy;
}

/* --- to a node --- */

static void add_sum(_Atomic uint32_t *word, uint64_t n)
{
	leap_add(word, n < UINT32_MAX ? (uint32_t)n : UINT32_MAX);
}

static void give_window(struct leap_array *array, const struct node_count *count)
{
	struct metric_bucket *bucket = leap_array_current(array, 0, count->start);

	if (!bucket)
		return;
	add_sum(&bucket->pass, count->sum.pass);
	add_sum(&bucket->block, count->sum.block);
	add_sum(&bucket->exception, count->sum.exception);
	add_sum(&bucket->success, count->sum.success);
	add_sum(&bucket->rt, count->sum.rt);
	if (count->sum.min_rt < load(&bucket->min_rt))
		atomic_store_explicit(&bucket->min_rt, count->sum.min_rt, memory_order_relaxed);
}

static void give_occupy(const struct node_image *image, struct leap_array *array)
{
	struct occupy *occupy = occupy_new(image->window), *none = NULL;

	for (int i = 0; i < 2; i++) {
		atomic_init(&occupy->head[i], image->head[i]);
		atomic_init(&occupy->borrow[i], image->borrow[i]);
	}
	for (int i = 0; i < SENTINEL_MINUTE_WINDOWS; i++)
		atomic_init(&occupy->occupied[i], image->occupied[i]);
	if (!atomic_compare_exchange_strong_explicit(&array->occupy, &none, occupy,
						     memory_order_acq_rel, memory_order_relaxed))
		free(occupy);
}

void node_image_add(const struct node_image *image, struct node *node)
{
	struct leap_array *array = &node->windows;

	for (uint32_t i = image->second_count; i; i--) /* the oldest first */
		leap_array_add_second(array, image->seconds[i - 1].start,
				      &image->seconds[i - 1].sum);
	for (uint32_t i = 0; i < image->window_count; i++)
		give_window(array, &image->windows[i]);
	node_add_threads(node, 0, (int)image->threads);
	if (image->has_occupy)
		give_occupy(image, array);
}

void node_image_give(const struct node_image *image, struct node *node)
{
	unsigned workers = node->windows.shard_count;

	leap_array_fini(&node->windows);
	leap_array_init(&node->windows, workers, image->window);
	node_image_add(image, node);
}

/* --- as bytes: numbers of windows and seconds as differences from now's --- */

static uint32_t at_most(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static void write_sum(struct section_writer *out, const struct leap_sum *sum)
{
	section_put_number(out, at_most(sum->pass));
	section_put_number(out, at_most(sum->block));
	section_put_number(out, at_most(sum->exception));
	section_put_number(out, at_most(sum->success));
	section_put_number(out, at_most(sum->rt));
	section_put_number(out, sum->min_rt);
}

static void write_counts(struct section_writer *out, const struct node_count *counts, uint32_t n,
			 uint32_t now)
{
	section_put_number(out, n);
	for (uint32_t i = 0; i < n; i++) {
		section_put_signed(out, (int32_t)(counts[i].start - now));
		write_sum(out, &counts[i].sum);
	}
}

/* Words of an occupy: a window's or second's number, and a count. */
static void write_words(struct section_writer *out, const uint64_t *words, uint32_t n, uint32_t now)
{
	for (uint32_t i = 0; i < n; i++) {
		section_put_signed(out, (int32_t)((uint32_t)(words[i] >> 32) - now));
		section_put_number(out, (uint32_t)words[i]);
	}
}

void node_image_write(const struct node_image *image, struct section_writer *out)
{
	section_put_signed(out, image->threads);
	write_counts(out, image->windows, image->window_count, image->window);
	write_counts(out, image->seconds, image->second_count, image->window / 2);
	section_put_number(out, image->has_occupy);
	if (!image->has_occupy)
		return;
	write_words(out, image->head, 2, image->window);
	write_words(out, image->borrow, 2, image->window);
	write_words(out, image->occupied, SENTINEL_MINUTE_WINDOWS, image->window / 2);
}

static void read_sum(struct section_reader *in, struct leap_sum *sum)
{
	*sum = (struct leap_sum){0};
	sum->pass = section_get_number_to(in, UINT32_MAX);
	sum->block = section_get_number_to(in, UINT32_MAX);
	sum->exception = section_get_number_to(in, UINT32_MAX);
	sum->success = section_get_number_to(in, UINT32_MAX);
	sum->rt = section_get_number_to(in, UINT32_MAX);
	sum->min_rt = (uint32_t)section_get_number_to(in, UINT32_MAX);
}

/* One too far in the future would end all counting. */
static uint32_t read_start(struct section_reader *in, uint32_t now)
{
	int64_t ahead = section_get_signed(in);

	in->is_bad |= ahead > AHEAD_MAX || ahead < INT32_MIN;
	return now + (uint32_t)ahead;
}

static uint32_t read_counts(struct section_reader *in, struct node_count *counts, uint32_t max,
			    uint32_t now)
{
	uint32_t n = (uint32_t)section_get_number_to(in, max);

	for (uint32_t i = 0; i < n; i++) {
		counts[i].start = read_start(in, now);
		read_sum(in, &counts[i].sum);
	}
	return n;
}

/* Word i of n holds numbers that leave i when they are divided by n. */
static void read_words(struct section_reader *in, uint64_t *words, uint32_t n, uint32_t now)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t start = read_start(in, now);
		words[i] = (uint64_t)start << 32 | section_get_number_to(in, UINT32_MAX);
		in->is_bad |= start % n != i;
	}
}

bool node_image_read(struct node_image *image, uint32_t window, struct slice bytes)
{
	struct section_reader in;

	section_reader_init(&in, bytes);
	image->window = window;
	image->threads = section_get_signed(&in);
	if (image->threads < INT32_MIN || image->threads > INT32_MAX)
		return false;
	image->window_count = read_counts(&in, image->windows, 2, window);
	image->second_count = read_counts(&in, image->seconds, NODE_SECONDS_MAX, window / 2);
	image->has_occupy = section_get_number_to(&in, 1);
	if (image->has_occupy) {
		read_words(&in, image->head, 2, window);
		read_words(&in, image->borrow, 2, window);
		read_words(&in, image->occupied, SENTINEL_MINUTE_WINDOWS, window / 2);
	}
	return !in.is_bad;
}

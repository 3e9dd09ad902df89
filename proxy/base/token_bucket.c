#include "base/token_bucket.h"

#include "base/attributes.h"

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static const int64_t forever_ns = INT64_MAX / 4; /* 73 years: sums of two can't overflow */

static int64_t cost_ns(const struct token_bucket *bucket, uint64_t n)
{
	int64_t cost;

	if (n > INT64_MAX || __builtin_mul_overflow((int64_t)n, bucket->token_ns, &cost))
		return forever_ns;
	return smaller(cost, forever_ns);
}

void token_bucket_init(struct token_bucket *bucket, uint64_t max_tokens, uint64_t tokens_per_fill,
		       uint64_t fill_interval_ns)
{
	invariant(tokens_per_fill && fill_interval_ns);
	uint64_t token_ns = fill_interval_ns / tokens_per_fill;
	bucket->token_ns = larger(1, (int64_t)(token_ns < INT64_MAX ? token_ns : INT64_MAX));
	bucket->token_ns = smaller(bucket->token_ns, forever_ns);
	bucket->full_ns = cost_ns(bucket, max_tokens);
	atomic_init(&bucket->empty_at_ns, -forever_ns);
}

/* When the bucket was empty, counted as if it had overflowed since. */
static int64_t effective_empty_at(const struct token_bucket *bucket, int64_t empty_at,
				  int64_t now_ns)
{
	return larger(empty_at, now_ns - bucket->full_ns);
}

bool token_bucket_take(struct token_bucket *bucket, uint64_t now_ns, uint64_t n)
{
	int64_t now = (int64_t)now_ns, cost = cost_ns(bucket, n);
	int64_t seen = atomic_load_explicit(&bucket->empty_at_ns, memory_order_relaxed), next;

	do {
		next = effective_empty_at(bucket, seen, now) + cost;
		if (next > now)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&bucket->empty_at_ns, &seen, next, memory_order_relaxed, memory_order_relaxed));
	return true;
}

uint64_t token_bucket_tokens(const struct token_bucket *bucket, uint64_t now_ns)
{
	int64_t empty_at = effective_empty_at(bucket, token_bucket_save(bucket), (int64_t)now_ns);
	int64_t worth = (int64_t)now_ns - empty_at;

	return worth > 0 ? (uint64_t)(worth / bucket->token_ns) : 0;
}

uint64_t token_bucket_wait_ns(const struct token_bucket *bucket, uint64_t now_ns, uint64_t n)
{
	int64_t cost = cost_ns(bucket, n), now = (int64_t)now_ns;

	if (cost > bucket->full_ns)
		return UINT64_MAX;
	int64_t wait = effective_empty_at(bucket, token_bucket_save(bucket), now) + cost - now;
	return wait > 0 ? (uint64_t)wait : 0;
}

int64_t token_bucket_save(const struct token_bucket *bucket)
{
	return atomic_load_explicit(&bucket->empty_at_ns, memory_order_relaxed);
}

void token_bucket_restore(struct token_bucket *bucket, int64_t saved)
{
	atomic_store_explicit(&bucket->empty_at_ns,
			      saved > -forever_ns && saved < forever_ns ? saved : -forever_ns,
			      memory_order_relaxed);
}

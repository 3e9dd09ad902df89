/* A rate limit that threads share: tokens flow in at a steady rate up to a limit.
 *
 *   empty_at ────────────── now          tokens = (now - empty_at) / ns a token, at most max
 *
 * The whole state is one word, the moment at which the bucket would have been empty; taking tokens
 * moves it forward by compare-and-swap, a refusal writes nothing. tokens_per_fill every
 * fill_interval is a rate: half an interval brings half the tokens, as in Envoy.
 *
 * Owner: a struct shared_state, or whoever embeds it. Thread: any. Time is CLOCK_MONOTONIC, given
 * by the caller; a clock that lags behind other threads' only sees fewer tokens. */
#ifndef BASE_TOKEN_BUCKET_H
#define BASE_TOKEN_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct token_bucket {
	_Atomic int64_t empty_at_ns;
	int64_t token_ns; /* what one token costs */
	int64_t full_ns;  /* what a full bucket is worth */
};

/* Full at first; of max_tokens 0 nothing can ever be taken. The others > 0; rates above one token a
 * nanosecond count as that. */
void token_bucket_init(struct token_bucket *bucket, uint64_t max_tokens, uint64_t tokens_per_fill,
		       uint64_t fill_interval_ns);

/* Takes n tokens, or none and answers false. */
bool token_bucket_take(struct token_bucket *bucket, uint64_t now_ns, uint64_t n);

/* Whole tokens there now. */
uint64_t token_bucket_tokens(const struct token_bucket *bucket, uint64_t now_ns);

/* How long until n tokens are there if nobody takes any: 0 if they are; UINT64_MAX if n exceeds the
 * limit. */
uint64_t token_bucket_wait_ns(const struct token_bucket *bucket, uint64_t now_ns, uint64_t n);

/* The word, for a hot upgrade: the successor on the same host goes on with it. */
int64_t token_bucket_save(const struct token_bucket *bucket);
void token_bucket_restore(struct token_bucket *bucket, int64_t saved);

#endif

#include <envoy/type/v3/token_bucket.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

#include "base/hash.h"
#include "base/shared.h"
#include "filters/local_ratelimit/local_ratelimit.h"

enum { MIN_FILL_NS = 50 * 1000 * 1000 };

static void bucket_init(void *state, const void *config)
{
	const struct bucket_limits *limits = config;
	token_bucket_init(state, limits->max_tokens, limits->tokens_per_fill,
			  limits->fill_interval_ns);
}

static size_t bucket_save(const void *state, uint64_t *words, size_t max)
{
	if (!max)
		return 0;
	words[0] = (uint64_t)token_bucket_save(state);
	return 1;
}

static void bucket_restore(void *state, const uint64_t *words, size_t count)
{
	if (count)
		token_bucket_restore(state, (int64_t)words[0]);
}

static const struct shared_type bucket_type = {
	.name = "local_ratelimit",
	.init = bucket_init,
	.save = bucket_save,
	.restore = bucket_restore,
};

uint64_t bucket_limits_hash(const struct bucket_limits *limits)
{
	uint64_t hash = hash_uint64(limits->max_tokens);
	hash = hash_combine(hash, limits->tokens_per_fill);
	return hash_combine(hash, limits->fill_interval_ns);
}

enum status bucket_limits_load(struct bucket_limits *limits,
			       const Envoy__Type__V3__TokenBucket *message, struct diag *diag)
{
	const Google__Protobuf__Duration *interval = message->fill_interval;

	if (!interval || interval->seconds < 0 || interval->nanos < 0 ||
	    (!interval->seconds && interval->nanos < MIN_FILL_NS))
		return diag_at(diag, "fill_interval", "must be at least 50 ms");
	limits->max_tokens = message->max_tokens;
	limits->tokens_per_fill = message->tokens_per_fill ? message->tokens_per_fill->value : 1;
	if (!limits->tokens_per_fill)
		return diag_at(diag, "tokens_per_fill", "must be > 0");
	uint64_t seconds = (uint64_t)interval->seconds;
	limits->fill_interval_ns = seconds > UINT32_MAX
					   ? UINT64_C(1000000000) * UINT32_MAX
					   : seconds * 1000000000 + (uint64_t)interval->nanos;
	return STATUS_OK;
}

struct token_bucket *bucket_take(const struct config_context *context, struct slice name,
				 const struct bucket_limits *limits)
{
	return shared_take_for(context->arena, &bucket_type, name, bucket_limits_hash(limits),
			       sizeof(struct token_bucket), limits);
}

#include "manager/rpc_decisions.h"

#include <string.h>

#include "codec/rpc_kept.h"
#include "routing/call_needs.h"

enum {
	CREDIT = 16,      /* at first and at most */
	MISS = 4,         /* what one costs; found ones give 1 */
	RESTS_FOR = 1024, /* calls */
};

struct row {
	struct rpc_decision decision;
	uint8_t len[RPC_CALL_ARGUMENTS]; /* of each argument, one behind the other */
	char arguments[RPC_DECISION_ARGUMENTS];
};

struct rpc_decisions {
	const void *of; /* as the memo's */
	uint64_t epoch;
	const struct call_needs *needs;
	int credit;
	uint32_t rests; /* calls yet to come that aren't looked at */
	uint32_t attachments_len;
	unsigned count, next; /* rows in use, and the oldest one when all are */
	struct row rows[RPC_DECISIONS];
	char attachments[RPC_DECISION_ATTACHMENTS]; /* of all rows */
};

const struct call_needs *rpc_decisions_need(const struct rpc_kept *kept)
{
	struct rpc_decisions *decisions = kept->decisions;

	if (!decisions || decisions->of != kept->memo.of || decisions->epoch != kept->memo.epoch)
		return NULL;
	if (UNLIKELY(decisions->rests)) {
		decisions->rests--;
		return NULL;
	}
	return decisions->needs;
}

static inline bool has_bytes(const struct row *row, const struct rpc_call_bytes *bytes)
{
	const char *p = row->arguments;

	for (uint32_t i = 0; i < bytes->count; i++) {
		struct slice argument = bytes->arguments[i];
		if (row->len[i] != argument.len ||
		    (argument.len && memcmp(p, argument.data, argument.len) != 0))
			return false;
		p += argument.len;
	}
	return true;
}

static inline bool has_attachments(const struct rpc_decisions *decisions, struct slice bytes)
{
	return decisions->attachments_len == bytes.len &&
	       (!bytes.len || !memcmp(decisions->attachments, bytes.data, bytes.len));
}

static void miss(struct rpc_decisions *decisions)
{
	decisions->credit -= MISS;
	if (decisions->credit >= 0)
		return;
	decisions->credit = CREDIT;
	decisions->rests = RESTS_FOR;
}

const struct rpc_decision *rpc_decisions_find(struct rpc_kept *kept,
					      const struct rpc_call_bytes *bytes)
{
	struct rpc_decisions *decisions = kept->decisions;

	if (bytes && has_attachments(decisions, bytes->attachments))
		for (unsigned i = 0; i < decisions->count; i++)
			if (has_bytes(&decisions->rows[i], bytes)) {
				decisions->credit += decisions->credit < CREDIT;
				return &decisions->rows[i].decision;
			}
	miss(decisions);
	return NULL;
}

/* All that was kept holds no longer. */
static struct rpc_decisions *begin_anew(struct rpc_kept *kept, const struct call_needs *needs)
{
	struct rpc_decisions *decisions = kept->decisions;

	if (!decisions)
		decisions = kept->decisions = malloc(sizeof *decisions);
	invariant(decisions);
	memset(decisions, 0, offsetof(struct rpc_decisions, rows));
	decisions->of = kept->memo.of;
	decisions->epoch = kept->memo.epoch;
	decisions->needs = needs;
	decisions->credit = CREDIT;
	return decisions;
}

static bool fits(const struct rpc_call_bytes *bytes)
{
	size_t len = 0;

	for (uint32_t i = 0; i < bytes->count; i++)
		len += bytes->arguments[i].len;
	return len <= RPC_DECISION_ARGUMENTS && bytes->attachments.len <= RPC_DECISION_ATTACHMENTS;
}

void rpc_decisions_keep(struct rpc_kept *kept, const struct call_needs *needs,
			const struct rpc_call_bytes *bytes, struct rpc_decision decision)
{
	struct rpc_decisions *decisions = kept->decisions;

	if (!decisions || decisions->of != kept->memo.of || decisions->epoch != kept->memo.epoch ||
	    decisions->needs != needs)
		decisions = begin_anew(kept, needs);
	if (!bytes || !fits(bytes))
		return;
	if (!has_attachments(decisions, bytes->attachments)) {
		decisions->count = decisions->next = 0;
		decisions->attachments_len = (uint32_t)bytes->attachments.len;
		memcpy(decisions->attachments, bytes->attachments.data, bytes->attachments.len);
	}
	struct row *row = &decisions->rows[decisions->next];
	char *to = row->arguments;
	for (uint32_t i = 0; i < bytes->count; i++) {
		row->len[i] = (uint8_t)bytes->arguments[i].len;
		if (row->len[i])
			memcpy(to, bytes->arguments[i].data, row->len[i]);
		to += row->len[i];
	}
	row->decision = decision;
	decisions->next = (decisions->next + 1) % RPC_DECISIONS;
	decisions->count += decisions->count < RPC_DECISIONS;
}

/* One side of a condition rule: `method=get*,find* & arguments[0]=1~9 & host!=10.0.0.*`.
 *
 *   side   part [& part]…   all of them must hold
 *   part   key [=|!= value[,value]…]…   one of the = values, if there are any; none of the !=
 *   key    method, arguments[n], attachments[name]: before => only
 *          else a parameter of the consumer's URL (before =>) or the provider's (behind):
 *          host, application, region …
 *
 * A key that says nothing of the call or the provider fails its part, whatever it is compared with.
 * The grammar is that of Dubbo's ConditionStateRouter, but for what can't ever hold, which is
 * refused: docs/dubbo-rules.md.
 *
 * Owner: the arena it is parsed into; immutable. Thread: any. Limits: below. */
#ifndef ROUTING_DUBBO_CONDITION_H
#define ROUTING_DUBBO_CONDITION_H

#include "routing/dubbo_call.h"
#include "routing/dubbo_value.h"

enum {
	DUBBO_CONDITION_LENGTH = 16384, /* bytes of a rule's text */
	DUBBO_CONDITION_PARTS = 64,
	DUBBO_CONDITION_VALUES = 4096, /* of one side */
};

enum dubbo_key_kind {
	DUBBO_KEY_PARAMETER,
	DUBBO_KEY_METHOD,
	DUBBO_KEY_ARGUMENT,
	DUBBO_KEY_ATTACHMENT,
};

struct dubbo_part {
	uint8_t kind; /* enum dubbo_key_kind */
	uint32_t argument;
	struct slice key; /* of a parameter or attachment */
	const struct dubbo_pattern *matches, *mismatches;
	uint32_t match_count, mismatch_count;
};

struct dubbo_side {
	const struct dubbo_part *parts;
	uint32_t count;        /* 0: always holds */
	bool names_parameters; /* some value is a $param */
};

/* is_provider: what stands behind the arrow. STATUS_INVALID or _TOO_LARGE; the diag's text says at
 * which byte. */
enum status MUST_CHECK dubbo_side_parse(struct dubbo_side *side, struct slice text,
					bool is_provider, struct arena *arena, struct diag *diag);

/* What a call must be. */
bool dubbo_side_test_call(const struct dubbo_side *side, const struct dubbo_call *call);
/* What a provider must be; $param is the consumer's. */
bool dubbo_side_test_provider(const struct dubbo_side *side, const struct dubbo_call *call,
			      const struct host_facts *providers, uint32_t i);

/* A whole rule of up to v3.0: `when => then`. */
struct dubbo_condition {
	struct dubbo_side when, then;
	bool denies; /* nothing, or false, stands behind the arrow */
};

/* As dubbo_side_parse; the text says on which side. */
enum status MUST_CHECK dubbo_condition_parse(struct dubbo_condition *condition, struct slice text,
					     struct arena *arena, struct diag *diag);

#endif

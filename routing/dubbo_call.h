/* What Dubbo's rules ask about: a call, the consumer that makes it, the providers that could serve
 * it (struct host_facts: their labels are what their URLs say). Who routes fills these in; the
 * rules know nothing else.
 *
 * Owner: the caller, for one evaluation. Thread: its worker. */
#ifndef ROUTING_DUBBO_CALL_H
#define ROUTING_DUBBO_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"
#include "routing/host_rule.h"

/* A name and its value, as in the query of a Dubbo URL. */
struct dubbo_parameter {
	struct slice name, value;
};

/* What a consumer's URL would say. */
struct dubbo_consumer {
	struct slice application; /* "" : unknown */
	struct slice host;        /* its IP; "" : unknown */
	const struct dubbo_parameter *parameters;
	uint32_t parameter_count;
};

enum dubbo_argument_kind {
	DUBBO_ARGUMENT_ABSENT, /* there is none of that number */
	DUBBO_ARGUMENT_NULL,
	DUBBO_ARGUMENT_STRING,
	DUBBO_ARGUMENT_NUMBER,
	DUBBO_ARGUMENT_BOOL,
	DUBBO_ARGUMENT_TEXT,  /* has a text, whatever its type is */
	DUBBO_ARGUMENT_OTHER, /* has none: an object, a list, a map, bytes */
};

struct dubbo_call {
	struct slice interface, version, group, method;
	struct slice parameter_types; /* descriptors: "Ljava/lang/String;I"; .data NULL: unknown */
	const struct dubbo_consumer *consumer;
	uint64_t random; /* one number a call: what weights are compared with */
	/* The attachment's text; .data NULL: there is none. */
	struct slice (*attachment)(void *context, struct slice name);
	/* The n-th argument, from 0; the text is as Java's String.valueOf has it. */
	enum dubbo_argument_kind (*argument)(void *context, uint32_t n, struct slice *text);
	void *context;
};

/* The consumer's parameter of a name, as its URL has it (application, host and version, group and
 * interface of the call are among them); .data NULL: none. call may be NULL. */
struct slice dubbo_consumer_parameter(const struct dubbo_consumer *consumer,
				      const struct dubbo_call *call, struct slice name);

/* Room for what dubbo_provider_parameter makes. */
enum { DUBBO_PARAMETER_ROOM = ADDR_TEXT_MAX };

/* The provider's parameter: host, port and address from where it listens, the others from its
 * labels. */
struct slice dubbo_provider_parameter(const struct host_facts *providers, uint32_t i,
				      struct slice name, char room[DUBBO_PARAMETER_ROOM]);

#endif

/* What an RPC message's frame says beside its headers: carried untouched from one codec to the
 * other.
 *
 * headers->rpc points at one, in the stream's arena, when the message came from an RPC codec; NULL
 * for HTTP. The body of the message (its data) is the frame's payload as it came. Thread: the
 * stream's. */
#ifndef MESSAGE_RPC_HEAD_H
#define MESSAGE_RPC_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum rpc_protocol {
	RPC_NONE,
	RPC_DUBBO,
	RPC_BOLT,
};

/* What a Dubbo answer of status 20 holds (the int before the value), or -1 if not read. */
enum rpc_result {
	RPC_RESULT_UNKNOWN = -1,
	RPC_RESULT_EXCEPTION = 0,
	RPC_RESULT_VALUE = 1,
	RPC_RESULT_NULL = 2,
	RPC_RESULT_EXCEPTION_WITH_ATTACHMENTS = 3,
	RPC_RESULT_VALUE_WITH_ATTACHMENTS = 4,
	RPC_RESULT_NULL_WITH_ATTACHMENTS = 5,
};

/* One attachment of a call, as on the wire. */
struct rpc_attachment {
	struct slice name;
	struct slice
		value; /* text; .data NULL: present, but null or no text (map, list, object …) */
};

struct bolt_frame;
struct hessian2_known;

/* What its worker remembers of calls with the same head: found in the table `of`, at that epoch of
 * its configuration. */
struct rpc_memo {
	const void *of;
	const void *found; /* may be NULL: nothing was found */
	void *straight_to; /* the cluster of calls that need no stream; NULL: they need one */
	/* The route table that has to be asked for each call, which may go without a stream; NULL:
	 * it needs one, or all follows from the head. */
	const void *asks;
	uint64_t epoch;
	bool looks_behind; /* nothing follows from the head alone: attachments or arguments count */
};

/* What a call asks for beyond its own method. */
enum rpc_call_kind {
	RPC_CALL_PLAIN,
	RPC_CALL_GENERIC, /* Dubbo's $invoke: `method` is the one that its first argument names */
	RPC_CALL_ECHO,    /* Dubbo's $echo: the provider's framework answers, not the service */
};

struct header;

/* A message's headers as they were when its attachments had been read, or had become headers: what
 * differs from it later is an edit. items[own …] are those of attachments. */
struct rpc_received {
	uint32_t count, own;
	const struct header *items;
	uint64_t present[2]; /* of the headers */
	bool was_edited;     /* something differed before */
};

/* Whether one of them, from number `from` on, has that name and value. */
bool rpc_received_has(const struct rpc_received *received, uint32_t from,
		      const struct header *header);

struct rpc_head {
	uint8_t protocol;      /* enum rpc_protocol */
	uint8_t serialization; /* Dubbo's id (2 is hessian2) or Bolt's codec (1 is sofa-hessian) */
	uint16_t status;       /* of an answer: Dubbo's or Bolt's */
	int8_t result;         /* enum rpc_result */
	bool is_oneway;
	bool is_event;
	bool is_local;                 /* an answer made by the proxy itself */
	bool has_attachments;          /* they were read: attachments[] is what the call carries */
	bool has_attachment_headers;   /* and they are header fields, too */
	bool wants_answer_attachments; /* of a call, set by who sends it on: its answer's
					  attachments are to be headers */
	bool is_tag_forced;            /* attachment dubbo.force.tag */
	bool is_unnamed;  /* a copy to look at: attachments don't get their Triple names as headers
			     until somebody asks for those */
	bool is_verbatim; /* it is sent as it came, whatever its headers say */
	uint8_t kind;     /* enum rpc_call_kind */
	bool is_idempotent; /* its configuration says so: it may reach two providers */
	bool is_once;       /* its configuration knows which are, and it isn't */
	bool is_over_limit; /* no byte of its body will come: it is too large */
	uint32_t limit_ms; /* from its first byte to its answer, beside its route's timeout; 0: none
			    */
	struct slice protocol_version;                              /* Dubbo field 1: "2.0.2" */
	struct slice service, service_version, method, param_types; /* Dubbo fields 2 to 5 */
	/* How many arguments param_types names, -1: it is malformed; counted on demand. */
	int32_t argument_count;
	bool has_argument_count;
	/* Attachments, read from the body on demand: offset of the map in the payload, 0: not
	 * looked for yet. */
	uint32_t attachments_at;
	uint32_t arguments_at; /* offset of the first argument in the payload */
	uint32_t attachment_count;
	struct rpc_attachment *attachments; /* in wire order */
	/* The bytes of their map, kept in the arena, if it is a plain one: of nothing but texts of
	 * printable ASCII, into which the entries point; bytes behind it can be read
	 * (codec/rpc_text.h). .data NULL: it isn't one, or they were not read. */
	struct slice plain_map;
	const struct bolt_frame *bolt; /* the fixed header's other fields, of RPC_BOLT */
	/* How long the caller waits, from its attachments (timeout, _TO: the shorter); 0: it
	 * doesn't say, or they were not read. Nothing obeys it unless configured. */
	uint32_t timeout_ms;
	uint32_t
		body_len; /* of a message that comes in parts: all of its body; 0: it comes whole */
	struct slice tag; /* attachment dubbo.tag, likewise; .data NULL: none */
	const struct rpc_received *received; /* NULL: attachments were not read */
	struct hessian2_known *known;        /* classes that its worker has met; NULL: none */
	struct slice payload;  /* the whole body, valid during the headers event only */
	struct rpc_memo *memo; /* likewise; NULL: none */
	void *host;            /* chosen already, likewise; NULL: none */
};

/* The attachment of that name, or NULL: the last on the wire of that very name, else the last one
 * that differs by ASCII case only. */
static inline const struct rpc_attachment *rpc_attachment_find(const struct rpc_head *rpc,
							       struct slice name)
{
	for (uint32_t i = rpc->attachment_count; i--;)
		if (slice_equal(rpc->attachments[i].name, name))
			return &rpc->attachments[i];
	for (uint32_t i = rpc->attachment_count; i--;)
		if (slice_equal_nocase(rpc->attachments[i].name, name))
			return &rpc->attachments[i];
	return NULL;
}

#endif

/* What the manager of calls must know of a protocol beyond its codec: one const row for each.
 *
 *   rpc_dubbo.c   Dubbo
 *   rpc_bolt.c    Bolt      rpc_session.c and rpc_call.c know none of them by name
 *
 * A codec shows whole calls that it can send on without a stream to rpc_call_pass; the row takes
 * their answers, and takes a call back when it needs a stream after all.
 * Thread: constant; the functions run on the session's worker. */
#ifndef MANAGER_RPC_DIALECT_H
#define MANAGER_RPC_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/codec.h"
#include "codec/rpc_kept.h"
#include "manager/sniff.h"
#include "message/stream_info.h"
#include "net/handover.h"

struct argument_value;
struct call_needs;
struct rpc_session;
struct section_reader;
struct section_writer;

/* What an answer is to who counts it. */
enum rpc_answer {
	RPC_ANSWER_OK,        /* status and result */
	RPC_ANSWER_EXCEPTION, /* the service has thrown: a good status with a bad result */
	RPC_ANSWER_ERROR,     /* a bad status */
};

struct rpc_dialect {
	const char *name; /* as configured, and the first part of its scopes' names */
	enum stream_protocol stream_protocol;

	/* Opens the server's codec inside the session, with session_codec_events and the session's
	 * output. passes: whole calls are shown to rpc_call_pass. */
	struct codec *(*open)(struct rpc_session *rs, bool passes);

	/* Sends the answer to a call that was passed on to the caller, who knows it by that id. The
	 * frame lies in turn memory and may be written to. */
	enum rpc_answer (*pass_answer)(struct codec *codec, uint64_t id, struct slice frame);
	/* An answer in parts to such a call, while the codec has no writer: head is the frame's
	 * header. All of its body follows, or it is broken off. NULL: there are none. */
	enum rpc_answer (*begin_answer)(struct codec *codec, uint64_t id, struct slice head,
					struct slice bytes);
	void (*put_part)(struct codec *codec, struct slice bytes);
	void (*break_answer)(struct codec *codec);
	/* Whether an answer in that serialization can be sent so. */
	bool (*answers_in_parts)(uint8_t serialization);
	/* A call that rpc_call_pass took becomes an exchange, with all its events. frame: its own
	 * whole one (with another id, maybe), or nothing; what is left of it is dropped. */
	void (*take_back)(struct codec *codec, struct rpc_kept *kept, uint64_t id,
			  struct buf *frame);

	/* The request that take_back would begin an exchange with, in the arena: for who looks at a
	 * whole call before it is known whether it needs one. Its payload is at hand. */
	struct headers *(*request)(struct rpc_kept *kept, struct slice frame, struct arena *arena);
	/* The bytes of what is needed of such a call. False: they can't be told. NULL: never. */
	bool (*bytes)(const struct rpc_kept *kept, struct slice frame,
		      const struct call_needs *needs, struct arena *arena,
		      struct rpc_call_bytes *bytes);
	/* Whether calls that have these bytes say the same, so that they may be kept. */
	bool (*bytes_tell_all)(const struct rpc_call_bytes *bytes);

	/* --- for connections that are given away, or were elsewhere (net/handover.h) */

	/* The state of a codec without an exchange, or with whole ones only. read: false: it isn't
	 * one. */
	void (*write_state)(const struct codec *codec, struct section_writer *out);
	bool (*read_state)(struct codec *codec, struct section_reader *in);
	/* What an exchange's call, or one that goes straight through under that id, is known by to
	 * answer_lost. */
	struct handover_call (*call_of)(const struct exchange *exchange);
	struct handover_call (*call_of_passed)(uint64_t id);
	/* The whole frame that the bytes begin with, which the codec has written: its size and the
	 * id that it names, as far as id_mask goes. 0: it isn't whole. */
	size_t (*answer_size)(struct slice bytes, uint64_t *id);
	uint64_t id_mask;
	/* Sends whole frames of another process's codec; an answer to a call that it lost. */
	void (*put_frames)(struct codec *codec, struct slice frames);
	void (*answer_lost)(struct codec *codec, uint64_t id, uint8_t kind);

	/* Of an answer with a stream: headers->rpc, not made here. */
	enum rpc_answer (*answer)(const struct rpc_head *rpc);
	/* Reads what the call carries beside its arguments into headers->rpc, and what is known of
	 * it into tri-* headers (timeout, group, application); likewise. False: it can't be read.
	 * NULL: what there is is there from the beginning. */
	bool (*read_attachments)(struct headers *request, struct arena *arena);
	/* Whether a provider would run what the call is routed by, by all that was read and by its
	 * payload. False: not, or it could not be read. */
	bool (*agrees)(const struct rpc_head *rpc, struct arena *arena);
	/* Reads what the call carries beside its arguments (attachments, header map), and makes
	 * headers of it. Only during prepare_request: it may need the payload. */
	void (*publish)(struct headers *request, struct arena *arena);
	/* Reads what routes ask of a call, likewise (route_match_input.read_call). */
	void (*read)(struct headers *request, const struct call_needs *needs,
		     struct argument_value *values, struct arena *arena);
};

extern const struct rpc_dialect rpc_dubbo, rpc_bolt;

/* By enum sniffed; NULL: no protocol of calls. rpc_dialects.c */
extern const struct rpc_dialect *const rpc_dialects[SNIFFED_COUNT];

#endif

/* What an RPC message's frame says beside its headers: carried untouched from one codec to the
 * other.
 *
 * headers->rpc points at one, in the stream's arena, when the message came from an RPC codec; NULL
 * for HTTP. The body of the message (its data) is the frame's payload as it came. */
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

struct rpc_head {
	uint8_t protocol;      /* enum rpc_protocol */
	uint8_t serialization; /* Dubbo's id: 2 is hessian2 */
	uint8_t status;        /* of an answer: Dubbo's or Bolt's */
	int8_t result;         /* enum rpc_result */
	bool is_oneway;
	bool is_event;
	bool is_local;                 /* an answer made by the proxy itself */
	struct slice protocol_version; /* Dubbo field 1: "2.0.2" */
	struct slice service, service_version, method, param_types; /* Dubbo fields 2 to 5 */
	/* Attachments, read from the body on demand: offset of the map in the payload, 0: not
	 * looked for yet. */
	uint32_t attachments_at;
	struct slice payload; /* the whole body, valid during the headers event only */
};

#endif

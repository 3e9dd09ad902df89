#include "manager/rpc_private.h"

const struct rpc_dialect *const rpc_dialects[SNIFFED_COUNT] = {
	[SNIFFED_DUBBO] = &rpc_dubbo,
	[SNIFFED_BOLT] = &rpc_bolt,
};

void rpc_noticed(struct codec *codec, enum rpc_notice notice)
{
	struct session *session = session_of_codec(codec);

	switch (notice) {
	case RPC_NOTICE_EVENT:
		rpc_count(session, RPC_STAT_REQUEST_EVENT);
		break;
	case RPC_NOTICE_UNDECODABLE:
		rpc_count(session, RPC_STAT_REQUEST_DECODING_ERROR);
		break;
	case RPC_NOTICE_OTHER_SERIALIZATION:
		rpc_count(session, RPC_STAT_REQUEST_OTHER_SERIALIZATION);
		break;
	case RPC_NOTICE_REUSED_ID:
		rpc_count(session, RPC_STAT_REQUEST_REUSED_ID);
		break;
	case RPC_NOTICE_OVER_LIMIT:
		rpc_count(session, RPC_STAT_REQUEST_OVER_LIMIT);
		break;
	case RPC_NOTICE_EDITED:
		rpc_count(session, RPC_STAT_RESPONSE_EDITED);
		break;
	case RPC_NOTICE_UNEDITABLE:
		rpc_count(session, RPC_STAT_RESPONSE_UNEDITABLE);
		break;
	case RPC_NOTICE_UNKNOWN_ANSWER:
	case RPC_NOTICE_PROVIDER_REQUEST:
		break; /* of upstream connections */
	}
}

#include "manager/rpc_dialect.h"

const struct rpc_dialect *const rpc_dialects[SNIFFED_COUNT] = {
	[SNIFFED_DUBBO] = &rpc_dubbo,
	[SNIFFED_BOLT] = &rpc_bolt,
};

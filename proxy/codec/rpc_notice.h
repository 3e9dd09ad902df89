/* What the codec of an RPC protocol deals with by itself, and tells its owner (options->noticed).
 */
#ifndef CODEC_RPC_NOTICE_H
#define CODEC_RPC_NOTICE_H

enum rpc_notice {
	RPC_NOTICE_EVENT,       /* server: a heartbeat or another word of the consumer's, no call */
	RPC_NOTICE_UNDECODABLE, /* server: a request that was refused for it */
	RPC_NOTICE_OTHER_SERIALIZATION, /* server: a request in none that its codec reads */
	RPC_NOTICE_REUSED_ID,           /* server: a request whose id an open one has */
	RPC_NOTICE_UNKNOWN_ANSWER,      /* client: late, repeated or forged; dropped */
	RPC_NOTICE_PROVIDER_REQUEST,    /* client: a call that the provider began; refused */
	RPC_NOTICE_OVER_LIMIT,          /* a frame with a body over the limit; skipped */
	RPC_NOTICE_EDITED,     /* what is sent was written anew: filters have changed headers */
	RPC_NOTICE_UNEDITABLE, /* it should have been, but can't be in its serialization */
};

enum { RPC_NOTICES = RPC_NOTICE_UNEDITABLE + 1 };

#endif

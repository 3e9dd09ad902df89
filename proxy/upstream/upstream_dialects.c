#include "codec/bolt_frame.h"
#include "codec/dubbo_frame.h"
#include "upstream/upstream_conn_private.h"

enum { BOLT_HEARTBEAT_MS = 15000 }; /* Bolt peers close what is silent for 90 s */

/* --- HTTP/1.1 */

static struct codec *http1_open_client(struct upstream_conn *uc)
{
	http1_open(&uc->http1, CODEC_CLIENT, &cluster_of(uc)->http1_options, &upstream_codec_events,
		   uc, &uc->conn.out);
	return &uc->http1.codec;
}

static const struct upstream_dialect http1_dialect = {.open = http1_open_client};

/* --- Dubbo */

static struct codec *dubbo_open_client(struct upstream_conn *uc)
{
	dubbo_open(&uc->dubbo, CODEC_CLIENT, &upstream_codec_events, uc, &uc->conn.out,
		   &upstream_of(uc)->dubbo_options);
	return &uc->dubbo.codec;
}

static void dubbo_pass(struct codec *codec, struct exchange *exchange, struct slice frame)
{
	dubbo_pass_request(container_of(codec, struct dubbo, codec), exchange, frame);
}

static void dubbo_passed(struct exchange *exchange, struct slice frame)
{
	upstream_conn_passed(exchange, frame, dubbo_frame_status(frame) == DUBBO_OK);
}

static const struct upstream_dialect dubbo_dialect = {
	.is_multiplexed = true,
	.is_draining_of_host = true,
	.max_in_flight = DUBBO_MAX_IN_FLIGHT,
	.ok_status = DUBBO_OK,
	.open = dubbo_open_client,
	.pass = dubbo_pass,
};

/* A request that isn't whole yet has a connection for itself: its pieces go there as they come. */
static const struct upstream_dialect dubbo_alone_dialect = {
	.is_draining_of_host = true,
	.ok_status = DUBBO_OK,
	.open = dubbo_open_client,
};

static void dubbo_passed_part(struct exchange *exchange, const struct dubbo_answer_part *part)
{
	bool is_ok = part->head.len && dubbo_frame_status(part->head) == DUBBO_OK;

	upstream_conn_passed_part(exchange, part->head, part->bytes, part->left, is_ok);
}

/* --- Bolt */

static struct codec *bolt_open_client(struct upstream_conn *uc)
{
	bolt_open(&uc->bolt, CODEC_CLIENT, &upstream_codec_events, uc, &uc->conn.out,
		  &upstream_of(uc)->bolt_options);
	return &uc->bolt.codec;
}

static void bolt_pass(struct codec *codec, struct exchange *exchange, struct slice frame)
{
	bolt_pass_request(container_of(codec, struct bolt, codec), exchange, frame);
}

static void bolt_passed(struct exchange *exchange, struct slice frame)
{
	upstream_conn_passed(exchange, frame, bolt_frame_status(frame) == BOLT_OK);
}

static const struct upstream_dialect bolt_dialect = {
	.is_multiplexed = true,
	.max_in_flight = BOLT_MAX_IN_FLIGHT,
	.ok_status = BOLT_OK,
	.heartbeat_ms = BOLT_HEARTBEAT_MS,
	.open = bolt_open_client,
	.pass = bolt_pass,
};

/* --- all of them */

const struct upstream_dialect *const upstream_dialects[UPSTREAM_PROTOCOLS] = {
	[STREAM_PROTOCOL_HTTP11] = &http1_dialect,
	[STREAM_PROTOCOL_DUBBO] = &dubbo_dialect,
	[STREAM_PROTOCOL_BOLT] = &bolt_dialect,
	[UPSTREAM_DUBBO_ALONE] = &dubbo_alone_dialect,
};

void upstream_dialects_init(struct upstream_worker *upstream)
{
	upstream->dubbo_options = (struct dubbo_options){.payload_limit = DUBBO_PAYLOAD_LIMIT,
							 .max_in_flight = DUBBO_MAX_IN_FLIGHT,
							 .parts_over = DUBBO_PARTS_OVER,
							 .counts = &upstream->dubbo_counts,
							 .noticed = upstream_conn_noticed,
							 .passed = dubbo_passed,
							 .takes_parts = upstream_conn_takes_parts,
							 .passed_part = dubbo_passed_part};
	upstream->bolt_options = (struct bolt_options){.payload_limit = BOLT_PAYLOAD_LIMIT,
						       .max_in_flight = BOLT_MAX_IN_FLIGHT,
						       .counts = &upstream->bolt_counts,
						       .noticed = upstream_conn_noticed,
						       .passed = bolt_passed};
}

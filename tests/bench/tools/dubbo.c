/* dubbo server PORT [RESPONSE_TYPE]       Dubbo 2 echo server (response type 4 by default; 1: no
 * attachments) dubbo client PORT CONNS DEPTH ARG_BYTES SECS [RATE [GROUP]] RATE 0: closed loop,
 * DEPTH calls in flight on every connection. RATE > 0: open loop over all connections, latency from
 * when the call was due. Body: hessian2, sayHello(String) of org.apache.dubbo.demo.DemoService;
 * with "order" for ARG_BYTES, place(Order, Order, Order, String) of OrderService; with "orders" of
 * varied objects, each with a trace id of its own. */
#include "dubbo_frame.h"
#include "rpc.h"

enum { VARIETY = 256 };
static unsigned char tmpl[MAX_FRAME], varied[VARIETY][8192];
static size_t tmpl_len, varied_lens[VARIETY];
static bool is_varied;
static unsigned response_type = 4;

static size_t call(unsigned char *out, uint32_t seq, uint32_t slot)
{
	uint64_t id = (uint64_t)seq << 16 | slot;
	size_t len = is_varied ? varied_lens[seq % VARIETY] : tmpl_len;

	memcpy(out, is_varied ? varied[seq % VARIETY] : tmpl, len);
	if (is_varied)
		put_trace_id(out, len, id);
	put_header(out, 0xc2, 0, id, len - HEADER);
	return len;
}

static uint32_t slot_of(const unsigned char *answer)
{
	return frame_id(answer) & 0xffff;
}

static bool is_good(const unsigned char *answer, size_t len)
{
	return answer[3] == 20 && len > HEADER && (answer[16] == 0x94 || answer[16] == 0x91);
}

static size_t answer(const unsigned char *message, size_t len, unsigned char *out)
{
	bool is_waited_for = (message[2] & 0x80) && (message[2] & 0x40);
	return is_waited_for ? make_response(message, len, out, response_type) : 0;
}

static const struct rpc_protocol protocol = {frame_len, call, slot_of, is_good, answer};

int main(int argc, char **argv)
{
	process_setup();
	if (argc >= 3 && !strcmp(argv[1], "server")) {
		response_type = argc > 3 ? (unsigned)atoi(argv[3]) : 4;
		rpc_serve(atoi(argv[2]), &protocol);
	}
	if (argc < 7 || strcmp(argv[1], "client"))
		return fprintf(stderr, "usage: see the head of dubbo.c\n"), 2;
	is_varied = !strcmp(argv[5], "orders");
	for (uint32_t i = 0; i < VARIETY && is_varied; i++)
		varied_lens[i] = make_order(varied[i], i % 3 ? "gold" : "silver", 2 * i + 1);
	tmpl_len = !strcmp(argv[5], "order") ? make_order(tmpl, "gold", 0)
					     : make_request(tmpl, strtoul(argv[5], NULL, 10),
							    argc > 8 ? argv[8] : NULL);
	return rpc_generate(&protocol, atoi(argv[2]), atoi(argv[3]), (uint32_t)atoi(argv[4]),
			    atof(argv[6]), argc > 7 ? atof(argv[7]) : 0);
}

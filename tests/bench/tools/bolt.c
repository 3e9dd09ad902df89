/* bolt server PORT       A Bolt v1 server: every call is answered with a SofaResponse whose content
 * is as long as the call's.
 * bolt client PORT CONNS DEPTH CONTENT_BYTES SECS [RATE]       As dubbo client: sayHello of
 * org.example.demo.DemoService with the header map of sofa-rpc, another trace id in each call. */
#include "bolt_frame.h"
#include "rpc.h"

static unsigned char tmpl[BOLT_MAX_FRAME];
static size_t tmpl_len;

static size_t call(unsigned char *out, uint32_t seq, uint32_t slot)
{
	memcpy(out, tmpl, tmpl_len);
	bolt_put_trace(out, seq);
	bolt_put_header(out, 1, 1, seq << 16 | slot);
	return tmpl_len;
}

static uint32_t slot_of(const unsigned char *answer)
{
	return bolt_get(answer + 5, 4) & 0xffff;
}

static bool is_good(const unsigned char *answer, size_t len)
{
	return len > BOLT_ANSWER_HEADER && !answer[1] && !bolt_get(answer + 10, 2);
}

static size_t answer(const unsigned char *message, size_t len, unsigned char *out)
{
	(void)len;
	return message[1] == 1 ? bolt_make_answer(message, out) : 0;
}

static const struct rpc_protocol protocol = {bolt_frame_len, call, slot_of, is_good, answer};

int main(int argc, char **argv)
{
	process_setup();
	if (argc == 3 && !strcmp(argv[1], "server"))
		rpc_serve(atoi(argv[2]), &protocol);
	if (argc < 7 || strcmp(argv[1], "client"))
		return fprintf(stderr, "usage: see the head of bolt.c\n"), 2;
	size_t content = strtoul(argv[5], NULL, 10);
	if (content > BOLT_MAX_FRAME / 2)
		return fprintf(stderr, "at most %d bytes\n", BOLT_MAX_FRAME / 2), 2;
	tmpl_len = bolt_make_request(tmpl, content, 0);
	return rpc_generate(&protocol, atoi(argv[2]), atoi(argv[3]), (uint32_t)atoi(argv[4]),
			    atof(argv[6]), argc > 7 ? atof(argv[7]) : 0);
}

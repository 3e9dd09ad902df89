/* Bolt v1 frames as sofa-rpc writes them: a SofaRequest with its header map, and an answer. Nobody
 * reads their contents. */
#ifndef BENCH_BOLT_FRAME_H
#define BENCH_BOLT_FRAME_H
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	BOLT_REQUEST_HEADER = 22,
	BOLT_ANSWER_HEADER = 20,
	BOLT_MAX_FRAME = 64 * 1024,
	BOLT_TRACE_AT = BOLT_REQUEST_HEADER + 44 + 211, /* the value of sofaTraceId in a request */
};

#define BOLT_REQUEST_CLASS "com.alipay.sofa.rpc.core.request.SofaRequest"
#define BOLT_ANSWER_CLASS "com.alipay.sofa.rpc.core.response.SofaResponse"

static inline void bolt_put(unsigned char *p, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(value >> (8 * (bytes - 1 - i)));
}

static inline uint32_t bolt_get(const unsigned char *p, int bytes)
{
	uint32_t value = 0;
	for (int i = 0; i < bytes; i++)
		value = value << 8 | p[i];
	return value;
}

static inline size_t bolt_put_text(unsigned char *p, const char *text)
{
	size_t len = strlen(text);
	bolt_put(p, (uint32_t)len, 4);
	memcpy(p + 4, text, len);
	return 4 + len;
}

/* Whole length of the frame at p, 0 when more bytes are needed, SIZE_MAX when it is no Bolt v1. */
static inline size_t bolt_frame_len(const unsigned char *p, size_t len)
{
	if (len < BOLT_REQUEST_HEADER)
		return 0;
	if (p[0] != 1 || p[1] > 2)
		return SIZE_MAX;
	size_t header = p[1] ? BOLT_REQUEST_HEADER : BOLT_ANSWER_HEADER;
	const unsigned char *lengths = p + header - 8;
	size_t total =
		header + bolt_get(lengths, 2) + bolt_get(lengths + 2, 2) + bolt_get(lengths + 4, 4);
	return total > BOLT_MAX_FRAME ? SIZE_MAX : total <= len ? total : 0;
}

/* The header but for what differs by type; the payload stands behind it already. */
static inline void bolt_put_header(unsigned char *p, unsigned type, unsigned command, uint32_t id)
{
	p[0] = 1, p[1] = (unsigned char)type;
	bolt_put(p + 2, command, 2);
	p[4] = 1;
	bolt_put(p + 5, id, 4);
	p[9] = 1;
}

static inline void bolt_put_lengths(unsigned char *p, size_t class_len, size_t map, size_t content)
{
	bolt_put(p, (uint32_t)class_len, 2);
	bolt_put(p + 2, (uint32_t)map, 2);
	bolt_put(p + 4, (uint32_t)content, 4);
}

static inline size_t bolt_make_request(unsigned char *p, size_t content, uint32_t id)
{
	static const char *const fields[] = {
		"sofa_head_target_service",
		"org.example.demo.DemoService:1.0",
		"app",
		"bench-app",
		"rpc_trace_context.sofaRpcId",
		"0",
		"protocol",
		"bolt",
		"rpc_trace_context.samp",
		"true",
		"rpc_trace_context.sofaTraceId",
		"c0000202179523167631300002105",
		"service",
		"org.example.demo.DemoService:1.0",
		"rpc_trace_context.sysPenAttrs",
		"",
		"rpc_trace_context.sofaPenAttrs",
		"",
		"sofa_head_method_name",
		"sayHello",
		"type",
		"sync",
	};
	size_t class_len = sizeof BOLT_REQUEST_CLASS - 1, map = 0;
	unsigned char *to = p + BOLT_REQUEST_HEADER;
	memcpy(to, BOLT_REQUEST_CLASS, class_len);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		map += bolt_put_text(to + class_len + map, fields[i]);
	memset(to + class_len + map, 'c', content);
	bolt_put_header(p, 1, 1, id);
	bolt_put(p + 10, 3000, 4);
	bolt_put_lengths(p + 14, class_len, map, content);
	return BOLT_REQUEST_HEADER + class_len + map + content;
}

/* Another trace for a request, as SOFA numbers them: address, time, a count of four digits,
 * process.
 */
static inline void bolt_put_trace(unsigned char *request, uint64_t seq)
{
	for (int i = 24; i > 12; i--, seq /= 10)
		request[BOLT_TRACE_AT + i] = (unsigned char)('0' + seq % 10);
}

/* A heartbeat's answer, or a call's, with as much content as the call has. */
static inline size_t bolt_make_answer(const unsigned char *request, unsigned char *p)
{
	bool is_call = bolt_get(request + 2, 2) == 1;
	size_t class_len = is_call ? sizeof BOLT_ANSWER_CLASS - 1 : 0;
	size_t content = is_call ? bolt_get(request + 18, 4) : 0;
	memcpy(p + BOLT_ANSWER_HEADER, BOLT_ANSWER_CLASS, class_len);
	memset(p + BOLT_ANSWER_HEADER + class_len, 'c', content);
	bolt_put_header(p, 0, is_call ? 2 : 0, bolt_get(request + 5, 4));
	bolt_put(p + 10, 0, 2);
	bolt_put_lengths(p + 12, class_len, 0, content);
	return BOLT_ANSWER_HEADER + class_len + content;
}
#endif

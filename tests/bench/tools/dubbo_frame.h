/* Dubbo 2 frames with a hessian2 body: sayHello(String) of org.apache.dubbo.demo.DemoService, and
 * its echo; place(Order, Order, Order, String) of its OrderService. */
#ifndef BENCH_DUBBO_FRAME_H
#define BENCH_DUBBO_FRAME_H
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 16, MAX_FRAME = 64 * 1024 };

struct buf {
	unsigned char *p;
	size_t len;
};

static inline void put_u8(struct buf *b, unsigned v)
{
	b->p[b->len++] = (unsigned char)v;
}

static inline void put_string(struct buf *b, const char *s, size_t n) /* ASCII only */
{
	if (n < 32) {
		put_u8(b, (unsigned)n);
	} else if (n < 1024) {
		put_u8(b, 0x30 + (unsigned)(n >> 8));
		put_u8(b, n & 255);
	} else {
		put_u8(b, 'S');
		put_u8(b, (unsigned)(n >> 8));
		put_u8(b, n & 255);
	}
	memcpy(b->p + b->len, s, n);
	b->len += n;
}

static inline void put_text(struct buf *b, const char *s)
{
	put_string(b, s, strlen(s));
}

static inline void put_header(unsigned char *p, unsigned flag, unsigned status, uint64_t id,
			      size_t body)
{
	p[0] = 0xda, p[1] = 0xbb, p[2] = (unsigned char)flag, p[3] = (unsigned char)status;
	for (int i = 0; i < 8; i++)
		p[4 + i] = (unsigned char)(id >> (56 - 8 * i));
	for (int i = 0; i < 4; i++)
		p[12 + i] = (unsigned char)(body >> (24 - 8 * i));
}

static inline uint64_t frame_id(const unsigned char *p)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | p[4 + i];
	return v;
}

/* Whole length of the frame at p, 0 when more bytes are needed, SIZE_MAX when it is no Dubbo frame.
 */
static inline size_t frame_len(const unsigned char *p, size_t len)
{
	if (len < HEADER)
		return 0;
	if (p[0] != 0xda || p[1] != 0xbb)
		return SIZE_MAX;
	size_t total =
		HEADER + ((size_t)p[12] << 24 | (size_t)p[13] << 16 | (size_t)p[14] << 8 | p[15]);
	return total > MAX_FRAME ? SIZE_MAX : total <= len ? total : 0;
}

static inline size_t make_request(unsigned char *p, size_t arg_bytes, const char *group)
{
	struct buf b = {p, HEADER};
	char *arg = malloc(arg_bytes);
	memset(arg, 'a', arg_bytes);
	put_text(&b, "2.0.2");
	put_text(&b, "org.apache.dubbo.demo.DemoService");
	put_text(&b, "0.0.0");
	put_text(&b, "sayHello");
	put_text(&b, "Ljava/lang/String;");
	put_string(&b, arg, arg_bytes);
	put_u8(&b, 'H'); /* untyped map */
	put_text(&b, "path"), put_text(&b, "org.apache.dubbo.demo.DemoService");
	put_text(&b, "interface"), put_text(&b, "org.apache.dubbo.demo.DemoService");
	put_text(&b, "version"), put_text(&b, "0.0.0");
	if (group)
		put_text(&b, "group"), put_text(&b, group);
	put_text(&b, "remote.application"), put_text(&b, "bench-app");
	put_u8(&b, 'Z');
	put_header(p, 0xc2, 0, 0, b.len - HEADER);
	free(arg);
	return b.len;
}

/* The next of a row of numbers below `most`; none but 0 follow 0. */
static inline unsigned vary(uint32_t *seed, unsigned most)
{
	*seed = *seed * 1664525u;
	return (*seed >> 8) % most;
}

/* One of the three orders of make_order: about 1 kB, with a list of items. */
static inline void put_order(struct buf *b, unsigned n, uint32_t *seed)
{
	char remark[300];
	memset(remark, 'r', sizeof remark);
	if (!n) {
		put_u8(b, 'C'), put_text(b, "org.apache.dubbo.demo.Order"), put_u8(b, 0x96);
		put_text(b, "id"), put_text(b, "customer"), put_text(b, "paid");
		put_text(b, "total"), put_text(b, "remark"), put_text(b, "items");
	}
	put_u8(b, 0x60); /* an object of the first class */
	put_u8(b, 'L');
	for (int i = 0; i < 8; i++)
		put_u8(b, i < 7 ? 1 + vary(seed, 200) : n);
	put_string(b, "customer-0123456789", 19 - vary(seed, 8));
	put_u8(b, 'T');
	put_u8(b, 'D');
	for (int i = 0; i < 8; i++)
		put_u8(b, i ? 0x33 : 0x40);
	put_string(b, remark, sizeof remark - vary(seed, 40));
	put_u8(b, 'V'), n ? put_u8(b, 0x90) : put_text(b, "java.util.ArrayList");
	put_u8(b, 0x90 + 12);
	for (unsigned i = 0; i < 12; i++) {
		if (!n && !i) {
			put_u8(b, 'C'), put_text(b, "org.apache.dubbo.demo.Item"), put_u8(b, 0x93);
			put_text(b, "sku"), put_text(b, "count"), put_text(b, "price");
		}
		put_u8(b, 0x61);
		put_string(b, "sku-0123456789-0123456789-01", 28 - vary(seed, 8));
		put_u8(b, 0x91 + i);
		put_u8(b, 0xc8 + i % 4), put_u8(b, 7 * i);
	}
}

/* Behind an order of a seed: no two calls have the same. */
static inline void put_trace_id(unsigned char *frame, size_t len, uint64_t seq)
{
	unsigned char *end = frame + len - 1;
	for (unsigned i = 1; i <= 16; i++, seq >>= 4)
		end[-(int)i] = (unsigned char)"0123456789abcdef"[seq & 15];
}

/* place(Order, Order, Order, String): a string behind three objects, and an attachment. seed: what
 * the objects say, and a trace id at the end; 0: always the same, and none. */
static inline size_t make_order(unsigned char *p, const char *level, uint32_t seed)
{
	struct buf b = {p, HEADER};
	bool has_trace_id = seed;
	put_text(&b, "2.0.2");
	put_text(&b, "org.apache.dubbo.demo.OrderService");
	put_text(&b, "0.0.0");
	put_text(&b, "place");
	put_text(&b, "Lorg/apache/dubbo/demo/Order;Lorg/apache/dubbo/demo/Order;"
		     "Lorg/apache/dubbo/demo/Order;Ljava/lang/String;");
	for (unsigned i = 0; i < 3; i++)
		put_order(&b, i, &seed);
	put_text(&b, level);
	put_u8(&b, 'H');
	put_text(&b, "path"), put_text(&b, "org.apache.dubbo.demo.OrderService");
	put_text(&b, "interface"), put_text(&b, "org.apache.dubbo.demo.OrderService");
	put_text(&b, "version"), put_text(&b, "0.0.0");
	put_text(&b, "remote.application"), put_text(&b, "bench-app");
	put_text(&b, "x-region"), put_text(&b, "north");
	put_text(&b, "timeout"), put_text(&b, "5000");
	if (has_trace_id)
		put_text(&b, "trace-id"), put_text(&b, "0000000000000000000000000000000");
	put_u8(&b, 'Z');
	put_header(p, 0xc2, 0, 0, b.len - HEADER);
	return b.len;
}

static inline size_t string_len(const unsigned char *p,
				const unsigned char *end) /* with its length bytes; 0: not one */
{
	size_t n = p >= end                                 ? 0
		   : *p < 32                                ? 1u + *p
		   : *p >= 0x30 && *p < 0x34 && p + 1 < end ? 2u + ((size_t)(*p - 0x30) << 8) + p[1]
		   : *p == 'S' && p + 2 < end               ? 3u + ((size_t)p[1] << 8) + p[2]
							    : 0;
	return n <= (size_t)(end - p) ? n : 0;
}

static inline size_t make_response(const unsigned char *req, size_t req_len, unsigned char *out,
				   unsigned type)
{
	struct buf b = {out, HEADER};
	if (req[2] & 0x20) {
		put_u8(&b, 'N');
		put_header(out, 0x22, 20, frame_id(req), 1);
		return b.len;
	}
	const unsigned char *p = req + HEADER, *end = req + req_len;
	for (int i = 0; i < 5; i++)
		p += string_len(p, end);
	size_t arg = string_len(p, end);
	put_u8(&b, 0x90 + type);
	memcpy(b.p + b.len, p, arg);
	b.len += arg;
	if (!arg) /* no string */
		put_text(&b, "done");
	if (type == 4) {
		put_u8(&b, 'H');
		put_text(&b, "dubbo"), put_text(&b, "2.0.2");
		put_u8(&b, 'Z');
	}
	put_header(out, 0x02, 20, frame_id(req), b.len - HEADER);
	return b.len;
}
#endif

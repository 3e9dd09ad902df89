#include "message/authority.h"

#include <string.h>

#include "message/grammar.h"

struct slice authority_split(struct slice authority, struct slice *port)
{
	size_t colon = authority.len;

	*port = SLICE("");
	while (colon && grammar_is((uint8_t)authority.data[colon - 1], GRAMMAR_DIGIT))
		colon--;
	if (colon == authority.len || !colon || authority.data[colon - 1] != ':')
		return authority;
	*port = slice_sub(authority, colon, authority.len);
	return slice_sub(authority, 0, colon - 1);
}

struct slice authority_strip_port(struct slice authority, uint16_t port)
{
	struct slice text, host = authority_split(authority, &text);
	uint64_t number;

	return slice_to_uint64(text, &number) && number == port ? host : authority;
}

struct slice authority_strip_dot(struct slice authority, struct arena *arena)
{
	struct slice port, host = authority_split(authority, &port);

	if (!host.len || host.data[host.len - 1] != '.')
		return authority;
	if (!port.len && host.len == authority.len)
		return slice_sub(host, 0, host.len - 1);
	char *joined = arena_alloc(arena, authority.len - 1);
	memcpy(joined, host.data, host.len - 1);
	memcpy(joined + host.len - 1, authority.data + host.len, authority.len - host.len);
	return slice_make(joined, authority.len - 1);
}

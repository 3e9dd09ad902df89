#include "upstream/host.h"

#include <stdlib.h>

#include "base/attributes.h"

enum { HOSTNAME_MAX = 1024 }; /* longer ones are cut: no name that DNS knows is */

struct host *host_new(const struct addr *addr, struct slice hostname)
{
	struct slice path = slice_of(addr->family == ADDR_UNIX ? addr->path : NULL);

	if (hostname.len > HOSTNAME_MAX)
		hostname.len = HOSTNAME_MAX;
	struct host *host =
		malloc(sizeof *host + hostname.len + 1 + (path.data ? path.len + 1 : 0));
	invariant(host);
	*host = (struct host){
		.addr = *addr, .references = 1, .hostname_len = (uint16_t)hostname.len};
	if (hostname.len)
		memcpy(host->text, hostname.data, hostname.len);
	host->text[hostname.len] = 0;
	if (path.data) {
		host->addr.path = host->text + hostname.len + 1;
		memcpy(host->text + hostname.len + 1, path.data, path.len + 1);
	}
	return host;
}

struct host *host_take(struct host *host)
{
	__atomic_fetch_add(&host->references, 1, __ATOMIC_RELAXED);
	return host;
}

void host_drop(struct host *host)
{
	if (host && __atomic_fetch_sub(&host->references, 1, __ATOMIC_ACQ_REL) == 1)
		free(host);
}

int host_compare(const struct addr *a, struct slice a_hostname, const struct addr *b,
		 struct slice b_hostname)
{
	int order = a->family - b->family;
	if (!order) {
		if (a->family == ADDR_UNIX)
			order = strcmp(a->path, b->path);
		else
			order = memcmp(a->ip, b->ip, a->family == ADDR_IPV4 ? 4 : sizeof a->ip);
	}
	if (!order)
		order = a->port - b->port;
	return order ? order : slice_compare(a_hostname, b_hostname);
}

size_t host_flags_format(uint32_t flags, char *out)
{
	static const struct {
		uint32_t flag;
		const char *text;
	} names[] = {
#define HOST_FLAG_NAME(name, bit, text) {1u << (bit), text},
		HOST_FLAG_TABLE(HOST_FLAG_NAME)
#undef HOST_FLAG_NAME
	};
	size_t len = 0;

	if (!flags) {
		memcpy(out, "healthy", sizeof "healthy");
		return sizeof "healthy" - 1;
	}
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (!(flags & names[i].flag))
			continue;
		size_t n = strlen(names[i].text);
		memcpy(out + len, names[i].text, n);
		len += n;
	}
	out[len] = 0;
	return len;
}

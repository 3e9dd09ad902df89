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

/* --- READONLY */

static uint32_t readonly_count(const struct host *host)
{
	return __atomic_load_n(&host->readonly_count, __ATOMIC_ACQUIRE);
}

void host_readonly_said(struct host *host)
{
	__atomic_fetch_add(&host->readonly_count, 1, __ATOMIC_ACQ_REL);
	host_health_set(host, HOST_READONLY, 0);
}

/* Another connection may be told READONLY just now. */
static void clear_readonly(struct host *host)
{
	host_health_set(host, 0, HOST_READONLY);
	if (readonly_count(host))
		host_health_set(host, HOST_READONLY, 0);
}

void host_readonly_over(struct host *host, bool is_lost, uint64_t now_ms)
{
	if (is_lost)
		__atomic_store_n(&host->rests_until_ms, (uint32_t)(now_ms + HOST_REST_MS),
				 __ATOMIC_RELAXED);
	if (__atomic_sub_fetch(&host->readonly_count, 1, __ATOMIC_ACQ_REL) == 0 && !is_lost)
		clear_readonly(host);
}

/* While others of its connections stand, it is the same provider: new ones aren't told. */
void host_readonly_connected(struct host *host)
{
	if (UNLIKELY(host_health(host) & HOST_READONLY) && !readonly_count(host))
		clear_readonly(host);
}

bool host_readonly_lasts(struct host *host, uint64_t now_ms)
{
	uint32_t until_ms = __atomic_load_n(&host->rests_until_ms, __ATOMIC_RELAXED);

	if (readonly_count(host) || (int32_t)((uint32_t)now_ms - until_ms) < 0)
		return true;
	clear_readonly(host);
	return false;
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

#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "base/hash.h"

static size_t ip_size(const struct addr *addr)
{
	return addr->family == ADDR_IPV4 ? 4 : 16;
}

static bool is_ip(const struct addr *addr)
{
	return addr->family == ADDR_IPV4 || addr->family == ADDR_IPV6;
}

enum status addr_parse_ip(struct slice ip, uint16_t port, struct addr *addr)
{
	char text[INET6_ADDRSTRLEN];

	if (ip.len >= sizeof text || !ip.len || memchr(ip.data, 0, ip.len))
		return STATUS_INVALID;
	memcpy(text, ip.data, ip.len);
	text[ip.len] = 0;

	*addr = (struct addr){.port = port};
	if (inet_pton(AF_INET, text, addr->ip) == 1)
		addr->family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, text, addr->ip) == 1)
		addr->family = ADDR_IPV6;
	return addr->family == ADDR_NONE ? STATUS_INVALID : STATUS_OK;
}

enum status addr_parse(struct slice text, struct addr *addr)
{
	bool bracketed = text.len && text.data[0] == '[';
	struct slice ip, port;
	uint64_t number;

	if (bracketed) {
		size_t close = slice_find_char(text, ']', 1);
		if (close + 1 >= text.len || text.data[close + 1] != ':')
			return STATUS_INVALID;
		ip = slice_sub(text, 1, close);
		port = slice_sub(text, close + 2, text.len);
	} else {
		size_t colon = slice_find_char(text, ':', 0);
		if (colon == text.len)
			return STATUS_INVALID;
		ip = slice_sub(text, 0, colon);
		port = slice_sub(text, colon + 1, text.len);
	}
	if (port.len > 5 || !slice_to_uint64(port, &number) || number > UINT16_MAX)
		return STATUS_INVALID;
	if (addr_parse_ip(ip, (uint16_t)number, addr) != STATUS_OK)
		return STATUS_INVALID;
	return bracketed == (addr->family == ADDR_IPV6) ? STATUS_OK : STATUS_INVALID;
}

/* Decimal digits without a 0 behind; access logs format an address per request. */
static size_t format_number(unsigned n, char *out)
{
	char digits[10];
	size_t len = 0;

	do
		digits[len++] = (char)('0' + n % 10);
	while (n /= 10);
	for (size_t i = 0; i < len; i++)
		out[i] = digits[len - 1 - i];
	return len;
}

size_t addr_format_ip(const struct addr *addr, char *out)
{
	size_t len = 0;

	switch ((enum addr_family)addr->family) {
	case ADDR_NONE:
		break;
	case ADDR_IPV4:
		for (int i = 0; i < 4; i++) {
			if (i)
				out[len++] = '.';
			len += format_number(addr->ip[i], out + len);
		}
		break;
	case ADDR_IPV6:
		if (inet_ntop(AF_INET6, addr->ip, out, ADDR_TEXT_MAX))
			len = strlen(out);
		break;
	case ADDR_UNIX:
		len = strnlen(addr->path, ADDR_TEXT_MAX - 1);
		memcpy(out, addr->path, len);
		break;
	}
	out[len] = 0;
	return len;
}

size_t addr_format(const struct addr *addr, char *out)
{
	size_t len = 0;

	if (addr->family == ADDR_IPV6)
		out[len++] = '[';
	len += addr_format_ip(addr, out + len);
	if (addr->family == ADDR_IPV6)
		out[len++] = ']';
	if (is_ip(addr)) {
		out[len++] = ':';
		len += format_number(addr->port, out + len);
	}
	out[len] = 0;
	return len;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == ADDR_UNIX)
		return !strcmp(a->path, b->path);
	return !is_ip(a) || (a->port == b->port && !memcmp(a->ip, b->ip, ip_size(a)));
}

bool addr_is_loopback(const struct addr *addr)
{
	static const uint8_t ipv6_loopback[16] = {[15] = 1};

	if (addr->family == ADDR_IPV4)
		return addr->ip[0] == 127;
	return addr->family == ADDR_IPV6 && !memcmp(addr->ip, ipv6_loopback, 16);
}

enum status addr_to_sockaddr(const struct addr *addr, struct sockaddr_storage *out, socklen_t *len)
{
	memset(out, 0, sizeof *out);
	switch ((enum addr_family)addr->family) {
	case ADDR_NONE:
		break;
	case ADDR_IPV4: {
		struct sockaddr_in *in4 = (struct sockaddr_in *)out;
		in4->sin_family = AF_INET;
		in4->sin_port = htons(addr->port);
		memcpy(&in4->sin_addr, addr->ip, 4);
		*len = sizeof *in4;
		return STATUS_OK;
	}
	case ADDR_IPV6: {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(addr->port);
		memcpy(&in6->sin6_addr, addr->ip, 16);
		*len = sizeof *in6;
		return STATUS_OK;
	}
	case ADDR_UNIX: {
		struct sockaddr_un *un = (struct sockaddr_un *)out;
		size_t n = strlen(addr->path);
		bool is_abstract = addr->path[0] == '@';
		if (n + !is_abstract > sizeof un->sun_path)
			return STATUS_TOO_LARGE;
		un->sun_family = AF_UNIX;
		memcpy(un->sun_path, addr->path, n);
		if (is_abstract)
			un->sun_path[0] = 0;
		*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !is_abstract);
		return STATUS_OK;
	}
	}
	return STATUS_INVALID;
}

static void from_unix(const struct sockaddr_un *un, socklen_t len, struct addr *addr, char *path)
{
	size_t n = len > offsetof(struct sockaddr_un, sun_path)
			   ? len - offsetof(struct sockaddr_un, sun_path)
			   : 0;

	addr->family = ADDR_UNIX;
	addr->path = "";
	if (!path)
		return;
	if (n > sizeof un->sun_path)
		n = sizeof un->sun_path;
	if (n && un->sun_path[0])
		n = strnlen(un->sun_path, n);
	memcpy(path, un->sun_path, n);
	if (n && !path[0])
		path[0] = '@';
	path[n] = 0;
	addr->path = path;
}

void addr_from_sockaddr(const struct sockaddr_storage *in, socklen_t len, struct addr *addr,
			char *path)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	*addr = (struct addr){0};
	if (len < sizeof(sa_family_t))
		return;
	if (in->ss_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		const struct sockaddr_in *in4 = (const struct sockaddr_in *)in;
		addr->family = ADDR_IPV4;
		addr->port = ntohs(in4->sin_port);
		memcpy(addr->ip, &in4->sin_addr, 4);
	} else if (in->ss_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)in;
		bool is_mapped = !memcmp(&in6->sin6_addr, mapped, sizeof mapped);
		addr->family = is_mapped ? ADDR_IPV4 : ADDR_IPV6;
		addr->port = ntohs(in6->sin6_port);
		memcpy(addr->ip, (const uint8_t *)&in6->sin6_addr + (is_mapped ? 12 : 0),
		       ip_size(addr));
	} else if (in->ss_family == AF_UNIX) {
		from_unix((const struct sockaddr_un *)in, len, addr, path);
	}
}

enum status addr_range_parse(struct slice ip, unsigned prefix_len, struct addr_range *range)
{
	enum status status = addr_parse_ip(ip, 0, &range->base);
	unsigned bits = status ? 0 : (unsigned)ip_size(&range->base) * 8;

	range->prefix_len = prefix_len < bits ? prefix_len : bits;
	return status;
}

bool addr_in_range(const struct addr *addr, const struct addr_range *range)
{
	if (addr->family != range->base.family || !is_ip(addr))
		return false;
	size_t bits = range->prefix_len;
	if (bits > ip_size(addr) * 8)
		bits = ip_size(addr) * 8;
	if (memcmp(addr->ip, range->base.ip, bits / 8))
		return false;
	unsigned rest = bits % 8;
	return !rest || !((addr->ip[bits / 8] ^ range->base.ip[bits / 8]) >> (8 - rest));
}

struct addr_packed addr_pack(const struct addr *addr)
{
	if (addr->family == ADDR_IPV4) {
		uint32_t ip;
		memcpy(&ip, addr->ip, sizeof ip);
		return (struct addr_packed){(uint64_t)ip << 32 | (uint32_t)addr->port << 16 | 1};
	}
	struct addr *copy = malloc(sizeof *copy);
	invariant(copy);
	*copy = *addr;
	return (struct addr_packed){(uintptr_t)copy};
}

void addr_packed_free(struct addr_packed packed)
{
	if (!(packed.word & 1))
		free((void *)(uintptr_t)packed.word);
}

/* A socket address by value: IPv4, IPv6, or a Unix socket's path. Pure data: parse, format,
 * compare.
 *
 * Owner: by value; a Unix path is borrowed from whoever made it. Text forms: "10.0.0.1:80",
 * "[::1]:80", "/run/x.sock", "@abstract". Thread: any. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/slice.h"
#include "base/status.h"

enum addr_family {
	ADDR_NONE,
	ADDR_IPV4,
	ADDR_IPV6,
	ADDR_UNIX,
};

enum { ADDR_TEXT_MAX = 128 }; /* room for any text form, 0 included */

struct addr {
	uint8_t family; /* enum addr_family */
	uint16_t port;  /* host order */
	union {
		uint8_t ip[16];   /* network order; the first 4 for IPv4 */
		const char *path; /* a leading '@' means abstract */
	};
};

/* An IP in text ("10.0.0.1", "::1") and a port. STATUS_INVALID if it is no IP. */
enum status MUST_CHECK addr_parse_ip(struct slice ip, uint16_t port, struct addr *addr);

/* "ip:port" or "[ip6]:port". STATUS_INVALID otherwise. */
enum status MUST_CHECK addr_parse(struct slice text, struct addr *addr);

/* With port (or the path). Returns the length written to out[ADDR_TEXT_MAX]. */
size_t addr_format(const struct addr *addr, char *out);
/* Without port and brackets. */
size_t addr_format_ip(const struct addr *addr, char *out);

bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_is_loopback(const struct addr *addr);

/* For bind and connect. STATUS_TOO_LARGE for a path that doesn't fit. */
enum status MUST_CHECK addr_to_sockaddr(const struct addr *addr, struct sockaddr_storage *out,
					socklen_t *len);
/* From accept, getsockname, getpeername. IPv4-mapped IPv6 becomes IPv4. Unix paths: copied to
 * path[ADDR_TEXT_MAX], if not NULL. */
void addr_from_sockaddr(const struct sockaddr_storage *in, socklen_t len, struct addr *addr,
			char *path);

/* An address in a word, for what is kept by the thousand: IPv4 in the word itself, others in the
 * heap. */
struct addr_packed {
	uint64_t word; /* ip << 32 | port << 16 | 1 (ip as it lies in memory); else a struct addr's
			  address */
};

/* Owned: addr_packed_free. */
struct addr_packed addr_pack(const struct addr *addr);
void addr_packed_free(struct addr_packed packed);

static inline void addr_unpack(struct addr_packed packed, struct addr *addr)
{
	if (!(packed.word & 1)) {
		*addr = *(const struct addr *)(uintptr_t)packed.word;
		return;
	}
	uint32_t ip = (uint32_t)(packed.word >> 32);
	*addr = (struct addr){.family = ADDR_IPV4, .port = (uint16_t)(packed.word >> 16)};
	memcpy(addr->ip, &ip, sizeof ip);
}

/* A CIDR range. */
struct addr_range {
	struct addr base;
	unsigned prefix_len;
};

/* The first prefix_len bits of an IP in text; all, if it has less. STATUS_INVALID if it is no IP.
 */
enum status MUST_CHECK addr_range_parse(struct slice ip, unsigned prefix_len,
					struct addr_range *range);

/* True when addr lies in the range; families must agree. */
bool addr_in_range(const struct addr *addr, const struct addr_range *range);

#endif

#include "upstream/host_memory.h"

#include <string.h>

#include "base/addr.h"

enum { KEY_ROOM = 1024 }; /* longer names are cut: their hosts share a finding of one cluster */

void host_memory_init(struct host_memory *memory)
{
	arena_init(&memory->arena, 65536);
	map_init(&memory->findings, NULL);
}

void host_memory_fini(struct host_memory *memory)
{
	map_free(&memory->findings);
	arena_free(&memory->arena);
}

static size_t put(char *key, size_t len, struct slice part)
{
	size_t room = KEY_ROOM - len - 1, n = part.len < room ? part.len : room;

	if (n)
		memcpy(key + len, part.data, n);
	key[len + n] = 0;
	return len + n + 1 < KEY_ROOM ? len + n + 1 : KEY_ROOM - 1;
}

static struct slice key_of(char key[KEY_ROOM], struct slice cluster, struct slice address,
			   struct slice hostname)
{
	size_t len = put(key, 0, cluster);

	len = put(key, len, address);
	len = put(key, len, hostname);
	return slice_make(key, len);
}

struct host_finding *host_memory_at(struct host_memory *memory, struct slice cluster,
				    struct slice address, struct slice hostname)
{
	char room[KEY_ROOM];
	struct slice key = key_of(room, cluster, address, hostname);
	struct host_finding *finding = map_get(&memory->findings, key);

	if (finding || memory->findings.count >= HOST_MEMORY_MAX)
		return finding;
	finding = ARENA_NEW(&memory->arena, struct host_finding);
	map_set(&memory->findings, arena_slice(&memory->arena, key), finding);
	return finding;
}

struct host_finding *host_memory_find(const struct host_memory *memory, struct slice cluster,
				      const struct host *host)
{
	char room[KEY_ROOM], address[ADDR_TEXT_MAX];

	if (!memory || !memory->findings.count)
		return NULL;
	size_t len = addr_format(&host->addr, address);
	return map_get(&memory->findings,
		       key_of(room, cluster, slice_make(address, len), host_hostname(host)));
}

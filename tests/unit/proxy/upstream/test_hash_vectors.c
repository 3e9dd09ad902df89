/* Rings and Maglev tables against what Envoy 1.40 was seen to choose for the same hosts and keys
 * (tests/differential). */
#include "hosts.h"

#include "base/hash.h"
#include "upstream/labels.h"

enum { VECTOR_HOSTS_MAX = 5 };

struct vector {
	const char *name;
	enum lb_policy policy;
	uint16_t first_port; /* hosts are 127.0.0.1 at this port and those after it */
	uint32_t hosts, weights[VECTOR_HOSTS_MAX];
	uint64_t min_ring, max_ring, table; /* 0: the default */
	bool is_murmur, has_keys;           /* hash_key "host-1", "host-2" … */
	uint32_t bad;                       /* bit n: host n is unhealthy */
	const char *chosen;                 /* a digit a key: the host's number, from 1 */
};

static const char *const keys[] = {"a",      "b",      "c",      "d", "e", "f",
				   "user-1", "user-2", "user-3", "0", "1", "2"};

static const struct vector vectors[] = {
	{.name = "ring_hash_header",
	 .policy = LB_RING_HASH,
	 .first_port = 23091,
	 .hosts = 3,
	 .chosen = "132111232231"},
	{.name = "ring_hash_five_hosts",
	 .policy = LB_RING_HASH,
	 .first_port = 23027,
	 .hosts = 5,
	 .chosen = "314521514144"},
	{.name = "ring_hash_weights",
	 .policy = LB_RING_HASH,
	 .first_port = 23267,
	 .hosts = 3,
	 .weights = {1, 5, 2},
	 .chosen = "232322222232"},
	{.name = "ring_hash_murmur",
	 .policy = LB_RING_HASH,
	 .first_port = 23123,
	 .hosts = 3,
	 .is_murmur = true,
	 .chosen = "132113213331"},
	{.name = "ring_hash_sizes",
	 .policy = LB_RING_HASH,
	 .first_port = 23187,
	 .hosts = 3,
	 .min_ring = 3,
	 .max_ring = 6,
	 .chosen = "111131111111"},
	{.name = "ring_hash_hash_key_metadata",
	 .policy = LB_RING_HASH,
	 .first_port = 23075,
	 .hosts = 3,
	 .has_keys = true,
	 .chosen = "221121132121"},
	{.name = "ring_hash_unhealthy_host_moves_keys",
	 .policy = LB_RING_HASH,
	 .first_port = 23251,
	 .hosts = 3,
	 .bad = 1u << 1,
	 .chosen = "333111331111"},
	{.name = "maglev_header",
	 .policy = LB_MAGLEV,
	 .first_port = 22739,
	 .hosts = 3,
	 .chosen = "331231322211"},
	{.name = "maglev_five_hosts",
	 .policy = LB_MAGLEV,
	 .first_port = 22707,
	 .hosts = 5,
	 .chosen = "212524115142"},
	{.name = "maglev_weights",
	 .policy = LB_MAGLEV,
	 .first_port = 22851,
	 .hosts = 3,
	 .weights = {1, 5, 2},
	 .chosen = "222122122222"},
	{.name = "maglev_table_size",
	 .policy = LB_MAGLEV,
	 .first_port = 22803,
	 .hosts = 3,
	 .table = 11,
	 .chosen = "223122322111"},
	{.name = "maglev_hash_key_metadata",
	 .policy = LB_MAGLEV,
	 .first_port = 22723,
	 .hosts = 3,
	 .has_keys = true,
	 .chosen = "111213113312"},
};

/* Labels {"envoy.lb": {"hash_key": text}} by hand. */
static struct labels *hash_key_labels(const char *text)
{
	struct labels *labels = calloc(1, sizeof *labels + sizeof(struct label));
	assert_non_null(labels);
	labels->hash = hash_bytes(slice_of(text));
	labels->count = 1;
	labels->references = 1;
	labels->items[0] = (struct label){.space = SLICE("envoy.lb"),
					  .key = SLICE("hash_key"),
					  .kind = LABEL_STRING,
					  .text = slice_of(text)};
	return labels;
}

static void check(const struct vector *v)
{
	static const char *const host_keys[] = {"host-1", "host-2", "host-3", "host-4", "host-5"};
	struct plan plan;
	struct cluster cluster;
	struct balance_state state;
	char chosen[sizeof keys / sizeof *keys + 1] = {0};

	test_cluster_init(&cluster, v->policy);
	cluster.type = CLUSTER_STATIC;
	cluster.lb.panic_threshold = v->bad ? 0 : 50;
	cluster.lb.is_murmur = v->is_murmur;
	cluster.lb.table_size = v->table ? v->table : cluster.lb.table_size;
	cluster.lb.min_ring_size = v->min_ring ? v->min_ring : cluster.lb.min_ring_size;
	cluster.lb.max_ring_size = v->max_ring ? v->max_ring : cluster.lb.max_ring_size;
	plan_init(&plan);
	for (uint32_t i = 0; i < v->hosts; i++) {
		struct endpoint *endpoint =
			plan_endpoint(&plan, i, v->weights[i] ? v->weights[i] : 1);
		endpoint->addr = (struct addr){.family = ADDR_IPV4,
					       .port = (uint16_t)(v->first_port + i),
					       .ip = {127, 0, 0, 1}};
		endpoint->health = v->bad >> i & 1 ? ENDPOINT_UNHEALTHY : ENDPOINT_HEALTHY;
		endpoint->labels = v->has_keys ? hash_key_labels(host_keys[i]) : NULL;
	}
	struct host_set *set = host_set_build(&plan.assignment, &cluster, NULL, 1);
	test_state_init(&state, set);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct pick pick = {.has_hash = true, .hash = hash_bytes(slice_of(keys[i]))};
		chosen[i] = (char)('1' + host_set_pick(set, &state, &pick));
	}
	for (uint32_t i = 0; i < v->hosts; i++)
		labels_drop(plan.endpoints[i].labels);
	balance_state_fini(&state);
	host_set_free(set);
	if (strcmp(chosen, v->chosen))
		fail_msg("%s: chose %s, Envoy chose %s", v->name, chosen, v->chosen);
}

static void choices_are_envoys(void **context)
{
	(void)context;
	for (size_t i = 0; i < COUNT_OF(vectors); i++)
		check(&vectors[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(choices_are_envoys)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

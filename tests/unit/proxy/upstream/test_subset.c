#include "cluster_yaml.h"

#include "message/metadata.h"
#include "routing/policy.h"
#include "upstream/labels.h"
#include "upstream/subset.h"

struct fixture {
	struct cluster *cluster;
	struct assignment *assignment;
	struct host_set *set;
	struct balance_state state;
};

static struct fixture f;

/* By index of the host. */
static const char *const host_labels[] = {
	"{stage: prod, version: '1'}",
	"{stage: prod, version: '2'}",
	"{stage: dev, version: '1', num: 1, flag: true}",
	"{}",
	"{stage: [qa, dev]}",
};

static void begin(const char *subsets)
{
	char yaml[4096];
	size_t len;

	snprintf(yaml, sizeof yaml,
		 "name: c\ntype: EDS\neds_cluster_config: {}\nlb_subset_config: %s\n", subsets);
	f.cluster = cluster_of_yaml(yaml);
	len = (size_t)snprintf(yaml, sizeof yaml, "endpoints:\n- lb_endpoints:\n");
	for (size_t i = 0; i < COUNT_OF(host_labels); i++)
		len += (size_t)snprintf(
			yaml + len, sizeof yaml - len,
			"  - endpoint: {address: {socket_address: {address: 10.0.0.1, "
			"port_value: %zu}}}\n"
			"    metadata: {filter_metadata: {envoy.lb: %s}}\n",
			i + 1, host_labels[i]);
	f.assignment = assignment_of_yaml(yaml);
	f.set = host_set_build(f.assignment, f.cluster, NULL, 1);
	assert_int_equal(f.set->count, 5);
	test_state_init(&f.state, f.set);
}

static void end(void)
{
	balance_state_fini(&f.state);
	host_set_free(f.set);
	assignment_free(f.assignment);
	cluster_free(f.cluster);
}

/* The hosts that 40 picks with these labels get, as digits in order; "" for none. */
static const char *hosts_of(const char *match, enum pick_subset from)
{
	static char seen[8];
	struct arena arena;
	char yaml[512];
	unsigned mask = 0, at = 0;

	arena_init(&arena, 1024);
	snprintf(yaml, sizeof yaml, "metadata: {filter_metadata: {envoy.lb: %s}}\n",
		 match ? match : "{}");
	const Envoy__Config__Endpoint__V3__LbEndpoint *message = (const void *)yaml_read(
		yaml, &envoy__config__endpoint__v3__lb_endpoint__descriptor, &arena);
	const struct labels *labels = match ? labels_load(message->metadata, &arena) : NULL;
	for (int i = 0; i < 40; i++) {
		struct pick pick = {.match = labels};
		uint32_t index = host_set_pick(f.set, &f.state, &pick);
		mask |= index == BALANCE_NONE ? 0 : 1u << index;
		assert_int_equal(pick.subset, from);
	}
	arena_free(&arena);
	for (unsigned i = 0; i < 5; i++)
		if (mask >> i & 1)
			seen[at++] = (char)('0' + i);
	seen[at] = 0;
	return seen;
}

static void a_pick_goes_to_its_subset(void **context)
{
	(void)context;
	begin("{subset_selectors: [{keys: [stage]}, {keys: [version, stage]}, {keys: [num]}, "
	      "{keys: "
	      "[flag]}]}");
	assert_string_equal(hosts_of("{stage: prod}", PICK_SUBSET), "01");
	assert_string_equal(hosts_of("{stage: dev}", PICK_SUBSET),
			    "2"); /* the list is a value of its own */
	assert_string_equal(hosts_of("{stage: prod, version: '2'}", PICK_SUBSET), "1");
	assert_string_equal(hosts_of("{num: 1}", PICK_SUBSET), "2");
	assert_string_equal(hosts_of("{flag: true}", PICK_SUBSET), "2");
	assert_string_equal(hosts_of("{num: '1'}", PICK_WHOLE), "");
	assert_string_equal(hosts_of("{version: '1'}", PICK_WHOLE), ""); /* no selector of that */
	assert_string_equal(hosts_of(NULL, PICK_WHOLE), "");
	assert_int_equal(subset_index_count(f.set->subsets), 3 + 3 + 2);
	end();
}

/* The host for what the route wants and what the stream's metadata says. */
static uint32_t host_for(const struct labels *match, const struct metadata *metadata)
{
	struct pick pick = {.match = match, .metadata = metadata};
	return host_set_pick(f.set, &f.state, &pick);
}

static void metadata_of_the_stream_adds_to_the_routes(void **context)
{
	struct metadata *metadata = NULL;
	struct label version = {.kind = LABEL_STRING, .text = SLICE("2")};
	struct label stage = {.kind = LABEL_STRING, .text = SLICE("prod")};
	struct arena arena;
	(void)context;

	begin("{subset_selectors: [{keys: [stage]}, {keys: [version, stage]}]}");
	arena_init(&arena, 1024);
	const Envoy__Config__Endpoint__V3__LbEndpoint *message = (const void *)yaml_read(
		"metadata: {filter_metadata: {envoy.lb: {stage: dev}}}\n",
		&envoy__config__endpoint__v3__lb_endpoint__descriptor, &arena);
	const struct labels *dev = labels_load(message->metadata, &arena);
	metadata_set(&metadata, SLICE("other"), SLICE("stage"), &stage, &arena);
	assert_int_equal(host_for(NULL, metadata), BALANCE_NONE); /* another namespace */
	assert_int_equal(host_for(dev, metadata), 2);
	metadata_set(&metadata, SLICE("envoy.lb"), SLICE("version"), &version, &arena);
	assert_int_equal(host_for(dev, metadata), BALANCE_NONE); /* dev has no version 2 */
	metadata_set(&metadata, SLICE("envoy.lb"), SLICE("stage"), &stage, &arena);
	assert_int_equal(host_for(dev, metadata), 1); /* the stream's stage wins */
	assert_int_equal(host_for(NULL, metadata), 1);
	arena_free(&arena);
	end();
}

static void lists_are_any_of_their_values(void **context)
{
	(void)context;
	begin("{list_as_any: true, subset_selectors: [{keys: [stage]}]}");
	assert_string_equal(hosts_of("{stage: dev}", PICK_SUBSET), "24");
	assert_string_equal(hosts_of("{stage: qa}", PICK_SUBSET), "4");
	end();
}

static void fallbacks(void **context)
{
	(void)context;
	begin("{fallback_policy: ANY_ENDPOINT, subset_selectors: [{keys: [stage]}]}");
	assert_string_equal(hosts_of("{stage: none}", PICK_FALLBACK), "01234");
	assert_string_equal(hosts_of(NULL, PICK_FALLBACK), "01234");
	end();
	begin("{fallback_policy: DEFAULT_SUBSET, default_subset: {version: '1'}, subset_selectors: "
	      "[{keys: [stage]}]}");
	assert_string_equal(hosts_of("{stage: none}", PICK_FALLBACK), "02");
	assert_string_equal(hosts_of("{stage: prod}", PICK_SUBSET), "01");
	end();
	begin("{fallback_policy: DEFAULT_SUBSET, default_subset: {version: '9'}, panic_mode_any: "
	      "true, "
	      "subset_selectors: [{keys: [stage]}]}");
	assert_string_equal(hosts_of("{stage: none}", PICK_FALLBACK_PANIC), "01234");
	end();
}

static void a_selector_may_have_its_own_fallback(void **context)
{
	(void)context;
	begin("{fallback_policy: ANY_ENDPOINT, subset_selectors: [{keys: [stage], fallback_policy: "
	      "NO_FALLBACK}, "
	      "{keys: [stage, version], fallback_policy: KEYS_SUBSET, fallback_keys_subset: "
	      "[stage]}, "
	      "{keys: [num], fallback_policy: ANY_ENDPOINT}]}");
	assert_string_equal(hosts_of("{stage: none}", PICK_WHOLE), "");
	assert_string_equal(hosts_of("{stage: dev, version: '9'}", PICK_SUBSET), "2");
	assert_string_equal(hosts_of("{num: 9}", PICK_WHOLE), "01234");
	assert_string_equal(hosts_of("{other: 9}", PICK_FALLBACK), "01234");
	end();
}

static void unhealthy_hosts_stay_out_of_subsets(void **context)
{
	(void)context;
	begin("{subset_selectors: [{keys: [stage]}]}");
	host_health_set(f.set->hosts[0], HOST_FAILED_EDS, 0);
	struct host_set *fresh = host_set_refresh(f.set, f.cluster, f.set->generation + 1);
	host_set_free(f.set);
	f.set = fresh;
	assert_string_equal(hosts_of("{stage: prod}", PICK_SUBSET), "1");
	end();
}

/* --- narrowed by policies --- */

static struct label text_label(const char *key, const char *value)
{
	return (struct label){.key = slice_of(key),
			      .kind = value ? LABEL_STRING : LABEL_NULL,
			      .text = slice_of(value ? value : "")};
}

/* The hosts that 40 picks get by these wishes, each a key and a value (NULL: no such label), or a
 * NULL key for any host. */
static const char *narrowed(const char *const (*wishes)[2], unsigned count, bool is_required)
{
	static char seen[8];
	struct label labels[4];
	struct narrowing narrowing = {.count = count, .is_required = is_required};
	unsigned mask = 0, at = 0;

	for (unsigned i = 0; i < count; i++) {
		if (wishes[i][0]) {
			labels[i] = text_label(wishes[i][0], wishes[i][1]);
			narrowing.wishes[i] = (struct policy_wish){&labels[i], 1};
		}
	}
	for (int i = 0; i < 40; i++) {
		struct pick pick = {.narrowing = &narrowing};
		uint32_t index = host_set_pick(f.set, &f.state, &pick);
		mask |= index == BALANCE_NONE ? 0 : 1u << index;
	}
	for (unsigned i = 0; i < 5; i++)
		if (mask >> i & 1)
			seen[at++] = (char)('0' + i);
	seen[at] = 0;
	return seen;
}

#define NARROWED(is_required, ...)                                                                 \
	narrowed((const char *const[][2]){__VA_ARGS__},                                            \
		 COUNT_OF(((const char *const[][2]){__VA_ARGS__})), is_required)

static void policies_try_one_wish_after_the_other(void **context)
{
	(void)context;
	begin("{fallback_policy: ANY_ENDPOINT, subset_selectors: [{keys: [stage]}, {keys: "
	      "[version]}, {keys: [flag]}]}");
	assert_string_equal(NARROWED(false, {"stage", "dev"}, {"version", "1"}), "2");
	assert_string_equal(NARROWED(false, {"stage", "no"}, {"version", "1"}), "02");
	assert_string_equal(NARROWED(false, {"stage", "no"}, {NULL, NULL}), "01234");
	/* The cluster's fallback is none of theirs. */
	assert_string_equal(NARROWED(false, {"stage", "no"}), "");
	assert_string_equal(NARROWED(false, {"unknown", "no"}), "");
	/* Without the label: hosts 3 and 4 have no version, 0 1 3 4 no flag. */
	assert_string_equal(NARROWED(false, {"version", NULL}), "34");
	assert_string_equal(NARROWED(false, {"flag", NULL}), "0134");
	assert_int_equal(subset_index_count(f.set->subsets), 3 + 2 + 1);
	end();
	begin("{subset_selectors: [{keys: [lane]}]}"); /* a label that no host has */
	assert_string_equal(NARROWED(false, {"lane", NULL}), "");
	end();
}

static void a_cluster_without_subsets_serves_what_isnt_required(void **context)
{
	(void)context;
	begin("{}");
	assert_null(f.set->subsets);
	assert_string_equal(NARROWED(false, {"stage", "prod"}), "01234");
	assert_string_equal(NARROWED(true, {"stage", "prod"}), "");
	assert_string_equal(NARROWED(true, {"stage", "prod"}, {NULL, NULL}), "01234");
	end();
}

static void the_routes_labels_are_asked_for_too(void **context)
{
	struct label metadata_stage = text_label("stage", "prod"),
		     version = text_label("version", "2");
	struct narrowing narrowing = {.count = 1, .wishes = {{&version, 1}}};
	struct metadata *metadata = NULL;
	struct arena arena;
	(void)context;

	begin("{subset_selectors: [{keys: [version]}, {keys: [stage, version]}]}");
	arena_init(&arena, 1024);
	metadata_set(&metadata, SLICE("envoy.lb"), SLICE("stage"), &metadata_stage, &arena);
	struct pick pick = {.metadata = metadata, .narrowing = &narrowing};
	assert_int_equal(host_set_pick(f.set, &f.state, &pick), 1);
	version = text_label("version", "3");
	assert_int_equal(host_set_pick(f.set, &f.state, &pick), BALANCE_NONE);
	arena_free(&arena);
	end();
}

static void a_wish_without_healthy_hosts_comes_last(void **context)
{
	struct label prod = text_label("stage", "prod"), dev = text_label("stage", "dev");
	struct narrowing narrowing = {.count = 2, .wishes = {{&prod, 1}, {&dev, 1}}};
	struct pick pick = {.narrowing = &narrowing};
	(void)context;

	begin("{subset_selectors: [{keys: [stage]}]}");
	/* Of two hosts one is ill: half is too few for the threshold of panic, but one is well. */
	host_health_set(f.set->hosts[0], HOST_FAILED_EDS, 0);
	for (int refreshed = 0; refreshed < 2; refreshed++) {
		for (int i = 0; i < 20; i++)
			assert_int_equal(host_set_pick(f.set, &f.state, &pick), 1);
		struct host_set *fresh = host_set_refresh(f.set, f.cluster, f.set->generation + 1);
		host_set_free(f.set);
		f.set = fresh;
	}
	host_health_set(f.set->hosts[1], HOST_FAILED_EDS, 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(host_set_pick(f.set, &f.state, &pick), 2);
	assert_int_equal(pick.subset, PICK_FALLBACK);
	host_health_set(f.set->hosts[2], HOST_FAILED_EDS, 0);
	uint32_t last = host_set_pick(f.set, &f.state, &pick); /* all are ill: the first wish */
	assert_true(last == 0 || last == 1);
	assert_true(pick.was_panic);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pick_goes_to_its_subset),
		cmocka_unit_test(metadata_of_the_stream_adds_to_the_routes),
		cmocka_unit_test(lists_are_any_of_their_values),
		cmocka_unit_test(fallbacks),
		cmocka_unit_test(a_selector_may_have_its_own_fallback),
		cmocka_unit_test(unhealthy_hosts_stay_out_of_subsets),
		cmocka_unit_test(policies_try_one_wish_after_the_other),
		cmocka_unit_test(a_cluster_without_subsets_serves_what_isnt_required),
		cmocka_unit_test(the_routes_labels_are_asked_for_too),
		cmocka_unit_test(a_wish_without_healthy_hosts_comes_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

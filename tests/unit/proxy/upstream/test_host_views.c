/* Picks among what a host rule leaves. */
#include "cluster_yaml.h"

#include "routing/host_rule.h"
#include "routing/policy.h"
#include "upstream/host_views.h"
#include "upstream/labels.h"

/* A rule that leaves the hosts whose label "env" is what the request says; "*": all. */
struct env_rule {
	struct host_rule rule;
	unsigned opens, closes, chooses;
	uint64_t id_of_view;
};

struct env_view {
	struct env_rule *rule;
	struct arena arena;
	struct host_choice choices[4];
	const char *envs[4];
	unsigned count;
};

static void *env_open(const struct host_rule *rule, const struct host_facts *facts,
		      struct slice cluster, uint64_t seed)
{
	struct env_view *view = calloc(1, sizeof *view);
	(void)facts, (void)seed;
	assert_true(slice_equal(cluster, SLICE("c")));
	view->rule = (struct env_rule *)rule;
	view->rule->opens++;
	arena_init(&view->arena, 1024);
	return view;
}

static void env_close(void *loaded)
{
	struct env_view *view = loaded;
	view->rule->closes++;
	arena_free(&view->arena);
	free(view);
}

static struct host_choice *env_choose(void *loaded, const struct host_rule *rule, void *request,
				      const struct host_facts *facts, struct arena **arena)
{
	struct env_view *view = loaded;
	unsigned i = 0;
	(void)rule;
	view->rule->chooses++;
	*arena = &view->arena;
	while (i < view->count && strcmp(view->envs[i], request))
		i++;
	if (i == view->count) {
		uint64_t *left = ARENA_NEW(&view->arena, uint64_t);
		view->envs[view->count++] = request;
		for (uint32_t h = 0; h < facts->count; h++) {
			struct slice env = facts->label(facts->context, h, SLICE("env"));
			if (strcmp(request, "*") && !slice_equal(env, slice_of(request)))
				continue;
			*left |= UINT64_C(1) << h;
			view->choices[i].count++;
		}
		view->choices[i].left = left;
	}
	return &view->choices[i];
}

static const struct host_rule_type env_type = {env_open, env_close, env_choose};

struct fixture {
	struct cluster *cluster;
	struct assignment *assignment;
	struct host_set *set;
	struct balance_state state;
	struct host_views views;
	struct env_rule rule;
	struct narrowing narrowing;
};

static const char *const host_labels[] = {
	"{env: a, zone: x}", "{env: a, zone: r}", "{env: b, zone: x}",
	"{env: 5, zone: r}", "{env: true}",       "{env: a}",
};

static int begin(void **context)
{
	struct fixture *f = calloc(1, sizeof *f);
	char yaml[4096];
	size_t len = (size_t)snprintf(yaml, sizeof yaml, "endpoints:\n- lb_endpoints:\n");
	for (size_t i = 0; i < COUNT_OF(host_labels); i++)
		len += (size_t)snprintf(
			yaml + len, sizeof yaml - len,
			"  - endpoint: {address: {socket_address: {address: 10.0.0.%zu, "
			"port_value: 80}}}\n"
			"    metadata: {filter_metadata: {envoy.lb: %s}}\n",
			i + 1, host_labels[i]);
	f->cluster = cluster_of_yaml("name: c\ntype: EDS\neds_cluster_config: {}\n"
				     "common_lb_config: {healthy_panic_threshold: {value: 0}}\n");
	f->assignment = assignment_of_yaml(yaml);
	f->set = host_set_build(f->assignment, f->cluster, NULL, 1);
	test_state_init(&f->state, f->set);
	f->views.lb = &f->cluster->lb;
	f->views.cluster = SLICE("c");
	f->rule.rule = (struct host_rule){&env_type, 1};
	f->narrowing.rule = &f->rule.rule;
	*context = f;
	return 0;
}

static int end(void **context)
{
	struct fixture *f = *context;
	host_views_fini(&f->views);
	assert_int_equal(f->rule.opens, f->rule.closes);
	balance_state_fini(&f->state);
	host_set_free(f->set);
	assignment_free(f->assignment);
	cluster_free(f->cluster);
	free(f);
	return 0;
}

static uint32_t pick_of(struct fixture *f, const char *env, struct pick *pick)
{
	f->narrowing.rule_request = (void *)env;
	pick->narrowing = &f->narrowing;
	pick->views = &f->views;
	return host_set_pick(f->set, &f->state, pick);
}

/* Who gets 60 picks, how many each: "0:20 1:20 5:20". */
static const char *picks(struct fixture *f, const char *env, const struct labels *match)
{
	static char text[128];
	unsigned counts[COUNT_OF(host_labels)] = {0};
	size_t len = 0;
	for (int i = 0; i < 60; i++) {
		struct pick pick = {.match = match};
		uint32_t index = pick_of(f, env, &pick);
		if (index != BALANCE_NONE)
			counts[index]++;
	}
	text[0] = 0;
	for (size_t i = 0; i < COUNT_OF(counts); i++)
		if (counts[i])
			len += (size_t)sprintf(text + len, "%s%zu:%u", len ? " " : "", i,
					       counts[i]);
	return text;
}

static void the_clusters_balancing_holds_among_them(void **context)
{
	struct fixture *f = *context;
	assert_string_equal(picks(f, "a", NULL), "0:20 1:20 5:20");
	assert_string_equal(picks(f, "b", NULL), "2:60");
	assert_string_equal(picks(f, "none", NULL), "");
	assert_string_equal(picks(f, "*", NULL), "0:10 1:10 2:10 3:10 4:10 5:10");
	assert_int_equal(f->rule.opens, 1);
	assert_int_equal(f->rule.chooses, 240);
}

static void numbers_and_truths_are_texts(void **context)
{
	struct fixture *f = *context;
	assert_string_equal(picks(f, "5", NULL), "3:60");
	assert_string_equal(picks(f, "true", NULL), "4:60");
}

static void ill_hosts_are_passed_over(void **context)
{
	struct fixture *f = *context;
	assert_string_equal(picks(f, "a", NULL), "0:20 1:20 5:20");
	host_health_set(f->set->hosts[1], HOST_FAILED_EDS, 0);
	for (int i = 0; i < 60; i++) {
		struct pick pick = {.attempts = 1};
		uint32_t index = pick_of(f, "a", &pick);
		assert_true(index == 0 || index == 5);
	}
	host_health_set(f->set->hosts[0], HOST_FAILED_EDS, 0);
	host_health_set(f->set->hosts[5], HOST_FAILED_EDS, 0);
	assert_string_equal(picks(f, "a", NULL), ""); /* nobody else steps in */
}

static void another_host_set_another_view(void **context)
{
	struct fixture *f = *context;
	assert_string_equal(picks(f, "b", NULL), "2:60");
	host_health_set(f->set->hosts[1], HOST_FAILED_EDS, 0);
	struct host_set *fresh = host_set_refresh(f->set, f->cluster, f->set->generation + 1);
	host_set_free(f->set);
	f->set = fresh;
	assert_string_equal(picks(f, "a", NULL), "0:30 5:30");
	assert_int_equal(f->rule.opens, 2);
	assert_int_equal(f->rule.closes, 1);
	assert_int_equal(f->views.count, 1);
}

static void several_rules_share_the_room(void **context)
{
	struct fixture *f = *context;
	for (int turn = 0; turn < 3; turn++)
		for (uint64_t id = 1; id <= HOST_VIEWS_MAX; id++) {
			f->rule.rule.id = id;
			assert_string_equal(picks(f, "b", NULL), "2:60");
		}
	assert_int_equal(f->rule.opens, HOST_VIEWS_MAX);
	for (uint64_t id = 100; id < 150; id++) {
		f->rule.rule.id = id;
		assert_string_equal(picks(f, "b", NULL), "2:60");
		assert_int_equal(f->views.count, HOST_VIEWS_MAX);
	}
	assert_int_equal(f->rule.opens - f->rule.closes, HOST_VIEWS_MAX);
	f->rule.rule.id = 149; /* the latest is still there */
	unsigned opens = f->rule.opens;
	assert_string_equal(picks(f, "b", NULL), "2:60");
	assert_int_equal(f->rule.opens, opens);
}

static struct label text_label(const char *key, const char *value)
{
	return (struct label){.key = slice_of(key),
			      .kind = value ? LABEL_STRING : LABEL_NULL,
			      .text = slice_of(value ? value : "")};
}

static void wishes_hold_among_them(void **context)
{
	struct fixture *f = *context;
	struct label x = text_label("zone", "x"), y = text_label("zone", "r"),
		     none = text_label("zone", NULL), q = text_label("zone", "q");
	struct pick pick = {.attempts = 1};
	f->narrowing.count = 1;
	f->narrowing.wishes[0] = (struct policy_wish){&x, 1};
	assert_string_equal(picks(f, "a", NULL), "0:60");
	assert_string_equal(picks(f, "b", NULL), "2:60");
	f->narrowing.wishes[0] = (struct policy_wish){&none, 1};
	assert_string_equal(picks(f, "a", NULL), "5:60");
	assert_string_equal(picks(f, "b", NULL), "");
	f->narrowing.count = 2;
	f->narrowing.wishes[0] = (struct policy_wish){&q, 1};
	f->narrowing.wishes[1] = (struct policy_wish){&y, 1};
	assert_string_equal(picks(f, "a", NULL), "1:60");
	assert_int_equal(pick_of(f, "a", &pick), 1);
	assert_int_equal(pick.subset, PICK_FALLBACK);
	/* one that is ill is better than none that fits */
	host_health_set(f->set->hosts[1], HOST_FAILED_EDS, 0);
	assert_int_equal(pick_of(f, "a", &pick), 1);
	assert_true(pick.was_panic);
}

/* What was found by labels is kept: the cluster's round robin goes on where it was. */
static void labelled_ones_are_balanced(void **context)
{
	struct fixture *f = *context;
	struct label x = text_label("zone", "x"), r = text_label("zone", "r");
	f->narrowing.count = 1;
	f->narrowing.wishes[0] = (struct policy_wish){&x, 1};
	assert_string_equal(picks(f, "*", NULL), "0:30 2:30");
	struct pick first = {.attempts = 1}, second = {.attempts = 1}, other = {.attempts = 1};
	uint32_t one = pick_of(f, "*", &first);
	f->narrowing.wishes[0] = (struct policy_wish){&r, 1};
	assert_true(pick_of(f, "*", &other) % 2 == 1);
	f->narrowing.wishes[0] = (struct policy_wish){&x, 1};
	assert_int_equal(pick_of(f, "*", &second), 2 - one);
	assert_int_equal(first.subset, PICK_SUBSET);
	/* a healthy one of the next wish is better than one of the first that is ill */
	host_health_set(f->set->hosts[0], HOST_FAILED_EDS, 0);
	host_health_set(f->set->hosts[2], HOST_FAILED_EDS, 0);
	f->narrowing.count = 2;
	f->narrowing.wishes[1] = (struct policy_wish){&r, 1};
	assert_string_equal(picks(f, "*", NULL), "1:30 3:30");
}

static void the_routes_labels_too(void **context)
{
	struct fixture *f = *context;
	struct arena arena;
	arena_init(&arena, 1024);
	const Envoy__Config__Endpoint__V3__LbEndpoint *message = (const void *)yaml_read(
		"metadata: {filter_metadata: {envoy.lb: {zone: r}, other: {zone: x}}}\n",
		&envoy__config__endpoint__v3__lb_endpoint__descriptor, &arena);
	const struct labels *labels = labels_load(message->metadata, &arena);
	assert_string_equal(picks(f, "a", labels), "1:60");
	assert_string_equal(picks(f, "b", labels), "");
	arena_free(&arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_clusters_balancing_holds_among_them),
		TEST(numbers_and_truths_are_texts),
		TEST(ill_hosts_are_passed_over),
		TEST(another_host_set_another_view),
		TEST(several_rules_share_the_room),
		TEST(wishes_hold_among_them),
		TEST(labelled_ones_are_balanced),
		TEST(the_routes_labels_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

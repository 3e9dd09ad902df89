/* Tag rules: what Dubbo's TagStateRouter answers. */
#include "dubbo_support.h"

#define TAG_RULE DUBBO_TYPE(tag_rule)
#define GRAY                                                                                       \
	"key: provider\nforce: %s\ntags:\n"                                                        \
	"- {name: gray, addresses: ['10.0.0.1:20880']}\n"                                          \
	"- {name: gone, addresses: ['10.9.9.9:20880']}\n"

static void providers(struct dubbo_fixture *f)
{
	add_provider(f, "10.0.0.1:20880");                /* 0: tagged by the rule */
	add_provider(f, "10.0.0.2:20880 dubbo.tag=stat"); /* 1: tagged by itself */
	add_provider(f, "10.0.0.3:20880");                /* 2, 3: not tagged */
	add_provider(f, "10.0.0.4:20880 dubbo.tag=");
}

static void gray(struct dubbo_fixture *f, const char *force)
{
	dubbo_clear(f);
	add_rule(f, TAG_RULE, arena_printf(&f->routing.arena, GRAY, force));
	providers(f);
}

static void static_tags(void **state)
{
	struct dubbo_fixture *f = *state;
	providers(f);
	assert_string_equal(left_with(f, ""), "0 2 3");
	assert_string_equal(left_with(f, "dubbo.tag=stat"), "1");
	assert_string_equal(left_with(f, "dubbo.tag=other"), "0 2 3");
	assert_string_equal(left_with(f, "dubbo.tag=other dubbo.force.tag=true"), "");
	assert_string_equal(left_with(f, "dubbo.tag=other dubbo.force.tag=TRUE"), "");
	assert_string_equal(left_with(f, "dubbo.tag=other dubbo.force.tag=1"), "0 2 3");
	assert_string_equal(left_with(f, "dubbo.tag=stat dubbo.force.tag=true"), "1");
	assert_string_equal(left_with(f, "dubbo.force.tag=true"), "0 2 3");
}

static void dynamic_tags(void **state)
{
	struct dubbo_fixture *f = *state;
	gray(f, "false");
	assert_string_equal(left_with(f, "dubbo.tag=gray"), "0");
	/* a tag of the rule whose addresses nobody has: the untagged */
	assert_string_equal(left_with(f, "dubbo.tag=gone"), "2 3");
	assert_string_equal(left_with(f, "dubbo.tag=gone dubbo.force.tag=true"), "");
	/* one that the rule doesn't know: by the providers' own */
	assert_string_equal(left_with(f, "dubbo.tag=stat"), "1");
	assert_string_equal(left_with(f, "dubbo.tag=other"), "2 3");
	assert_string_equal(left_with(f, "dubbo.tag=other dubbo.force.tag=true"), "");
	assert_string_equal(left_with(f, ""), "2 3");
}

static void force(void **state)
{
	struct dubbo_fixture *f = *state;
	gray(f, "true");
	assert_string_equal(left_with(f, "dubbo.tag=gray"), "0");
	assert_string_equal(left_with(f, "dubbo.tag=gone"), "");
	/* the rule's force is for its own tags */
	assert_string_equal(left_with(f, "dubbo.tag=other"), "2 3");
	assert_string_equal(left_with(f, ""), "2 3");
}

static void all_are_tagged(void **state)
{
	struct dubbo_fixture *f = *state;
	add_rule(f, TAG_RULE, "{key: provider, tags: [{name: a, addresses: ['10.0.0.*']}]}");
	providers(f);
	assert_string_equal(left_with(f, ""), "");
	assert_string_equal(left_with(f, "dubbo.tag=a"), "0 1 2 3");
	assert_string_equal(left_with(f, "dubbo.tag=b"), "");
}

static void off(void **state)
{
	const char *const rows[] = {
		"{key: provider, enabled: false, tags: [{name: gray, addresses: ['10.0.0.1']}]}",
		"{key: provider, valid: false, tags: [{name: gray, addresses: ['10.0.0.1']}]}",
		"{key: another, tags: [{name: gray, addresses: ['10.0.0.1']}]}",
		"{key: provider, tags: []}",
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct dubbo_fixture *f = *state;
		dubbo_clear(f);
		add_rule(f, TAG_RULE, rows[i]);
		providers(f);
		assert_string_equal(left_with(f, ""), "0 2 3");
		assert_string_equal(left_with(f, "dubbo.tag=gray"), "0 2 3");
	}
}

/* As in Dubbo's documentation, of v3.0. */
static void by_match(void **state)
{
	struct dubbo_fixture *f = *state;
	add_rule(
		f, TAG_RULE,
		"configVersion: v3.0\nforce: true\nenabled: true\nkey: shop-detail\ntags:\n"
		"  - name: gray\n    match:\n      - key: env\n        value:\n          exact: "
		"gray\n"
		"  - name: none\n    match:\n      - key: env\n        value:\n          exact: x\n"
		"  - name: both\n    match: [{key: env, value: {prefix: gr}}, {key: zone, value: "
		"{noempty: ''}}]\n"
		"  - name: named\n");
	add_provider(f, "10.0.0.1:1 remote.application=shop-detail env=gray");
	add_provider(f, "10.0.0.2:1 remote.application=shop-detail env=gray zone=b");
	add_provider(f, "10.0.0.3:1 remote.application=shop-detail env=blue");
	add_provider(f, "10.0.0.4:1 remote.application=shop-detail dubbo.tag=none");
	add_provider(f, "10.0.0.5:1 remote.application=shop-detail dubbo.tag=named");
	assert_string_equal(left_with(f, "dubbo.tag=gray"), "0 1");
	assert_string_equal(left_with(f, "dubbo.tag=both"), "1");
	/* a match without providers isn't known to the rule: the static tag */
	assert_string_equal(left_with(f, "dubbo.tag=none"), "3");
	assert_string_equal(left_with(f, "dubbo.tag=named"), "4");
	assert_string_equal(left_with(f, ""), "2");
}

static void levels(void **state)
{
	struct dubbo_fixture *f = *state;
	add_rule(f, TAG_RULE,
		 "{key: provider, tags: [{name: beta, addresses: ['10.0.0.1']}, "
		 "{name: 'beta|team1', addresses: ['10.0.0.2']}, "
		 "{name: 'beta|team1|partner1', addresses: ['10.0.0.3']}]}");
	add_provider(f, "10.0.0.1:1");
	add_provider(f, "10.0.0.2:1");
	add_provider(f, "10.0.0.3:1");
	add_provider(f, "10.0.0.4:1");
	add_provider(f, "10.0.0.5:1 dubbo.tag=alpha|x");
	assert_string_equal(left_with(f, "dubbo.tag=beta"), "0");
	assert_string_equal(left_with(f, "dubbo.tag=beta|team1"), "1");
	assert_string_equal(left_with(f, "dubbo.tag=beta|team1|partner1"), "2");
	assert_string_equal(left_with(f, "dubbo.tag=beta|team1|partner2"), "1");
	assert_string_equal(left_with(f, "dubbo.tag=beta|team2|partner1"), "0");
	assert_string_equal(left_with(f, "dubbo.tag=gamma|team1"), "3");
	/* static tags have no levels; a forced tag has none either */
	assert_string_equal(left_with(f, "dubbo.tag=alpha|x"), "4");
	assert_string_equal(left_with(f, "dubbo.tag=alpha|x|y"), "3");
	assert_string_equal(left_with(f, "dubbo.tag=beta|team2 dubbo.force.tag=true"), "");
	assert_string_equal(left_with(f, "dubbo.tag=beta|team1 dubbo.force.tag=true"), "1");
}

static void of_the_consumer(void **state)
{
	struct dubbo_fixture *f = *state;
	gray(f, "false");
	f->parameters[f->consumer.parameter_count++] =
		(struct dubbo_parameter){SLICE("dubbo.tag"), SLICE("gray")};
	assert_string_equal(left_with(f, ""), "0");
	assert_string_equal(left_with(f, "dubbo.tag=stat"), "1");
	f->parameters[f->consumer.parameter_count++] =
		(struct dubbo_parameter){SLICE("dubbo.force.tag"), SLICE("true")};
	assert_string_equal(left_with(f, "dubbo.tag=gone"), "");
	assert_string_equal(left_with(f, "dubbo.tag=gone dubbo.force.tag=false"), "2 3");
}

/* However many tags calls make up, the answers and the memory stay. */
static void many_tags(void **state)
{
	struct dubbo_fixture *f = *state;
	gray(f, "false");
	assert_string_equal(left_with(f, "dubbo.tag=first"), "2 3");
	uint32_t before = f->view->step_count;
	for (int i = 0; i < 3 * DUBBO_STEPS_MAX; i++)
		assert_string_equal(
			left_with(f, arena_printf(&f->routing.arena, "dubbo.tag=t%d", i)), "2 3");
	assert_int_equal(f->view->step_count, before);
}

static void refused(void **state)
{
	static const struct {
		const char *yaml, *said;
	} rows[] = {
		{"{tags: [{name: a}]}", "key: is required"},
		{"{key: a, scope: service, tags: []}", "scope: a tag rule is an application's"},
		{"{key: a, tags: [{addresses: ['1.1.1.1']}]}", "tags[0].name: is required"},
		{"{key: a, tags: [{name: t, addresses: ['1.1.1.1', 'x']}]}",
		 "tags[0].addresses[1]: 'x' is no address"},
		{"{key: a, tags: [{name: t, match: [{key: k, value: {exact: v}}]}]}",
		 "tags[0].match: needs configVersion: v3.0"},
		{"{key: a, configVersion: v3.0, tags: [{name: t, addresses: ['1.1.1.1'], match: "
		 "[{key: k, value: {exact: v}}]}]}",
		 "tags[0].match: can't be given together"},
		{"{key: a, configVersion: v3.0, tags: [{name: t, match: [{value: {exact: v}}]}]}",
		 "tags[0].match[0].key: is required"},
		{"{key: a, configVersion: v3.0, tags: [{name: t, match: [{key: k}]}]}",
		 "tags[0].match[0].value: one of exact"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *said = refusal(*state, TAG_RULE, rows[i].yaml);
		if (!strstr(said, rows[i].said))
			fail_msg("%s\nsaid: %s", rows[i].yaml, said);
	}
	struct dubbo_fixture *f = *state;
	dubbo_clear(f);
	add_rule(f, TAG_RULE, "{key: a, tags: [{name: t}]}");
	add_rule(f, TAG_RULE, "{key: a, tags: [{name: t}]}");
	assert_string_equal(load_rules(f), "key: the application 'a' has a tag rule already");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DUBBO_TEST(static_tags), DUBBO_TEST(dynamic_tags),
		DUBBO_TEST(force),       DUBBO_TEST(all_are_tagged),
		DUBBO_TEST(off),         DUBBO_TEST(by_match),
		DUBBO_TEST(levels),      DUBBO_TEST(of_the_consumer),
		DUBBO_TEST(many_tags),   DUBBO_TEST(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

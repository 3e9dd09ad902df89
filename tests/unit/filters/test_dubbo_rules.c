/* The filter: what it is configured with, what it tells the rules of a request. */
#include "filter_support.h"

#include "filters/dubbo_rules/dubbo_rules.h"
#include "xds/dubbo_yaml.h"

#define RULE "'@type': type.googleapis.com/outrigger.config.route.v1.Dubbo"

static void refused(void **context)
{
	(void)context;
	filter_refused(&dubbo_rules_filter,
		       "{rules: [{" RULE "TagRule, key: a, tags: [{name: t}]}, {" RULE
		       "TagRule, key: a, tags: [{}]}]}",
		       "rules[1].tags[0].name", "is required");
	filter_refused(&dubbo_rules_filter,
		       "{rules: [{" RULE
		       "ConditionRule, scope: service, key: a, conditions: ['a=b => c']}]}",
		       "rules[0].conditions[0]", "behind =>: 'c' is compared with nothing");
	filter_refused(&dubbo_rules_filter,
		       "{rules: [{'@type': type.googleapis.com/google.protobuf.Empty}]}",
		       "rules[0]", "google.protobuf.Empty is none of Dubbo's rules");
	filter_refused(&dubbo_rules_filter, "{sources: [{}]}", "sources[0]",
		       "one of filename, inline_bytes, inline_string and environment_variable is");
	filter_refused(&dubbo_rules_filter,
		       "{discovery: {rules_name: a}, sources: [{inline_string: x}]}", "discovery",
		       "can't be given together with rules or sources");
	filter_refused(&dubbo_rules_filter, "{discovery: {config_source: {path: x}}}",
		       "discovery.rules_name", "is required");
	filter_refused(&dubbo_rules_filter, "{discovery: {rules_name: a}}",
		       "discovery.config_source", "is required");
	filter_refused(&dubbo_rules_filter,
		       "{discovery: {rules_name: a, config_source: {path: x}}}", "discovery",
		       "rules can't be subscribed to here");
	filter_refused(&dubbo_rules_filter, "{sources: [{filename: x}]}", "sources[0].filename",
		       "'x' can't be read");
}

/* --- from a request to a choice, as a router does it --- */

static void addr_of(void *context, uint32_t i, struct addr *addr)
{
	(void)context;
	*addr = (struct addr){.family = ADDR_IPV4, .port = 20880, .ip = {10, 0, 0, (uint8_t)i}};
}

static struct slice label_of(void *context, uint32_t i, struct slice name)
{
	const char *const tags[] = {"", "gray", "", "own"};
	(void)context;
	return slice_equal(name, SLICE("dubbo.tag")) ? slice_of(tags[i]) : (struct slice){0};
}

static const struct host_facts hosts = {4, addr_of, label_of, NULL};

/* Bits of the hosts that are left for a request. */
static uint64_t left(struct stream_fixture *f, const char *lines)
{
	const struct dubbo_rules_config *config = f->entries[0].config;
	struct policy_choice choice = {.is_refused = false};
	struct arena *arena;
	fixture_headers(f, lines, true);
	struct filter *filter = &f->stream->filters[0];
	struct policy_facts facts = {.headers = f->request, .state = filter->state, .random = 5};
	filter->type->policy->choose(filter->config, &facts, &choice);
	uint64_t bits = UINT64_MAX;
	if (choice.rule) {
		assert_ptr_equal(choice.rule->type, &dubbo_rules_host_rule);
		assert_int_equal(choice.rule->id, config->set->id ^ config->application_hash);
		void *view = choice.rule->type->open(choice.rule, &hosts, SLICE("cluster"), 1);
		bits = *choice.rule->type
				->choose(view, choice.rule, choice.rule_request, &hosts, &arena)
				->left;
		choice.rule->type->close(view);
	}
	fixture_answer_headers(f, "200", true);
	fixture_settle(f);
	(void)fixture_take(f);
	return bits;
}

#define CALL(more) "POST /com.foo.Hello/find h" more

static void choices(void **context)
{
	struct stream_fixture *f;
	(void)context;
	f = filter_new(
		&dubbo_rules_filter,
		"{provider_application: prov, consumer: {parameters: {zone: a}}, rules: [{" RULE
		"TagRule, key: prov, tags: [{name: gray, addresses: ['10.0.0.2:*']}]}, {" RULE
		"ConditionRule, scope: service, key: 'com.foo.Hello:1.0:g', force: true, "
		"conditions: ['attachments[User-Id]=u1 => host=10.0.0.0', "
		"'application=this & zone=a & method=find => host!=10.0.0.9']}, {" RULE
		"ConditionRule, scope: application, key: told, force: true, conditions: "
		"['=>']}]}");
	assert_int_equal(left(f, CALL("")), 1);
	assert_int_equal(left(f, CALL("\ndubbo.tag: gray")), 4);
	assert_int_equal(left(f, CALL("\ndubbo.tag: own")), 8);
	assert_int_equal(left(f, CALL("\ndubbo.tag: own\ntri-service-version: 1.0\n"
				      "tri-service-group: g\nuser-id: u1")),
			 0);
	assert_int_equal(left(f, CALL("\ntri-service-version: 1.0\ntri-service-group: g\n"
				      "user-id: u1")),
			 1);
	assert_int_equal(left(f, CALL("\ntri-consumer-appname: told")), 0);
	assert_int_equal(filter_counted(f, &dubbo_rules_stats, "http.test.dubbo_rules",
					DUBBO_RULES_STAT_NARROWED),
			 4);
	assert_int_equal(filter_counted(f, &dubbo_rules_stats, "http.test.dubbo_rules",
					DUBBO_RULES_STAT_NONE_LEFT),
			 2);
	stream_fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(choices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

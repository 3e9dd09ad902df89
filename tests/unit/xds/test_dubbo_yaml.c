/* Dubbo's YAML as it is: what a text is taken for, and where its faults are. */
#include "yaml_support.h"

#include <stdlib.h>

#include "outrigger/config/route/v1/dubbo_rules.pb-c.h"
#include "xds/dubbo_yaml.h"

/* The types of what is read, "tag_rule condition_rule", or why not. */
static const char *read(struct yaml_fixture *f, const char *text)
{
	static char types[512];
	const ProtobufCMessage *const *messages;
	size_t count, len = 0;
	f->diag = (struct diag){0};
	if (dubbo_yaml_read(slice_of(text), "r.yaml", &f->arena, &messages, &count, &f->diag))
		return diag_format(&f->diag, f->said, sizeof f->said);
	types[0] = 0;
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(types + len, sizeof types - len, "%s%s", len ? " " : "",
					messages[i]->descriptor->short_name);
	return types;
}

static void kinds(void **state)
{
	static const struct {
		const char *text, *type;
	} rows[] = {
		{"key: a\ntags: []\n", "DubboTagRule"},
		{"tags:\n", "DubboTagRule"},
		{"scope: service\nkey: a\nconditions:\n  - a=b => c=d\n", "DubboConditionRule"},
		{"configVersion: v3.0\nconditions: [a]\n", "DubboConditionRule"},
		{"configVersion: v3.1\nconditions: [{from: {match: a}, to: [{match: b, weight: "
		 "10}]}]\n",
		 "DubboMultiDestinationRule"},
		{"configVersion: V3.1\nconditions: []\n", "DubboMultiDestinationRule"},
		{"apiVersion: x\nkind: VirtualService\nspec: {}\n", "DubboVirtualService"},
		{"kind: DestinationRule\n", "DubboDestinationRule"},
		{"type: javascript\nscript: |\n  x\n", "DubboScriptRule"},
		{"{\"key\": \"a\", \"tags\": []}", "DubboTagRule"},
		{"", ""},
		{"# nothing\n", ""},
		{"---\ntags: []\n", "DubboTagRule"},
		{"tags: []\n---\nkind: DestinationRule\n---\n\n---\ntags: []\n",
		 "DubboTagRule DubboDestinationRule DubboTagRule"},
		{"tags: []\r\n---\r\nkind: DestinationRule\r\n",
		 "DubboTagRule DubboDestinationRule"},
		{"tags: []\n--- \nkind: DestinationRule", "DubboTagRule DubboDestinationRule"},
		{"tags: []\n--- # two\nkind: DestinationRule", "DubboTagRule DubboDestinationRule"},
		{"tags: []\n--- {kind: DestinationRule}", "DubboTagRule DubboDestinationRule"},
		{"tags:\n- name: ---a\n", "DubboTagRule"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(read(*state, rows[i].text), rows[i].type);
}

static void fields(void **state)
{
	struct yaml_fixture *f = *state;
	const ProtobufCMessage *const *messages;
	size_t count;
	assert_int_equal(
		dubbo_yaml_read(
			SLICE("configVersion: v3.1\nscope: service\nforce: true\nruntime: false\n"
			      "enabled: true\npriority: 3\nkey: s\nconditions:\n"
			      "  - from: {match: a=b}\n    to: [{match: c=d, weight: '40'}, {}]\n"),
			NULL, &f->arena, &messages, &count, &f->diag),
		0);
	const Outrigger__Config__Route__V1__DubboMultiDestinationRule *rule =
		(const void *)messages[0];
	assert_true(rule->force && rule->priority == 3 && !rule->runtime->value);
	assert_string_equal(rule->conditions[0]->from->match, "a=b");
	assert_int_equal(rule->conditions[0]->to[0]->weight->value, 40);
	assert_null(rule->conditions[0]->to[1]->weight);
}

static void faults(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"tags: [\n", "r.yaml:2:1: not YAML"},
		{"- a\n", "r.yaml:1:1: must be a map"},
		{"key: a\n", "r.yaml:1:1: no rule of Dubbo's that is known here"},
		{"affinityAware: {key: region}\n", "no rule of Dubbo's"},
		{"kind: Service\nspec: {}\n", "no rule of Dubbo's"},
		{"key: a\ntags:\n- name: x\n  adresses: []\n",
		 "r.yaml:4:3: tags[0].adresses: no such field: did you mean addresses?"},
		{"conditions:\n- from: {match: a}\n",
		 "r.yaml:2:3: conditions[0]: must be a string"},
		{"configVersion: v3.1\nconditions: ['a => b']\n",
		 "r.yaml:2:14: conditions[0]: must"},
		{"force: maybe\ntags: []\n", "r.yaml:1:8: force: must be true or false"},
		/* places count from the beginning of the text, not of the document */
		{"tags: []\n---\ntags: []\nforce: 7\n", "r.yaml:4:8: force: "},
		{"tags: []\n---\nkind: DestinationRule\nspec: {trafficPolicy: {loadBalancer: "
		 "{simple: NO}}}\n",
		 "r.yaml:4:47: spec.traffic_policy.load_balancer.simple"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *said = read(*state, rows[i].text);
		if (!strstr(said, rows[i].said))
			fail_msg("%s\nsaid: %s", rows[i].text, said);
	}
}

static void limits(void **state)
{
	struct yaml_fixture *f = *state;
	const ProtobufCMessage *const *messages;
	size_t count, len = 0;
	char *text = malloc((size_t)DUBBO_YAML_BYTES + 1);
	for (int i = 0; i <= DUBBO_YAML_DOCUMENTS; i++)
		len += (size_t)sprintf(text + len, "---\n");
	assert_int_equal(dubbo_yaml_read(slice_make(text, len), NULL, &f->arena, &messages, &count,
					 &f->diag),
			 STATUS_TOO_LARGE);
	assert_int_equal(dubbo_yaml_read(slice_make(text, (size_t)DUBBO_YAML_BYTES + 1), NULL,
					 &f->arena, &messages, &count, &f->diag),
			 STATUS_TOO_LARGE);
	free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, yaml_fixture_setup, yaml_fixture_teardown)
	const struct CMUnitTest tests[] = {TEST(kinds), TEST(fields), TEST(faults), TEST(limits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

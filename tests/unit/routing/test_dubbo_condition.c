/* Condition rules of v3.0 and v3.1: what Dubbo's ConditionStateRouter and MultiDestConditionRouter
 * answer. */
#include "dubbo_support.h"

#define CONDITION DUBBO_TYPE(condition_rule)
#define MULTI DUBBO_TYPE(multi_destination_rule)

static void providers(struct dubbo_fixture *f)
{
	add_provider(f, "10.20.3.1:20880 region=hangzhou env=gray version=1");
	add_provider(f, "10.20.3.2:20881 region=hangzhou env=blue version=2");
	add_provider(f, "10.20.4.3:20880 region=beijing env=gray");
	add_provider(f, "172.22.3.4:20881 env=blue");
}

/* What one condition leaves of them for the fixture's call. */
static const char *with(struct dubbo_fixture *f, const char *condition, const char *force)
{
	f->message_count = 0;
	f->providers.count = 0;
	dubbo_view_free(f->view);
	f->view = NULL;
	add_rule(f, CONDITION,
		 arena_printf(
			 &f->routing.arena,
			 "{scope: service, key: com.foo.Hello, force: %s, conditions: [\"%s\"]}",
			 force, condition));
	providers(f);
	return left(f);
}

static void then_side(void **state)
{
	static const struct {
		const char *condition, *left;
	} rows[] = {
		{"=> region=hangzhou", "0 1"},
		{"region=hangzhou", "0 1"}, /* without an arrow it is what stands behind */
		{"true => region=hangzhou", "0 1"},
		{"=> host=10.20.3.*", "0 1"},
		{"=> host=10.20.3.1,10.20.4.3", "0 2"},
		{"=> host != 10.20.3.1,10.20.4.3", "1 3"},
		{"=> address=*:20881", "1 3"},
		{"=> port=20880", "0 2"},
		{"=> region!=hangzhou", "2"}, /* not the last, which has no region */
		{"=> region=hangzhou & env=gray", "0"},
		{"=> region=hangzhou,beijing & env!=gray", "1"},
		{"=> region=*", "0 1 2"},
		{"=> region=hang* & region!=hangzhou", "0 1 2 3"}, /* none: not forced */
		{"=> host=10.20.* & host!=10.20.4.3", "0 1"},
		{"=> host=10.20.* & host!=10.20.4.3,10.20.3.1", "1"},
		{"=> version=1~2", "0 1"},
		{"=> version=2~", "1"},
		{"=> version=~1", "0"},
		{"=> nothing=x", "0 1 2 3"},
		{"=> provider.host=10.20.3.1", "0"},
		{"=>", ""},
		{"=> false", ""},
		{" =>  ", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *found = with(*state, rows[i].condition, "false");
		if (strcmp(found, rows[i].left))
			fail_msg("%s leaves '%s'", rows[i].condition, found);
	}
}

static void when_side(void **state)
{
	static const struct {
		const char *when;
		bool holds;
	} rows[] = {
		{"method=sayHello", true},
		{"method=say*", true},
		{"method=find*,list*,sayHello", true},
		{"method!=sayHello", false},
		{"method!=find*,list*", true},
		{"method=say* & method!=sayHello", false},
		{"methods=sayHello", true},
		{"application=shop", true},
		{"application!=shop", false},
		{"application=other", false},
		{"host=10.1.*", true},
		{"host!=10.1.0.9", false},
		{"consumer.host=10.1.0.9", true},
		{"interface=com.foo.Hello", true},
		{"zone=a", true},
		{"zone!=a", false},
		{"unknown=x", false},
		{"unknown!=x", false}, /* what isn't there fails either way */
		{"attachments[user]=u1", true},
		{"attachments[user]!=u1", false},
		{"attachments[user]=u*", true},
		{"attachments[nobody]=u1", false},
		{"attachments[nobody]!=u1", false},
		{"attachments[a.b]=1", true},
		{"attachments[age]=1~100", true},
		{"attachments[age]=50~", false},
		{"arguments[0]=a", true},
		{"arguments[0]!=a", false},
		{"arguments[1]=1~9", true},
		{"arguments[1]=10~99", false},
		{"arguments[1]=7", true},
		{"arguments[2]=true", true},
		{"arguments[3]=null", true},
		{"arguments[0].inner=a", true}, /* what follows the bracket isn't looked at */
		{"arguments[9]=x", false},
		{"arguments[9]!=x", true}, /* as in Java */
		{"arguments[4]=x", false},
		{"method=sayHello & application=shop & arguments[0]=a", true},
		{"method=sayHello & application=shop & arguments[0]=b", false},
		{"method = sayHello &application= shop", true},
		{"method=$method", false},
	};
	struct dubbo_fixture *f = *state;
	f->attachments = "user=u1 age=42 a.b=1";
	f->arguments = "'a|7|true|null|{}";
	f->parameters[f->consumer.parameter_count++] =
		(struct dubbo_parameter){SLICE("zone"), SLICE("a")};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *found = with(
			f, arena_printf(&f->routing.arena, "%s => host=10.20.3.1", rows[i].when),
			"false");
		if (strcmp(found, rows[i].holds ? "0" : "0 1 2 3"))
			fail_msg("%s leaves '%s'", rows[i].when, found);
	}
}

/* The examples of Dubbo's documentation: routing of traffic, condition rules. */
static void of_dubbos_documentation(void **state)
{
	struct dubbo_fixture *f = *state;
	static const struct {
		const char *condition, *method, *arguments, *left;
	} rows[] = {
		{"method=getComment => region=hangzhou", "getComment", "", "0 1"},
		{"method=getComment => region=hangzhou", "getItem", "", "0 1 2 3"},
		{"method=getComment => region=$region", "getComment", "", "2"},
		{"method=getItem & arguments[1]=dubbo => version=2", "getItem", "7|'dubbo", "1"},
		{"method=getItem & arguments[1]=dubbo => version=2", "getItem", "7|'other",
		 "0 1 2 3"},
		{"arguments[0]=1~10 => version=1", "getItem", "7", "0"},
		{"arguments[0]=1~10 => version=1", "getItem", "11", "0 1 2 3"},
		/* a provider is taken out */
		{"=> host != 172.22.3.4", "find", "", "0 1 2"},
		/* a consumer is shut out, others are not */
		{"host = 10.20.153.10,10.1.0.9 =>", "find", "", ""},
		{"host = 10.20.153.10,10.20.153.11 =>", "find", "", "0 1 2 3"},
		{"host != 10.1.0.9 =>", "find", "", "0 1 2 3"},
		{"application=shop => host=10.20.3.*", "find", "", "0 1"},
		{"application != kylin => host != 10.20.3.1,10.20.3.2", "find", "", "2 3"},
		/* reads and writes apart */
		{"method=find*,list*,get*,is* => host=10.20.3.1,10.20.3.2", "listAll", "", "0 1"},
		{"method!=find*,list*,get*,is* => host=10.20.4.3,172.22.3.4", "save", "", "2 3"},
		/* the front desk and the back office */
		{"application=shop,cart => host=172.22.3.4", "find", "", "3"},
		{"application=bops => host=10.20.3.1", "find", "", "0 1 2 3"},
		/* providers of the consumer's own network segment, and of its own host */
		{"host = 10.1.0.* => host = 10.20.3.*", "find", "", "0 1"},
		{"=> host = $host", "find", "", ""},
	};
	f->parameters[0] = (struct dubbo_parameter){SLICE("region"), SLICE("beijing")};
	f->consumer.parameter_count = 1;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		f->call.method = slice_of(rows[i].method);
		f->arguments = rows[i].arguments;
		const char *found = with(f, rows[i].condition, "true");
		if (strcmp(found, rows[i].left))
			fail_msg("%s for %s(%s) leaves '%s'", rows[i].condition, rows[i].method,
				 rows[i].arguments, found);
	}
}

static void force(void **state)
{
	struct dubbo_fixture *f = *state;
	assert_string_equal(with(f, "=> host=9.9.9.9", "false"), "0 1 2 3");
	assert_string_equal(with(f, "=> host=9.9.9.9", "true"), "");
	/* nothing behind the arrow denies without it */
	assert_string_equal(with(f, "method=sayHello =>", "false"), "");
	assert_string_equal(with(f, "method=other =>", "true"), "0 1 2 3");
}

static void parameters(void **state)
{
	struct dubbo_fixture *f = *state;
	f->parameters[0] = (struct dubbo_parameter){SLICE("region"), SLICE("hangzhou")};
	f->consumer.parameter_count = 1;
	assert_string_equal(with(f, "=> region=$region", "true"), "0 1");
	/* another consumer on the same view */
	f->parameters[0].value = SLICE("beijing");
	assert_string_equal(left(f), "2");
	f->parameters[0].value = SLICE("b*");
	assert_string_equal(left(f), "2");
	f->consumer.parameter_count = 0;
	assert_string_equal(left(f), "");
	f->consumer.parameter_count = 1;
	f->parameters[0].value = SLICE("hangzhou");
	assert_string_equal(left(f), "0 1");
	assert_string_equal(with(f, "=> region!=$region", "true"), "2");
	assert_string_equal(with(f, "=> host=$host", "true"), "");
	f->consumer.host = SLICE("10.20.4.3");
	assert_string_equal(left(f), "2");
}

/* Conditions of a rule narrow what those before left; which rules are asked. */
static void several(void **state)
{
	struct dubbo_fixture *f = *state;
	add_rule(f, CONDITION,
		 "configVersion: v3.0\nscope: service\nforce: true\nruntime: true\nenabled: true\n"
		 "key: com.foo.Hello\nconditions:\n"
		 " - method=sayHello => region=hangzhou\n - method=sayHi => address=*:20881\n"
		 " - application=shop => env=gray\n");
	providers(f);
	assert_string_equal(left(f), "0");
	f->call.method = SLICE("sayHi");
	assert_string_equal(left(f), ""); /* none listens on 20881 and is gray: forced */
	f->call.method = SLICE("bye");
	assert_string_equal(left(f), "0 2");
	f->call.interface = SLICE("com.foo.Other");
	assert_string_equal(left(f), "0 1 2 3");
}

static void keys(void **state)
{
	static const struct {
		const char *key, *interface, *version, *group;
		bool is_meant;
	} rows[] = {
		{"com.foo.Hello", "com.foo.Hello", "", "", true},
		{"com.foo.Hello", "com.foo.Hello", "0.0.0", "", true},
		{"com.foo.Hello", "com.foo.Hello", "1.0", "", false},
		{"'com.foo.Hello::'", "com.foo.Hello", "", "", true},
		{"'com.foo.Hello:1.0'", "com.foo.Hello", "1.0", "", true},
		{"'com.foo.Hello:1.0:g'", "com.foo.Hello", "1.0", "g", true},
		{"'com.foo.Hello:1.0:g'", "com.foo.Hello", "1.0", "", false},
		{"'com.foo.Hello::g'", "com.foo.Hello", "", "g", true},
		{"g/com.foo.Hello:1.0", "com.foo.Hello", "1.0", "g", true},
		{"g/com.foo.Hello", "com.foo.Hello", "", "g", true},
		{"com.foo.Hell", "com.foo.Hello", "", "", false},
	};
	struct dubbo_fixture *f = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		dubbo_clear(f);
		add_rule(f, CONDITION,
			 arena_printf(&f->routing.arena,
				      "{scope: service, key: %s, conditions: ['=> env=gray']}",
				      rows[i].key));
		providers(f);
		f->call.interface = slice_of(rows[i].interface);
		f->call.version = slice_of(rows[i].version);
		f->call.group = slice_of(rows[i].group);
		if (strcmp(left(f), rows[i].is_meant ? "0 2" : "0 1 2 3"))
			fail_msg("row %zu leaves %s", i, f->left);
	}
}

static void of_applications(void **state)
{
	struct dubbo_fixture *f = *state;
	add_rule(f, CONDITION,
		 "{scope: application, key: provider, conditions: ['=> region=hangzhou']}");
	add_rule(f, CONDITION, "{scope: application, key: shop, conditions: ['=> env=gray']}");
	add_rule(
		f, CONDITION,
		"{scope: application, key: another, conditions: ['=> host=9.9.9.9'], force: true}");
	providers(f);
	assert_string_equal(left(f), "0");
	f->consumer.application = SLICE("cart");
	assert_string_equal(left(f), "0 1");
	f->consumer.application = SLICE("provider"); /* both: once */
	assert_string_equal(left(f), "0 1");
}

static void priorities(void **state)
{
	struct dubbo_fixture *f = *state;
	add_rule(f, CONDITION,
		 "{scope: service, key: com.foo.Hello, conditions: ['=> host=172.*']}");
	add_rule(f, CONDITION,
		 "{scope: service, key: com.foo.Hello, priority: 9, conditions: ['=> env=gray']}");
	add_rule(f, CONDITION,
		 "{scope: service, key: com.foo.Hello, enabled: false, force: true, priority: 10, "
		 "conditions: ['=>']}");
	add_rule(f, CONDITION,
		 "{scope: service, key: com.foo.Hello, valid: false, conditions: ['=>']}");
	providers(f);
	assert_string_equal(left(f), "0 2"); /* 172.* finds nothing among the gray */
}

static void multi(struct dubbo_fixture *f, const char *conditions, const char *force)
{
	dubbo_clear(f);
	add_rule(f, MULTI,
		 arena_printf(&f->routing.arena,
			      "configVersion: v3.1\nscope: service\nforce: %s\nruntime: true\n"
			      "enabled: true\nkey: com.foo.Hello\nconditions:\n%s",
			      force, conditions));
	providers(f);
}

/* How many of 10,000 calls come to each of the answers given. */
static void shares(struct dubbo_fixture *f, const char *const *answers, unsigned *counts, size_t n)
{
	memset(counts, 0, n * sizeof *counts);
	for (uint64_t i = 0; i < 10000; i++) {
		size_t k = 0;
		f->random = hash_uint64(i);
		const char *found = left(f);
		while (k < n && strcmp(found, answers[k]))
			k++;
		if (k == n)
			fail_msg("leaves '%s'", found);
		counts[k]++;
	}
}

static void many_destinations(void **state)
{
	struct dubbo_fixture *f = *state;
	unsigned counts[3];
	multi(f,
	      "- from: {match: 'env=x'}\n  to: [{match: 'env=none'}]\n"
	      "- from: {match: 'method=sayHello'}\n  to:\n"
	      "  - {match: 'region=hangzhou & env=gray', weight: 10}\n"
	      "  - {match: 'region=hangzhou & env=blue', weight: '30'}\n"
	      "  - {match: 'region=nowhere', weight: 500}\n"
	      "  - {match: 'region=beijing', weight: 60}\n",
	      "false");
	shares(f, (const char *const[]){"0", "1", "2"}, counts, 3);
	assert_in_range(counts[0], 850, 1150);
	assert_in_range(counts[1], 2800, 3200);
	assert_in_range(counts[2], 5800, 6200);
	f->call.method = SLICE("other");
	assert_string_equal(left(f), "0 1 2 3");
}

static void default_weights(void **state)
{
	struct dubbo_fixture *f = *state;
	unsigned counts[2];
	multi(f, "- from: {}\n  to: [{match: env=gray}, {match: env=blue, weight: 300}]\n",
	      "false");
	shares(f, (const char *const[]){"0 2", "1 3"}, counts, 2);
	assert_in_range(counts[0], 2300, 2700);
	/* several rules choose apart from each other */
	multi(f,
	      "- from: {match: 'true'}\n  to: [{match: env=gray}, {match: env=blue}]\n"
	      "- from: {match: ' '}\n  to: [{match: port=20880}, {match: 'host=10.20.3.2'}]\n",
	      "false");
	shares(f, (const char *const[]){"0 2", "1", "1 3"}, counts, 2);
	assert_in_range(counts[0], 4700, 5300);
}

static void multi_edges(void **state)
{
	struct dubbo_fixture *f = *state;
	multi(f, "- from: {match: ''}\n  to: []\n", "false");
	assert_string_equal(left(f), ""); /* denied, whatever force says */
	multi(f, "- from: {match: 'method=other'}\n  to: []\n", "true");
	assert_string_equal(left(f), "0 1 2 3");
	multi(f, "- from: {match: ''}\n  to: [{match: 'env=none'}]\n", "false");
	assert_string_equal(left(f), "0 1 2 3");
	multi(f, "- from: {match: ''}\n  to: [{match: 'env=none'}]\n", "true");
	assert_string_equal(left(f), "");
	multi(f, "- from: {match: ''}\n  to: [{match: ''}]\n", "true");
	assert_string_equal(left(f), "0 1 2 3");
	multi(f, "- from: {match: ''}\n  to: [{match: 'false'}]\n", "true");
	assert_string_equal(left(f), "0 1 2 3");
	multi(f, "- from: {match: ''}\n  to: [{match: env=gray, weight: 0}]\n", "true");
	assert_string_equal(left(f), "0 2");
	/* weights that leave nothing to choose by: Java's exception, which changes nothing */
	multi(f,
	      "- from: {match: ''}\n  to: [{match: env=gray, weight: 0}, {match: env=blue, weight: "
	      "0}]\n",
	      "true");
	assert_string_equal(left(f), "0 1 2 3");
	multi(f,
	      "- from: {match: ''}\n  to: [{match: env=gray, weight: 0}, {match: env=blue, weight: "
	      "1}]\n",
	      "true");
	for (f->random = 0; f->random < 100; f->random++)
		assert_string_equal(left(f), "1 3");
}

static void tags_come_first(void **state)
{
	struct dubbo_fixture *f = *state;
	add_rule(f, DUBBO_TYPE(tag_rule),
		 "{key: provider, tags: [{name: gray, addresses: ['10.20.3.*']}]}");
	add_rule(f, CONDITION,
		 "{scope: service, key: com.foo.Hello, force: true, conditions: ['=> env=gray']}");
	providers(f);
	assert_string_equal(left_with(f, "dubbo.tag=gray"), "0");
	assert_string_equal(left_with(f, ""), "2");
}

static void refused(void **state)
{
	static const struct {
		const char *condition, *said;
	} rows[] = {
		{"", "conditions[0]: is empty"},
		{"  ", "conditions[0]: is empty"},
		{"method= => host=1", "before =>: byte 7: nothing follows '='"},
		{"=sayHello => host=1", "before =>: byte 2: '=' can't stand before 'sayHello'"},
		{"method==a => host=1", "'==' can't stand before 'a'"},
		{"method=!a => host=1", "'=!' can't stand before 'a'"},
		{"a,b => host=1", "',' can't stand before 'b'"},
		{"method=a & ,b => host=1", "byte 10: nothing follows '&'"},
		{"method=a b => host=1", "byte 10: '&' is missing before 'b'"},
		{"method => host=1", "'method' is compared with nothing"},
		{"method=a => host", "behind =>: 'host' is compared with nothing"},
		{"method=a => arguments[0]=1", "is of the call, which stands before =>"},
		{"method=a => attachments[x]=1", "is of the call, which stands before =>"},
		{"arguments=1 => host=1", "names no argument"},
		{"arguments[x]=1 => host=1", "'x' is no argument's number"},
		{"arguments[256]=1 => host=1", "is no argument's number"},
		{"attachments[]=1 => host=1", "names no attachment"},
		{"method=a => port=a~b", "'a~b' is no range"},
		{"method=a => port=9~1", "the range '9~1' is empty"},
	};
	struct dubbo_fixture *f = *state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *said =
			refusal(f, CONDITION,
				arena_printf(&f->routing.arena,
					     "{scope: service, key: s, conditions: ['%s']}",
					     rows[i].condition));
		if (!strstr(said, rows[i].said) || !strstr(said, "conditions[0]: "))
			fail_msg("%s\nsaid: %s", rows[i].condition, said);
	}
}

static void rules_refused(void **state)
{
	struct dubbo_fixture *f = *state;
	assert_non_null(strstr(refusal(f, CONDITION, "{key: s}"), "scope: must be"));
	assert_non_null(strstr(refusal(f, CONDITION, "{scope: service}"), "key: is required"));
	assert_non_null(strstr(refusal(f, CONDITION,
				       "{scope: service, key: s, configVersion: v3.1, conditions: "
				       "['=> a=b']}"),
			       "conditions: of v3.1 are {from"));
	assert_non_null(strstr(refusal(f, MULTI, "{scope: service, key: s, configVersion: v3.0}"),
			       "config_version: 'v3.0'"));
	assert_non_null(strstr(refusal(f, MULTI, "{scope: service, key: s, configVersion: v3.2}"),
			       "config_version: 'v3.2'"));
	assert_non_null(strstr(refusal(f, MULTI, "{scope: service, key: s, conditions: [{}]}"),
			       "conditions[0].from: is required"));
	assert_non_null(strstr(
		refusal(f, MULTI,
			"{scope: service, key: s, conditions: [{from: {match: 'a'}, to: []}]}"),
		"conditions[0].from.match: 'a' is compared with nothing"));
	assert_non_null(strstr(refusal(f, MULTI,
				       "{scope: service, key: s, conditions: [{from: {}, to: [{}, "
				       "{match: '=a'}]}]}"),
			       "conditions[0].to[1].match: byte 2"));
	assert_non_null(
		strstr(refusal(f, DUBBO_TYPE(script_rule),
			       "{scope: application, key: a, type: javascript, script: x}"),
		       "script: scripts aren't run: a condition rule or a route says the same, "
		       "see docs/rpc-routing.md"));
}

static void limits(void **state)
{
	struct dubbo_fixture *f = *state;
	struct dubbo_condition condition;
	struct diag diag = {0};
	char *text = calloc(1, DUBBO_CONDITION_LENGTH + 2);
	memset(text, 'a', DUBBO_CONDITION_LENGTH + 1);
	assert_int_equal(
		dubbo_condition_parse(&condition, slice_of(text), &f->routing.arena, &diag),
		STATUS_TOO_LARGE);
	size_t len = 0;
	for (int i = 0; i <= DUBBO_CONDITION_PARTS; i++)
		len += (size_t)sprintf(text + len, "%sk%d=1", i ? "&" : "", i);
	assert_int_equal(
		dubbo_condition_parse(&condition, slice_of(text), &f->routing.arena, &diag),
		STATUS_TOO_LARGE);
	assert_non_null(strstr(diag.text, "more than 64 keys"));
	len = (size_t)sprintf(text, "k=1");
	for (int i = 0; i < DUBBO_CONDITION_VALUES; i++)
		len += (size_t)sprintf(text + len, ",1");
	assert_int_equal(
		dubbo_condition_parse(&condition, slice_of(text), &f->routing.arena, &diag),
		STATUS_TOO_LARGE);
	assert_non_null(strstr(diag.text, "values"));
	free(text);
}

/* A $param that is new with every call makes new steps, within bounds; the answers stay right. */
static void bounded(void **state)
{
	struct dubbo_fixture *f = *state;
	f->consumer.parameter_count = 1;
	f->parameters[0] = (struct dubbo_parameter){SLICE("region"), SLICE("beijing")};
	assert_string_equal(with(f, "=> region=$region", "true"), "2");
	for (int i = 0; i < 3 * DUBBO_STEPS_MAX; i++) {
		char value[16];
		f->parameters[0].value = slice_make(value, (size_t)sprintf(value, "r%d", i));
		assert_int_equal(choose(f)->hosts.count, 0);
		assert_true(f->view->step_count <= DUBBO_STEPS_MAX + 2);
		if (i % 1000 == 0) {
			f->parameters[0].value = SLICE("beijing");
			assert_string_equal(left(f), "2");
		}
	}
	assert_true(f->view->kept.allocated < (size_t)2 * DUBBO_VIEW_BYTES);
}

static unsigned labels_asked;

static struct slice counted_label(void *context, uint32_t i, struct slice name)
{
	labels_asked++;
	return provider_parameter(context, i, name);
}

/* Who fits a $param is found by its value: a new one costs no look at every provider. */
static void new_values_are_cheap(void **state)
{
	static char lines[WORDS_MAX][64];
	struct dubbo_fixture *f = *state;
	char value[16];

	f->consumer.parameter_count = 1;
	f->parameters[0] = (struct dubbo_parameter){SLICE("zone"), SLICE("z0")};
	with(f, "=> zone=$zone & env=gray", "true");
	f->providers.count = 0;
	for (unsigned i = 0; i < WORDS_MAX; i++) {
		snprintf(lines[i], sizeof lines[i], "10.0.0.%u:20880 zone=z%u env=%s", i + 1,
			 i % 32, i < 32 || i % 2 ? "gray" : "blue");
		add_provider(f, lines[i]);
	}
	dubbo_view_free(f->view);
	f->view = NULL;
	assert_string_equal(left(f), "0");
	f->providers.label = counted_label;
	for (unsigned n = 0; n < 2000; n++) {
		char one[16] = "", both[16];
		labels_asked = 0;
		f->parameters[0].value = slice_make(value, (size_t)sprintf(value, "z%u", n));
		if (n < 32)
			snprintf(one, sizeof one, "%u", n);
		snprintf(both, sizeof both, "%u %u", n, n + 32);
		assert_string_equal(left(f), n < 32 && n % 2 ? both : one);
		assert_true(labels_asked < WORDS_MAX / 2);
	}
	f->parameters[0].value = SLICE("z3*"); /* z3, z30, z31 */
	assert_string_equal(left(f), "3 30 31 35 63");
	f->consumer.parameter_count = 0;
	assert_string_equal(left(f), "");
}

/* The second call of a kind takes no step anew and no memory. */
static void steady(void **state)
{
	struct dubbo_fixture *f = *state;
	multi(f, "- from: {match: 'method=say*'}\n  to: [{match: env=gray}, {match: env=blue}]\n",
	      "false");
	for (f->random = 0; f->random < 64; f->random++)
		choose(f);
	uint32_t steps = f->view->step_count;
	size_t bytes = f->view->kept.allocated;
	for (f->random = 0; f->random < 1000; f->random++)
		choose(f);
	assert_int_equal(f->view->step_count, steps);
	assert_int_equal(f->view->kept.allocated, bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DUBBO_TEST(then_side),
		DUBBO_TEST(when_side),
		DUBBO_TEST(of_dubbos_documentation),
		DUBBO_TEST(force),
		DUBBO_TEST(parameters),
		DUBBO_TEST(several),
		DUBBO_TEST(keys),
		DUBBO_TEST(of_applications),
		DUBBO_TEST(priorities),
		DUBBO_TEST(many_destinations),
		DUBBO_TEST(default_weights),
		DUBBO_TEST(multi_edges),
		DUBBO_TEST(tags_come_first),
		DUBBO_TEST(refused),
		DUBBO_TEST(rules_refused),
		DUBBO_TEST(limits),
		DUBBO_TEST(bounded),
		DUBBO_TEST(new_values_are_cheap),
		DUBBO_TEST(steady),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* For tests of Dubbo's rules: rules from YAML, providers and calls in a line, what is left as text.
 */
#ifndef TESTS_UNIT_ROUTING_DUBBO_SUPPORT_H
#define TESTS_UNIT_ROUTING_DUBBO_SUPPORT_H

#include "outrigger/config/route/v1/dubbo_rules.pb-c.h"
#include "routing/dubbo_choice.h"
#include "routing_support.h"

#define DUBBO_TYPE(name) (&outrigger__config__route__v1__dubbo_##name##__descriptor)

enum { WORDS_MAX = 64 };

struct dubbo_fixture {
	struct routing_fixture routing;
	const ProtobufCMessage *messages[16];
	size_t message_count;
	struct dubbo_rules rules;
	struct dubbo_view *view;
	struct host_facts providers;
	const char *provider[WORDS_MAX]; /* "10.0.0.1:20880 region=hz dubbo.tag=gray" */
	struct dubbo_consumer consumer;
	struct dubbo_parameter parameters[WORDS_MAX];
	struct dubbo_call call;
	const char *attachments, *arguments; /* "a=1 b=2", "x|2|true" */
	uint64_t random;
	char left[512];
};

static struct slice word_of(const char *line, struct slice name)
{
	while (*line) {
		size_t len = strcspn(line, " ");
		struct slice word = slice_make(line, len);
		if (slice_starts_with(word, name) && len > name.len && line[name.len] == '=')
			return slice_sub(word, name.len + 1, len);
		line += len + strspn(line + len, " ");
	}
	return (struct slice){0};
}

static void provider_address(void *context, uint32_t i, struct addr *addr)
{
	const struct dubbo_fixture *f = context;
	const char *line = f->provider[i];
	if (addr_parse(slice_make(line, strcspn(line, " ")), addr))
		fail_msg("no address: %s", line);
}

static struct slice provider_parameter(void *context, uint32_t i, struct slice name)
{
	const struct dubbo_fixture *f = context;
	return word_of(f->provider[i], name);
}

static struct slice call_attachment(void *context, struct slice name)
{
	const struct dubbo_fixture *f = context;
	return word_of(f->attachments, name);
}

/* Text that begins with '"' is a string, a digit or '-' a number, null is null, {…} an object. */
static enum dubbo_argument_kind call_argument(void *context, uint32_t n, struct slice *text)
{
	const struct dubbo_fixture *f = context;
	const char *at = f->arguments;
	for (; n && *at; n--)
		at += strcspn(at, "|") + (at[strcspn(at, "|")] == '|');
	if (n || !*at)
		return DUBBO_ARGUMENT_ABSENT;
	*text = slice_make(at, strcspn(at, "|"));
	if (slice_equal(*text, SLICE("null")))
		return DUBBO_ARGUMENT_NULL;
	if (*at == '{')
		return DUBBO_ARGUMENT_OTHER;
	if (*at == '\'') {
		*text = slice_sub(*text, 1, text->len);
		return DUBBO_ARGUMENT_STRING;
	}
	if (slice_equal(*text, SLICE("true")) || slice_equal(*text, SLICE("false")))
		return DUBBO_ARGUMENT_BOOL;
	return strchr("-0123456789", *at) ? DUBBO_ARGUMENT_NUMBER : DUBBO_ARGUMENT_TEXT;
}

static inline int dubbo_setup(void **state)
{
	struct dubbo_fixture *f = calloc(1, sizeof *f);
	arena_init(&f->routing.arena, 65536);
	f->consumer = (struct dubbo_consumer){SLICE("shop"), SLICE("10.1.0.9"), f->parameters, 0};
	f->providers = (struct host_facts){0, provider_address, provider_parameter, f};
	f->call = (struct dubbo_call){
		.interface = SLICE("com.foo.Hello"),
		.method = SLICE("sayHello"),
		.consumer = &f->consumer,
		.attachment = call_attachment,
		.argument = call_argument,
		.context = f,
	};
	f->attachments = f->arguments = "";
	*state = f;
	return 0;
}

static inline int dubbo_teardown(void **state)
{
	struct dubbo_fixture *f = *state;
	dubbo_view_free(f->view);
	arena_free(&f->routing.arena);
	free(f);
	return 0;
}

/* Anew, without rules and providers. */
static inline void dubbo_clear(struct dubbo_fixture *f)
{
	dubbo_view_free(f->view);
	f->view = NULL;
	f->message_count = 0;
	f->providers.count = 0;
	f->attachments = f->arguments = "";
	f->consumer.parameter_count = 0;
	f->call.method = SLICE("sayHello");
	f->call.version = f->call.group = f->call.parameter_types = (struct slice){0};
}

static inline void add_rule(struct dubbo_fixture *f, const ProtobufCMessageDescriptor *type,
			    const char *yaml)
{
	f->messages[f->message_count++] = message_of(&f->routing, type, yaml);
}

/* "" when the rules are taken, else why not. */
static inline const char *load_rules(struct dubbo_fixture *f)
{
	size_t at;
	f->routing.diag = (struct diag){0};
	dubbo_view_free(f->view);
	f->view = NULL;
	if (!dubbo_rules_load(&f->rules, f->messages, f->message_count, &f->routing.arena, &at,
			      &f->routing.diag))
		return "";
	assert_in_range(at, 0, f->message_count - 1);
	return diag_format(&f->routing.diag, f->routing.said, sizeof f->routing.said);
}

static inline const char *refusal(struct dubbo_fixture *f, const ProtobufCMessageDescriptor *type,
				  const char *yaml)
{
	dubbo_clear(f);
	add_rule(f, type, yaml);
	return load_rules(f);
}

static inline void add_provider(struct dubbo_fixture *f, const char *line)
{
	f->provider[f->providers.count++] = line;
}

static inline struct dubbo_choice *choose(struct dubbo_fixture *f)
{
	if (!f->view) {
		if (*load_rules(f))
			fail_msg("%s", f->routing.said);
		f->view = dubbo_view_new(&f->rules, &f->providers, SLICE("provider"), 7);
	}
	f->call.random = f->random;
	return dubbo_view_choose(f->view, &f->rules, &f->call, &f->providers);
}

/* The numbers of the providers that are left: "0 2 3". */
static inline const char *left(struct dubbo_fixture *f)
{
	const struct dubbo_choice *choice = choose(f);
	uint32_t count = 0;
	char *out = f->left;
	*out = 0;
	for (uint32_t i = 0; i < f->providers.count; i++)
		if (host_choice_has(&choice->hosts, i)) {
			out += sprintf(out, count++ ? " %u" : "%u", i);
		}
	assert_int_equal(count, choice->hosts.count);
	assert_null(choice->base);
	return f->left;
}

/* The same with these attachments. */
static inline const char *left_with(struct dubbo_fixture *f, const char *attachments)
{
	f->attachments = attachments;
	return left(f);
}

#define DUBBO_TEST(name) cmocka_unit_test_setup_teardown(name, dubbo_setup, dubbo_teardown)

#endif

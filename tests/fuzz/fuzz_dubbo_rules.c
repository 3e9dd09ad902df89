/* Any bytes as Dubbo's rules. The first byte chooses: a condition (its grammar), an address, or a
 * whole YAML text. What is taken is asked about a few calls: the same answer again, within bounds.
 */
#include <stddef.h>
#include <stdint.h>

#include "routing/dubbo_choice.h"
#include "xds/dubbo_yaml.h"

#include "outrigger/config/route/v1/dubbo_rules.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HOSTS = 70 };

static void addr_of(void *context, uint32_t i, struct addr *addr)
{
	(void)context;
	*addr = (struct addr){.family = i % 9 ? ADDR_IPV4 : ADDR_IPV6, .port = 20880};
	addr->ip[0] = 10;
	addr->ip[3] = (uint8_t)i;
}

static struct slice label_of(void *context, uint32_t i, struct slice name)
{
	(void)context;
	if (slice_equal(name, SLICE("dubbo.tag")))
		return i % 3 ? (struct slice){0} : SLICE("gray");
	if (slice_equal(name, SLICE("application")))
		return i % 2 ? SLICE("a") : SLICE("b");
	return i % 5 ? (struct slice){0} : SLICE("7");
}

static const struct host_facts hosts = {HOSTS, addr_of, label_of, NULL};

static struct slice attachment(void *context, struct slice name)
{
	(void)context;
	return name.len % 2 ? SLICE("gray|x") : (struct slice){0};
}

static enum dubbo_argument_kind argument(void *context, uint32_t n, struct slice *text)
{
	(void)context;
	*text = SLICE("7");
	return (enum dubbo_argument_kind)(n % 7);
}

static const struct dubbo_parameter parameters[] = {{SLICE("region"), SLICE("7*")}};

static void ask(const struct dubbo_rules *rules)
{
	struct dubbo_consumer consumer = {SLICE("a"), SLICE("10.0.0.1"), parameters, 1};
	struct dubbo_view *view = dubbo_view_new(rules, &hosts, SLICE("a"), 3);
	struct dubbo_call call = {.interface = SLICE("a"),
				  .method = SLICE("m"),
				  .parameter_types = SLICE("I[Ljava/lang/String;"),
				  .consumer = &consumer,
				  .attachment = attachment,
				  .argument = argument};

	for (uint64_t i = 0; i < 6; i++) {
		uint32_t bits = 0;
		call.random = i / 2;
		call.method = i % 2 ? SLICE("m") : SLICE("get");
		uint32_t count = dubbo_view_choose(view, rules, &call, &hosts)->hosts.count;
		const struct dubbo_choice *again = dubbo_view_choose(view, rules, &call, &hosts);
		for (uint32_t h = 0; h < 128; h++) {
			bool has = host_choice_has(&again->hosts, h);
			invariant(!has || h < HOSTS);
			bits += has;
		}
		invariant(bits == count && again->hosts.count == count && !again->base);
	}
	dubbo_view_free(view);
}

static void read_condition(struct slice text, struct arena *arena)
{
	struct dubbo_condition condition;
	struct diag diag = {0};
	struct dubbo_consumer consumer = {SLICE("a"), SLICE("10.0.0.1"), parameters, 1};
	struct dubbo_call call = {.interface = SLICE("a"),
				  .method = SLICE("m"),
				  .consumer = &consumer,
				  .attachment = attachment,
				  .argument = argument};

	if (dubbo_condition_parse(&condition, text, arena, &diag)) {
		invariant(diag_is_set(&diag));
		return;
	}
	invariant(condition.denies == !condition.then.count);
	bool holds = dubbo_side_test_call(&condition.when, &call);
	invariant(holds == dubbo_side_test_call(&condition.when, &call));
	for (uint32_t i = 0; i < HOSTS; i++)
		invariant(condition.then.count ||
			  dubbo_side_test_provider(&condition.then, &call, &hosts, i));
}

static void read_rules(struct slice text, struct arena *arena)
{
	const ProtobufCMessage *const *messages;
	struct dubbo_rules rules;
	struct diag diag = {0};
	size_t count, at;

	if (dubbo_yaml_read(text, "fuzz", arena, &messages, &count, &diag)) {
		invariant(diag_is_set(&diag));
		return;
	}
	if (dubbo_rules_load(&rules, messages, count, arena, &at, &diag)) {
		invariant(diag_is_set(&diag) && at < count);
		return;
	}
	ask(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct slice text = slice_make(data + 1, size - 1);

	if (!size || size > 65536)
		return 0;
	arena_init(&arena, 4096);
	if (data[0] % 3 == 0) {
		read_condition(text, &arena);
	} else if (data[0] % 3 == 1) {
		struct dubbo_address address;
		struct diag diag = {0};
		struct addr addr;
		if (dubbo_address_parse(&address, text, &diag))
			invariant(diag_is_set(&diag));
		for (uint32_t i = 0; !diag_is_set(&diag) && i < HOSTS; i++) {
			addr_of(NULL, i, &addr);
			(void)dubbo_address_test(&address, &addr);
		}
	} else {
		read_rules(text, &arena);
	}
	arena_free(&arena);
	return 0;
}

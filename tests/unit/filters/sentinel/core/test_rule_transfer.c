/* The bytes of rules with all that they may say: another release reads them. What they come to is
 * shown with the core (test_core_transfer.c). */
#include <stdio.h>
#include <string.h>

#include "filters/sentinel/core/rule_transfer.h"
#include "sentinel_support.h"

static char *hex_of(const struct section_writer *out)
{
	char *text = calloc(2 * out->len + 1, 1);

	assert_non_null(text);
	for (size_t i = 0; i < out->len; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)out->data[i]);
	return text;
}

/* Writes what f has of the resource "r", and reads it back: the same is written of that. */
static void assert_bytes(struct fixture *f, const char *expected)
{
	const struct resource *resource = sentinel_find_resource(f->sentinel, SLICE("r"));
	struct section_writer out = {0}, again = {0};
	struct resource_rules read = {0};
	struct section_reader in;
	struct arena arena;

	rule_transfer_write(rule_set_of(f->rules, resource), SIZE_MAX, &out);
	char *text = hex_of(&out);
	assert_string_equal(text, expected);
	free(text);
	arena_init(&arena, 1024);
	struct rule_transfer transfer = {
		.arena = &arena,
		.now = at(1000),
		.workers = 1,
		.cold_factor = f->sentinel->options.cold_factor,
	};
	section_reader_init(&in, slice_make(out.data, out.len));
	assert_null(rule_transfer_read(&transfer, &in, &read));
	rule_transfer_write(&read, SIZE_MAX, &again);
	assert_int_equal(again.len, out.len);
	assert_memory_equal(again.data, out.data, out.len);
	resource_rules_unbind(&read);
	arena_free(&arena);
	section_writer_free(&out);
	section_writer_free(&again);
}

static void test_flow(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_FLOW,
	     "[{\"resource\":\"r\",\"limitApp\":\"default\",\"count\":20.5,\"grade\":1,"
	     "\"strategy\":0,"
	     "\"refResource\":\"other\",\"controlBehavior\":3,\"warmUpPeriodSec\":7,"
	     "\"maxQueueingTimeMs\":600,\"clusterMode\":false,\"clusterConfig\":{"
	     "\"flowId\":12345678901,\"thresholdType\":1,\"fallbackToLocalWhenFail\":true,"
	     "\"sampleCount\":11,\"windowIntervalMs\":1100,\"strategy\":0,\"resourceTimeout\":2100,"
	     "\"resourceTimeoutStrategy\":3,\"acquireRefuseStrategy\":4,\"clientOfflineTime\":2200}"
	     "}]");
	assert_int_equal(f.dropped, 0);
	passes(&f, "r", 0, false);
	passes(&f, "r", 900, false);
	assert_bytes(&f, "0ad68080000a0172120764656661756c74210000000000803440280188010030"
			 "0390010e38b00940008201056f746865724a91808000eaf0e0fd5b0216981101"
			 "00e8200608b02298019c02a00180a0abfef962a80188aeabfef962");
	close_fixture(&f);
}

static void test_degrade(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_DEGRADE,
	     "[{\"resource\":\"r\",\"grade\":0,\"count\":50,\"slowRatioThreshold\":0.25,"
	     "\"timeWindow\":9,\"minRequestAmount\":300,\"statIntervalMs\":2000},"
	     "{\"resource\":\"r\",\"grade\":2,\"count\":1,\"timeWindow\":70000,"
	     "\"minRequestAmount\":1}]");
	assert_int_equal(f.dropped, 0);
	passes(&f, "r", 0, true);
	passes(&f, "r", 100, true);
	assert_bytes(&f, "12c28080000a0172120764656661756c74210000000000004940810200000000"
			 "0000d03f8802129002d8049802a01f2800a00200a80200b80200b20287808000"
			 "80f1a79503000212c88080000a0172120764656661756c7421000000000000f0"
			 "3f8102000000000000f03f8802e0c5089002029802d00f2802a00201a802c897"
			 "8cc1fa62b80200b2028780800080e2cfaa060202");
	close_fixture(&f);
}

static void test_param(void **state)
{
	struct argument argument = {.type = ARGUMENT_LONG, .integer = 5};
	struct entry entry;
	struct fixture f;

	(void)state;
	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW,
	     "[{\"resource\":\"r\",\"count\":3,\"grade\":1,\"paramIdx\":-1,\"burstCount\":2,"
	     "\"durationInSec\":4,\"controlBehavior\":0,\"maxQueueingTimeMs\":70,\"clusterMode\":"
	     "false,"
	     "\"clusterConfig\":{\"flowId\":3,\"thresholdType\":1,\"fallbackToLocalWhenFail\":"
	     "false,"
	     "\"sampleCount\":9,\"windowIntervalMs\":900},\"paramFlowItemList\":["
	     "{\"object\":\"8\",\"count\":100,\"classType\":\"long\"}]}]");
	assert_int_equal(f.dropped, 0);
	struct entry_request request = request_of(&f, "r", 0);
	request.args = &argument;
	request.args_count = 1;
	assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(0), &entry), ENTRY_PASS);
	leave(&f, &entry, 10, false);
	assert_bytes(&f, "1af68080000a0172120764656661756c74210000000000000840280280030188"
			 "03049003083000388c0140004a86808000060212880e009a038c808000e3eec3"
			 "87f192cb85d101c801a00300a9030700000000000000b2039f808000808002c7"
			 "cc0180d095ff0cc8b9c894a59d969bdb01848080808080daf2cf01");
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_degrade),
		cmocka_unit_test(test_param),
	};
	return cmocka_run_group_tests_name("rule_transfer", tests, NULL, NULL);
}

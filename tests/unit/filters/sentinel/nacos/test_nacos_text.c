/* What is said to a Nacos server, byte for byte, and what it may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filters/sentinel/nacos/nacos_text.h"

static void is(struct text *text, const char *wanted)
{
	text_add(text, slice_make("", 1));
	assert_string_equal(text->data, wanted);
	text_free(text);
}

static const struct nacos_server server = {"nacos.local", 8848};

static struct nacos_place place(const char *token)
{
	return (struct nacos_place){&server, slice_of("/nacos"), slice_of(token)};
}

static struct nacos_name name(const char *data_id, const char *tenant)
{
	return (struct nacos_name){slice_of(data_id), slice_of("G"), slice_of(tenant)};
}

static void servers_of_a_list(void **state)
{
	struct nacos_server servers[NACOS_SERVERS_MAX];
	struct slice wrong;
	(void)state;

	assert_int_equal(nacos_servers(slice_of("a, http://b:1/ ,c:65535,"), servers, &wrong), 3);
	assert_string_equal(servers[0].host, "a");
	assert_int_equal(servers[0].port, 8848);
	assert_string_equal(servers[1].host, "b");
	assert_int_equal(servers[1].port, 1);
	assert_int_equal(servers[2].port, 65535);
	static const char *const none[] = {"",         ",",       "a:0",       "a:65536",
					   "a:x",      "a,:1",    "https://a", "a/b",
					   "a:1,b:-1", "http://", "http:///"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(nacos_servers(slice_of(none[i]), servers, &wrong), 0);
	assert_int_equal(
		nacos_servers(slice_of("1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g"), servers, &wrong),
		NACOS_SERVERS_MAX);
	assert_int_equal(
		nacos_servers(slice_of("1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g,h"), servers, &wrong), 0);
	assert_true(slice_equal(wrong, SLICE("h")));
}

#define FIELDS                                                                                     \
	" HTTP/1.1\r\nHost: nacos.local:8848\r\nUser-Agent: outrigger\r\nAccept-Charset: "         \
	"UTF-8\r\n"                                                                                \
	"Connection: close\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded;charset=UTF-8\r\nContent-Length: "

static void requests(void **state)
{
	struct nacos_place plain = place(""), known = place("t+/=");
	struct nacos_name in = name("shop-flow-rules", "prod"), out = name("shop:x", "");
	struct text text = {0}, list = {0};
	(void)state;

	nacos_login_request(&text, &plain, slice_of("me"), slice_of("a&b=\xc3\xbc"));
	is(&text, "POST /nacos/v1/auth/users/login" FIELDS FORM
		  "35\r\n\r\nusername=me&password=a%26b%3D%C3%BC");
	nacos_get_request(&text, &plain, &out);
	is(&text, "GET /nacos/v1/cs/configs?dataId=shop%3Ax&group=G" FIELDS "\r\n");
	nacos_get_request(&text, &known, &in);
	is(&text, "GET /nacos/v1/cs/configs?dataId=shop-flow-rules&group=G&tenant=prod&accessToken="
		  "t%2B%2F%3D" FIELDS "\r\n");
	nacos_listen_name(&list, &in, slice_of("d41d8cd98f00b204e9800998ecf8427e"));
	nacos_listen_name(&list, &out, slice_of(""));
	nacos_listen_request(&text, &known, text_slice(&list), 30000, true);
	is(&text,
	   "POST /nacos/v1/cs/configs/listener?accessToken=t%2B%2F%3D" FIELDS
	   "Long-Pulling-Timeout: 30000\r\n" FORM
	   "100\r\n\r\nListening-Configs=shop-flow-rules%02G%02d41d8cd98f00b204e9800998ecf8427e"
	   "%02prod%01shop%3Ax%02G%02%01");
	nacos_listen_request(&text, &plain, text_slice(&list), 1000, false);
	is(&text,
	   "POST /nacos/v1/cs/configs/listener" FIELDS
	   "Long-Pulling-Timeout: 1000\r\nLong-Pulling-Timeout-No-Hangup: true\r\n" FORM
	   "100\r\n\r\nListening-Configs=shop-flow-rules%02G%02d41d8cd98f00b204e9800998ecf8427e"
	   "%02prod%01shop%3Ax%02G%02%01");
	text_free(&list);
}

static void what_changed(void **state)
{
	const struct nacos_name a = name("a", ""), b = name("b", "t"), c = name("c", "");
	const struct slice both = slice_of("a%02G%01b%02G%02t%01\n");
	(void)state;

	assert_true(nacos_is_change_list(both));
	assert_true(nacos_has_changed(both, &a) && nacos_has_changed(both, &b));
	assert_false(nacos_has_changed(both, &c));
	const struct nacos_name public_b = name("b", ""), other_a = name("a", "t");
	assert_false(nacos_has_changed(both, &public_b) || nacos_has_changed(both, &other_a));
	assert_true(nacos_is_change_list(slice_of("")) && nacos_is_change_list(slice_of("\n")));
	assert_false(nacos_has_changed(slice_of(""), &a));
	static const char *const none[] = {"a%02G", "a%01", "<html>", "%zz", "a%02G%01x", "%01"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_false(nacos_is_change_list(slice_of(none[i])));
}

static void logins(void **state)
{
	uint64_t ttl_s = 0;
	char *token = NULL;
	(void)state;

	assert_true(nacos_read_login(
		slice_of("{\"accessToken\": \"abc\", \"tokenTtl\": 18000, \"globalAdmin\": true}"),
		&token, &ttl_s));
	assert_string_equal(token, "abc");
	assert_int_equal(ttl_s, 18000);
	free(token);
	assert_true(nacos_read_login(
		slice_of("{\"code\": 0, \"data\": {\"accessToken\": \"x\", \"tokenTtl\": 5}}"),
		&token, &ttl_s));
	assert_int_equal(ttl_s, 5);
	free(token);
	static const char *const none[] = {"",
					   "unknown user!",
					   "[]",
					   "{}",
					   "{\"accessToken\": \"\"}",
					   "{\"accessToken\": 7}",
					   "{\"accessToken\": \"a\", \"tokenTtl\": -1}"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_false(nacos_read_login(slice_of(none[i]), &token, &ttl_s));
}

static void places_on_disk(void **state)
{
	const struct nacos_name plain = name("shop-flow-rules", ""), bad = name("..", "../../x/y");
	char *path = nacos_snapshot_path(slice_of("/var/s"), slice_of("h:1,i"), &plain);
	(void)state;

	assert_string_equal(path, "/var/s/h%3A1%2Ci/public/G/shop-flow-rules");
	free(path);
	path = nacos_snapshot_path(slice_of("/var/s"), slice_of("h"), &bad);
	assert_string_equal(path, "/var/s/h/%2E.%2F..%2Fx%2Fy/G/%2E.");
	free(path);
	/* As many servers as there may be, with names as clusters give them: a name that disks
	 * take, and one for each list. */
	char servers[NACOS_SERVERS_MAX * 64] = "", *last = NULL;
	for (int i = 0; i < NACOS_SERVERS_MAX; i++)
		strcat(servers, "nacos-0.nacos-headless.default.svc.cluster.local:8848,");
	for (unsigned i = 0; i < 2; i++, servers[strlen(servers) - 2] = '9') {
		path = nacos_snapshot_path(slice_of("/s"), slice_of(servers), &plain);
		size_t len = strcspn(path + 3, "/");
		assert_true(len < 240);
		assert_string_equal(path + 3 + len, "/public/G/shop-flow-rules");
		assert_false(last && !strcmp(path, last));
		free(last);
		last = path;
	}
	free(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_of_a_list), cmocka_unit_test(requests),
		cmocka_unit_test(what_changed),      cmocka_unit_test(logins),
		cmocka_unit_test(places_on_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* sentinel_tokens IP:PORT NAMESPACE: asks a token server with the proxy's token client what stands
 * in stdin, a line a question, one after the other:
 *
 *   flow ID COUNT           prioritized ID COUNT           param ID COUNT VALUE...
 *   many ID N               N questions of 1, as many at a time as the client lets
 *
 * and prints "STATUS WAIT_MS" for each; of many how often each status came: "0 x 93, 1 x 7". A
 * value is an integer if it looks like one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/cluster/token_client.h"
#include "filters/sentinel/core/argument.h"
#include "net/loop.h"

enum {
	CONNECT_MS = 10000,
	TIMEOUT_MS = 2000,
	VALUES_MAX = 16,
	AT_A_TIME = 64,
	STATUSES = 256, /* of an int8_t */
};

struct asker {
	struct loop loop;
	struct token_client *client;
};

static bool is_connected(struct asker *asker)
{
	uint64_t end_ns = loop_clock_ns() + CONNECT_MS * UINT64_C(1000000);

	while (token_client_state(asker->client) != TOKEN_CLIENT_STARTED &&
	       loop_clock_ns() < end_ns)
		loop_turn(&asker->loop, false);
	return token_client_state(asker->client) == TOKEN_CLIENT_STARTED;
}

static void begin(struct asker *asker, struct token_ask *ask)
{
	const struct token_service *service = token_client_service(asker->client);

	service->ask(service->arg, 0, ask);
}

/* Waits as long as a call would. */
static struct token_answer end(struct asker *asker, struct token_ask *ask)
{
	const struct token_service *service = token_client_service(asker->client);
	uint64_t end_ns = loop_clock_ns() + (uint64_t)service->timeout_ns;

	while (ask->answer.status == TOKEN_PENDING && loop_clock_ns() < end_ns)
		loop_turn(&asker->loop, false);
	if (ask->answer.status == TOKEN_PENDING) {
		service->forget(service->arg, 0, ask);
		ask->answer.status = TOKEN_FAIL;
	}
	return ask->answer;
}

static void ask_many(struct asker *asker, int64_t flow_id, unsigned count)
{
	unsigned counts[STATUSES] = {0};
	const char *before = "";

	for (unsigned done = 0; done < count;) {
		struct token_ask asks[AT_A_TIME];
		unsigned n = count - done < AT_A_TIME ? count - done : AT_A_TIME;
		for (unsigned i = 0; i < n; i++) {
			asks[i] = (struct token_ask){.flow_id = flow_id, .count = 1};
			begin(asker, &asks[i]);
		}
		for (unsigned i = 0; i < n; i++)
			counts[(uint8_t)end(asker, &asks[i]).status]++;
		done += n;
	}
	for (int i = 0; i < STATUSES; i++) {
		if (counts[i])
			printf("%s%d x %u", before, (int8_t)i, counts[i]);
		before = counts[i] ? ", " : before;
	}
	putchar('\n');
}

static struct argument value_of(const char *text)
{
	struct argument value = {.type = ARGUMENT_STRING, .string = slice_of(text)};
	char *rest;
	long number = strtol(text, &rest, 10);

	if (*text && !*rest)
		value = (struct argument){.type = ARGUMENT_INTEGER, .integer = number};
	return value;
}

static void obey(struct asker *asker, char *line)
{
	struct argument values[VALUES_MAX];
	const char *word = strtok(line, " \n"), *id = strtok(NULL, " \n"),
		   *count = strtok(NULL, " \n"), *value;

	if (!count)
		return;
	loop_turn(&asker->loop, false); /* what happened meanwhile */
	struct token_ask ask = {
		.flow_id = strtoll(id, NULL, 10),
		.count = (uint32_t)strtoul(count, NULL, 10),
		.prioritized = !strcmp(word, "prioritized"),
		.is_param = !strcmp(word, "param"),
		.params = values,
	};
	if (!strcmp(word, "many")) {
		ask_many(asker, ask.flow_id, ask.count);
	} else {
		while (ask.params_count < VALUES_MAX && (value = strtok(NULL, " \n")))
			values[ask.params_count++] = value_of(value);
		begin(asker, &ask);
		struct token_answer answer = end(asker, &ask);
		printf("%d %d\n", answer.status, answer.wait_ms);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct asker asker;
	struct addr server;
	char line[4096];

	if (argc != 3 || addr_parse(slice_of(argv[1]), &server)) {
		fprintf(stderr, "usage: sentinel_tokens IP:PORT NAMESPACE\n");
		return 2;
	}
	struct token_client_options options = {
		.name_space = slice_of(argv[2]),
		.workers = 1,
		.request_timeout_ms = TIMEOUT_MS,
	};
	invariant(!loop_init(&asker.loop, &asker));
	asker.client = token_client_new(&asker.loop, &options);
	invariant(asker.client && !token_client_join(asker.client, 0, &asker.loop));
	token_client_set_server(asker.client, &server);
	bool connected = is_connected(&asker);
	while (connected && fgets(line, sizeof(line), stdin))
		obey(&asker, line);
	token_client_leave(asker.client, 0);
	token_client_close(asker.client);
	loop_settle(&asker.loop);
	token_client_free(asker.client);
	loop_fini(&asker.loop);
	return connected ? 0 : 1;
}

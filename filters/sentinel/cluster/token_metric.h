/* What a token server has granted and refused for one flow id lately: as many windows as its rule
 * says (ClusterMetric), and what was borrowed from the window to come.
 *
 *   windows: [ ][ ][ ][now][head] …   number `now / window_ms` in place `number % samples`
 *                            └ leaves next: what it holds may be borrowed now
 *
 * A window that gives way to a later one begins with what was borrowed; one that nobody used yet
 * begins empty, and the borrowed passes go to the next, as in Java. If the clock goes back, what is
 * counted before the newest window of its place is lost, likewise.
 *
 * Owner: a flow of the arbiter. Thread: one at a time. Pure: the time is an argument. */
#ifndef SENTINEL_CLUSTER_TOKEN_METRIC_H
#define SENTINEL_CLUSTER_TOKEN_METRIC_H

#include <stdbool.h>
#include <stdint.h>

enum { TOKEN_SAMPLES_MAX = 1000 }; /* windows of a rule: one that asks for more isn't served */

/* In tokens, but for the *_REQUESTs: in questions. */
enum token_event {
	TOKEN_EVENT_PASS,
	TOKEN_EVENT_BLOCK,
	TOKEN_EVENT_PASS_REQUEST,
	TOKEN_EVENT_BLOCK_REQUEST,
	TOKEN_EVENT_OCCUPIED_PASS,
	TOKEN_EVENT_OCCUPIED_BLOCK,
	TOKEN_EVENT_WAITING,
	TOKEN_EVENTS,
};

struct token_window {
	int64_t number; /* below 0: none yet */
	int64_t counts[TOKEN_EVENTS];
};

struct token_metric {
	int32_t samples, window_ms, interval_ms;
	bool has_borrowed;
	int64_t borrowed, borrowed_requests; /* since a window gave way last */
	struct token_window windows[];
};

/* Whether windows of that kind can be had: samples > 0, at most TOKEN_SAMPLES_MAX, and the interval
 * a multiple of them. */
bool token_metric_can_be(int32_t samples, int32_t interval_ms);

/* One that can be. Returns owned. */
struct token_metric *token_metric_new(int32_t samples, int32_t interval_ms);
/* NULL is fine. */
void token_metric_free(struct token_metric *metric);

void token_metric_add(struct token_metric *metric, enum token_event event, int64_t n,
		      int64_t now_ms);

/* Of the interval that ends with this window; a second. */
double token_metric_average(struct token_metric *metric, enum token_event event, int64_t now_ms);

/* Borrows n passes of the window to come, if the threshold allows it then. Returns after how many
 * ms they may be used; 0: they may not. */
int32_t token_metric_borrow(struct token_metric *metric, int32_t n, double threshold,
			    int64_t now_ms);

#endif

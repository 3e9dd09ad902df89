#include "filters/sentinel/cluster/token_metric.h"

#include <stdlib.h>

#include "base/attributes.h"

enum { UNUSED = -1 };

bool token_metric_can_be(int32_t samples, int32_t interval_ms)
{
	return samples > 0 && samples <= TOKEN_SAMPLES_MAX && interval_ms > 0 &&
	       interval_ms % samples == 0;
}

struct token_metric *token_metric_new(int32_t samples, int32_t interval_ms)
{
	invariant(token_metric_can_be(samples, interval_ms));
	struct token_metric *metric =
		calloc(1, sizeof(*metric) + (size_t)samples * sizeof(*metric->windows));

	invariant(metric);
	metric->samples = samples;
	metric->interval_ms = interval_ms;
	metric->window_ms = interval_ms / samples;
	for (int32_t i = 0; i < samples; i++)
		metric->windows[i].number = UNUSED;
	return metric;
}

void token_metric_free(struct token_metric *metric)
{
	free(metric);
}

static struct token_window *window_at(struct token_metric *metric, int64_t number)
{
	return &metric->windows[number % metric->samples];
}

/* The borrowed passes are this window's. */
static void give_back(struct token_metric *metric, struct token_window *window)
{
	if (!metric->has_borrowed)
		return;
	window->counts[TOKEN_EVENT_OCCUPIED_PASS] += metric->borrowed;
	window->counts[TOKEN_EVENT_PASS] += metric->borrowed;
	window->counts[TOKEN_EVENT_PASS_REQUEST] += metric->borrowed_requests;
	metric->borrowed = metric->borrowed_requests = 0;
	metric->has_borrowed = false;
}

/* NULL: the clock went back behind what is there. */
static struct token_window *current(struct token_metric *metric, int64_t now_ms)
{
	int64_t number = now_ms / metric->window_ms;
	struct token_window *window = window_at(metric, number);
	bool was_used = window->number != UNUSED;

	if (window->number == number)
		return window;
	if (window->number > number)
		return NULL;
	*window = (struct token_window){.number = number};
	if (was_used)
		give_back(metric, window);
	return window;
}

static bool is_valid(const struct token_metric *metric, const struct token_window *window,
		     int64_t now_ms)
{
	return window->number != UNUSED &&
	       now_ms - window->number * metric->window_ms <= metric->interval_ms;
}

static int64_t sum(struct token_metric *metric, enum token_event event, int64_t now_ms)
{
	int64_t total = 0;

	current(metric, now_ms);
	for (int32_t i = 0; i < metric->samples; i++)
		if (is_valid(metric, &metric->windows[i], now_ms))
			total += metric->windows[i].counts[event];
	return total;
}

void token_metric_add(struct token_metric *metric, enum token_event event, int64_t n,
		      int64_t now_ms)
{
	struct token_window *window = current(metric, now_ms);

	if (window)
		window->counts[event] += n;
}

double token_metric_average(struct token_metric *metric, enum token_event event, int64_t now_ms)
{
	return (double)sum(metric, event, now_ms) / (metric->interval_ms / 1000.0);
}

/* Passes of the window that leaves next. */
static int64_t head_passes(struct token_metric *metric, int64_t now_ms)
{
	const struct token_window *head = window_at(metric, now_ms / metric->window_ms + 1);

	return is_valid(metric, head, now_ms) ? head->counts[TOKEN_EVENT_PASS] : 0;
}

int32_t token_metric_borrow(struct token_metric *metric, int32_t n, double threshold,
			    int64_t now_ms)
{
	double latest = token_metric_average(metric, TOKEN_EVENT_PASS, now_ms);
	int64_t head = head_passes(metric, now_ms);

	if (latest + (double)(n + metric->borrowed) - (double)head > threshold)
		return 0;
	metric->borrowed += n;
	metric->borrowed_requests++;
	metric->has_borrowed = true;
	token_metric_add(metric, TOKEN_EVENT_WAITING, n, now_ms);
	return 1000 / metric->samples;
}

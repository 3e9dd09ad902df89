/* When a drain asks whom to leave: the rule alone.
 *
 *   begun         a quarter                                      over: time_ms
 *     |---------------|---------------------------------------------|
 *      told: each one    an answer is its connection's last with the probability elapsed / time
 *      at its own time
 *
 * Who is not to be asked gradually is asked at once. Pure: time and chance are arguments. Owner:
 * whoever embeds it. Source: Envoy's documentation of --drain-time-s and --drain-strategy. */
#ifndef BASE_DRAIN_H
#define BASE_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

/* Whom it concerns. */
enum drain_scope {
	DRAIN_INBOUND, /* listeners whose traffic_direction is INBOUND */
	DRAIN_ALL,
	DRAIN_SCOPES,
};

struct drain {
	uint64_t start_ms, time_ms;
	bool is_on, is_gradual;
};

/* A drain that is on goes on as it was (nobody has more time for being asked twice), but ends as
 * soon as this one would: then all that is left to ask is asked in what is left of the time. */
void drain_begin(struct drain *drain, uint64_t now_ms, uint64_t time_ms, bool is_gradual);

/* Whether this answer is to be its connection's last. chance: any random number. */
bool drain_is_last(const struct drain *drain, uint64_t now_ms, uint64_t chance);

/* When the connection of that id is told, if its protocol has a word for it; UINT64_MAX: not by
 * this drain. Ids that follow each other are told at times that are spread. */
uint64_t drain_tell_ms(const struct drain *drain, uint64_t id);

/* Nobody has any more time. */
bool drain_is_over(const struct drain *drain, uint64_t now_ms);

#endif

#include "hotrestart/new_steps.h"

/* Old can't be served any more by us: it goes on, or is dead. */
#define END                                                                                        \
	{                                                                                          \
		NEW_ENDED, NEW_END                                                                 \
	}
/* It listens still: tell it why. */
#define REFUSE                                                                                     \
	{                                                                                          \
		NEW_ENDED, NEW_SAY_REFUSAL | NEW_END                                               \
	}
#define STAY(state)                                                                                \
	{                                                                                          \
		NEW_##state, 0                                                                     \
	}
#define ASK(state)                                                                                 \
	{                                                                                          \
		NEW_##state, NEW_ASK_RIGHT                                                         \
	}

static const struct new_step steps[NEW_STATES][NEW_EVENTS] = {
	[NEW_DIALLING] =
		{
			[NEW_ON_CONNECTED] = {NEW_ADOPTING, NEW_SAY_HELLO},
			[NEW_ON_OFFERED] = REFUSE,
			[NEW_ON_WARMED] = STAY(DIALLING),
			[NEW_ON_GO] = REFUSE,
			[NEW_ON_INSTALLED] = STAY(DIALLING),
			[NEW_ON_YIELDED] = REFUSE,
			[NEW_ON_REFUSED] = END,
			[NEW_ON_FAILED] = END,
			[NEW_ON_LOST] = END,
			[NEW_ON_RIGHT] = STAY(DIALLING),
			[NEW_ON_NO_RIGHT] = STAY(DIALLING),
			[NEW_ON_TIMEOUT] = END,
		},
	[NEW_ADOPTING] =
		{
			[NEW_ON_CONNECTED] = STAY(ADOPTING),
			[NEW_ON_OFFERED] = {NEW_WARMING, 0},
			[NEW_ON_WARMED] = STAY(ADOPTING),
			[NEW_ON_GO] = REFUSE,
			[NEW_ON_INSTALLED] = STAY(ADOPTING),
			[NEW_ON_YIELDED] = REFUSE,
			[NEW_ON_REFUSED] = END,
			[NEW_ON_FAILED] = REFUSE,
			[NEW_ON_LOST] = END,
			[NEW_ON_RIGHT] = STAY(ADOPTING),
			[NEW_ON_NO_RIGHT] = STAY(ADOPTING),
			[NEW_ON_TIMEOUT] = REFUSE,
		},
	[NEW_WARMING] =
		{
			[NEW_ON_CONNECTED] = STAY(WARMING),
			[NEW_ON_OFFERED] = REFUSE,
			[NEW_ON_WARMED] = {NEW_READY, NEW_SAY_READY},
			[NEW_ON_GO] = REFUSE,
			[NEW_ON_INSTALLED] = STAY(WARMING),
			[NEW_ON_YIELDED] = REFUSE,
			[NEW_ON_REFUSED] = END,
			[NEW_ON_FAILED] = REFUSE,
			[NEW_ON_LOST] = ASK(WARMING),
			[NEW_ON_RIGHT] = STAY(WARMING), /* old is dead: READY will find it so */
			[NEW_ON_NO_RIGHT] = END,
			[NEW_ON_TIMEOUT] = STAY(WARMING),
		},
	[NEW_READY] =
		{
			[NEW_ON_CONNECTED] = STAY(READY),
			[NEW_ON_OFFERED] = REFUSE,
			[NEW_ON_WARMED] = STAY(READY),
			[NEW_ON_GO] = {NEW_INSTALLING, NEW_INSTALL},
			[NEW_ON_INSTALLED] = STAY(READY),
			[NEW_ON_YIELDED] = REFUSE,
			[NEW_ON_REFUSED] = END,
			[NEW_ON_FAILED] = REFUSE,
			[NEW_ON_LOST] = ASK(READY),
			[NEW_ON_RIGHT] = {NEW_INSTALLING, NEW_INSTALL},
			[NEW_ON_NO_RIGHT] = END,
			[NEW_ON_TIMEOUT] = REFUSE,
		},
	[NEW_INSTALLING] =
		{
			[NEW_ON_CONNECTED] = STAY(INSTALLING),
			[NEW_ON_OFFERED] = REFUSE,
			[NEW_ON_WARMED] = STAY(INSTALLING),
			[NEW_ON_GO] = REFUSE,
			[NEW_ON_INSTALLED] = {NEW_LIVE, NEW_SAY_LIVE},
			[NEW_ON_YIELDED] = REFUSE,
			[NEW_ON_REFUSED] = END,
			[NEW_ON_FAILED] = REFUSE,
			[NEW_ON_LOST] = ASK(INSTALLING),
			[NEW_ON_RIGHT] = STAY(INSTALLING), /* LIVE will find old dead */
			[NEW_ON_NO_RIGHT] = END,
			[NEW_ON_TIMEOUT] = STAY(INSTALLING),
		},
	[NEW_LIVE] =
		{
			[NEW_ON_CONNECTED] = STAY(LIVE),
			[NEW_ON_OFFERED] = ASK(LIVE),
			[NEW_ON_WARMED] = STAY(LIVE),
			[NEW_ON_GO] = ASK(LIVE),
			[NEW_ON_INSTALLED] = STAY(LIVE),
			[NEW_ON_YIELDED] = {NEW_ALONE, NEW_OWN},
			[NEW_ON_REFUSED] = {NEW_ENDED, NEW_DRAIN},
			[NEW_ON_FAILED] = STAY(LIVE), /* it serves: nothing else can fail */
			[NEW_ON_LOST] = ASK(LIVE),
			[NEW_ON_RIGHT] = {NEW_ALONE, NEW_OWN | NEW_FORGET_OLD},
			[NEW_ON_NO_RIGHT] = {NEW_ENDED, NEW_DRAIN},
			[NEW_ON_TIMEOUT] = STAY(LIVE),
		},
	[NEW_ALONE] =
		{
			[NEW_ON_CONNECTED] = STAY(ALONE),
			[NEW_ON_OFFERED] = {NEW_ALONE, NEW_FORGET_OLD},
			[NEW_ON_WARMED] = STAY(ALONE),
			[NEW_ON_GO] = {NEW_ALONE, NEW_FORGET_OLD},
			[NEW_ON_INSTALLED] = STAY(ALONE),
			[NEW_ON_YIELDED] = STAY(ALONE),
			[NEW_ON_REFUSED] = {NEW_ALONE, NEW_FORGET_OLD},
			[NEW_ON_FAILED] = STAY(ALONE),
			[NEW_ON_LOST] = {NEW_ALONE, NEW_FORGET_OLD},
			[NEW_ON_RIGHT] = STAY(ALONE),
			[NEW_ON_NO_RIGHT] = STAY(ALONE),
			[NEW_ON_TIMEOUT] = STAY(ALONE),
		},
	[NEW_ENDED] =
		{
			[NEW_ON_CONNECTED] = STAY(ENDED),
			[NEW_ON_OFFERED] = STAY(ENDED),
			[NEW_ON_WARMED] = STAY(ENDED),
			[NEW_ON_GO] = STAY(ENDED),
			[NEW_ON_INSTALLED] = STAY(ENDED),
			[NEW_ON_YIELDED] = STAY(ENDED),
			[NEW_ON_REFUSED] = STAY(ENDED),
			[NEW_ON_FAILED] = STAY(ENDED),
			[NEW_ON_LOST] = STAY(ENDED),
			[NEW_ON_RIGHT] = STAY(ENDED),
			[NEW_ON_NO_RIGHT] = STAY(ENDED),
			[NEW_ON_TIMEOUT] = STAY(ENDED),
		},
};

struct new_step new_step_of(enum new_state state, enum new_event event)
{
	return steps[state][event];
}

uint32_t new_state_limit_ms(enum new_state state)
{
	static const uint32_t limits[NEW_STATES] = {
		[NEW_DIALLING] = 5000,
		[NEW_ADOPTING] = 10000,
		[NEW_READY] = 10000,
	};
	return limits[state];
}

const char *new_state_name(enum new_state state)
{
	static const char *const names[NEW_STATES] = {"DIALLING",   "ADOPTING", "WARMING", "READY",
						      "INSTALLING", "LIVE",     "ALONE",   "ENDED"};
	return names[state];
}

const char *new_event_name(enum new_event event)
{
	static const char *const names[NEW_EVENTS] = {
		"connected", "OFFERED", "warmed", "GO",    "installed", "YIELD",
		"refused",   "failed",  "lost",   "right", "no right",  "timeout"};
	return names[event];
}

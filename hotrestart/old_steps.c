#include "hotrestart/old_steps.h"

/* What isn't named leaves the state as it is and does nothing. Words of new at the wrong moment are
 * made OLD_ON_LOST by who reads them (giver.c), so a state sees its own only. */

/* Back to serving; BACK_PARKED: and workers stand still, or are about to. */
#define BACK                                                                                       \
	{                                                                                          \
		OLD_SERVING, OLD_DISMISS                                                           \
	}
#define BACK_PARKED                                                                                \
	{                                                                                          \
		OLD_SERVING, OLD_TAKE_BACK | OLD_DISMISS                                           \
	}
#define STAY(state)                                                                                \
	{                                                                                          \
		OLD_##state, 0                                                                     \
	}
#define BUSY(state)                                                                                \
	{                                                                                          \
		OLD_##state, OLD_TURN_AWAY                                                         \
	}

static const struct old_step steps[OLD_STATES][OLD_EVENTS] =
	{
		[OLD_SERVING] =
			{
				[OLD_ON_CALL] = {OLD_CALLED, 0},
				[OLD_ON_CHILD_END] = STAY(SERVING),
				[OLD_ON_CONNECTED] = {OLD_MET, OLD_GREET},
				[OLD_ON_HELLO] = STAY(SERVING),
				[OLD_ON_READY] = STAY(SERVING),
				[OLD_ON_PARKED] = STAY(SERVING),
				[OLD_ON_LIVE] = STAY(SERVING),
				[OLD_ON_REFUSED] = STAY(SERVING),
				[OLD_ON_LOST] = STAY(SERVING),
				[OLD_ON_TIMEOUT] = STAY(SERVING),
				[OLD_ON_STOP] = {OLD_GONE, 0},
				[OLD_ON_EMPTY] = STAY(SERVING),
				[OLD_ON_DEADLINE] = STAY(SERVING),
			},
		[OLD_CALLED] =
			{
				[OLD_ON_CALL] = STAY(CALLED),
				[OLD_ON_CHILD_END] = BACK,
				[OLD_ON_CONNECTED] = {OLD_MET, OLD_GREET},
				[OLD_ON_HELLO] = STAY(CALLED),
				[OLD_ON_READY] = STAY(CALLED),
				[OLD_ON_PARKED] = STAY(CALLED),
				[OLD_ON_LIVE] = STAY(CALLED),
				[OLD_ON_REFUSED] = STAY(CALLED),
				[OLD_ON_LOST] = STAY(CALLED),
				[OLD_ON_TIMEOUT] = BACK,
				[OLD_ON_STOP] = {OLD_GONE, OLD_DISMISS},
				[OLD_ON_EMPTY] = STAY(CALLED),
				[OLD_ON_DEADLINE] = STAY(CALLED),
			},
		[OLD_MET] =
			{
				[OLD_ON_CALL] = STAY(MET),
				[OLD_ON_CHILD_END] = STAY(MET), /* the channel's end follows */
				[OLD_ON_CONNECTED] = BUSY(MET),
				[OLD_ON_HELLO] = {OLD_OFFERED, OLD_OFFER},
				[OLD_ON_READY] = BACK,
				[OLD_ON_PARKED] = STAY(MET),
				[OLD_ON_LIVE] = BACK,
				[OLD_ON_REFUSED] = BACK,
				[OLD_ON_LOST] = BACK,
				[OLD_ON_TIMEOUT] = BACK,
				[OLD_ON_STOP] = {OLD_GONE, OLD_DISMISS},
				[OLD_ON_EMPTY] = STAY(MET),
				[OLD_ON_DEADLINE] = STAY(MET),
			},
		[OLD_OFFERED] =
			{
				[OLD_ON_CALL] = STAY(OFFERED),
				[OLD_ON_CHILD_END] = STAY(OFFERED),
				[OLD_ON_CONNECTED] = BUSY(OFFERED),
				[OLD_ON_HELLO] = BACK,
				[OLD_ON_READY] = {OLD_WARMED, OLD_PARK},
				[OLD_ON_PARKED] = STAY(OFFERED),
				[OLD_ON_LIVE] = BACK,
				[OLD_ON_REFUSED] = BACK,
				[OLD_ON_LOST] = BACK,
				[OLD_ON_TIMEOUT] = BACK,
				[OLD_ON_STOP] = {OLD_GONE, OLD_DISMISS},
				[OLD_ON_EMPTY] = STAY(OFFERED),
				[OLD_ON_DEADLINE] = STAY(OFFERED),
			},
		[OLD_WARMED] =
			{
				[OLD_ON_CALL] = STAY(WARMED),
				[OLD_ON_CHILD_END] = STAY(WARMED),
				[OLD_ON_CONNECTED] = BUSY(WARMED),
				[OLD_ON_HELLO] = BACK_PARKED,
				[OLD_ON_READY] = BACK_PARKED,
				[OLD_ON_PARKED] = {OLD_PARKED, OLD_FINISH},
				[OLD_ON_LIVE] = BACK_PARKED,
				[OLD_ON_REFUSED] = BACK_PARKED,
				[OLD_ON_LOST] = BACK_PARKED,
				[OLD_ON_TIMEOUT] = BACK_PARKED,
				[OLD_ON_STOP] = {OLD_GONE, OLD_TAKE_BACK | OLD_DISMISS},
				[OLD_ON_EMPTY] = STAY(WARMED),
				[OLD_ON_DEADLINE] = STAY(WARMED),
			},
		[OLD_PARKED] =
			{
				[OLD_ON_CALL] = STAY(PARKED),
				[OLD_ON_CHILD_END] = STAY(PARKED),
				[OLD_ON_CONNECTED] = BUSY(PARKED),
				[OLD_ON_HELLO] = BACK_PARKED,
				[OLD_ON_READY] = BACK_PARKED,
				[OLD_ON_PARKED] = STAY(PARKED),
				[OLD_ON_LIVE] = {OLD_LEAVING, OLD_LEAVE},
				[OLD_ON_REFUSED] = BACK_PARKED,
				[OLD_ON_LOST] = BACK_PARKED,
				[OLD_ON_TIMEOUT] = BACK_PARKED,
				[OLD_ON_STOP] = {OLD_GONE, OLD_TAKE_BACK | OLD_DISMISS},
				[OLD_ON_EMPTY] = STAY(PARKED),
				[OLD_ON_DEADLINE] = STAY(PARKED),
			},
		[OLD_LEAVING] =
			{
				[OLD_ON_CALL] = STAY(LEAVING),
				[OLD_ON_CHILD_END] = STAY(LEAVING),
				[OLD_ON_CONNECTED] = BUSY(LEAVING),
				[OLD_ON_HELLO] = STAY(LEAVING),
				[OLD_ON_READY] = STAY(LEAVING),
				[OLD_ON_PARKED] = STAY(LEAVING),
				[OLD_ON_LIVE] = STAY(LEAVING),
				[OLD_ON_REFUSED] = STAY(LEAVING),
				[OLD_ON_LOST] = {OLD_LEAVING, OLD_RECLAIM},
				[OLD_ON_TIMEOUT] = STAY(LEAVING),
				[OLD_ON_STOP] = {OLD_GONE, OLD_END},
				[OLD_ON_EMPTY] = {OLD_GONE, OLD_END},
				[OLD_ON_DEADLINE] = {OLD_GONE, OLD_END},
			},
		[OLD_GONE] =
			{
				[OLD_ON_CALL] = STAY(GONE),
				[OLD_ON_CHILD_END] = STAY(GONE),
				[OLD_ON_CONNECTED] = BUSY(GONE),
				[OLD_ON_HELLO] = STAY(GONE),
				[OLD_ON_READY] = STAY(GONE),
				[OLD_ON_PARKED] = STAY(GONE),
				[OLD_ON_LIVE] = STAY(GONE),
				[OLD_ON_REFUSED] = STAY(GONE),
				[OLD_ON_LOST] = STAY(GONE),
				[OLD_ON_TIMEOUT] = STAY(GONE),
				[OLD_ON_STOP] = STAY(GONE),
				[OLD_ON_EMPTY] = STAY(GONE),
				[OLD_ON_DEADLINE] = STAY(GONE),
			},
};

struct old_step old_step_of(enum old_state state, enum old_event event)
{
	return steps[state][event];
}

uint32_t old_state_limit_ms(enum old_state state)
{
	static const uint32_t limits[OLD_STATES] = {
		[OLD_CALLED] = 10000, [OLD_MET] = 5000,    [OLD_OFFERED] = 120000,
		[OLD_WARMED] = 1000,  [OLD_PARKED] = 1000,
	};
	return limits[state];
}

const char *old_state_name(enum old_state state)
{
	static const char *const names[OLD_STATES] = {"SERVING", "CALLED", "MET",     "OFFERED",
						      "WARMED",  "PARKED", "LEAVING", "GONE"};
	return names[state];
}

const char *old_event_name(enum old_event event)
{
	static const char *const names[OLD_EVENTS] = {
		"call",    "child's end", "connected", "HELLO",   "READY", "parked",  "LIVE",
		"refused", "lost",        "timeout",   "stopped", "empty", "deadline"};
	return names[event];
}

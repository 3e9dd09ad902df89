/* What the process does to be replaced, and to replace: the server's side of hotrestart/.
 *
 *   upgrade_begin ─┬─ nobody serves: as ever ─────────────────────────── upgrade_live: listens
 *                  └─ somebody does: adopts ─ configuration ─ upgrade_warmed ─ … installs, accepts
 *                       ─ it has yielded: listens
 *   SIGUSR2, POST /upgrade ─ upgrade_start ─> a successor process
 *
 * After a successor's LIVE this process gives it its connections (server/giving.h), then drains
 * what is left as the drain manager says (server/drain_manager.h).
 * Owner: the server embeds it. Thread: main. Without --upgrade-socket nothing of it happens. */
#ifndef SERVER_UPGRADE_H
#define SERVER_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "hotrestart/giver.h"
#include "hotrestart/launch.h"
#include "hotrestart/taker.h"
#include "server/adopting.h"
#include "server/giving.h"
#include "server/park.h"

struct admin_request;
struct server;
struct worker_saying;

enum {
	UPGRADE_EXIT_REFUSED = 3, /* exit code of a process that couldn't take over */
	UPGRADE_SECTIONS_MAX = 32,
	UPGRADE_DIAL_MS = 5000, /* for one that serves, but doesn't listen yet */
};

struct upgrade {
	struct server *server;
	struct meeting meeting;
	struct launch launch;
	struct giver giver;
	struct taker taker;
	struct park park;
	struct giving giving;
	struct adopting adopting;
	struct section sections[UPGRADE_SECTIONS_MAX];
	size_t section_count;
	bool is_on;        /* --upgrade-socket was given */
	bool is_ending;    /* the process stops: nothing is taken up again */
	bool has_failed;   /* to take over: UPGRADE_EXIT_REFUSED */
	bool was_replaced; /* ends because its successor is live */
	bool is_in_charge; /* of the service, or was */
	bool is_announced; /* READY was told to who started this process */
};

/* Before anything else of it. */
void upgrade_init(struct upgrade *upgrade, struct server *server);
/* Finds out whether somebody serves, and adopts what it passes. STATUS_INVALID: neither the first,
 * nor the next. */
enum status MUST_CHECK upgrade_begin(struct upgrade *upgrade, struct diag *diag);
/* The configuration was refused: says why to who serves. */
void upgrade_refuse(struct upgrade *upgrade, const struct diag *diag);

/* A predecessor serves still: this process may warm, but not serve. */
static inline bool upgrade_is_taking(const struct upgrade *upgrade)
{
	return taker_holds(&upgrade->taker);
}

/* While upgrade_is_taking: all that was configured is known. */
void upgrade_warmed(struct upgrade *upgrade);
/* The first process of a service is live. */
void upgrade_live(struct upgrade *upgrade);

/* Starts a successor. STATUS_INVALID with the reason: none may be started now. */
enum status MUST_CHECK upgrade_start(struct upgrade *upgrade, struct diag *diag);
/* Once a second: says READY again if it was lost. */
void upgrade_tick(struct upgrade *upgrade);
/* SIGCHLD. */
void upgrade_reap(struct upgrade *upgrade);
/* MAIN_PARKED */
void upgrade_on_parked(struct upgrade *upgrade);
/* MAIN_GIVING_OVER */
void upgrade_on_giving_over(struct upgrade *upgrade);
/* MAIN_SAYS: takes it. */
void upgrade_on_saying(struct upgrade *upgrade, struct worker_saying *saying);
/* The drain is over: true if this process was replaced, and ends by its last words. */
bool upgrade_on_drained(struct upgrade *upgrade);
/* SIGTERM: an upgrade under way is taken back, and none begins any more. */
void upgrade_on_drain(struct upgrade *upgrade);
/* The process ends: workers that stand still go on, so that they can be stopped. */
void upgrade_stop(struct upgrade *upgrade);
/* Workers have ended. */
void upgrade_fini(struct upgrade *upgrade);

/* /upgrade */
void admin_fill_upgrade(struct admin_request *request);

#endif

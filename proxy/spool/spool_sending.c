/* What becomes of the requests that are kept: sent when they are due, over when they were answered.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "spool/spool_private.h"

/* --- the end of a request --- */

/* Not synced: a mark that is lost means one attempt too many. */
static void end_entry(struct spool *spool, struct spool_entry *entry, enum spool_stat why)
{
	const struct spool_record record = {.type = SPOOL_OVER, .id = entry->id};
	struct spool_place place;

	enum status status = spool_files_append(&spool->files, &record, &place);
	if (status)
		log_warn_limited(FILTER, "spool %s: a request that is over isn't marked: %s",
				 spool->path, status_text(status));
	spool_files_count(&spool->files, entry->place.segment, false);
	spool_index_remove(&spool->index, entry);
	spool_count(spool, why);
}

static bool is_late(const struct spool *spool, const struct spool_entry *entry, uint64_t now)
{
	return now - entry->created_ms >= spool->options.ttl_ms && now > entry->created_ms;
}

static void retry(struct spool *spool, struct spool_entry *entry)
{
	const struct spool_options *options = &spool->options;
	uint64_t pause_ms = options->base_interval_ms;

	for (uint32_t i = 1; i < entry->attempts && pause_ms < options->max_interval_ms; i++)
		pause_ms *= 2;
	if (pause_ms > options->max_interval_ms)
		pause_ms = options->max_interval_ms;
	spool_count(spool, SPOOL_STAT_RETRIED);
	spool_index_retry(&spool->index, entry, spool_now_ms(spool) + pause_ms);
}

static void refused(struct spool *spool, struct spool_entry *entry)
{
	if (entry->attempts < spool->options.max_attempts) {
		retry(spool, entry);
		return;
	}
	log_warn_limited(FILTER, "spool %s: request %llu is given up after %u attempts",
			 spool->path, (unsigned long long)entry->id, entry->attempts);
	end_entry(spool, entry, SPOOL_STAT_DEAD);
}

static void drop_sending(struct spool_command *command)
{
	struct spool_sending *sending = container_of(command, struct spool_sending, command);

	spool_user_drop(sending->user);
	free(sending);
}

static void run_sent(struct spool *spool, struct spool_command *command)
{
	struct spool_sending *sending = container_of(command, struct spool_sending, command);
	struct spool_entry *entry = sending->entry;

	spool->sending--;
	switch (sending->outcome) {
	case SPOOL_ANSWERED:
		end_entry(spool, entry, SPOOL_STAT_SENT);
		break;
	case SPOOL_REFUSED:
		refused(spool, entry);
		break;
	case SPOOL_UNTRIED:
		entry->attempts--;
		spool_index_retry(&spool->index, entry, spool_now_ms(spool));
		break;
	case SPOOL_SENSELESS:
		end_entry(spool, entry, SPOOL_STAT_UNREADABLE);
		break;
	}
	drop_sending(command);
}

void spool_sent(struct spool_sending *sending, enum spool_outcome outcome)
{
	sending->outcome = outcome;
	spool_command(sending->spool, &sending->command);
}

/* --- sending --- */

void spool_expire(struct spool *spool)
{
	uint64_t now = spool_now_ms(spool);

	for (struct spool_entry *entry;
	     (entry = spool_index_first(&spool->index)) && is_late(spool, entry, now);)
		end_entry(spool, entry, SPOOL_STAT_EXPIRED);
}

/* What was accepted isn't given up because no file can be opened now, or the disk doesn't answer:
 * later, until it is too late. */
static void unread(struct spool *spool, struct spool_entry *entry, enum status status)
{
	log_error_limited(FILTER, "spool %s: request %llu can't be read: %s", spool->path,
			  (unsigned long long)entry->id, status_text(status));
	if (!status || status == STATUS_MALFORMED || status == status_of_errno(ENOENT)) {
		end_entry(spool, entry, SPOOL_STAT_UNREADABLE);
		return;
	}
	spool_index_take(&spool->index, entry);
	spool_index_retry(&spool->index, entry,
			  spool_now_ms(spool) + spool->options.base_interval_ms);
}

/* Of the first one, which is due. False: it can't be read. */
static bool send_first(struct spool *spool, struct spool_entry *entry)
{
	struct spool_sending *sending = malloc(sizeof *sending + entry->place.len);
	struct spool_record record;

	invariant(sending);
	enum status status = spool_files_read(&spool->files, entry->place, sending->room, &record);
	if (status || record.id != entry->id) {
		free(sending);
		unread(spool, entry, status);
		return false;
	}
	spool_index_take(&spool->index, entry);
	spool->sending++;
	sending->command = (struct spool_command){NULL, run_sent, drop_sending};
	sending->spool = spool;
	sending->user = spool->user;
	atomic_fetch_add_explicit(&spool->user->references, 1, memory_order_relaxed);
	sending->entry = entry;
	sending->attempt = ++entry->attempts;
	sending->bytes = record.bytes;
	spool->user->send(spool->user, sending);
	return true;
}

int spool_send_due(struct spool *spool)
{
	for (struct spool_entry *entry; (entry = spool_index_first(&spool->index));) {
		uint64_t now = spool_now_ms(spool);
		if (entry->due_ms > now) {
			uint64_t left_ms = entry->due_ms - now;
			return left_ms < SPOOL_LOCK_MS ? (int)left_ms : SPOOL_LOCK_MS;
		}
		if (spool->sending >= spool->options.max_sending ||
		    !spool->user->may_send(spool->user, spool_monotonic_ms()))
			return SPOOL_LOOK_MS;
		if (!send_first(spool, entry))
			spool->user->give_back(spool->user);
	}
	return -1;
}

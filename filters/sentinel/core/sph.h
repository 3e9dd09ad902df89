/* Sph: the door through which every call of a resource goes. See entry.h. */
#ifndef SENTINEL_CORE_SPH_H
#define SENTINEL_CORE_SPH_H

#include "filters/sentinel/core/entry.h"

/* Begins a call on that worker. rules: the version that holds now. Fills the entry. */
enum entry_verdict sph_entry(struct sentinel *sentinel, struct rule_set *rules, unsigned worker,
			     const struct entry_request *request, struct instant now,
			     struct entry *entry);

/* The same of an entry whose request, sentinel and worker are set, and nothing else. */
enum entry_verdict sph_begin(struct entry *entry, struct rule_set *rules, struct instant now);

/* The wait is over. rules: the version that holds now; the slot that made the call wait goes on
 * with the one it had, which must still be there. May answer ENTRY_WAIT again. */
enum entry_verdict sph_resume(struct entry *entry, struct rule_set *rules, struct instant now);

/* A call that waits would wait longer than its caller does: it is blocked by the rule that makes it
 * wait, and counted so; what it reserved stays reserved. */
void sph_refuse(struct entry *entry, struct instant now);

/* A call that waits will not go on: nothing is counted, what it reserved stays reserved, and no
 * answer of the token service comes any more. */
void sph_cancel(struct entry *entry);

/* The call failed (Tracer.trace): counted when it ends. */
static inline void sph_trace(struct entry *entry)
{
	entry->error = true;
}

/* A call that passed is over. rules: the version that holds now. */
void sph_exit(struct entry *entry, struct rule_set *rules, struct instant now);

/* "FlowException" */
const char *block_exception_name(enum block_exception exception);

/* The limitApp of the block log: that of the rule, the origin, the system's limit or the
 * parameter's value. Written to out (cut), returns the length. */
size_t block_limit_app(const struct entry *entry, char *out, size_t size);

#endif

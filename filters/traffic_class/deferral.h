/* Keeping a shed request for later: whole, as it would have been sent, on disk before it is
 * accepted.
 *
 *   headers ─> BUFFER ─ data … ─ end ─> PAUSE ── the disk has it ──> 202 (a call: null, or nothing)
 *                       └ too large: refused          └ it failed, is full: refused
 *
 * Owner, thread: the filter's (traffic_class.h). */
#ifndef FILTERS_TRAFFIC_CLASS_DEFERRAL_H
#define FILTERS_TRAFFIC_CLASS_DEFERRAL_H

#include "filters/traffic_class/traffic_class.h"

/* Whether this request of its class can be kept. */
bool deferral_may_begin(struct filter *f, const struct headers *headers);

enum filter_status deferral_begin(struct filter *f, bool end);
enum filter_status deferral_data(struct filter *f, struct buf *data, bool end);
enum filter_status deferral_trailers(struct filter *f);
/* The stream ends, whatever became of it. What the disk has already stays there. */
void deferral_end(struct filter *f);

/* The same for equal requests with an equal key, of whom has the same credentials. */
struct spool_key deferral_key(const struct headers *headers, struct slice key, struct slice body);

#endif

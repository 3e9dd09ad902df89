/* Field masks of /config_dump: "cluster.name,last_updated".
 *
 * Pure. */
#ifndef SERVER_ADMIN_MASK_H
#define SERVER_ADMIN_MASK_H

#include <stdbool.h>

#include "base/slice.h"
#include "telemetry/text.h"

/* Cuts every item of "configs" in the JSON text down to the fields of the mask; lists are gone
 * through, and "@type" stays wherever it is on the way. Sections that have nothing of the mask are
 * left out, items (keeps_all) aren't. False: nothing of it is anywhere, or (body stays as it is)
 * the text can't be read. */
bool admin_mask(struct text *body, struct slice mask, bool keeps_all);

#endif

/* A message of a protocol that writes whole frames, while its pieces come in.
 *
 * Owner of what is gathered: the exchange's state. Thread: its worker. Size: the message's,
 * which the codec that read it has limited. */
#ifndef CODEC_GATHER_H
#define CODEC_GATHER_H

#include <stdbool.h>

#include "base/buf.h"

/* Adds a piece of a body to what is gathered of it (pool NULL: nothing yet), which outlives the
 * turn unless this is the end. */
static inline void codec_gather(struct buf *gathered, struct buf *data, bool end)
{
	if (!gathered->pool)
		buf_init(gathered, data->pool);
	buf_move_all(gathered, data);
	if (!end)
		buf_own(gathered);
}

#endif

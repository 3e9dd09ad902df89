/* Numbers and columns as Java writes them: what the dashboard's parsers and operators' eyes expect.
 *
 * Pure. */
#ifndef SENTINEL_OPS_JAVA_TEXT_H
#define SENTINEL_OPS_JAVA_TEXT_H

#include <sys/types.h>

#include "telemetry/text.h"

/* Double.toString: "20.0", "0.05", "1.0E10". */
void java_text_double(struct text *out, double value);

/* "%-10s": blanks behind, to that many bytes. */
void java_text_column(struct text *out, struct slice value, size_t width);

/* URLDecoder.decode: '+' is a blank, %XX a byte. In place (data), returns the length left; -1: a
 * broken %XX. */
ssize_t java_url_decode(char *data, size_t len);
/* URLEncoder.encode. */
void java_url_encode(struct text *out, struct slice value);

#endif

/* JSON text (RFC 8259) to a document. As Envoy's reader does, it lets a comma stand before a
 * closing bracket. Numbers, true and false become plain scalars. */
#ifndef XDS_JSON_READER_H
#define XDS_JSON_READER_H

#include "document_builder.h"

/* Leaves the root as the builder's only node. STATUS_MALFORMED or STATUS_TOO_LARGE, diag written.
 */
MUST_CHECK enum status json_reader_run(struct document_builder *builder, struct slice text);

#endif

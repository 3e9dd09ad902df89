/* YAML text to a document, by libyaml's events. Anchors and aliases; of several documents in a
 * stream the first counts. A key tagged !ignore is left out (Envoy's place for anchors); other tags
 * mean nothing, but `!` says "a string". */
#ifndef XDS_YAML_READER_H
#define XDS_YAML_READER_H

#include "document_builder.h"

/* Leaves the root as the builder's only node. STATUS_MALFORMED or STATUS_TOO_LARGE, diag written.
 */
MUST_CHECK enum status yaml_reader_run(struct document_builder *builder, struct slice text);

#endif

/* The content of a SOFA RPC request on Bolt: one stream of values.
 *
 *   [com.alipay.sofa.rpc.core.request.SofaRequest][argument][argument] …
 *
 * Pure. Thread: any. */
#ifndef CODEC_SOFA_REQUEST_H
#define CODEC_SOFA_REQUEST_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

struct argument_path;
struct argument_value;
struct hessian2_grammar;

/* What stands at a path of the arguments. The grammar is sofa_hessian_grammar for Bolt's codec 1,
 * hessian2_grammar for 4. ARGUMENT_ABSENT with STATUS_OK: nothing; STATUS_MALFORMED,
 * STATUS_TOO_LARGE: it can't be read. The value lives as long as content and arena. */
MUST_CHECK enum status sofa_request_argument(struct slice content,
					     const struct hessian2_grammar *grammar,
					     const struct argument_path *path, struct arena *arena,
					     struct argument_value *value);

#endif

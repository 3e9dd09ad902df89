/* What the process starts from: the file of -c and the text of --config-yaml, merged.
 *
 *   file ─ document ─ message ┐
 *                             ├─ merge ─ validate ─ semantics ─> bootstrap.message
 *   text ─ document ─ message ┘
 *
 * Owner: whoever holds the struct; the documents stay with it, so that later faults can be given a
 * place. Thread: the builder's, or main's before it serves (it reads a file). */
#ifndef XDS_BOOTSTRAP_H
#define XDS_BOOTSTRAP_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/status.h"
#include "document.h"

#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"

struct bootstrap_options {
	const char *path;       /* of -c; NULL: none. JSON if it ends in .json, else YAML */
	const char *yaml;       /* of --config-yaml; NULL: none */
	bool allow_unknown;     /* fields and types: --allow-unknown-static-fields */
	bool allow_unsupported; /* fields that we understand and don't carry out: a warning */
	/* Called for every warning, and every fault but the first (which is in the diag); may be
	 * NULL. */
	void (*report)(void *context, const struct diag *diag, bool is_fault);
	void *context;
};

struct bootstrap {
	struct arena arena;
	struct document file, text;
	bool has_file, has_text;
	const Envoy__Config__Bootstrap__V3__Bootstrap *message;
};

/* On failure diag says why, and there is nothing to free. STATUS_INVALID, STATUS_MALFORMED,
 * STATUS_TOO_LARGE, or the negated errno of the file. */
MUST_CHECK enum status bootstrap_load(struct bootstrap *bootstrap,
				      const struct bootstrap_options *options, struct diag *diag);

void bootstrap_free(struct bootstrap *bootstrap);

/* Gives a diag whose path begins at the bootstrap message its file, line and column. */
void bootstrap_place(const struct bootstrap *bootstrap, struct diag *diag);

#endif

/* What another process says it has counted: any bytes are taken in whole or refused, none makes the
 * reader look beyond them, and what was taken in can be told again. */
#include <stdlib.h>

#include "base/attributes.h"
#include "base/diag.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_http.h"
#include "telemetry/stats_transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stats *stats = stats_new();
	struct stat_scope *cluster = stat_scope_take(stats, &cluster_stats, SLICE("cluster.a"));
	struct stat_scope *http = stat_scope_take(stats, &http_stats, SLICE("http.in"));
	struct section_writer all = {0}, more = {0};
	struct diag diag = {0};

	if (!stats_import(stats, slice_make(data, size), &diag)) {
		stats_export_all(stats, &all);
		stats_export_more(stats, &more);
		invariant(!more.len);
		invariant(!stats_import(stats, slice_make(all.data, all.len), &diag));
	} else {
		invariant(diag_is_set(&diag));
	}
	stats_import_end(stats);
	section_writer_free(&all);
	section_writer_free(&more);
	stat_scope_drop(stats, cluster);
	stat_scope_drop(stats, http);
	stats_free(stats);
	return 0;
}

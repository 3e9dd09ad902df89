/* Host sets of a cluster: what is small is built at once, what is large by the builder.
 *
 *   cluster_hosts_assign  (hosts in the configuration, from DNS) ─┬─ few: at once ────────────┐
 *   cluster_hosts_refresh (health has changed) ───────────────────┴─ many: builder ─ settled ─┤
 *                                                     cluster_manager_set_hosts <─────────────┘
 *
 * One set of a cluster is being built at a time; what comes meanwhile is built when it is back.
 * What is large is also freed by the builder.
 *
 * Owner: the cluster's record. Thread: main. Limit: HOSTS_AT_ONCE. */
#ifndef SERVER_CLUSTER_HOSTS_H
#define SERVER_CLUSTER_HOSTS_H

#include <stdint.h>

struct assignment;
struct cluster_record;
struct published;

enum { HOSTS_AT_ONCE = 1024 }; /* hosts, or entries of a hash table; 1 ms or so */

/* Has the record a host set of the assignment (taken; NULL: the configuration's own) soon or now.
 * Of several that wait the last one counts. */
void cluster_hosts_assign(struct cluster_record *record, struct assignment *assignment);
/* The same hosts with tables for their health. */
void cluster_hosts_refresh(struct cluster_record *record);
/* The number of the record's next host set, for who builds one by itself (EDS). */
uint32_t cluster_hosts_generation(struct cluster_record *record);
/* A new version of the cluster is coming: what waits to be built for the old one won't be. */
void cluster_hosts_forget(struct cluster_record *record);
/* The record goes; what is being built for it will be dropped. */
void cluster_hosts_stop(struct cluster_record *record);

/* published.free of the manager's host sets and clusters. published.owner: the manager. */
void cluster_hosts_release(struct published *published);
void cluster_hosts_release_cluster(struct published *published);

#endif

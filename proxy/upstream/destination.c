#include "upstream/destination.h"

#include "upstream/upstream_worker.h"

/* A host that nothing holds is removed at once, others with their last request or connection. */
static void on_cleanup(struct timer *timer)
{
	struct destinations *d = container_of(timer, struct destinations, timer);
	struct map kept;

	map_init(&kept, NULL);
	for (struct map_entry *e = NULL; (e = map_next(&d->by_address, e));) {
		struct worker_host *wh = e->value;
		if (wh->holds)
			map_set(&kept, e->key, wh);
		else
			worker_host_remove(wh);
	}
	map_free(&d->by_address);
	d->by_address = kept;
	if (kept.count)
		timer_start(&d->cluster->upstream->loop->wheel, timer,
			    cluster_worker_config(d->cluster)->cleanup_ms);
}

struct worker_host *destination_pick(struct destinations *d, const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];
	struct slice name = slice_make(text, addr_format(addr, text));
	struct worker_host *wh = map_get(&d->by_address, name);

	if (wh)
		return wh;
	if (d->by_address.count >= DESTINATIONS_MAX)
		return NULL;
	struct host *host = host_new(addr, name);
	host->generation = UINT32_MAX; /* no host set removes it */
	wh = worker_host_get(d->cluster, host);
	host_drop(host);
	map_set(&d->by_address, host_hostname(wh->host), wh);
	if (!d->timer.fire)
		timer_init(&d->timer, on_cleanup);
	if (!timer_is_running(&d->timer))
		timer_start(&d->cluster->upstream->loop->wheel, &d->timer,
			    cluster_worker_config(d->cluster)->cleanup_ms);
	return wh;
}

void destinations_fini(struct destinations *d)
{
	if (!d->timer.fire)
		return;
	timer_cancel(&d->cluster->upstream->loop->wheel, &d->timer);
	map_free(&d->by_address);
}

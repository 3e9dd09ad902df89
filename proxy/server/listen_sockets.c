#include "server/listen_sockets.h"

#include <stdlib.h>
#include <unistd.h>

#include "server/worker.h"

static bool is_same(const struct listen_sockets *sockets, const struct addr *addrs,
		    unsigned addr_count, const struct listen_options *options)
{
	if (sockets->addr_count != addr_count ||
	    sockets->options.reuse_port != options->reuse_port ||
	    sockets->options.transparent != options->transparent)
		return false;
	for (unsigned i = 0; i < addr_count; i++)
		if (!addr_equal(&sockets->addrs[i], &addrs[i]))
			return false;
	return true;
}

static void close_here(struct worker *worker, void *fd)
{
	(void)worker;
	close((int)(intptr_t)fd);
}

/* By the worker that accepted from it: its event library may still have a word with the kernel
 * about a descriptor that it watches no more, and by then the number could be another's. */
static void close_one(const struct listen_sockets *sockets, unsigned a, unsigned w)
{
	const struct publisher *publisher = sockets->publisher;
	struct worker *worker = publisher->workers ? publisher->workers[w] : NULL;
	int fd = listen_sockets_fd(sockets, a, w);

	if (fd < 0)
		return;
	if (worker && worker->is_started)
		worker_post(worker, close_here, (void *)(intptr_t)fd);
	else
		close(fd);
}

static void close_all(struct listen_sockets *sockets)
{
	for (unsigned a = 0; a < sockets->addr_count; a++)
		for (unsigned w = 0; w < sockets->worker_count; w++)
			close_one(sockets, a, w);
	free(sockets->addrs);
	free(sockets->paths);
	free(sockets);
}

static enum status open_address(struct listen_sockets *sockets, unsigned a, struct diag *diag)
{
	const struct addr *addr = &sockets->addrs[a];
	struct listen_options options = sockets->options;

	options.reuse_port = options.reuse_port && addr->family != ADDR_UNIX;
	unsigned count = options.reuse_port ? sockets->worker_count : 1;
	for (unsigned w = 0; w < count; w++) {
		int fd = listen_socket_open(addr, &options);
		if (fd < 0) {
			char text[ADDR_TEXT_MAX];
			addr_format(addr, text);
			return diag_at(diag, "address", "cannot bind '%s': %s", text,
				       status_text((enum status)fd));
		}
		sockets->fds[a * sockets->worker_count + w] = fd;
	}
	return STATUS_OK;
}

struct listen_sockets *listen_sockets_take(struct list_node *open, const struct addr *addrs,
					   unsigned addr_count,
					   const struct listen_options *options,
					   const struct publisher *publisher, struct diag *diag)
{
	for (struct list_node *n = open->next; n != open; n = n->next) {
		struct listen_sockets *sockets = container_of(n, struct listen_sockets, link);
		if (is_same(sockets, addrs, addr_count, options)) {
			sockets->references++;
			return sockets;
		}
	}
	unsigned worker_count = publisher->worker_count;
	size_t fd_count = (size_t)addr_count * worker_count;
	struct listen_sockets *sockets = calloc(1, sizeof *sockets + fd_count * sizeof(int));
	invariant(sockets);
	sockets->addr_count = addr_count;
	sockets->publisher = publisher;
	sockets->worker_count = worker_count;
	sockets->references = 1;
	sockets->options = *options;
	sockets->addrs = calloc(addr_count, sizeof *sockets->addrs);
	sockets->paths = calloc(addr_count, sizeof *sockets->paths);
	invariant(sockets->addrs && sockets->paths);
	for (size_t i = 0; i < fd_count; i++)
		sockets->fds[i] = -1;
	for (unsigned a = 0; a < addr_count; a++) {
		sockets->addrs[a] = addrs[a];
		if (addrs[a].family != ADDR_UNIX)
			continue;
		strncpy(sockets->paths[a], addrs[a].path, ADDR_TEXT_MAX - 1);
		sockets->addrs[a].path = sockets->paths[a];
	}
	for (unsigned a = 0; a < addr_count; a++) {
		if (open_address(sockets, a, diag)) {
			close_all(sockets);
			return NULL;
		}
	}
	list_push_back(open, &sockets->link);
	return sockets;
}

void listen_sockets_drop(struct listen_sockets *sockets)
{
	if (--sockets->references)
		return;
	list_remove(&sockets->link);
	close_all(sockets);
}

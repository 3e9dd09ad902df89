#include "server/host_section.h"

#include "base/addr.h"
#include "base/section_fields.h"
#include "server/cluster_manager.h"

enum {
	CLUSTER = 1,

	/* of a cluster */
	NAME = 1,
	CHECKED = 2, /* address, hostname, flags, successes and failures in a row */
	EJECTED = 3, /* address, hostname, whether still, when, when back, times, jitter */
};

static void put_host(struct section_writer *out, const struct host *host)
{
	char address[ADDR_TEXT_MAX];
	size_t len = addr_format(&host->addr, address);

	section_put_text(out, slice_make(address, len));
	section_put_text(out, host_hostname(host));
}

static void write_checked(void *arg, const struct host *host, const struct health *health)
{
	struct section_writer *out = arg;
	size_t opened = field_open(out, CHECKED);

	put_host(out, host);
	section_put_number(out, host_health(host) & HOST_CHECKED);
	section_put_number(out, health->successes);
	section_put_number(out, health->failures);
	field_close(out, opened);
}

static void write_ejected(struct section_writer *out, const struct outlier_host *h)
{
	if (!h->is_ejected && !h->times)
		return;
	size_t opened = field_open(out, EJECTED);
	put_host(out, h->host);
	section_put_number(out, h->is_ejected);
	section_put_number(out, h->ejected_ms);
	section_put_number(out, h->returned_ms);
	section_put_number(out, h->times);
	section_put_number(out, h->jitter_ms);
	field_close(out, opened);
}

static void export_warm(void *owner, struct section_writer *out)
{
	const struct cluster_manager *manager = owner;

	for (struct list_node *n = manager->records.next; n != &manager->records; n = n->next) {
		const struct cluster_record *record = container_of(n, struct cluster_record, link);
		size_t before = out->len, opened = field_open(out, CLUSTER);
		field_put_text(out, NAME, record->name);
		size_t head = out->len;
		health_checker_each(&record->care.checker, write_checked, out);
		for (const struct outlier_host *h = record->care.outlier.hosts; h; h = h->next)
			write_ejected(out, h);
		if (out->len == head)
			out->len = before; /* nothing is known */
		else
			field_close(out, opened);
	}
}

/* memory NULL: it is only looked over. */
static bool read_host(const struct field *given, struct host_memory *memory, struct slice cluster)
{
	struct section_reader in = field_reader(given);
	struct slice address = section_get_text(&in), hostname = section_get_text(&in);
	struct host_finding unused = {0}, *finding = NULL;

	if (in.is_bad || !address.len)
		return false;
	if (memory)
		finding = host_memory_at(memory, cluster, address, hostname);
	finding = finding ? finding : &unused;
	if (given->number == CHECKED) {
		finding->is_checked = true;
		finding->checked_flags =
			(uint32_t)section_get_number_to(&in, UINT32_MAX) & HOST_CHECKED;
		finding->successes = (uint32_t)section_get_number_to(&in, UINT32_MAX);
		finding->failures = (uint32_t)section_get_number_to(&in, UINT32_MAX);
	} else {
		finding->was_ejected = true;
		finding->is_ejected = section_get_number_to(&in, 1);
		finding->ejected_ms = section_get_number(&in);
		finding->returned_ms = section_get_number(&in);
		finding->times = (uint32_t)section_get_number_to(&in, UINT32_MAX);
		finding->jitter_ms = (uint32_t)section_get_number_to(&in, UINT32_MAX);
	}
	return !in.is_bad;
}

static bool read_cluster(const struct field *given, struct host_memory *memory)
{
	struct section_reader in = field_reader(given), hosts = in;
	struct slice name = {0};
	struct field field;

	while (field_next(&in, &field))
		if (field.number == NAME)
			name = field.bytes;
	if (in.is_bad || !name.len)
		return false;
	while (field_next(&hosts, &field))
		if ((field.number == CHECKED || field.number == EJECTED) &&
		    !read_host(&field, memory, name))
			return false;
	return true;
}

static bool read_clusters(struct slice bytes, struct host_memory *memory)
{
	struct section_reader in;
	struct field field;

	section_reader_init(&in, bytes);
	while (field_next(&in, &field))
		if (field.number == CLUSTER && !read_cluster(&field, memory))
			return false;
	return !in.is_bad;
}

static enum status import_warm(void *owner, enum section_part part, uint32_t version,
			       struct slice bytes, struct diag *diag)
{
	struct cluster_manager *manager = owner;

	(void)part, (void)version;
	if (!read_clusters(bytes, NULL))
		return diag_set(diag, "no hosts of a cluster");
	(void)read_clusters(bytes, &manager->memory);
	return STATUS_OK;
}

static void predecessor_gone(void *owner)
{
	struct cluster_manager *manager = owner;

	host_memory_fini(&manager->memory);
	host_memory_init(&manager->memory);
}

const struct section_type host_section = {
	.name = "hosts",
	.version = 1,
	.oldest = 1,
	.export = {[SECTION_WARM] = export_warm},
	.import = import_warm,
	.predecessor_gone = predecessor_gone,
};

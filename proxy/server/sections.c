#include "server/sections.h"

#include "base/attributes.h"
#include "base/diag.h"
#include "base/shared_section.h"
#include "filters/sentinel/state_section.h"
#include "server/host_section.h"
#include "server/server.h"
#include "telemetry/stats_transfer.h"

/* --- what is the process's own: an operator's word that holds until it is taken back --- */

static void export_server(void *owner, struct section_writer *out)
{
	const struct server *server = owner;
	section_put_number(out, server->is_health_check_failing);
}

static enum status import_server(void *owner, enum section_part part, uint32_t version,
				 struct slice bytes, struct diag *diag)
{
	struct section_reader in;

	(void)part;
	(void)version;
	section_reader_init(&in, bytes);
	bool is_failing = section_get_number_to(&in, 1);
	if (!section_is_done(&in))
		return diag_set(diag, "is malformed");
	if (is_failing)
		server_set_failing(owner, true);
	return STATUS_OK;
}

static const struct section_type server_section = {
	.name = "server",
	.version = 1,
	.oldest = 1,
	.export = {[SECTION_FINAL] = export_server},
	.import = import_server,
};

/* --- the list --- */

/* Each line: an owner's type, and the owner. The order is that of export and import. */
size_t server_sections(struct server *server, struct section *sections, size_t room)
{
	const struct section all[] = {
		{&server_section, server},       {&host_section, &server->clusters},
		{&shared_section, NULL},         {&sentinel_section, &server->sentinel},
		{&stats_section, server->stats},
	};

	invariant(COUNT_OF(all) <= room);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		sections[i] = all[i];
	return COUNT_OF(all);
}

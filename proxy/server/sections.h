/* The list of what is passed to a successor: each owner of state writes a struct section_type
 * (base/section.h) and one line in sections.c.
 *
 * Thread: main. */
#ifndef SERVER_SECTIONS_H
#define SERVER_SECTIONS_H

#include "base/section.h"

struct server;

/* Fills in this process's, `room` at most; how many there are. Owners exist; their content may not
 * yet. */
size_t server_sections(struct server *server, struct section *sections, size_t room);

#endif

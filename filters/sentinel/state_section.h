/* What a process that takes over is told of Sentinel: the section "sentinel".
 *
 *   WARM   the seed of fingerprints, rules set by commands    before any application is made
 *   FINAL  every application's core (core/core_transfer.h)    its rules are in force
 *   TAIL   how many of the old process's calls still run
 *
 * Applications that the new process doesn't have are passed over. From the second of FINAL on the
 * new process writes the metric log and counts resources; the old one has ended with the second
 * before, unless it takes all back.
 *
 * Owner: struct sentinel_applications. Thread: main; states of workers while they stand still. */
#ifndef FILTERS_SENTINEL_STATE_SECTION_H
#define FILTERS_SENTINEL_STATE_SECTION_H

#include "base/section.h"

struct sentinel_application;
struct sentinel_applications;

extern const struct section_type sentinel_section;

/* The seed of all applications: the predecessor's, or one nobody knows. */
uint64_t sentinel_state_seed(struct sentinel_applications *all);

/* Gives a new application the rules that commands have set in the process before. */
void sentinel_state_begin(struct sentinel_application *application);

#endif

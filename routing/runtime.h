/* Values of the bootstrap's layered_runtime: what is set there once, by Envoy's keys.
 *
 * Static layers only, the last one that has a key wins; nothing changes while the process runs.
 * Pure. Thread: any. Source: Envoy's runtime documentation. */
#ifndef ROUTING_RUNTIME_H
#define ROUTING_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct Envoy__Config__Bootstrap__V3__LayeredRuntime;

/* A whole number that isn't negative, written as "a.b.c: 1" or as maps in each other. otherwise:
 * what it is when no layer has it, or has something else there. runtime may be NULL. */
uint64_t runtime_number(const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime,
			struct slice key, uint64_t otherwise);

/* The same for true, false and whole numbers (0 is false), all of which may be text. */
bool runtime_flag(const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime,
		  struct slice key, bool otherwise);

#endif

/* How busy the machine's processors are: one number for the process, which main looks up once a
 * second while somebody wants it.
 *
 * Owner: base/shared.h. Thread: main writes, any reads. */
#ifndef BASE_SHARED_LOAD_H
#define BASE_SHARED_LOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct arena;

struct shared_load {
	_Atomic uint32_t cpu; /* thousandths of all processors */
	_Atomic bool is_wanted;
};

static inline uint32_t shared_load_cpu(const struct shared_load *load)
{
	return atomic_load_explicit(&load->cpu, memory_order_relaxed);
}

static inline void shared_load_set(struct shared_load *load, uint32_t cpu)
{
	atomic_store_explicit(&load->cpu, cpu, memory_order_relaxed);
}

static inline bool shared_load_is_wanted(const struct shared_load *load)
{
	return atomic_load_explicit(&load->is_wanted, memory_order_relaxed);
}

/* The process's one, with a reference more: shared_drop. */
struct shared_load *shared_load_take(void);
/* The same for who wants to read it, dropped with the arena. */
struct shared_load *shared_load_want(struct arena *arena);

#endif

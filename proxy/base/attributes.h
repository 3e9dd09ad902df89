/* Compiler attributes under names of our own, and the one check that stays in release builds. */
#ifndef BASE_ATTRIBUTES_H
#define BASE_ATTRIBUTES_H

#include <assert.h>
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_arg, first_arg) __attribute__((format(printf, text_arg, first_arg)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD __attribute__((cold, noinline))
#define NOINLINE __attribute__((noinline))
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* 1 when AddressSanitizer watches: pools then poison what is free. */
#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

/* 1 when ThreadSanitizer watches. */
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

/* The struct of `type` in which `node` is the member `member`. */
#define container_of(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Prints where and what to stderr, and aborts. */
COLD _Noreturn void invariant_failed(const char *what, const char *file, int line);

/* A bug if false: the process dies, in release too. For what could corrupt or leak another
 * request's bytes. */
#define invariant(x) (LIKELY(x) ? (void)0 : invariant_failed(#x, __FILE__, __LINE__))

#endif

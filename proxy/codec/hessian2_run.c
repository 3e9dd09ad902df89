#include "codec/hessian2_run.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_shape.h"

#define INLINE static inline __attribute__((always_inline))

enum { AT_ONCE = 1 << 16 }; /* objects that go by in one loop */

/* How a variant looks at many bytes at once. */
struct eyes {
	bool (*is_ascii_within)(const uint8_t *p,
				unsigned last);               /* as those of hessian2_string.h */
	bool (*is_ascii_first)(const uint8_t *p, size_t len); /* the same of so many, one or more */
	bool (*is_ascii_wide)(const uint8_t *p, size_t len);
	/* Whether bytes have the shape, but for bools; and the same of one of the least span. */
	bool (*has_shape)(const struct hessian2_shape *shape, const uint8_t *p);
	bool (*has_least)(const struct hessian2_shape *shape, const uint8_t *p);
	/* Whether HESSIAN2_PART_SIZE bytes have the part's tags. */
	bool (*has_part)(const struct hessian2_part *part, const uint8_t *p);
};

/* What is counted in registers. */
struct counts {
	uint64_t pending, containers, fields;
};

/* An int of one byte that counts or is an index; UINT32_MAX: another. */
INLINE uint32_t small_int(const uint8_t *p)
{
	uint32_t value = *p - (uint32_t)HESSIAN2_INT_0;

	return value < HESSIAN2_INTS ? value : UINT32_MAX;
}

INLINE bool has_shape(const struct eyes *eyes, const struct hessian2_shape *shape, const uint8_t *p)
{
	return eyes->has_shape(shape, p) &&
	       (LIKELY(!shape->flag_count) || hessian2_shape_flags(shape, p));
}

/* A string of ASCII whose length has ten bits: its size. 0: another one, or too near the end. */
INLINE size_t long_text_size(const uint8_t *p, const uint8_t *end, const struct eyes *eyes)
{
	size_t len = hessian2_long_text(p);

	return (size_t)(end - p) >= 2 + len + HESSIAN2_WIDE && eyes->is_ascii_wide(p + 2, len)
		       ? 2 + len
		       : 0;
}

/* A text in a part that isn't a short one: its size. 0: another value, or too near the end. */
INLINE size_t odd_text_size(const struct hessian2_run *run, const struct hessian2_shape *shape,
			    const uint8_t *p, const struct eyes *eyes)
{
	size_t size = *p == 'N';

	if (run->grammar->steps[*p] == HESSIAN2_STEP_LONG_TEXT)
		size = long_text_size(p, run->end, eyes);
	return (size_t)(run->end - p) >= size + hessian2_parts_room(shape, 0) ? size : 0;
}

/* Where the object ends whose fields are at p and in the parts of a shape, its first ones at least.
 * NULL: they aren't, or too near the end. */
INLINE const uint8_t *take_parts(const struct hessian2_run *run, const struct hessian2_shape *shape,
				 const uint8_t *p, const struct eyes *eyes)
{
	const struct hessian2_part *part = shape->parts, *behind = part + shape->part_count;

	do {
		if (LIKELY(part->has_text)) {
			size_t size = *p + 1u;
			if (UNLIKELY(size > HESSIAN2_WIDE)) {
				if (!(size = odd_text_size(run, shape, p, eyes)))
					return NULL;
			} else if (!eyes->is_ascii_first(p, size)) {
				return NULL;
			}
			p += size;
		}
		if (!eyes->has_part(part, p))
			return NULL;
		p += part->size;
		if (UNLIKELY(part->has_flag) && p[-1] != 'T' && p[-1] != 'F')
			return NULL;
	} while (++part < behind);
	return p;
}

/* So many objects at most that begin up to `last` with the same bytes as the first, and have the
 * one part of a shape: a short text and what follows. Returns where they end; sets their count. */
INLINE const uint8_t *take_texts(const struct hessian2_part *part, const uint8_t *p,
				 const uint8_t *last, uint64_t most, uint64_t *count,
				 const struct eyes *eyes)
{
	uint64_t left = most;
	uint8_t tag = *p;

	do {
		size_t size = p[1] + 1u;
		if (size > HESSIAN2_WIDE || !eyes->is_ascii_first(p + 1, size) ||
		    !eyes->has_part(part, p + 1 + size))
			break;
		p += 1 + size + part->size;
	} while (--left && p <= last && *p == tag);
	*count = most - left;
	return p;
}

/* The objects from p on that have the parts of their class's shape: as take_objects. NULL: the
 * first one hasn't. */
INLINE const uint8_t *take_loose(const struct hessian2_run *run, struct hessian2_shape *shape,
				 uint32_t field_count, const uint8_t *p, size_t head,
				 struct counts *counts, const struct eyes *eyes)
{
	size_t room = hessian2_parts_room(shape, head);
	uint64_t rest = field_count - shape->fields, most = rest ? 1 : counts->pending, count = 0;
	const uint8_t *last = run->last, *next;

	if (room > (size_t)(run->end - p) || shape->fields > field_count)
		return NULL;
	if (last > run->end - room)
		last = run->end - room;
	if (shape->part_count == 1 && head == 1 && shape->parts->has_text &&
	    !shape->parts->has_flag)
		p = take_texts(shape->parts, p, last, most, &count, eyes);
	if (!count) {
		uint8_t first = *p, second = p[head - 1];
		while ((next = take_parts(run, shape, p + head, eyes))) {
			p = next;
			if (++count == most || p > last || *p != first || p[head - 1] != second)
				break;
		}
		if (!count)
			return NULL;
	}
	shape->shaped += (uint32_t)count;
	counts->containers += count;
	counts->fields += count * field_count;
	counts->pending += rest + 1 - count;
	return p;
}

/* The object at p, whose tag and class take `head` bytes: with the first of its fields, and more of
 * its class behind it, if they have its shape; else only the head. Other fields are to come.
 * Returns where it ends; leaves the last object to be counted off pending. */
INLINE const uint8_t *take_objects(struct hessian2_run *run, const uint8_t *p, uint32_t at,
				   size_t head, struct counts *counts, const struct eyes *eyes)
{
	struct hessian2_class *class = &run->classes[at];
	const struct hessian2_shape *shape = class->shape;
	const uint8_t *last = run->last;

	if (UNLIKELY(!shape || shape->span > (size_t)(run->end - p) ||
		     shape->fields > class->field_count || !has_shape(eyes, shape, p))) {
		const uint8_t *next = NULL;
		if (shape && shape->part_count &&
		    (next = take_loose(run, class->shape, class->field_count, p, head, counts,
				       eyes)))
			return next;
		if ((shape && hessian2_is_given_up(shape)) ||
		    !hessian2_reshape(run, class, p, head) || class->shape->part_count) {
			counts->containers++;
			counts->fields += class->field_count;
			counts->pending += class->field_count;
			return p + head;
		}
		shape = class->shape;
	}
	uint64_t rest = class->field_count - shape->fields, count = 0;
	uint64_t most = rest ? 1 : counts->pending;
	if (last > run->end - shape->span)
		last = run->end - shape->span;
	if (most > AT_ONCE)
		most = AT_ONCE;
	if ((most - 1) * shape->size < (size_t)(last - p))
		last = p + (most - 1) * shape->size;
	if (LIKELY(shape->span == HESSIAN2_SHAPE_LEAST && !shape->flag_count)) {
		do {
			p += shape->size;
			count++;
		} while (p <= last && eyes->has_least(shape, p));
	} else {
		do {
			p += shape->size;
			count++;
		} while (p <= last && has_shape(eyes, shape, p));
	}
	class->shape->shaped += (uint32_t)count;
	counts->containers += count;
	counts->fields += count * class->field_count;
	counts->pending += rest + 1 - count;
	return p;
}

/* The head of a list that is counted by a small number, its type a short name or an index: its
 * elements are to come. Its size. 0: something else, or too near the end. */
INLINE size_t take_list(struct hessian2_run *run, const uint8_t *head, struct counts *counts,
			const struct eyes *eyes)
{
	enum { ASKED = HESSIAN2_TYPED | HESSIAN2_NUMBER | HESSIAN2_NUMBER_IN_TAG };
	const struct hessian2_tag *tag = &run->grammar->tags[*head];
	const uint8_t *p = head;
	uint32_t types = run->type_count, count = *p++ - (uint32_t)tag->base;

	if (tag->kind != HESSIAN2_LIST || tag->form & ~ASKED || !run->may_contain ||
	    run->end - p < 3 * HESSIAN2_WIDE)
		return 0;
	if (tag->form & HESSIAN2_TYPED) {
		if (run->grammar->steps[*p] == HESSIAN2_STEP_TEXT && eyes->is_ascii_within(p, *p)) {
			p += *p + 1;
			types++;
		} else if (small_int(p++) >= types) {
			return 0;
		}
	}
	if (tag->form & HESSIAN2_NUMBER && (count = small_int(p++)) == UINT32_MAX)
		return 0;
	run->type_count = types;
	counts->containers++;
	counts->fields += count;
	counts->pending += count;
	return (size_t)(p - head);
}

INLINE uint64_t run_with(struct hessian2_run *run, uint64_t pending, const struct eyes *eyes)
{
	const int8_t *steps = run->grammar->steps;
	const uint8_t *p = run->p, *last = run->last;
	uint32_t class_count = run->may_contain ? run->class_count : 0;
	struct counts counts = {pending, 0, 0};

	for (; counts.pending && p <= last; counts.pending--) {
		size_t tag = *p, size;
		int step = steps[tag];
		if (step == 1) { /* by jumps that are foreseen: the next tag needn't wait */
			p++;
		} else if (step == HESSIAN2_STEP_TEXT) {
			if (!eyes->is_ascii_within(p, (unsigned)tag))
				break;
			p += tag + 1;
		} else if (step == HESSIAN2_STEP_OBJECT) {
			if ((tag & 15) >= class_count)
				break;
			p = take_objects(run, p, tag & 15, 1, &counts, eyes);
		} else if (step == 2) {
			p += 2;
		} else if (step > 0) {
			p += step;
		} else if (step == HESSIAN2_STEP_LONG_TEXT) {
			if (!(size = long_text_size(p, run->end, eyes)))
				break;
			p += size;
		} else if (step == HESSIAN2_STEP_OBJECT_INT) {
			uint32_t at = small_int(p + 1);
			if (at >= class_count)
				break;
			p = take_objects(run, p, at, 2, &counts, eyes);
		} else {
			if (!(size = take_list(run, p, &counts, eyes)))
				break;
			p += size;
		}
	}
	run->p = p;
	run->containers = counts.containers;
	run->fields = counts.fields;
	return counts.pending;
}

/* --- on any machine */

static bool has_shape_words(const struct hessian2_shape *shape, const uint8_t *p)
{
	uint64_t other = 0, kept, bits, word;

	for (uint32_t i = 0; i < shape->span; i += 8) {
		memcpy(&kept, shape->kept + i, sizeof kept);
		memcpy(&bits, shape->bits + i, sizeof bits);
		memcpy(&word, p + i, sizeof word);
		other |= (word & kept) ^ bits;
	}
	return !other;
}

static bool has_part_words(const struct hessian2_part *part, const uint8_t *p)
{
	uint64_t other = 0, kept, bits, word;

	for (size_t i = 0; i < HESSIAN2_PART_SIZE; i += 8) {
		memcpy(&kept, part->kept + i, sizeof kept);
		memcpy(&bits, part->bits + i, sizeof bits);
		memcpy(&word, p + i, sizeof word);
		other |= (word & kept) ^ bits;
	}
	return !other;
}

static bool is_ascii_within_words(const uint8_t *p, unsigned last)
{
	return hessian2_is_ascii(p, last + 1);
}

static bool is_ascii_first_words(const uint8_t *p, size_t len)
{
	return hessian2_is_ascii(p, len);
}

static uint64_t run_words(struct hessian2_run *run, uint64_t pending)
{
	static const struct eyes eyes = {is_ascii_within_words, is_ascii_first_words,
					 hessian2_is_ascii,     has_shape_words,
					 has_shape_words,       has_part_words};

	return run_with(run, pending, &eyes);
}

#if defined(__x86_64__)

/* --- by 16 bytes */

INLINE __m128i load_16(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

INLINE __m128i other_16(const struct hessian2_shape *shape, const uint8_t *p, unsigned i)
{
	return _mm_xor_si128(_mm_and_si128(load_16(p + i), load_16(shape->kept + i)),
			     load_16(shape->bits + i));
}

INLINE bool has_shape_sse2(const struct hessian2_shape *shape, const uint8_t *p)
{
	__m128i other = _mm_setzero_si128();

	for (unsigned i = 0; i < shape->span; i += 16)
		other = _mm_or_si128(other, other_16(shape, p, i));
	return _mm_movemask_epi8(_mm_cmpeq_epi8(other, _mm_setzero_si128())) == 0xffff;
}

INLINE __m128i other_in_part(const struct hessian2_part *part, const uint8_t *p)
{
	return _mm_xor_si128(_mm_and_si128(load_16(p), load_16(part->kept)), load_16(part->bits));
}

INLINE bool has_part_sse2(const struct hessian2_part *part, const uint8_t *p)
{
	__m128i same = _mm_cmpeq_epi8(other_in_part(part, p), _mm_setzero_si128());

	return _mm_movemask_epi8(same) == 0xffff;
}

INLINE bool is_ascii_first_sse2(const uint8_t *p, size_t len)
{
	return hessian2_is_ascii_within(p, (unsigned)len - 1);
}

static uint64_t run_sse2(struct hessian2_run *run, uint64_t pending)
{
	static const struct eyes eyes = {hessian2_is_ascii_within, is_ascii_first_sse2,
					 hessian2_is_ascii_wide,   has_shape_sse2,
					 has_shape_sse2,           has_part_sse2};

	return run_with(run, pending, &eyes);
}

/* --- by 32 bytes */

#define AVX2 __attribute__((target("avx2,bmi,bmi2")))

AVX2 INLINE __m256i load_32(const uint8_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

AVX2 INLINE __m256i other_32(const struct hessian2_shape *shape, const uint8_t *p, unsigned i)
{
	return _mm256_xor_si256(_mm256_and_si256(load_32(p + i), load_32(shape->kept + i)),
				load_32(shape->bits + i));
}

AVX2 INLINE bool has_least_avx2(const struct hessian2_shape *shape, const uint8_t *p)
{
	__m256i other = _mm256_or_si256(other_32(shape, p, 0), other_32(shape, p, 32));

	return _mm256_testz_si256(other, other);
}

AVX2 INLINE bool has_shape_avx2(const struct hessian2_shape *shape, const uint8_t *p)
{
	if (!has_least_avx2(shape, p))
		return false;
	if (LIKELY(shape->span == HESSIAN2_SHAPE_LEAST))
		return true;
	__m256i other = _mm256_or_si256(other_32(shape, p, 64), other_32(shape, p, 96));
	return _mm256_testz_si256(other, other);
}

AVX2 INLINE bool has_part_avx2(const struct hessian2_part *part, const uint8_t *p)
{
	__m128i other = other_in_part(part, p);

	return _mm_testz_si128(other, other);
}

AVX2 INLINE bool is_ascii_within_avx2(const uint8_t *p, unsigned last)
{
	return !_bzhi_u32((uint32_t)_mm256_movemask_epi8(load_32(p)), last + 1);
}

AVX2 INLINE bool is_ascii_first_avx2(const uint8_t *p, size_t len)
{
	return !_bzhi_u32((uint32_t)_mm256_movemask_epi8(load_32(p)), (unsigned)len);
}

AVX2 INLINE bool is_ascii_wide_avx2(const uint8_t *p, size_t len)
{
	__m256i seen = _mm256_setzero_si256();

	for (; len >= 64; p += 64, len -= 64)
		seen = _mm256_or_si256(seen, _mm256_or_si256(load_32(p), load_32(p + 32)));
	if (len >= 32) {
		seen = _mm256_or_si256(seen, load_32(p));
		p += 32;
		len -= 32;
	}
	return !_mm256_movemask_epi8(seen) &&
	       !_bzhi_u32((uint32_t)_mm256_movemask_epi8(load_32(p)), (unsigned)len);
}

AVX2 static uint64_t run_avx2(struct hessian2_run *run, uint64_t pending)
{
	static const struct eyes eyes = {is_ascii_within_avx2, is_ascii_first_avx2,
					 is_ascii_wide_avx2,   has_shape_avx2,
					 has_least_avx2,       has_part_avx2};

	return run_with(run, pending, &eyes);
}

bool hessian2_has_variant(enum hessian2_variant variant)
{
	return variant != HESSIAN2_VARIANT_AVX2 ||
	       (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"));
}

uint64_t hessian2_run_by(enum hessian2_variant variant, struct hessian2_run *run, uint64_t pending)
{
	if (variant == HESSIAN2_VARIANT_WORDS)
		return run_words(run, pending);
	return variant == HESSIAN2_VARIANT_AVX2 ? run_avx2(run, pending) : run_sse2(run, pending);
}

#else

bool hessian2_has_variant(enum hessian2_variant variant)
{
	return variant == HESSIAN2_VARIANT_WORDS;
}

uint64_t hessian2_run_by(enum hessian2_variant variant, struct hessian2_run *run, uint64_t pending)
{
	(void)variant;
	return run_words(run, pending);
}

#endif

uint64_t hessian2_run(struct hessian2_run *run, uint64_t pending)
{
	bool is_new = LIKELY(hessian2_has_variant(HESSIAN2_VARIANT_AVX2));

	return hessian2_run_by(is_new ? HESSIAN2_VARIANT_AVX2 : HESSIAN2_VARIANT_SSE2, run,
			       pending);
}

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
	size_t size = *p == 'N', left = (size_t)(run->end - p);

	if (run->reader->grammar->steps[*p] == HESSIAN2_STEP_LONG_TEXT)
		size = 2 + hessian2_long_text(p);
	if (left < size + shape->room || (size > 1 && !eyes->is_ascii_wide(p + 2, size - 2)))
		return 0;
	return size;
}

/* Where the object ends whose fields are at p and in the parts of a shape, its first ones at least.
 * NULL: they aren't, or too near the end. */
INLINE const uint8_t *take_parts(const struct hessian2_run *run, const struct hessian2_shape *shape,
				 const uint8_t *p, const struct eyes *eyes)
{
	const struct hessian2_part *part = shape->parts, *behind = part + shape->part_count;

	do {
		if (!eyes->has_part(part, p))
			return NULL;
		if (part->flag_end) {
			uint8_t flag = p[part->flag_end - 1];
			if (flag != 'T' && flag != 'F')
				return NULL;
		}
		p += part->size;
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
	} while (++part < behind);
	return p;
}

/* Where an object may begin that the shape is looked for in. */
INLINE const uint8_t *last_of(const struct hessian2_run *run, const struct hessian2_shape *shape)
{
	const uint8_t *last = run->end - shape->room;

	return last < run->last ? last : run->last;
}

/* Objects of that number at most, one behind the other from p on, that are a row and begin up to
 * `last`. Returns where they end; sets their count. */
INLINE const uint8_t *take_row(struct hessian2_shape *shape, const uint8_t *p, const uint8_t *last,
			       uint64_t most, uint64_t *count, const struct eyes *eyes)
{
	const struct hessian2_part *part = &shape->parts[HESSIAN2_ROW_END];
	struct hessian2_part *next = &shape->parts[HESSIAN2_ROW_NEXT];
	size_t step = 1u + part->size, longest = step + HESSIAN2_WIDE, size = p[1] + 1u;
	uint64_t left;

	*count = 0;
	if (UNLIKELY(size > HESSIAN2_WIDE))
		return p;
	if (UNLIKELY(next->bits[part->size] != *p))
		next->bits[part->size] = *p;
	if (UNLIKELY((most - 1) * longest > (size_t)(last - p)))
		most = (size_t)(last - p) / longest + 1;
	for (left = most; left > 1; left--) {
		if (!eyes->is_ascii_first(p + 1, size) || !eyes->has_part(next, p + 1 + size))
			break;
		p += size + step;
		size = p[1] + 1u;
	}
	if (eyes->is_ascii_first(p + 1, size) && eyes->has_part(part, p + 1 + size)) {
		p += size + step;
		left--;
	}
	*count = most - left;
	return p;
}

/* So many objects at most from p on that are in the parts of a shape and begin with the same bytes.
 * Returns where they end; sets their count. */
INLINE const uint8_t *take_loose(const struct hessian2_run *run, struct hessian2_shape *shape,
				 const uint8_t *p, size_t head, uint64_t most, uint64_t *count,
				 const struct eyes *eyes)
{
	uint8_t first = *p, second = p[head - 1];
	const uint8_t *next;

	if (most > 1 && shape->is_row && head == 1) {
		p = take_row(shape, p, last_of(run, shape), most, count, eyes);
		if (LIKELY(*count))
			return p;
	}
	for (*count = 0; (next = take_parts(run, shape, p + head, eyes));) {
		p = next;
		if (++*count == most || p > last_of(run, shape) || *p != first ||
		    p[head - 1] != second)
			break;
	}
	return p;
}

/* The same of a shape that isn't in parts, which the first object has. */
INLINE const uint8_t *take_alike(const struct hessian2_run *run, const struct hessian2_shape *shape,
				 const uint8_t *p, uint64_t most, uint64_t *count,
				 const struct eyes *eyes)
{
	const uint8_t *last = last_of(run, shape);

	*count = 0;
	if (most > AT_ONCE)
		most = AT_ONCE;
	if ((most - 1) * shape->size < (size_t)(last - p))
		last = p + (most - 1) * shape->size;
	if (LIKELY(shape->room == HESSIAN2_SHAPE_LEAST && !shape->flag_count)) {
		do {
			p += shape->size;
			++*count;
		} while (p <= last && eyes->has_least(shape, p));
	} else {
		do {
			p += shape->size;
			++*count;
		} while (p <= last && has_shape(eyes, shape, p));
	}
	return p;
}

/* Where the objects end that begin at p and have a shape, the first of their fields at least; sets
 * their count, 0: none has. Of objects with other fields behind those there is one. */
INLINE const uint8_t *take_shaped(const struct hessian2_run *run, struct hessian2_shape *shape,
				  const uint8_t *p, size_t head, uint64_t most, uint64_t *count,
				  const struct eyes *eyes)
{
	if (shape->part_count)
		return take_loose(run, shape, p, head, most, count, eyes);
	*count = 0;
	if (!has_shape(eyes, shape, p))
		return p;
	if (most > 1)
		return take_alike(run, shape, p, most, count, eyes);
	*count = 1;
	return p + shape->size;
}

/* The object at p, whose tag and class take `head` bytes: with the first of its fields, and more of
 * its class behind it, if they have its shape; else only the head. Other fields are to come.
 * Returns where it ends; leaves the last object to be counted off pending. */
INLINE const uint8_t *take_objects(struct hessian2_run *run, const uint8_t *p, uint32_t at,
				   size_t head, struct counts *counts, const struct eyes *eyes)
{
	struct hessian2_class *class = &run->reader->classes[at];
	struct hessian2_shape *shape = class->shape;
	uint64_t field_count = class->field_count, rest = field_count, count = 0;
	const uint8_t *next = p;

	if (LIKELY(shape && shape->room <= (size_t)(run->end - p) &&
		   shape->fields <= field_count)) {
		rest -= shape->fields;
		next = take_shaped(run, shape, p, head, rest ? 1 : counts->pending, &count, eyes);
		shape->shaped += (uint32_t)count;
	}
	if (UNLIKELY(!count)) {
		if (!shape || !hessian2_is_given_up(shape))
			hessian2_reshape(run, class, p, head);
		next = p + head;
		rest = field_count;
		count = 1;
	}
	counts->containers += count;
	counts->fields += count * field_count;
	counts->pending += rest + 1 - count;
	return next;
}

/* A list of so many elements. */
INLINE void begin_list(uint32_t count, struct counts *counts)
{
	counts->containers++;
	counts->fields += count;
	counts->pending += count;
}

/* The head of a list whose type is an index and whose count a small number: its elements are to
 * come. False: another one. HESSIAN2_WIDE bytes can be read. */
INLINE bool take_list(const struct hessian2_run *run, const uint8_t *p, struct counts *counts)
{
	uint32_t type = small_int(p + 1), count = small_int(p + 2);

	if (type >= run->reader->type_count || count == UINT32_MAX || !run->may_contain)
		return false;
	begin_list(count, counts);
	return true;
}

/* The same of any list that is counted by a small number, its type a short name or an index. Its
 * size. 0: something else, or too near the end. */
INLINE size_t take_other_list(struct hessian2_run *run, const uint8_t *head, struct counts *counts,
			      const struct eyes *eyes)
{
	struct hessian2_reader *reader = run->reader;
	const struct hessian2_tag *tag = &reader->grammar->tags[*head];
	const uint8_t *p = head;
	uint32_t types = reader->type_count, count = *p++ - (uint32_t)tag->base;

	if (!run->may_contain || run->end - p < 3 * HESSIAN2_WIDE)
		return 0;
	if (tag->form & HESSIAN2_TYPED) {
		if (reader->grammar->steps[*p] == HESSIAN2_STEP_TEXT &&
		    eyes->is_ascii_within(p, *p)) {
			p += *p + 1;
			types++;
		} else if (small_int(p++) >= types) {
			return 0;
		}
	}
	if (tag->form & HESSIAN2_NUMBER && (count = small_int(p++)) == UINT32_MAX)
		return 0;
	reader->type_count = types;
	begin_list(count, counts);
	return (size_t)(p - head);
}

/* The class definitions at p. False: they can't be read. */
static __attribute__((noinline)) bool take_classes(struct hessian2_run *run, const uint8_t *p)
{
	struct hessian2_reader *reader = run->reader;

	reader->pos = (size_t)(p - reader->data);
	run->status = hessian2_read_classes(reader);
	run->p = reader->data + reader->pos;
	return !run->status;
}

/* Whether more values are to come behind the last one. */
INLINE bool begin_step(const struct hessian2_run *run, const uint8_t *p, struct counts *counts)
{
	if (!run->step || *p == run->reader->grammar->end)
		return false;
	counts->pending = run->step;
	counts->fields += run->step;
	return true;
}

INLINE uint64_t run_with(struct hessian2_run *run, uint64_t pending, const struct eyes *eyes)
{
	const int8_t *steps = run->reader->grammar->steps;
	const uint8_t *p = run->p, *last = run->last;
	uint32_t class_count = run->may_contain ? run->reader->class_count : 0;
	struct counts counts = {pending, 0, 0};

	for (; p <= last && (LIKELY(counts.pending) || begin_step(run, p, &counts));
	     counts.pending--) {
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
		} else if (step == HESSIAN2_STEP_LIST && take_list(run, p, &counts)) {
			p += 3;
		} else if (step == HESSIAN2_STEP_OBJECT_INT) {
			uint32_t at = small_int(p + 1);
			if (at >= class_count)
				break;
			p = take_objects(run, p, at, 2, &counts, eyes);
		} else if (step == HESSIAN2_STEP_CLASS) {
			if (!take_classes(run, p))
				break;
			p = run->p;
			class_count = run->may_contain ? run->reader->class_count : 0;
			counts.pending++; /* it is no value */
		} else {
			if (step == HESSIAN2_STEP_NONE ||
			    !(size = take_other_list(run, p, &counts, eyes)))
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

	for (uint32_t i = 0; i < shape->room; i += 8) {
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

	for (unsigned i = 0; i < shape->room; i += 16)
		other = _mm_or_si128(other, other_16(shape, p, i));
	return _mm_movemask_epi8(_mm_cmpeq_epi8(other, _mm_setzero_si128())) == 0xffff;
}

INLINE bool has_part_sse2(const struct hessian2_part *part, const uint8_t *p)
{
	__m128i same =
		_mm_cmpeq_epi8(_mm_and_si128(load_16(p), load_16(part->kept)), load_16(part->bits));

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

/* Whether 32 bytes of a shape are as they were, where it keeps them. */
AVX2 INLINE bool has_32(const struct hessian2_shape *shape, const uint8_t *p, unsigned i)
{
	return _mm256_testz_si256(_mm256_xor_si256(load_32(p + i), load_32(shape->bits + i)),
				  load_32(shape->kept + i));
}

AVX2 INLINE bool has_least_avx2(const struct hessian2_shape *shape, const uint8_t *p)
{
	return has_32(shape, p, 0) && has_32(shape, p, 32);
}

AVX2 INLINE bool has_shape_avx2(const struct hessian2_shape *shape, const uint8_t *p)
{
	return has_least_avx2(shape, p) && (LIKELY(shape->room == HESSIAN2_SHAPE_LEAST) ||
					    (has_32(shape, p, 64) && has_32(shape, p, 96)));
}

AVX2 INLINE bool has_part_avx2(const struct hessian2_part *part, const uint8_t *p)
{
	return _mm_testz_si128(_mm_xor_si128(load_16(p), load_16(part->bits)), load_16(part->kept));
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
	if (len < 64)
		return is_ascii_first_avx2(p, len < 32 ? len : 32) &&
		       (len <= 32 || is_ascii_first_avx2(p + 32, len - 32));
	const uint8_t *last = p + len - 64;
	__m256i seen = _mm256_or_si256(load_32(last), load_32(last + 32));
	for (; p < last; p += 64)
		seen = _mm256_or_si256(seen, _mm256_or_si256(load_32(p), load_32(p + 32)));
	return !_mm256_movemask_epi8(seen);
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

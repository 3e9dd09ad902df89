/* The grammar of Bolt's codec 1, written by sofa-hessian 3: Hessian2 as it was before its
 * specification, with other tags for all but numbers and short strings.
 *
 *   73, 53         string chunk, and the last one
 *   62, 42         the same of a binary
 *   64             date, ms
 *   67 68 69 6a    double: 0, 1, of 8 bits, of 16 bits
 *   6b 44          double: of a float, IEEE
 *   56, 7a         list, perhaps with type and length, to its end mark
 *   76             list: index of its type, count, values
 *   4d, 7a         map, perhaps with type, to its end mark
 *   74, 75 or 54   type: its name, its index
 *   6e, 6c         length: 8 bits, 32 bits
 *   4f, 6f         class (its name without a tag), object
 *   4a 4b 52       ref: 8, 16, 32 bits
 *
 * Read with the functions of codec/hessian2.h and codec/hessian2_path.h, written with those of
 * codec/hessian2_write.h: only the beginning differs. */
#ifndef CODEC_SOFA_HESSIAN_H
#define CODEC_SOFA_HESSIAN_H

#include "base/arena.h"
#include "base/slice.h"

struct hessian2_grammar;
struct hessian2_reader;
struct hessian2_writer;

extern const struct hessian2_grammar sofa_hessian_grammar;

/* As hessian2_init. */
void sofa_hessian_init(struct hessian2_reader *reader, struct slice bytes, struct arena *arena);

/* As hessian2_writer_init. */
void sofa_hessian_writer_init(struct hessian2_writer *writer, struct arena *arena);

#endif

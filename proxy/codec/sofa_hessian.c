#include "codec/sofa_hessian.h"

#include "codec/hessian2.h"
#include "codec/hessian2_grammar.h"
#include "codec/hessian2_write.h"

/* clang-format off */
#define SOFA_ROWS(ROW) \
	ROW(0x00, 0x1f, STRING, HESSIAN2_LAST_CHUNK, 1, 0x00, HESSIAN2_STEP_TEXT) \
	ROW(0x20, 0x2f, BINARY, HESSIAN2_LAST_CHUNK, 1, 0x20, HESSIAN2_STEP_NONE) \
	ROW(0x38, 0x3f, LONG, 0, 3, 0x3c, 3) \
	ROW('B', 'B', BINARY, HESSIAN2_LAST_CHUNK, 3, 'B', HESSIAN2_STEP_NONE) \
	ROW('D', 'D', DOUBLE, HESSIAN2_IEEE_64, 9, 0, 9) \
	ROW('F', 'F', BOOL, 0, 1, 'F', 1) \
	ROW('I', 'I', INT, 0, 5, 0, 5) \
	ROW('J', 'J', REF, HESSIAN2_NUMBER_IN_TAG, 2, 'J', HESSIAN2_STEP_NONE) \
	ROW('K', 'K', REF, HESSIAN2_NUMBER_IN_TAG, 3, 'K', HESSIAN2_STEP_NONE) \
	ROW('L', 'L', LONG, 0, 9, 0, 9) \
	ROW('M', 'M', MAP, HESSIAN2_MAY_BE_TYPED | HESSIAN2_MARKED, 1, 0, HESSIAN2_STEP_NONE) \
	ROW('N', 'N', NULL, 0, 1, 0, 1) \
	ROW('O', 'O', CLASS, HESSIAN2_RAW_NAME, 1, 0, HESSIAN2_STEP_CLASS) \
	ROW('R', 'R', REF, HESSIAN2_NUMBER_IN_TAG, 5, 0, HESSIAN2_STEP_NONE) \
	ROW('S', 'S', STRING, HESSIAN2_LAST_CHUNK, 3, 'S', HESSIAN2_STEP_NONE) \
	ROW('T', 'T', BOOL, 0, 1, 'S', 1) \
	ROW('V', 'V', LIST, HESSIAN2_MAY_BE_TYPED | HESSIAN2_MAY_BE_COUNTED | HESSIAN2_MARKED, 1, 0, HESSIAN2_STEP_NONE) \
	ROW('b', 'b', BINARY, HESSIAN2_MORE_CHUNKS, 3, 'b', HESSIAN2_STEP_NONE) \
	ROW('d', 'd', DATE, HESSIAN2_MILLISECONDS, 9, 0, 9) \
	ROW('g', 'g', DOUBLE, HESSIAN2_WHOLE, 1, 'g', 1) \
	ROW('h', 'h', DOUBLE, HESSIAN2_WHOLE, 1, 'g', 1) \
	ROW('i', 'i', DOUBLE, HESSIAN2_WHOLE, 2, 0, 2) \
	ROW('j', 'j', DOUBLE, HESSIAN2_WHOLE, 3, 0, 3) \
	ROW('k', 'k', DOUBLE, HESSIAN2_IEEE_32, 5, 0, 5) \
	ROW('o', 'o', OBJECT, HESSIAN2_NUMBER, 1, 0, HESSIAN2_STEP_OBJECT_INT) \
	ROW('s', 's', STRING, HESSIAN2_MORE_CHUNKS, 3, 's', HESSIAN2_STEP_NONE) \
	ROW('v', 'v', LIST, HESSIAN2_TYPE_INDEX | HESSIAN2_NUMBER, 1, 0, HESSIAN2_STEP_NONE) \
	ROW('w', 'w', LONG, 0, 5, 0, 5) \
	ROW(0x80, 0xbf, INT, 0, 1, 0x90, 1) \
	ROW(0xc0, 0xcf, INT, 0, 2, 0xc8, 2) \
	ROW(0xd0, 0xd7, INT, 0, 3, 0xd4, 3) \
	ROW(0xd8, 0xdf, LONG, 0, 1, 0xe0, 1) \
	ROW(0xe0, 0xef, LONG, 0, 1, 0xe0, 1) \
	ROW(0xf0, 0xff, LONG, 0, 2, 0xf8, 2)

const struct hessian2_grammar sofa_hessian_grammar = {
	.end = 'z',
	.class_tag = 'O',
	.object_tag = 'o',
	.map_tag = 'M',
	.string_chunk = 's',
	.long_tag = 'w',
	.tags = {SOFA_ROWS(HESSIAN2_TAG_ROW)},
	.steps = {SOFA_ROWS(HESSIAN2_STEP_ROW)},
	.alike = {SOFA_ROWS(HESSIAN2_ALIKE_ROW)},
};
/* clang-format on */

void sofa_hessian_init(struct hessian2_reader *reader, struct slice bytes, struct arena *arena)
{
	hessian2_init(reader, bytes, arena);
	reader->grammar = &sofa_hessian_grammar;
}

void sofa_hessian_writer_init(struct hessian2_writer *writer, struct arena *arena)
{
	hessian2_writer_init(writer, arena);
	writer->grammar = &sofa_hessian_grammar;
}

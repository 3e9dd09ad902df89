#include "codec/sofa_hessian.h"

#include "codec/hessian2.h"
#include "codec/hessian2_grammar.h"
#include "codec/hessian2_write.h"

/* clang-format off */
const struct hessian2_grammar sofa_hessian_grammar = {
	.end = 'z',
	.class_tag = 'O',
	.object_tag = 'o',
	.map_tag = 'M',
	.string_chunk = 's',
	.long_tag = 'w',
	.tags = {
		[0x00 ... 0x1f] = {HESSIAN2_STRING, HESSIAN2_LAST_CHUNK, 1, 0x00},
		[0x20 ... 0x2f] = {HESSIAN2_BINARY, HESSIAN2_LAST_CHUNK, 1, 0x20},
		[0x38 ... 0x3f] = {HESSIAN2_LONG, 0, 3, 0x3c},
		['B'] = {HESSIAN2_BINARY, HESSIAN2_LAST_CHUNK, 3, 'B'},
		['D'] = {HESSIAN2_DOUBLE, HESSIAN2_IEEE_64, 9, 0},
		['F'] = {HESSIAN2_BOOL, 0, 1, 'F'},
		['I'] = {HESSIAN2_INT, 0, 5, 0},
		['J'] = {HESSIAN2_REF, HESSIAN2_NUMBER_IN_TAG, 2, 'J'},
		['K'] = {HESSIAN2_REF, HESSIAN2_NUMBER_IN_TAG, 3, 'K'},
		['L'] = {HESSIAN2_LONG, 0, 9, 0},
		['M'] = {HESSIAN2_MAP, HESSIAN2_MAY_BE_TYPED | HESSIAN2_MARKED, 1, 0},
		['N'] = {HESSIAN2_NULL, 0, 1, 0},
		['O'] = {HESSIAN2_CLASS, HESSIAN2_RAW_NAME, 1, 0},
		['R'] = {HESSIAN2_REF, HESSIAN2_NUMBER_IN_TAG, 5, 0},
		['S'] = {HESSIAN2_STRING, HESSIAN2_LAST_CHUNK, 3, 'S'},
		['T'] = {HESSIAN2_BOOL, 0, 1, 'S'},
		['V'] = {HESSIAN2_LIST, HESSIAN2_MAY_BE_TYPED | HESSIAN2_MAY_BE_COUNTED | HESSIAN2_MARKED, 1, 0},
		['b'] = {HESSIAN2_BINARY, HESSIAN2_MORE_CHUNKS, 3, 'b'},
		['d'] = {HESSIAN2_DATE, HESSIAN2_MILLISECONDS, 9, 0},
		['g' ... 'h'] = {HESSIAN2_DOUBLE, HESSIAN2_WHOLE, 1, 'g'},
		['i'] = {HESSIAN2_DOUBLE, HESSIAN2_WHOLE, 2, 0},
		['j'] = {HESSIAN2_DOUBLE, HESSIAN2_WHOLE, 3, 0},
		['k'] = {HESSIAN2_DOUBLE, HESSIAN2_IEEE_32, 5, 0},
		['o'] = {HESSIAN2_OBJECT, HESSIAN2_NUMBER, 1, 0},
		['s'] = {HESSIAN2_STRING, HESSIAN2_MORE_CHUNKS, 3, 's'},
		['v'] = {HESSIAN2_LIST, HESSIAN2_TYPE_INDEX | HESSIAN2_NUMBER, 1, 0},
		['w'] = {HESSIAN2_LONG, 0, 5, 0},
		[0x80 ... 0xbf] = {HESSIAN2_INT, 0, 1, 0x90},
		[0xc0 ... 0xcf] = {HESSIAN2_INT, 0, 2, 0xc8},
		[0xd0 ... 0xd7] = {HESSIAN2_INT, 0, 3, 0xd4},
		[0xd8 ... 0xef] = {HESSIAN2_LONG, 0, 1, 0xe0},
		[0xf0 ... 0xff] = {HESSIAN2_LONG, 0, 2, 0xf8},
	},
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

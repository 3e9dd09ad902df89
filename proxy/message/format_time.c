#include "message/format_time.h"

#include <string.h>
#include <time.h>

#include "base/date.h"

enum part_kind {
	PART_LITERAL,
	PART_YEAR,
	PART_TWO_DIGITS, /* of the field of struct date at that offset */
	PART_EPOCH,
	PART_FRACTION,      /* digits of the fraction */
	PART_FRACTION_FULL, /* '.' and the fraction without zeros at its end, or nothing */
	PART_STRFTIME,      /* what is rare is left to the C library */
};

struct part {
	uint8_t kind, digits, field;
	struct slice text; /* 0 terminated for PART_STRFTIME */
};

struct format_time {
	struct part *parts;
	unsigned count;
	bool is_iso; /* the default: written by put_iso */
	int64_t shift_s;
};

struct moment {
	struct date date;
	int64_t epoch_s;
	uint32_t fraction_ns;
};

static struct moment moment_of(uint64_t wall_ns, int64_t shift_s)
{
	int64_t epoch_s = (int64_t)(wall_ns / 1000000000u);
	return (struct moment){.date = date_of_unix(epoch_s + shift_s),
			       .epoch_s = epoch_s,
			       .fraction_ns = (uint32_t)(wall_ns % 1000000000u)};
}

/* --- rendering --- */

static void put_padded(struct format_out *out, uint64_t value, unsigned width)
{
	char digits[20];
	for (unsigned i = width; i--; value /= 10)
		digits[i] = (char)('0' + value % 10);
	format_out(out, digits, width);
}

static void put_fraction(struct format_out *out, uint32_t fraction_ns, unsigned digits)
{
	for (unsigned i = digits; i < 9; i++)
		fraction_ns /= 10;
	put_padded(out, fraction_ns, digits);
}

static void put_full_fraction(struct format_out *out, uint32_t fraction_ns)
{
	unsigned digits = 9;
	if (!fraction_ns)
		return;
	while (fraction_ns % 10 == 0) {
		fraction_ns /= 10;
		digits--;
	}
	format_out(out, ".", 1);
	put_padded(out, fraction_ns, digits);
}

/* "2026-11-21T12:32:47.207Z": the time of almost every line. */
static void put_iso(const struct moment *m, struct format_out *out)
{
	const struct date *d = &m->date;
	unsigned ms = m->fraction_ns / 1000000;
	char text[24] = "0000-00-00T00:00:00.000Z";
	format_two_digits(text, (unsigned)d->year / 100);
	format_two_digits(text + 2, (unsigned)d->year % 100);
	format_two_digits(text + 5, d->month);
	format_two_digits(text + 8, d->day);
	format_two_digits(text + 11, d->hour);
	format_two_digits(text + 14, d->minute);
	format_two_digits(text + 17, d->second);
	text[20] = (char)('0' + ms / 100);
	format_two_digits(text + 21, ms % 100);
	format_out(out, text, sizeof text);
}

static void put_strftime(const struct format_time *time, const struct moment *m,
			 const char *pattern, struct format_out *out)
{
	char text[256];
	time_t shifted = (time_t)(m->epoch_s + time->shift_s);
	struct tm tm;
	gmtime_r(&shifted, &tm);
	tm.tm_gmtoff = (long)time->shift_s;
	if (!time->shift_s)
		tm.tm_zone = "UTC";
	format_out(out, text, strftime(text, sizeof text, pattern, &tm));
}

void format_time_write(const struct format_time *time, uint64_t wall_ns, struct format_out *out)
{
	struct moment m = moment_of(wall_ns, time->shift_s);
	if (time->is_iso) {
		put_iso(&m, out);
		return;
	}
	for (unsigned i = 0; i < time->count; i++) {
		const struct part *p = &time->parts[i];
		switch ((enum part_kind)p->kind) {
		case PART_LITERAL:
			format_out_slice(out, p->text);
			break;
		case PART_YEAR:
			put_padded(out, (uint64_t)m.date.year, 4);
			break;
		case PART_TWO_DIGITS:
			put_padded(out, ((const uint8_t *)&m.date)[p->field], 2);
			break;
		case PART_EPOCH:
			format_out_number(out, (uint64_t)m.epoch_s);
			break;
		case PART_FRACTION:
			put_fraction(out, m.fraction_ns, p->digits);
			break;
		case PART_FRACTION_FULL:
			put_full_fraction(out, m.fraction_ns);
			break;
		case PART_STRFTIME:
			put_strftime(time, &m, p->text.data, out);
			break;
		}
	}
}

/* --- compilation --- */

struct compiler {
	struct slice pattern;
	size_t at;
	struct part *parts;
	unsigned count;
	int64_t shift_s;
	struct arena *arena;
};

static struct part *add_part(struct compiler *c, enum part_kind kind)
{
	struct part *part = &c->parts[c->count++];
	*part = (struct part){.kind = (uint8_t)kind};
	return part;
}

static void add_literal(struct compiler *c, struct slice text)
{
	add_part(c, PART_LITERAL)->text = text;
}

/* offset: of the field in struct date. */
static void add_field(struct compiler *c, size_t offset)
{
	add_part(c, PART_TWO_DIGITS)->field = (uint8_t)offset;
}

static char peek(const struct compiler *c, size_t ahead)
{
	return c->at + ahead < c->pattern.len ? c->pattern.data[c->at + ahead] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "%3f", "%f": at the first byte after '%'. True if it was one. */
static bool compile_fraction(struct compiler *c)
{
	size_t len = 0;
	unsigned digits = 0;
	while (is_digit(peek(c, len)) && len < 3)
		digits = digits * 10 + (unsigned)(peek(c, len++) - '0');
	if (peek(c, len) != 'f')
		return false;
	if (!len)
		digits = 9;
	if (digits && digits <= 9) /* Envoy writes nothing for other widths */
		add_part(c, PART_FRACTION)->digits = (uint8_t)digits;
	c->at += len + 1;
	return true;
}

/* "%E3S", "%E*S", "%E4Y", "%ET": at the 'E'. True if it was one. */
static bool compile_extended(struct compiler *c)
{
	char next = peek(c, 1);
	if (next == 'T') {
		add_literal(c, SLICE("T"));
		c->at += 2;
		return true;
	}
	if (next == '4' && peek(c, 2) == 'Y') {
		add_part(c, PART_YEAR);
		c->at += 3;
		return true;
	}
	if (peek(c, 2) != 'S' || (next != '*' && !is_digit(next)))
		return false;
	add_field(c, offsetof(struct date, second));
	if (next == '*') {
		add_part(c, PART_FRACTION_FULL);
	} else if (next != '0') {
		add_literal(c, SLICE("."));
		add_part(c, PART_FRACTION)->digits = (uint8_t)(next - '0');
	}
	c->at += 3;
	return true;
}

/* A conversion of one letter, at that letter. */
static void compile_letter(struct compiler *c)
{
	static const char letters[] = "mdHMS";
	static const uint8_t offsets[] = {offsetof(struct date, month), offsetof(struct date, day),
					  offsetof(struct date, hour),
					  offsetof(struct date, minute),
					  offsetof(struct date, second)};
	static const char left_to_library[] = "aAbBcCDeFgGhIjklpPrRtTuUVwWxXyzZ";
	char letter = peek(c, 0);
	const char *field = letter ? strchr(letters, letter) : NULL;
	if (letter == 'Y') {
		add_part(c, PART_YEAR);
	} else if (letter == 's') {
		add_part(c, PART_EPOCH);
	} else if (letter == '%') {
		add_literal(c, SLICE("%"));
	} else if (field) {
		add_field(c, offsets[field - letters]);
	} else if (letter && strchr(left_to_library, letter)) {
		char text[3] = {'%', letter, 0};
		add_part(c, PART_STRFTIME)->text = arena_slice(c->arena, slice_make(text, 2));
	} else { /* unknown: as it is */
		add_literal(c, slice_sub(c->pattern, c->at - 1, c->at + (letter != '\0')));
	}
	c->at += letter != '\0';
}

static void compile_conversion(struct compiler *c)
{
	c->at++; /* '%' */
	if (compile_fraction(c))
		return;
	if (peek(c, 0) == 'E' && compile_extended(c))
		return;
	if (peek(c, 0) == 'E' && peek(c, 1) == 'z') {
		int64_t minutes = (c->shift_s < 0 ? -c->shift_s : c->shift_s) / 60;
		add_literal(c, slice_of(arena_printf(c->arena, "%c%02d:%02d",
						     c->shift_s < 0 ? '-' : '+',
						     (int)(minutes / 60), (int)(minutes % 60))));
		c->at += 2;
		return;
	}
	if (peek(c, 0) == 'E' && peek(c, 1) == 'Z')
		c->at++;
	compile_letter(c);
}

static int64_t local_shift(void)
{
	time_t now = time(NULL);
	struct tm tm;
	return localtime_r(&now, &tm) ? tm.tm_gmtoff : 0;
}

enum status format_time_compile(struct slice pattern, bool is_local, struct arena *arena,
				const struct format_time **time, struct diag *diag)
{
	struct compiler c = {.arena = arena, .shift_s = is_local ? local_shift() : 0};
	struct slice iso = SLICE("%Y-%m-%dT%H:%M:%E3SZ");
	c.pattern = pattern.len ? arena_slice(arena, pattern) : iso;
	for (size_t i = 0; i + 1 < c.pattern.len; i++)
		if (c.pattern.data[i] == '%' && c.pattern.data[i + 1] == 'n')
			return diag_set(diag, "Invalid header configuration. Format string "
					      "contains newline.");
	/* No conversion makes more than three parts, and none is shorter than a byte. */
	c.parts = ARENA_NEW_ARRAY(arena, struct part, c.pattern.len * 3);
	while (c.at < c.pattern.len) {
		size_t percent = slice_find_char(c.pattern, '%', c.at);
		if (percent > c.at)
			add_literal(&c, slice_sub(c.pattern, c.at, percent));
		c.at = percent;
		if (c.at < c.pattern.len)
			compile_conversion(&c);
	}
	struct format_time *made = ARENA_NEW(arena, struct format_time);
	*made = (struct format_time){c.parts, c.count, slice_equal(c.pattern, iso), c.shift_s};
	*time = made;
	return STATUS_OK;
}

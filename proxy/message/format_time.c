#include "message/format_time.h"

#include <string.h>
#include <time.h>

enum part_kind {
	PART_LITERAL,
	PART_YEAR,
	PART_TWO_DIGITS, /* of a field of struct civil */
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
	int64_t shift_s;
};

enum field { MONTH, DAY, HOUR, MINUTE, SECOND, FIELDS };

struct civil {
	int64_t year, epoch_s;
	uint32_t fraction_ns;
	uint8_t fields[FIELDS];
};

/* Days since 1970 to year, month, day of the Gregorian calendar: years that begin in March make the
 * leap day the last one. */
static void civil_from_days(int64_t days, struct civil *c)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned day = (unsigned)(days - era * 146097);
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned in_year = day - (365 * year + year / 4 - year / 100);
	unsigned march = (5 * in_year + 2) / 153;
	unsigned month = march < 10 ? march + 3 : march - 9;
	c->year = (int64_t)year + era * 400 + (month <= 2);
	c->fields[MONTH] = (uint8_t)month;
	c->fields[DAY] = (uint8_t)(in_year - (153 * march + 2) / 5 + 1);
}

static struct civil civil_of(uint64_t wall_ns, int64_t shift_s)
{
	struct civil c = {.epoch_s = (int64_t)(wall_ns / 1000000000u),
			  .fraction_ns = (uint32_t)(wall_ns % 1000000000u)};
	int64_t local = c.epoch_s + shift_s;
	int64_t days = local / 86400 - (local % 86400 < 0);
	unsigned in_day = (unsigned)(local - days * 86400);
	civil_from_days(days, &c);
	c.fields[HOUR] = (uint8_t)(in_day / 3600);
	c.fields[MINUTE] = (uint8_t)(in_day / 60 % 60);
	c.fields[SECOND] = (uint8_t)(in_day % 60);
	return c;
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

static void put_strftime(const struct format_time *time, const struct civil *c, const char *pattern,
			 struct format_out *out)
{
	char text[256];
	time_t shifted = (time_t)(c->epoch_s + time->shift_s);
	struct tm tm;
	gmtime_r(&shifted, &tm);
	tm.tm_gmtoff = (long)time->shift_s;
	if (!time->shift_s)
		tm.tm_zone = "UTC";
	format_out(out, text, strftime(text, sizeof text, pattern, &tm));
}

void format_time_write(const struct format_time *time, uint64_t wall_ns, struct format_out *out)
{
	struct civil c = civil_of(wall_ns, time->shift_s);
	for (unsigned i = 0; i < time->count; i++) {
		const struct part *p = &time->parts[i];
		switch ((enum part_kind)p->kind) {
		case PART_LITERAL:
			format_out_slice(out, p->text);
			break;
		case PART_YEAR:
			put_padded(out, (uint64_t)c.year, c.year > 9999 ? 5 : 4);
			break;
		case PART_TWO_DIGITS:
			put_padded(out, c.fields[p->field], 2);
			break;
		case PART_EPOCH:
			format_out_number(out, (uint64_t)c.epoch_s);
			break;
		case PART_FRACTION:
			put_fraction(out, c.fraction_ns, p->digits);
			break;
		case PART_FRACTION_FULL:
			put_full_fraction(out, c.fraction_ns);
			break;
		case PART_STRFTIME:
			put_strftime(time, &c, p->text.data, out);
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

static void add_field(struct compiler *c, enum field field)
{
	add_part(c, PART_TWO_DIGITS)->field = (uint8_t)field;
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
	add_field(c, SECOND);
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
	static const char fields[] = "mdHMS"; /* as enum field */
	static const char left_to_library[] = "aAbBcCDeFgGhIjklpPrRtTuUVwWxXyzZ";
	char letter = peek(c, 0);
	const char *field = letter ? strchr(fields, letter) : NULL;
	if (letter == 'Y') {
		add_part(c, PART_YEAR);
	} else if (letter == 's') {
		add_part(c, PART_EPOCH);
	} else if (letter == '%') {
		add_literal(c, SLICE("%"));
	} else if (field) {
		add_field(c, (enum field)(field - fields));
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
	c.pattern = pattern.len ? arena_slice(arena, pattern) : SLICE("%Y-%m-%dT%H:%M:%E3SZ");
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
	*made = (struct format_time){c.parts, c.count, c.shift_s};
	*time = made;
	return STATUS_OK;
}

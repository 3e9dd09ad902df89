#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>

#include <cmocka.h>

#include "xds/document.h"

static void print_node(const struct node *node, char *out, size_t size)
{
	size_t used = strlen(out);
	switch ((enum node_kind)node->kind) {
	case NODE_NULL:
		snprintf(out + used, size - used, "null");
		break;
	case NODE_PLAIN:
		snprintf(out + used, size - used, "%.*s", SLICE_FMT(node_text(node)));
		break;
	case NODE_TEXT:
		snprintf(out + used, size - used, "'%.*s'", SLICE_FMT(node_text(node)));
		break;
	case NODE_LIST:
	case NODE_MAP:
		snprintf(out + used, size - used, node->kind == NODE_MAP ? "{" : "[");
		for (size_t i = 0; i < node->count * (node->kind == NODE_MAP ? 2U : 1U); i++) {
			used = strlen(out);
			if (i)
				snprintf(out + used, size - used,
					 node->kind == NODE_MAP && i % 2 ? ":" : ",");
			print_node(&node->children[i], out, size);
		}
		used = strlen(out);
		snprintf(out + used, size - used, node->kind == NODE_MAP ? "}" : "]");
		break;
	}
}

/* The tree in a compact form, or "line:column text" of the fault. */
static const char *parse(const char *text, enum document_format format)
{
	static char out[4096];
	struct document document;
	struct diag diag = {0};
	out[0] = 0;
	/* an exact copy on the heap, so that reading beyond the end is seen */
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	memcpy(copy, text, len);
	enum status status =
		document_parse(&document, slice_make(copy, len), format, NULL, NULL, &diag);
	free(copy);
	if (status) {
		snprintf(out, sizeof out, "%u:%u %s", diag.line, diag.column, diag.text);
		return out;
	}
	print_node(&document.root, out, sizeof out);
	document_free(&document);
	return out;
}

static void json_texts(void **state)
{
	static const char *const rows[][2] = {
		{"{}", "{}"},
		{"[]", "[]"},
		{" [ 1 , -2.5e+3 , true , false , null , \"a\" ] ",
		 "[1,-2.5e+3,true,false,null,'a']"},
		{"{\"a\":{\"b\":[{}]},\"c\":\"d\"}", "{'a':{'b':[{}]},'c':'d'}"},
		{"[1,]", "[1]"},
		{"{\"a\":1,}", "{'a':1}"},
		{"{\"a\":1,\"a\":2}", "{'a':2}"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\"",
		 "'\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac'"},
		{"\"\\ud83d\\ude00\"", "'\xf0\x9f\x98\x80'"},
		{"\"\xc3\xa9\"", "'\xc3\xa9'"},
		{"5", "5"},
		{"", "1:1 nothing is in it"},
		{"  ", "1:3 not JSON: the end where a value must be"},
		{"{\n\"a\" 1}", "2:5 not JSON: no colon behind a key"},
		{"{a:1}", "1:2 not JSON: a key must be a string"},
		{"[1 2]", "1:4 not JSON: neither a comma nor a closing bracket"},
		{"{\"a\":1 \"b\":2}", "1:8 not JSON: neither a comma nor a closing brace"},
		{"[1", "1:3 not JSON: neither a comma nor a closing bracket"},
		{"[", "1:2 not JSON: the end where a value must be"},
		{"{", "1:2 not JSON: the end inside a map"},
		{"{\"a\":", "1:6 not JSON: the end where a value must be"},
		{"[,]", "1:2 not JSON: no value"},
		{"[01]", "1:2 not JSON: no value"},
		{"[1.]", "1:2 not JSON: no value"},
		{"[1e]", "1:2 not JSON: no value"},
		{"[-]", "1:2 not JSON: no value"},
		{"[nul]", "1:2 not JSON: no value"},
		{"{} x", "1:4 not JSON: something behind the end"},
		{"\"abc", "1:2 not JSON: a string without end"},
		{"\"abc\\", "1:2 not JSON: a string without end"},
		{"\"\\ud83d\"", "1:2 not JSON: a bad \\u in a string"},
		{"\"\\ude00\"", "1:2 not JSON: a bad \\u in a string"},
		{"\"\\u12\"", "1:2 not JSON: a bad \\u in a string"},
		{"\"\\x\"", "1:2 not JSON: an unknown escape in a string"},
		{"\"a\nb\"",
		 "1:3 not JSON: a control character or bytes that aren't UTF-8 in a string"},
		{"\"\xc0\xaf\"",
		 "1:2 not JSON: a control character or bytes that aren't UTF-8 in a string"},
		{"\"\xed\xa0\x80\"",
		 "1:2 not JSON: a control character or bytes that aren't UTF-8 in a string"},
		{"\"\xf4\x90\x80\x80\"",
		 "1:2 not JSON: a control character or bytes that aren't UTF-8 in a string"},
		{"\"\xe2\x82\"",
		 "1:2 not JSON: a control character or bytes that aren't UTF-8 in a string"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(parse(rows[i][0], DOCUMENT_JSON), rows[i][1]);
}

static void yaml_texts(void **state)
{
	static const char *const rows[][2] = {
		{"a: 1\nb:\n- x\n- 'y'\n- |\n  block\n- ~\n- null\n- ''\n-\n",
		 "{a:1,b:[x,'y','block\n',null,null,'',null]}"},
		{"# c\n---\na: 1\n---\nb: 2\n", "{a:1}"},
		{"{\"a\": [1, {b: c}]}", "{'a':[1,{b:c}]}"},
		{"a: &x [1]\nb: *x\nc: &y z\nd: *y\n", "{a:[1],b:[1],c:z,d:z}"},
		{"a: &x 1\nb: &x 2\nc: *x\n", "{a:1,b:2,c:2}"},
		{"!ignore a: &x {k: v}\nb: *x\n", "{b:{k:v}}"},
		{"a: ! 5\nb: !!str 5\n", "{a:'5',b:5}"},
		{"<<: {a: 1}\nb: 2\n", "{<<:{a:1},b:2}"},
		{"a: b\na: c\n", "{a:c}"},
		{"", "1:1 nothing is in it"},
		{"# only a comment\n", "1:1 nothing is in it"},
		{"[a]: b\n", "1:1 a key must be a scalar"},
		{"~: b\n", "1:1 a key must be a scalar"},
		{"a: *b\n", "1:4 no anchor &b is complete before this alias"},
		{"a: [\n",
		 "2:1 not YAML: did not find expected node content while parsing a flow node"},
		{"a: b: c\n", "1:5 not YAML: mapping values are not allowed in this context: quote "
			      "a text that has \": \" in it; else look at the indentation"},
		{"\t- a\n", "1:1 not YAML: found character that cannot start any token while "
			    "scanning for the next token: indent with blanks, not tabs; quote a "
			    "text that begins with @ or `"},
		{"a: 1\n b: 2\n", "2:3 not YAML: mapping values are not allowed in this context: "
				  "quote a text that has \": \" in it; else look at the "
				  "indentation"},
		{"a:\n  b: 1\n - c\n", "3:2 not YAML: did not find expected key while parsing a "
				       "block mapping: look at the indentation of this and the "
				       "lines above"},
		{"a: [1, 2\nb: 3\n", "2:2 not YAML: did not find expected ',' or ']' while parsing "
				     "a flow sequence: a bracket of this or the lines above is not "
				     "closed"},
		{"a: \"b\n", "2:1 not YAML: found unexpected end of stream while scanning a quoted "
			     "scalar: a quote is not closed"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_string_equal(parse(rows[i][0], DOCUMENT_YAML), rows[i][1]);
}

static void limits_are_named(void **state)
{
	struct document document;
	struct diag diag = {0};
	struct document_limits limits = {.bytes = 20, .nodes = 5, .depth = 2};
	(void)state;
	assert_int_equal(
		document_parse(&document, SLICE("[1,2,3,4]"), DOCUMENT_JSON, NULL, &limits, &diag),
		STATUS_OK);
	document_free(&document);
	assert_int_equal(document_parse(&document, SLICE("[1,2,3,4,5]"), DOCUMENT_JSON, NULL,
					&limits, &diag),
			 STATUS_TOO_LARGE);
	assert_string_equal(diag.text, "more than 5 values");
	assert_int_equal(
		document_parse(&document, SLICE("[[[]]]"), DOCUMENT_YAML, NULL, &limits, &diag),
		STATUS_TOO_LARGE);
	assert_string_equal(diag.text, "nested deeper than 2");
	assert_int_equal(document_parse(&document, SLICE("[1,                    2]"),
					DOCUMENT_JSON, NULL, &limits, &diag),
			 STATUS_TOO_LARGE);
	assert_string_equal(diag.text, "25 bytes, more than the limit of 20");
}

static void located(const struct document *document, const char *path, unsigned line,
		    unsigned column)
{
	struct diag diag = {0};
	snprintf(diag.path, sizeof diag.path, "%s", path);
	document_place(document, &diag);
	assert_int_equal(diag.line, line);
	assert_int_equal(diag.column, column);
	assert_string_equal(diag.file, "f.yaml");
}

static void paths_are_found(void **state)
{
	struct document document;
	struct diag diag;
	(void)state;
	assert_int_equal(
		document_parse(
			&document,
			SLICE("top:\n  some_name:\n  - a\n  - {x.y: {deep: 1}}\ncamelCase: 2\n"),
			DOCUMENT_YAML, "f.yaml", NULL, &diag),
		STATUS_OK);
	located(&document, "", 1, 1);
	located(&document, "top", 1, 1);
	located(&document, "top.some_name", 2, 3);
	located(&document, "top.some_name[1]", 4, 5);
	located(&document, "top.some_name[1][\"x.y\"].deep", 4, 12);
	located(&document, "camel_case", 5, 1);
	/* what isn't there is shown at the deepest part that is */
	located(&document, "top.other", 1, 1);
	located(&document, "top.some_name[7].z", 2, 3);
	located(&document, "top.some_name[1][\"x", 4, 5);
	document_free(&document);
}

static void names_match(void **state)
{
	(void)state;
	assert_true(document_name_matches("a_name", SLICE("aName")));
	assert_true(document_name_matches("consecutive_5xx", SLICE("consecutive5xx")));
	assert_true(document_name_matches("a_name", SLICE("a_name")));
	assert_false(document_name_matches("a_name", SLICE("aname")));
	assert_false(document_name_matches("a_name", SLICE("aNam")));
	assert_false(document_name_matches("a_name", SLICE("aNames")));
	assert_false(document_name_matches("a_name", SLICE("")));
	assert_false(document_name_matches("a_", SLICE("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_texts),       cmocka_unit_test(yaml_texts),
		cmocka_unit_test(limits_are_named), cmocka_unit_test(paths_are_found),
		cmocka_unit_test(names_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

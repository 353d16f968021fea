/* A file is the old or the new one; and text that strangers wrote. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/atomic_file.h"
#include "base/utf8.h"

/* A folder of its own for each test; its files go with it. */
struct folder {
	char name[64];
	char path[128];
	char copy[128];
};

static inline int make_folder(void **state)
{
	struct folder *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	(void)snprintf(p->name, sizeof(p->name), "/tmp/fmx-journal-XXXXXX");
	assert_non_null(mkdtemp(p->name));
	(void)snprintf(p->path, sizeof(p->path), "%s/journal.db", p->name);
	(void)snprintf(p->copy, sizeof(p->copy), "%s/copy.db", p->name);
	*state = p;
	return 0;
}

static inline int drop_folder(void **state)
{
	struct folder *p = *state;
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -rf %s", p->name);
	int rc = system(command);
	free(p);
	return rc;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, drop_folder)

static void file_is(const char *path, const char *want)
{
	char got[64] = "";
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	(void)!fread(got, 1, sizeof(got) - 1, f);
	(void)fclose(f);
	assert_string_equal(got, want);
}

static void a_file_is_made_and_replaced_with_its_rights(void **state)
{
	struct folder *f = *state;
	struct error e;
	struct stat st;
	assert_int_equal(atomic_file_write(f->path, "one", 3, 0640, &e), 0);
	file_is(f->path, "one");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(chmod(f->path, 0604), 0);
	assert_int_equal(atomic_file_write(f->path, "two", 3, 0640, &e), 0);
	file_is(f->path, "two");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
}

static void a_link_stays_and_its_target_is_replaced(void **state)
{
	struct folder *f = *state;
	struct error e;
	struct stat st;
	assert_int_equal(atomic_file_write(f->path, "one", 3, 0640, &e), 0);
	assert_int_equal(symlink(f->path, f->copy), 0);
	assert_int_equal(atomic_file_write(f->copy, "two", 3, 0640, &e), 0);
	file_is(f->path, "two");
	assert_int_equal(lstat(f->copy, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void what_is_no_regular_file_is_left_alone(void **state)
{
	struct folder *f = *state;
	struct error e;
	struct stat st;
	assert_int_equal(atomic_file_write(f->name, "x", 1, 0640, &e), -EINVAL);
	assert_non_null(strstr(e.text, "it is a folder"));
	assert_int_equal(mkfifo(f->copy, 0600), 0);
	assert_int_equal(atomic_file_write(f->copy, "x", 1, 0640, &e), -EINVAL);
	assert_int_equal(stat(f->copy, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	(void)snprintf(f->copy, sizeof(f->copy), "%s/none/file", f->name);
	assert_int_equal(atomic_file_write(f->copy, "x", 1, 0640, &e), -ENOENT);
}

/* Each character, one after the other, in hexadecimal. */
static void characters_are(const char *text, const char *want)
{
	char got[256] = "";
	while (*text) {
		uint32_t c = utf8_next(&text);
		size_t used = strlen(got);
		(void)snprintf(got + used, sizeof(got) - used, "%s%x", used ? " " : "",
			       c);
	}
	assert_string_equal(got, want);
}

static void what_is_no_utf8_is_one_bad_character_a_byte(void **state)
{
	(void)state;
	characters_are("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "61 e4 20ac 1f600");
	characters_are("\xff"
		       "a",
		       "fffd 61");
	characters_are("\xc0\xaf", "fffd fffd");                   /* overlong */
	characters_are("\xed\xa0\x80", "fffd fffd fffd");          /* a surrogate */
	characters_are("\xe2\x82", "fffd fffd");                   /* cut */
	characters_are("\xf4\x90\x80\x80", "fffd fffd fffd fffd"); /* too high */
}

static void what_deceives_the_eye_is_known(void **state)
{
	(void)state;
	static const uint32_t deceptive[] = { 0,      0x1b,   0x7f,    0x85,   0xa0,
					      0x200b, 0x200e, 0x202e,  0x2066, 0x2028,
					      0xfeff, 0xfffe, 0xe0041, 0xad };
	static const uint32_t plain[] = { ' ', '<', 'a', 0xe4, 0x20ac, 0x4e2d, 0x1f600 };
	for (size_t i = 0; i < sizeof(deceptive) / sizeof(deceptive[0]); i++)
		if (!utf8_is_deceptive(deceptive[i]))
			fail_msg("U+%04X is not held to deceive", deceptive[i]);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		assert_false(utf8_is_deceptive(plain[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_made_and_replaced_with_its_rights),
		TEST(a_link_stays_and_its_target_is_replaced),
		TEST(what_is_no_regular_file_is_left_alone),
		cmocka_unit_test(what_is_no_utf8_is_one_bad_character_a_byte),
		cmocka_unit_test(what_deceives_the_eye_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

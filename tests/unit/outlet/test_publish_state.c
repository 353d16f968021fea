/* What publish did is read as it was written, whatever became of the configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "outlet/publish_state.h"

static char path[] = "/tmp/fakemx-publish-state-XXXXXX";

static struct config named(struct config_publish *sections, const char *first,
			   const char *second)
{
	memset(sections, 0, 2 * sizeof(*sections));
	(void)snprintf(sections[0].name, sizeof(sections[0].name), "%s", first);
	(void)snprintf(sections[1].name, sizeof(sections[1].name), "%s", second);
	return (struct config){ .publish = sections, .publish_count = 2 };
}

static void write_one(const struct config *c, const char *why, bool is_alarming)
{
	struct error e;
	struct publish_count counts[] = { { 1795435200000000, 1000000, 3, 0, false },
					  { 0, 0, 0, 7, true } };
	struct publish_state s = { .is_alarming = is_alarming, .counts = counts };
	(void)snprintf(s.why, sizeof(s.why), "%s", why);
	if (publish_state_write(path, c, &s, &e) != 0)
		fail_msg("%s", e.text);
}

static void it_is_read_as_it_was_written(void **state)
{
	struct config_publish sections[2];
	struct config c = named(sections, "rspamd", "dnsbl");
	struct publish_state s;
	(void)state;
	write_one(&c, "", false);
	publish_state_read(path, &c, &s);
	assert_true(s.is_there);
	assert_string_equal(s.why, "");
	assert_false(s.is_alarming);
	assert_int_equal(s.counts[0].right_at, 1795435200000000);
	assert_int_equal(s.counts[0].listed, 1000000);
	assert_int_equal(s.counts[0].changes, 3);
	assert_false(s.counts[0].is_failing);
	assert_int_equal(s.counts[1].failures, 7);
	assert_true(s.counts[1].is_failing);
	publish_state_release(&s);
}

static void why_all_is_empty_is_not_said_again(void **state)
{
	struct config_publish sections[2];
	struct config c = named(sections, "rspamd", "dnsbl");
	struct publish_state s;
	(void)state;
	write_one(&c, "the journal cannot be read", true);
	publish_state_read(path, &c, &s);
	assert_string_equal(s.why, "the journal cannot be read");
	assert_true(s.is_alarming);
	assert_int_equal(s.counts[0].listed, 1000000);
	publish_state_release(&s);
}

static void sections_are_known_by_name(void **state)
{
	struct config_publish sections[2];
	struct config c = named(sections, "rspamd", "dnsbl");
	struct publish_state s;
	(void)state;
	write_one(&c, "", false);
	c = named(sections, "dnsbl", "new");
	publish_state_read(path, &c, &s);
	assert_int_equal(s.counts[0].failures, 7);
	assert_int_equal(s.counts[1].failures, 0);
	assert_int_equal(s.counts[1].right_at, 0);
	publish_state_release(&s);
}

static void what_cannot_be_read_was_never_written(void **state)
{
	static const char *const texts[] = {
		"",
		"alarm\n",
		"quiet\n\nrspamd",
		"quiet\n\nrspamd\t1\t2\n",
		"quiet\n\n\t\t\t\t\n\xff\xfe\t1 2 3 4 5\nrspamd\tx y z\n",
	};
	struct config_publish sections[2];
	struct config c = named(sections, "rspamd", "dnsbl");
	struct publish_state s;
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *f = fopen(path, "we");
		assert_non_null(f);
		assert_true(fputs(texts[i], f) >= 0);
		assert_int_equal(fclose(f), 0);
		publish_state_read(path, &c, &s);
		assert_false(s.is_alarming);
		assert_int_equal(s.counts[0].listed, 0);
		publish_state_release(&s);
	}
	assert_int_equal(unlink(path), 0);
	publish_state_read(path, &c, &s);
	assert_false(s.is_there);
	publish_state_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_read_as_it_was_written),
		cmocka_unit_test(why_all_is_empty_is_not_said_again),
		cmocka_unit_test(sections_are_known_by_name),
		cmocka_unit_test(what_cannot_be_read_was_never_written),
	};
	int fd = mkstemp(path);
	if (fd < 0)
		return 1;
	(void)close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What stands in the way on this machine is said before serve starts. */
#include "serve/system/ready_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static char said[1024];
static size_t said_count;

static void on_sentence(void *arg, const char *sentence)
{
	(void)arg;
	said_count++;
	(void)str_copy(said, sizeof(said), sentence);
}

static void a_state_folder_that_cannot_be_made_is_said(void **state)
{
	(void)state;
	char folder[] = "/tmp/fakemx-ready-XXXXXX";
	assert_non_null(mkdtemp(folder));
	static const struct {
		const char *below; /* of the folder */
		bool is_said;
	} rows[] = {
		{ "", false },    { "/state", false }, { "/state/", false },
		{ "/a/b", true }, { "/a/b//", true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = xcalloc(1, sizeof(*c));
		char want[256];
		(void)snprintf(c->state, sizeof(c->state), "%s%s", folder, rows[i].below);
		(void)snprintf(want, sizeof(want), "there is no folder %s/a;", folder);
		said[0] = '\0';
		said_count = 0;
		ready_check(c, on_sentence, NULL);
		if (said_count != rows[i].is_said || (said_count && !strstr(said, want)))
			fail_msg("%s: got %zu \"%s\"", rows[i].below, said_count, said);
		free(c);
	}
	assert_return_code(rmdir(folder), 0);
}

/* Nothing stands in the way here of what another machine serves. */
static void what_another_machine_serves_is_not_tried_here(void **state)
{
	(void)state;
	static const struct {
		const char *key, *want; /* of the decoy */
	} rows[] = {
		{ "", "decoy decoy.example.com cannot start here: 198.51.100.30 is not" },
		{ "watch = feed", NULL },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct config c;
		struct error e;
		(void)snprintf(
		    text, sizeof(text),
		    "state = \"/tmp\"\nsite \"s\" { layout = high domains = { "
		    "\"example.com\" }\n host \"mail.example.com\" { preference "
		    "= 10 address = { \"198.51.100.25\" } watch = feed }\n decoy "
		    "\"decoy.example.com\" { preference = 20 address = { "
		    "\"198.51.100.30\" } posture = defer %s }\n}\n",
		    rows[i].key);
		if (config_parse(text, strlen(text), "t", true, &c, &e) != 0)
			fail_msg("%s", e.text);
		said[0] = '\0';
		ready_check(&c, on_sentence, NULL);
		if (rows[i].want ? !strstr(said, rows[i].want) : said[0])
			fail_msg("%s: got \"%s\"", rows[i].key, said);
		config_release(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_folder_that_cannot_be_made_is_said),
		cmocka_unit_test(what_another_machine_serves_is_not_tried_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

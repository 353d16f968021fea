/* setup: what is found and answered becomes a configuration, and advice. */
#include "cli/setup/setup_ask.h"
#include "cli/setup/setup_log.h"
#include "cli/setup/setup_site.h"
#include "cli/setup/setup_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/config.h"

struct world {
	struct seen seen;
	struct setup_machine machine;
	struct setup s;
	bool here[SITE_MAX_HOSTS];
	struct error e;
	struct buf text;
};

static struct addr addr_of(const char *text)
{
	struct addr a;
	assert_true(addr_parse(text, &a));
	return a;
}

static struct seen_host *add_mx(struct world *w, uint16_t preference, const char *name,
				const char *address, enum state state)
{
	struct seen_host *h = seen_add_host(&w->seen, preference, name);
	struct seen_address *a = seen_add_address(h, addr_of(address));
	h->lookup = HOST_FOUND;
	a->is_known = true;
	a->state = state;
	return h;
}

static void add_own(struct world *w, const char *address, bool is_taken)
{
	struct setup_own *o = &w->machine.own[w->machine.count++];
	*o = (struct setup_own){ .addr = addr_of(address), .is_taken = is_taken };
	(void)str_copy(o->face, sizeof(o->face), "ens3");
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	w->text = (struct buf)BUF_INIT(64 * 1024);
	seen_init(&w->seen, "example.org");
	w->seen.mx = MX_PRESENT;
	w->seen.ttl = 300;
	w->s.day = "2026-11-30";
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	seen_release(&w->seen);
	buf_release(&w->text);
	free(w);
	return 0;
}

static int take(struct world *w)
{
	seen_settle(&w->seen);
	return setup_site_hosts(&w->seen, &w->machine, "other.example.org", &w->s,
				w->here, &w->e);
}

static void parses_as(struct world *w, enum layout layout, size_t hosts)
{
	struct config c;
	struct error e;
	buf_clear(&w->text);
	setup_conf(&w->s, &w->text);
	if (config_parse(buf_text(&w->text), w->text.len, "made", true, &c, &e) != 0)
		fail_msg("got \"%s\" of\n%s", e.text, buf_text(&w->text));
	assert_int_equal(c.site_count, 1);
	assert_int_equal(c.sites[0].layout, layout);
	assert_int_equal(c.sites[0].host_count, hosts);
	assert_true(site_has_domain(&c.sites[0], "example.org"));
	config_release(&c);
}

static void one_host_is_watched_and_nothing_else(void **state)
{
	struct world *w = *state;
	add_mx(w, 10, "mail.example.org", "30.1.1.25", STATE_OPEN);
	add_own(w, "30.1.1.25", true);
	assert_int_equal(take(w), 0);
	assert_true(w->here[0]);
	assert_true(setup_site_watch(&w->s, w->here, "/var/log/mail.log", false));
	parses_as(w, LAYOUT_NONE, 1);
	assert_non_null(strstr(buf_text(&w->text), "mx_ttl  = 300s"));
	assert_non_null(strstr(buf_text(&w->text), "watch      = \"/var/log/mail.log\""));
	assert_non_null(strstr(buf_text(&w->text), "# decoy \"fake1.mx.example.org\""));
}

static void another_machine_sends_its_visits(void **state)
{
	struct world *w = *state;
	add_mx(w, 10, "mail.example.org", "30.1.1.25", STATE_OPEN);
	add_mx(w, 20, "backup.example.org", "30.1.1.26", STATE_OPEN);
	add_own(w, "30.1.1.25", true);
	assert_int_equal(take(w), 0);
	assert_true(setup_site_watch(&w->s, w->here, "journal", false));
	parses_as(w, LAYOUT_NONE, 2);
	assert_string_equal(w->s.hosts[0].watch, "journal");
	assert_string_equal(w->s.hosts[1].watch, "feed");
}

static void behind_a_translated_address_the_only_host_is_here(void **state)
{
	struct world *w = *state;
	add_mx(w, 10, "mail.example.org", "30.1.1.25", STATE_OPEN);
	add_own(w, "10.0.0.4", true);
	assert_int_equal(take(w), 0);
	assert_false(w->here[0]);
	assert_true(setup_site_watch(&w->s, w->here, "journal", false));
	assert_string_equal(w->s.hosts[0].watch, "journal");
}

static void nobody_here_means_feeds(void **state)
{
	struct world *w = *state;
	add_mx(w, 10, "mail.example.org", "30.1.1.25", STATE_OPEN);
	assert_int_equal(take(w), 0);
	assert_false(setup_site_watch(&w->s, w->here, "", false));
	parses_as(w, LAYOUT_NONE, 1);
	assert_string_equal(w->s.hosts[0].watch, "feed");
}

static void a_decoy_stands_behind_every_real_host(void **state)
{
	struct world *w = *state;
	struct plan_decoy d = { .name = "fake1.mx.example.org", .address_count = 1 };
	d.addresses[0] = addr_of("30.1.1.30");
	add_mx(w, 10, "mail.example.org", "30.1.1.25", STATE_OPEN);
	add_mx(w, 20, "backup.example.org", "30.1.1.26", STATE_OPEN);
	assert_int_equal(take(w), 0);
	assert_false(setup_site_watch(&w->s, w->here, "", false));
	assert_int_equal(setup_site_decoy(&w->seen, &d, SETUP_HERE, &w->s, &w->e), 0);
	parses_as(w, LAYOUT_HIGH, 3);
	assert_int_equal(w->s.hosts[2].preference, 30);
}

static void each_way_to_a_decoy_is_a_configuration_that_says_so(void **state)
{
	static const struct {
		enum setup_way way;
		const char *want, *steps;
	} rows[] = {
		{ SETUP_HERE, "posture    = defer\n  }", "ip addr add 30.1.1.30/32" },
		{ SETUP_CLOSED, "posture    = closed\n  }",
		  "nothing listens on its port 25" },
		{ SETUP_ELSEWHERE,
		  "feed       = \"ssh fake1.mx.example.org fakemx feed --host "
		  "fake1.mx.example.org --to - --since %s\"",
		  "here = \"fake1.mx.example.org\"" },
	};
	struct world *w = *state;
	struct plan_decoy d = { .name = "fake1.mx.example.org", .address_count = 1 };
	d.addresses[0] = addr_of("30.1.1.30");
	add_mx(w, 10, "mail.example.org", "30.1.1.25", STATE_OPEN);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w->s.count = 0;
		assert_int_equal(take(w), 0);
		assert_int_equal(
		    setup_site_decoy(&w->seen, &d, rows[i].way, &w->s, &w->e), 0);
		parses_as(w, LAYOUT_HIGH, 2);
		buf_clear(&w->text);
		setup_conf(&w->s, &w->text);
		setup_free_addresses(&w->s, &w->machine, &w->text);
		if (!strstr(buf_text(&w->text), rows[i].want) ||
		    !strstr(buf_text(&w->text), rows[i].steps))
			fail_msg("way %d: got\n%s", rows[i].way, buf_text(&w->text));
	}
}

static void a_fake_mx_that_is_there_is_kept(void **state)
{
	struct world *w = *state;
	add_mx(w, 10, "mail.example.org", "30.1.1.25", STATE_OPEN);
	add_mx(w, 0, "fake0.mx.example.org", "30.1.1.30", STATE_CLOSED);
	assert_int_equal(take(w), 0);
	assert_true(setup_site_watch(&w->s, w->here, "journal", true));
	parses_as(w, LAYOUT_LOW, 2);
	assert_int_equal(w->s.hosts[1].posture, POSTURE_CLOSED);
	assert_string_equal(w->s.hosts[0].watch, "journal");
}

static void a_backup_that_is_down_is_no_decoy(void **state)
{
	struct world *w = *state;
	add_mx(w, 10, "mail.example.org", "30.1.1.25", STATE_OPEN);
	add_mx(w, 20, "backup.example.org", "30.1.1.26", STATE_CLOSED);
	assert_int_equal(take(w), 0);
	assert_int_equal(w->s.hosts[1].role, ROLE_REAL);
	assert_int_equal(w->s.layout, LAYOUT_NONE);
}

static void mail_at_a_provider_is_refused(void **state)
{
	struct world *w = *state;
	add_mx(w, 1, "smtp.google.com", "30.1.1.25", STATE_OPEN);
	assert_int_equal(take(w), FMX_EREFUSED);
	assert_non_null(strstr(w->e.text, "its mail goes to Google"));
}

static void no_mx_record_is_said(void **state)
{
	struct world *w = *state;
	static const enum mx_kind kinds[] = { MX_NULL, MX_IMPLICIT, MX_NOTHING };
	for (size_t i = 0; i < 3; i++) {
		w->seen.mx = kinds[i];
		assert_int_equal(take(w), -2 /* ENOENT: exit code 1 */);
	}
}

static void a_name_that_no_host_may_have_is_refused(void **state)
{
	struct world *w = *state;
	add_mx(w, 10, "-oX.example.org", "30.1.1.25", STATE_OPEN);
	assert_int_equal(take(w), FMX_EFOREIGN);
}

static void steps(struct world *w, const char *program, const char *decoy)
{
	struct host *h = setup_add(&w->s);
	(void)str_copy(w->s.program, sizeof(w->s.program), program);
	*h = (struct host){ .role = ROLE_DECOY,
			    .posture = POSTURE_DEFER,
			    .address_count = 1 };
	h->addresses[0].addr = addr_of(decoy);
	setup_free_addresses(&w->s, &w->machine, &w->text);
}

static void postfix_is_told_its_own_addresses(void **state)
{
	struct world *w = *state;
	add_own(w, "30.1.1.25", true);
	add_own(w, "30.1.1.30", true);
	add_own(w, "3ffe::25", true);
	add_own(w, "127.0.0.1", false);
	steps(w, "postfix", "30.1.1.30");
	assert_non_null(strstr(buf_text(&w->text),
			       "  postconf -e 'inet_interfaces = 30.1.1.25, [3ffe::25], "
			       "127.0.0.1, [::1]'\n  systemctl restart postfix\n"));
}

static void exim_is_told_its_own_addresses(void **state)
{
	struct world *w = *state;
	add_own(w, "30.1.1.25", true);
	add_own(w, "30.1.1.30", true);
	steps(w, "exim", "30.1.1.30");
	assert_non_null(
	    strstr(buf_text(&w->text),
		   "  sed -i \"s/^dc_local_interfaces=.*/dc_local_interfaces='"
		   "30.1.1.25 ; 127.0.0.1 ; ::1'/\" "
		   "/etc/exim4/update-exim4.conf.conf\n"));
}

static void a_free_address_needs_nothing_and_a_foreign_one_is_added(void **state)
{
	struct world *w = *state;
	add_own(w, "30.1.1.25", true);
	add_own(w, "30.1.1.30", false);
	steps(w, "postfix", "30.1.1.30");
	assert_string_equal(buf_text(&w->text), "");
	steps(w, "postfix", "30.1.1.31");
	assert_non_null(
	    strstr(buf_text(&w->text), "  ip addr add 30.1.1.31/32 dev ens3\n"));
}

static void containers_and_where_their_logs_are(void **state)
{
	static const struct {
		const char *engine, *line, *watch, *container, *note;
	} rows[] = {
		{ "docker",
		  "/mailserver|ghcr.io/docker-mailserver/docker-mailserver:14|json-file|"
		  "/srv/dms/mail-logs/=/var/log/mail /srv/dms/data/=/var/mail \n",
		  "/srv/dms/mail-logs/mail.log", "", NULL },
		{ "docker",
		  "/mailcow-postfix-mailcow-1|ghcr.io/mailcow/postfix:1|journald|\n",
		  "journal:CONTAINER_NAME=mailcow-postfix-mailcow-1", "", NULL },
		{ "podman", "mail|localhost/postfix:latest|journald|\n",
		  "journal:CONTAINER_NAME=mail", "", NULL },
		{ "docker",
		  "/mailcow-postfix-mailcow-1|ghcr.io/mailcow/postfix:1|json-file|\n",
		  "feed", "mailcow-postfix-mailcow-1", NULL },
		{ "docker", "/mail|postfix|none|\n", NULL, "", "--log-driver=journald" },
		{ "podman", "mail|postfix|k8s-file|\n", NULL, "",
		  "--log-driver=journald" },
		{ "docker", "/web|nginx:1|journald|\n", NULL, "", NULL },
		{ "docker", "/a;id|postfix|json-file|\n", NULL, "", NULL },
		{ "docker", "garbage\n", NULL, "", NULL },
		{ "docker", "", NULL, "", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct setup_log log;
		char note[SETUP_NOTE_MAX];
		bool is =
		    setup_log_of_container(rows[i].engine, rows[i].line, &log, note);
		if (is != (rows[i].watch != NULL))
			fail_msg("got %d of \"%s\"", is, rows[i].line);
		if (is)
			assert_string_equal(log.watch, rows[i].watch);
		assert_string_equal(log.container, rows[i].container);
		if (rows[i].note ? !strstr(note, rows[i].note) : *note != '\0')
			fail_msg("got \"%s\", want \"%s\"", note, rows[i].note);
	}
}

static void a_containers_visits_are_sent_by_its_unit(void **state)
{
	struct world *w = *state;
	add_mx(w, 10, "mail.example.org", "30.1.1.25", STATE_OPEN);
	add_mx(w, 20, "backup.example.org", "30.1.1.26", STATE_OPEN);
	add_own(w, "30.1.1.25", true);
	assert_int_equal(take(w), 0);
	(void)str_copy(w->s.container, sizeof(w->s.container), "postfix-1");
	assert_true(setup_site_watch(&w->s, w->here, "feed", false));
	parses_as(w, LAYOUT_NONE, 2);
	const char *unit = strstr(buf_text(&w->text), "fakemx-feed@postfix-1.service");
	const char *other =
	    strstr(buf_text(&w->text), "ssh backup.example.org fakemx feed");
	assert_non_null(unit);
	assert_true(other > unit);
	assert_null(strstr(buf_text(&w->text), "ssh mail.example.org"));
	buf_clear(&w->text);
	setup_container_steps(&w->s, &w->text);
	assert_non_null(strstr(buf_text(&w->text), "  echo HOST=mail.example.org > "
						   "/etc/fakemx/feed-postfix-1.conf\n"
						   "  systemctl enable --now "
						   "fakemx-feed@postfix-1\n"));
}

static void a_layout_that_is_none_of_the_two_is_asked_again(void **state)
{
	static const struct {
		const char *typed;
		bool has_answer, is_high;
	} rows[] = {
		{ "hihg\nhigh\n", true, true }, { "hihg\n", false, false },
		{ "High\n", true, true },       { "LAST\n", true, true },
		{ "low\nNone\n", true, false }, { "\n", true, false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FILE *before = stdin;
		bool is_high = false;
		stdin = fmemopen((char *)(uintptr_t)rows[i].typed, strlen(rows[i].typed),
				 "r");
		bool has = setup_ask_high(&is_high);
		(void)fclose(stdin);
		stdin = before;
		if (has != rows[i].has_answer || (has && is_high != rows[i].is_high))
			fail_msg("\"%s\": got %d %d", rows[i].typed, has, is_high);
	}
}

static void the_log_is_a_number_of_the_list_or_a_place(void **state)
{
	static const struct {
		const char *answer;
		size_t listed;
		const char *watch, *why;
	} rows[] = {
		{ "2", 2, "/b", NULL },
		{ "3", 2, NULL, "a number from 1 to 2, or the path" },
		{ "0", 1, NULL, "Please answer 1, or the path" },
		{ "1", 0, NULL, "Please answer the path of a log, which begins with /." },
		{ "nowhere.log", 2, NULL, "begins with /" },
		{ "here.log", 2, "@/here.log", NULL },
		{ "/nowhere.log", 0, "/nowhere.log", NULL },
		{ "feed", 0, "feed", NULL },
	};
	struct setup_logs *l = xcalloc(1, sizeof(*l));
	char folder[] = "/tmp/fakemx-setup-XXXXXX", at[256], want[600];
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_return_code(chdir(folder), 0);
	assert_non_null(getcwd(at, sizeof(at)));
	FILE *f = fopen("here.log", "w");
	assert_non_null(f);
	(void)fclose(f);
	(void)str_copy(l->logs[0].watch, WATCH_MAX, "/a");
	(void)str_copy(l->logs[1].watch, WATCH_MAX, "/b");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct setup_log log;
		char why[SETUP_NOTE_MAX] = "";
		l->count = rows[i].listed;
		bool is = setup_log_answer(l, rows[i].answer, NULL, 0, &log, why);
		const char *watch = rows[i].watch;
		bool is_here = watch && *watch == '@';
		(void)snprintf(want, sizeof(want), "%s%s", is_here ? at : "",
			       watch ? watch + is_here : "");
		if (is != (watch != NULL) || (is && strcmp(log.watch, want) != 0) ||
		    (!is && !strstr(why, rows[i].why)))
			fail_msg("%s: got %d \"%s\"", rows[i].answer, is,
				 is ? log.watch : why);
	}
	free(l);
	assert_return_code(unlink("here.log"), 0);
	assert_return_code(chdir("/"), 0);
	assert_return_code(rmdir(folder), 0);
}

static void a_log_that_cannot_be_read_is_named_once(void **state)
{
	struct setup_log log;
	(void)state;
	setup_log_at("/nowhere.log", NULL, 0, &log);
	assert_int_equal(
	    strncmp(log.trouble, "cannot be read: No such file or directory. Mail", 47),
	    0);
	assert_null(strstr(log.trouble, "nowhere"));
}

static void our_own_look_at_port_25_is_no_session(void **state)
{
	struct world *w = *state;
	struct setup_log log;
	char path[] = "/tmp/fakemx-setup-XXXXXX";
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	assert_non_null(f);
	static const char *const clients[] = { "30.1.1.25", "30.9.9.9" };
	for (size_t i = 0; i < 2; i++)
		(void)fprintf(
		    f,
		    "2026-11-30T10:00:00+00:00 m postfix/smtpd[%zu]: connect from "
		    "x[%s]\n2026-11-30T10:00:01+00:00 m postfix/smtpd[%zu]: "
		    "disconnect from x[%s] ehlo=1 quit=1 commands=2\n",
		    i, clients[i], i, clients[i]);
	assert_int_equal(fclose(f), 0);
	add_own(w, "30.1.1.25", true);
	setup_log_at(path, NULL, INT64_C(1796040000) * 1000000, &log);
	assert_int_equal(log.sessions, 2);
	setup_log_at(path, &w->machine, INT64_C(1796040000) * 1000000, &log);
	assert_int_equal(log.sessions, 1);
	assert_return_code(unlink(path), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(one_host_is_watched_and_nothing_else),
		TEST(another_machine_sends_its_visits),
		TEST(behind_a_translated_address_the_only_host_is_here),
		TEST(nobody_here_means_feeds),
		TEST(a_decoy_stands_behind_every_real_host),
		TEST(each_way_to_a_decoy_is_a_configuration_that_says_so),
		TEST(a_fake_mx_that_is_there_is_kept),
		TEST(a_backup_that_is_down_is_no_decoy),
		TEST(mail_at_a_provider_is_refused),
		TEST(no_mx_record_is_said),
		TEST(a_name_that_no_host_may_have_is_refused),
		TEST(postfix_is_told_its_own_addresses),
		TEST(exim_is_told_its_own_addresses),
		TEST(a_free_address_needs_nothing_and_a_foreign_one_is_added),
		TEST(containers_and_where_their_logs_are),
		TEST(a_containers_visits_are_sent_by_its_unit),
		TEST(a_layout_that_is_none_of_the_two_is_asked_again),
		TEST(the_log_is_a_number_of_the_list_or_a_place),
		TEST(a_log_that_cannot_be_read_is_named_once),
		TEST(our_own_look_at_port_25_is_no_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

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

#include "base/buf.h"
#include "zone/find.h"
#include "zone/records.h"

static char folder[64];

static int begin(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/fakemx-list-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	char command[128];
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command); /* NOLINT(cert-env33-c): our own folder */
}

static const char *put(const char *name, const char *text)
{
	static char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

/* "zone=file ..." with the folder cut off; ! shared, + has a problem. */
static void list_is(struct zone_list *l, const char *want)
{
	struct buf got = BUF_INIT(4096);
	zone_list_settle(l);
	for (size_t i = 0; i < l->count; i++) {
		const struct zone_item *z = &l->items[i];
		const char *path = strncmp(z->path, folder, strlen(folder)) == 0
				       ? z->path + strlen(folder) + 1
				       : z->path;
		buf_addf(&got, "%s=%s%s%s ", z->origin, path, z->is_shared ? "!" : "",
			 z->problem ? "+" : "");
	}
	assert_string_equal(buf_text(&got), want);
	buf_release(&got);
	zone_list_release(l);
}

static void file_names_tell_their_zone(void **state)
{
	(void)state;
	static const struct {
		const char *path, *want; /* NULL: no zone */
	} rows[] = { { "/etc/bind/db.Example.COM", "example.com" },
		     { "example.com.zone", "example.com" },
		     { "z/example.com.db", "example.com" },
		     { "example.com.hosts", "example.com" },
		     { "example.com", "example.com" },
		     { "2.0.192.in-addr.arpa.zone", "2.0.192.in-addr.arpa" },
		     { "example.com.jnl", NULL },
		     { ".example.com", NULL },
		     { "README", NULL },
		     { "example.com.zone~", NULL },
		     { "named.conf", NULL } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char origin[NAME_TEXT_MAX] = "";
		bool ok = zone_of_file_name(rows[i].path, origin);
		if (ok != !!rows[i].want || (ok && strcmp(origin, rows[i].want) != 0))
			fail_msg("%s: got %s, want %s", rows[i].path,
				 ok ? origin : "no zone",
				 rows[i].want ? rows[i].want : "no zone");
	}
}

static void a_folder_and_a_glob_give_the_zones_in_them(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	char pattern[128];
	(void)put("b.example.zone", "");
	(void)put("db.a.example", "");
	(void)put("README", "");
	(void)put("a.example.jnl", "");
	assert_int_equal(zone_find(&l, folder, NULL, &e), 0);
	list_is(&l, "a.example=db.a.example b.example=b.example.zone ");
	(void)snprintf(pattern, sizeof(pattern), "%s/*.zone", folder);
	assert_int_equal(zone_find(&l, pattern, NULL, &e), 0);
	list_is(&l, "b.example=b.example.zone ");
	(void)snprintf(pattern, sizeof(pattern), "%s/*.nothing", folder);
	assert_int_equal(zone_find(&l, pattern, NULL, &e), -ENOENT);
	(void)snprintf(pattern, sizeof(pattern), "%s/R*", folder);
	assert_int_equal(zone_find(&l, pattern, NULL, &e), -ENOENT);
	assert_non_null(strstr(e.text, "no file's name tells its zone"));
	assert_int_equal(zone_find(&l, folder, "a.example", &e), FMX_EUSAGE);
	assert_int_equal(zone_find(&l, put("README", ""), NULL, &e), FMX_EUSAGE);
	zone_list_release(&l);
}

static void a_folder_without_a_zone_file_says_so(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e = { 0, "" };
	assert_int_equal(zone_find(&l, folder, NULL, &e), -ENOENT);
	assert_non_null(strstr(e.text, folder));
	assert_non_null(strstr(e.text, "holds no file whose name tells its zone"));
	(void)put("README", "no zone\n");
	assert_int_equal(zone_find(&l, folder, NULL, &e), -ENOENT);
	zone_list_release(&l);
}

static void a_pipe_as_zone_file_is_not_waited_for(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e = { 0, "" };
	char path[256], *text;
	size_t len;
	(void)snprintf(path, sizeof(path), "%s/example.com.zone", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(zone_find(&l, folder, NULL, &e), 0); /* and it is not hidden */
	list_is(&l, "example.com=example.com.zone ");
	const char *const none[] = { path, "/dev/null", folder };
	const char *const says[] = { "is a pipe or a device", "is a pipe or a device",
				     "is a folder" };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(zone_read_file(none[i], &text, &len, &e),
				 FMX_EMALFORMED);
		assert_non_null(strstr(e.text, says[i]));
	}
	assert_int_equal(unlink(path), 0);
}

static void named_conf_lists_primary_zones(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	char text[2048];
	(void)put("more.conf", "zone \"c.example\" { type master; file \"db.c\"; };\n");
	(void)snprintf(
	    text, sizeof(text),
	    "// BIND\noptions { listen-on { any; }; directory \"%s\"; };\n"
	    "zone \"a.example\" IN { type primary; file \"db.a\"; /* x */ };\n"
	    "zone \"s.example\" { type slave; masters { 192.0.2.1; }; file \"db.s\"; };\n"
	    "# zone \"no.example\" { type master; file \"db.no\"; };\n"
	    "view v { zone \"D.example\" { type master; allow-update { key k; }; file "
	    "\"db.d\"; }; };\n"
	    "zone \"e.example\" { type master; file \"db.a\"; allow-update { none; }; "
	    "};\n"
	    "zone \".\" { type hint; file \"root\"; };\n"
	    "include \"more.conf\";\n",
	    folder);
	assert_int_equal(zone_find(&l, put("named.conf", text), NULL, &e), 0);
	list_is(&l, "a.example=db.a! c.example=db.c d.example=db.d+ e.example=db.a! ");
	assert_int_equal(zone_find(&l, put("named.conf", text), "c.example", &e), 0);
	list_is(&l, "c.example=db.c ");
	assert_int_equal(zone_find(&l, put("named.conf", text), "x.example", &e),
			 FMX_EUSAGE);
	assert_non_null(strstr(e.text, "lists no primary zone x.example"));
	assert_int_equal(zone_find(&l, put("empty.conf", "options { };\n"), NULL, &e),
			 FMX_EUSAGE);
	assert_int_equal(zone_find(&l, put("loop.conf", ""), NULL, &e), FMX_EUSAGE);
	(void)snprintf(text, sizeof(text), "include \"%s/loop.conf\";\n", folder);
	assert_int_equal(zone_find(&l, put("loop.conf", text), NULL, &e), FMX_ETOOBIG);
}

static void knot_conf_lists_zones_by_template_and_storage(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	char text[2048];
	(void)snprintf(
	    text, sizeof(text),
	    "server:\n  listen: 127.0.0.1@53\n"
	    "template:\n  - id: default\n    storage: %s\n  - id: t\n    storage: "
	    "\"%s/t\"\n    file: db.%%s\n"
	    "zone:\n  - domain: a.example\n  - domain: b.example. # b\n    template: t\n"
	    "  - domain: c.example\n    file: \"own\"\n  - domain: s.example\n    "
	    "master: m\n",
	    folder, folder);
	assert_int_equal(zone_find(&l, put("knot.conf", text), NULL, &e), 0);
	list_is(&l, "a.example=a.example.zone b.example=t/db.b.example c.example=own ");
}

/* What a level above says holds for the zones below, wherever it stands. */
static void named_conf_is_read_whole_before_it_is_believed(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	char text[2048];
	(void)put("inc-1.conf", "zone \"g.example\" { type master; file \"db.g\"; };\n");
	(void)put("inc-2.conf", "zone \"h.example\" { type master; file \"db.h\"; };\n");
	(void)snprintf(text, sizeof(text),
		       "zone \"a.example\" { type primary; file \"db.a\"; };\n"
		       "zone \"n.example\" { type primary; file \"db.n\"; allow-update { "
		       "none; }; };\n"
		       "zone \"c.example\" CH { type primary; file \"db.c\"; };\n"
		       "options { directory \"%s\"; allow-update { key k; }; };\n"
		       "view v { zone \"v.example\" { type primary; file \"db.v\"; };\n"
		       "allow-update { none; }; };\ninclude \"inc-*.conf\";\n"
		       "zone \"t.example\" { template t; };\n",
		       folder);
	assert_int_equal(zone_find(&l, put("named.conf", text), NULL, &e), 0);
	list_is(
	    &l,
	    "a.example=db.a+ g.example=db.g+ h.example=db.h+ n.example=db.n t.example=+ "
	    "v.example=db.v ");
	static const char *const halves[] = {
		"zone \"a.example\" { type primary; file \"x\"",
		"options { directory \"/x; };\n",
		"zone \"a.example\" { type primary; /* };\n",
		"view a { view b { }; };\n",
	};
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
		assert_int_equal(zone_find(&l, put("half.conf", halves[i]), NULL, &e),
				 FMX_EMALFORMED);
	zone_list_release(&l);
}

static void knot_conf_tells_secondaries_and_updates_by_template_and_acl(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	(void)put("acls.conf", "acl:\n  - id: up\n    action: [transfer, update]\n"
			       "  - id: down\n    action: transfer\n");
	struct buf text = BUF_INIT(1 << 20);
	buf_addf(&text,
		 "include: acls.conf\ntemplate:\n  - id: default\n    storage: %s\n"
		 "  - id: sec\n    master: [m1, m2]\n  - id: dyn\n    acl:\n      - "
		 "down\n      - up\n",
		 folder);
	for (int i = 0; i < 100; i++)
		buf_addf(&text, "  - id: t%d\n    storage: %s\n    file: \"t%d-%%s\"\n",
			 i, folder, i);
	buf_addf(
	    &text,
	    "zone:\n  - domain: a.example\n    acl: [down]\n  - domain: s.example\n    "
	    "template: sec\n  - domain: d.example\n    template: dyn\n    storage: %s\n"
	    "  - domain: o.example\n    template: dyn\n    acl: down\n    storage: %s\n"
	    "  - domain: t.example\n    template: t99\n  - domain: n.example\n    "
	    "zonefile-load: none\n  - domain: f.example\n    file: %%c.zone\n"
	    "  - domain: k.example\n    dnssec-signing: on\n    zonefile-sync: -1\n"
	    "    storage: /z\n  - domain: w.example\n    dnssec-signing: on\n",
	    folder, folder);
	assert_int_equal(zone_find(&l, put("knot.conf", buf_text(&text)), NULL, &e), 0);
	list_is(&l, "a.example=a.example.zone d.example=d.example.zone+ f.example=+ "
		    "k.example=/z/k.example.zone n.example=n.example.zone+ "
		    "o.example=o.example.zone t.example=t99-t.example "
		    "w.example=w.example.zone+ ");
	buf_release(&text);
}

/* Where Knot may hold what the file lacks: not where it writes at once, nor without a
 * journal. */
static void knot_conf_tells_where_its_journal_is(void **state)
{
	(void)state;
	static const struct {
		const char *zone, *want; /* folder, c: continues the file, s: signs */
	} rows[] = {
		{ "a.example\n    zonefile-sync: -1", "/var/lib/k/j c" },
		{ "b.example", "" },
		{ "c.example\n    zonefile-sync: 0", "" },
		{ "d.example\n    zonefile-sync: 1h\n    zonefile-load: difference",
		  "/var/lib/k/j " },
		{ "e.example\n    zonefile-sync: -1\n    journal-content: none", "" },
		{ "f.example\n    zonefile-sync: -1\n    zonefile-load: "
		  "difference-no-serial\n    journal-content: all\n    dnssec-signing: "
		  "on",
		  "/var/lib/k/j s" },
		{ "g.example\n    template: t", "/var/lib/k/j c" },
	};
	struct zone_list l = { 0 };
	struct error e;
	struct buf text = BUF_INIT(1 << 16);
	buf_adds(&text, "template:\n  - id: t\n    zonefile-sync: -1\nzone:\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		buf_addf(&text, "  - domain: %s\n", rows[i].zone);
	buf_adds(&text,
		 "database:\n    storage: \"/var/lib/k\" # here\n    journal-db: j\n");
	assert_int_equal(zone_find(&l, put("knot.conf", buf_text(&text)), NULL, &e), 0);
	assert_int_equal(l.count, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < l.count; i++) {
		const struct knot_journal *j = l.items[i].knot;
		char got[200] = "";
		if (j)
			(void)snprintf(got, sizeof(got), "%s %s%s", j->folder,
				       j->continues_file ? "c" : "",
				       j->is_signing ? "s" : "");
		assert_string_equal(got, rows[i].want);
	}
	zone_list_release(&l);
	/* of one zone alone, too; and where Knot keeps it if nothing is said */
	(void)put("knot.conf",
		  "template:\n  - id: default\n    zonefile-sync: -1\nzone:\n"
		  "  - domain: x.example\n  - domain: y.example\n");
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/knot.conf", folder);
	assert_int_equal(zone_find(&l, path, "y.example", &e), 0);
	assert_string_equal(l.items[0].knot->folder, "/var/lib/knot/journal");
	zone_list_release(&l);
	buf_release(&text);
}

/* knot.conf(5), "file": characters from the left with the final dot, labels from
 * the right. */
static void knots_file_names_are_made_as_knot_makes_them(void **state)
{
	(void)state;
	static const struct {
		const char *format, *want; /* NULL: not understood */
	} rows[] = { { "%c[0]/%c[0-1]/%s", "m/ma/mail.example.com" },
		     { "%l[0]/%l[1]/%s.zone", "com/example/mail.example.com.zone" },
		     { "%l[2]-%l[3]-", "mail--" },
		     { "%c[13-20]-%c[99]", "com.-" },
		     { "100%%", "100%" },
		     { "%c", NULL },
		     { "%l[0-1]", NULL },
		     { "%c[2-1]", NULL },
		     { "%c[1", NULL },
		     { "%x", NULL } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct zone_list l = { 0 };
		struct error e;
		char text[512], want[256];
		(void)snprintf(text, sizeof(text),
			       "zone:\n  - domain: mail.example.com\n    storage: /z\n"
			       "    file: \"%s\"\n",
			       rows[i].format);
		assert_int_equal(zone_find(&l, put("knot.conf", text), NULL, &e), 0);
		(void)snprintf(want, sizeof(want), "mail.example.com=%s%s ",
			       rows[i].want ? "/z/" : "+",
			       rows[i].want ? rows[i].want : "");
		list_is(&l, want);
	}
}

/* A server takes more zones from a catalog than its configuration names. */
static void knots_catalogs_tell_their_members(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	char text[2048];
	(void)put("cat.zone", "@ 0 SOA invalid. invalid. 1 60 60 60 60\n@ 0 NS invalid.\n"
			      "version TXT \"2\"\n$ORIGIN zones.cat.\n"
			      "group.u2 TXT \"kept\"\nu1 PTR a.example.\n"
			      "u2 PTR b.example.\nu3 PTR c.example.\n"
			      "group.u3 TXT sec\ncoo.u1 PTR other.cat.\n"
			      "group.u9 TXT kept\n");
	(void)snprintf(text, sizeof(text),
		       "template:\n  - id: default\n    storage: %s\n  - id: kept\n"
		       "    storage: %s/kept\n  - id: sec\n    master: m\n"
		       "zone:\n  - domain: cat\n    file: cat.zone\n    "
		       "catalog-role: interpret\n    catalog-template: [default, kept, "
		       "sec]\n  - domain: own.example\n",
		       folder, folder);
	assert_int_equal(zone_find(&l, put("knot.conf", text), NULL, &e), 0);
	assert_string_equal(l.note, "");
	list_is(&l, "a.example=a.example.zone b.example=kept/b.example.zone "
		    "own.example=own.example.zone ");
	assert_int_equal(unlink(put("cat.zone", "")), 0);
	assert_int_equal(zone_find(&l, put("knot.conf", text), NULL, &e), 0);
	assert_non_null(strstr(l.note, "takes from the catalog zone cat are left out"));
	list_is(&l, "own.example=own.example.zone ");
}

static void binds_catalogs_and_patterns_are_told(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	static const char catalog[] =
	    "options { directory \"/z\"; catalog-zones { zone \"cat.example\" "
	    "default-primaries { 192.0.2.1; }; }; };\n";
	char text[1024];
	assert_int_equal(zone_find(&l, put("named.conf", catalog), NULL, &e), FMX_EUSAGE);
	assert_non_null(strstr(e.text, "the catalog zone cat.example are secondaries"));
	zone_list_release(&l);
	(void)snprintf(text, sizeof(text),
		       "%szone \"a.example\" { type primary; file \"$name.db\"; };\n"
		       "zone \"b.example\" { type primary; file \"%%S.db\"; };\n"
		       "zone \"c.example\" { type primary; file \"db.c\"; };\n",
		       catalog);
	assert_int_equal(zone_find(&l, put("named.conf", text), NULL, &e), 0);
	assert_non_null(strstr(l.note, "the catalog zone cat.example are secondaries"));
	assert_non_null(strstr(l.items[0].problem, "by a pattern"));
	list_is(&l, "a.example=/z/$name.db+ b.example=/z/%S.db+ c.example=/z/db.c ");
	assert_int_equal(zone_find(&l, put("named.conf", text), "d.example", &e),
			 FMX_EUSAGE);
	assert_non_null(strstr(e.text, "the catalog zone cat.example are secondaries"));
	zone_list_release(&l);
}

static void nsd_conf_lists_zones_by_pattern_and_folder(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	char text[2048];
	(void)put("nsd-1.conf", "zone:\n\tname: c.example\n\tzonefile: db.c # c\n");
	(void)put("zone.list", "# NSD zone list\nadd l.example low\ndel x.example low\n");
	(void)snprintf(
	    text, sizeof(text),
	    "# NSD\nserver:\n  zonesdir: \"%s\"\n  zonelistfile: %s/zone.list\n"
	    "pattern:\n  name: low\n  zonefile: \"%%1/%%s.zone\"\n"
	    "pattern:\n  name: sec\n  request-xfr: 192.0.2.1 NOKEY\n"
	    "zone:\n  name: a.example.\n  zonefile: db.a\n  notify: 192.0.2.2 k\n"
	    "zone: name: b.example include-pattern: \"low\"\n"
	    "zone:\n  name: s.example\n  include-pattern: sec\n  zonefile: s\n"
	    "zone:\n  name: w.example\n  include-pattern: nowhere\n"
	    "remote-control:\n  control-enable: no\ninclude: \"%s/nsd-*.conf\"\n",
	    folder, folder, folder);
	assert_int_equal(zone_find(&l, put("nsd.conf", text), NULL, &e), 0);
	list_is(&l, "a.example=db.a b.example=b/b.example.zone c.example=db.c "
		    "l.example=l/l.example.zone w.example=+ ");
	assert_int_equal(zone_find(&l, put("half.conf", "zone:\n name: \"a\n"), NULL, &e),
			 FMX_EMALFORMED);
	zone_list_release(&l);
}

/* Five times itself, eight deep, was four hundred thousand look-ups a zone. */
static void nsd_patterns_that_include_themselves_end(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	struct buf text = BUF_INIT(1 << 20);
	buf_addf(&text,
		 "server:\n  zonesdir: \"%s\"\npattern:\n  name: p\n"
		 "  zonefile: x\n",
		 folder);
	for (int i = 0; i < 200; i++)
		buf_adds(&text, "  include-pattern: p\n");
	buf_adds(&text, "zone:\n  name: a.example\n  include-pattern: p\n");
	assert_int_equal(zone_find(&l, put("nsd.conf", buf_text(&text)), NULL, &e), 0);
	list_is(&l, "a.example=+ ");
	buf_release(&text);
}

static void powerdns_keeps_no_zone_in_a_file(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	const char *path =
	    put("pdns.conf",
		"# main\nlaunch=gsqlite3\nallow-axfr-ips=127.0.0.0/8,::1; # x\n");
	assert_int_equal(zone_find(&l, path, NULL, &e), FMX_EUSAGE);
	assert_non_null(strstr(e.text, "is of PowerDNS"));
	assert_non_null(strstr(e.text, "--format powerdns"));
	zone_list_release(&l);
}

static void a_list_names_zones_and_files(void **state)
{
	(void)state;
	struct zone_list l = { 0 };
	struct error e;
	(void)put("db.a.example", "");
	FILE *f = fopen(
	    put("list", "\xef\xbb\xbf# zones\nx.example /z/one\nX.example. /z/one\n\n"),
	    "r");
	assert_non_null(f);
	assert_int_equal(zone_find_lines(&l, f, &e), 0);
	(void)fclose(f);
	list_is(&l, "x.example=/z/one ");
	f = fopen(put("list", "\xef\xbb\xbfy.example /z/two\n"), "r");
	assert_non_null(f);
	assert_int_equal(zone_find_lines(&l, f, &e), 0);
	(void)fclose(f);
	assert_string_equal(l.items[l.count - 1].origin, "y.example");
	f = fopen(put("list", "x..example /z/one\n"), "r");
	assert_non_null(f);
	assert_int_equal(zone_find_lines(&l, f, &e), FMX_EUSAGE);
	(void)fclose(f);
	f = fopen(put("list", "x.example /z/one # mine\nnot a zone\n"), "r");
	assert_non_null(f);
	assert_int_equal(zone_find_lines(&l, f, &e), FMX_EUSAGE);
	assert_non_null(strstr(e.text, "line 2 of the list: more than ZONE FILE"));
	(void)fclose(f);
	zone_list_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_names_tell_their_zone),
		/* while the folder is empty */
		cmocka_unit_test(a_folder_without_a_zone_file_says_so),
		cmocka_unit_test(a_pipe_as_zone_file_is_not_waited_for),
		cmocka_unit_test(a_folder_and_a_glob_give_the_zones_in_them),
		cmocka_unit_test(named_conf_lists_primary_zones),
		cmocka_unit_test(knot_conf_lists_zones_by_template_and_storage),
		cmocka_unit_test(named_conf_is_read_whole_before_it_is_believed),
		cmocka_unit_test(
		    knot_conf_tells_secondaries_and_updates_by_template_and_acl),
		cmocka_unit_test(knot_conf_tells_where_its_journal_is),
		cmocka_unit_test(knots_file_names_are_made_as_knot_makes_them),
		cmocka_unit_test(knots_catalogs_tell_their_members),
		cmocka_unit_test(binds_catalogs_and_patterns_are_told),
		cmocka_unit_test(nsd_conf_lists_zones_by_pattern_and_folder),
		cmocka_unit_test(nsd_patterns_that_include_themselves_end),
		cmocka_unit_test(powerdns_keeps_no_zone_in_a_file),
		cmocka_unit_test(a_list_names_zones_and_files),
	};
	return cmocka_run_group_tests(tests, begin, end);
}

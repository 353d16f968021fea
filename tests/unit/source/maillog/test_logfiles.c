#include "source/maillog/logfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/stamp.h"
#include "source/maillog/lines.h"
#include "source/maillog/logtime.h"

static char folder[] = "/tmp/fakemx-test-logfiles-XXXXXX";

struct got {
	char text[65536];
	size_t len, files, ends;
	uint64_t done, total, lines;
	int64_t latest[8];
	uint64_t stop_after; /* lines; 0: never */
	struct logfiles_counts counts;
	struct error e;
	int rc;
};

static void on_begin(void *arg, const char *file, int64_t latest)
{
	struct got *g = arg;
	assert_true(g->files < 8 && *file);
	g->latest[g->files++] = latest;
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct got *g = arg;
	g->lines++;
	if (g->len + len + 1 >= sizeof(g->text))
		return;
	memcpy(g->text + g->len, line, len);
	g->len += len;
	g->text[g->len++] = '\n';
	g->text[g->len] = '\0';
}

static bool on_pause(void *arg, uint64_t done, uint64_t total)
{
	struct got *g = arg;
	assert_true(done >= g->done);
	g->done = done;
	g->total = total;
	return !g->stop_after || g->lines < g->stop_after;
}

static int on_end(void *arg, const char *file, struct error *e)
{
	struct got *g = arg;
	(void)file;
	(void)e;
	g->ends++;
	return 0;
}

static char paths[8][128];

/* The paths in the folder, from names that stand in a row. */
static void read_all(struct got *g, const char *const *names, size_t count)
{
	struct logfiles_hooks hooks = {
		on_begin, on_line, on_pause, on_end, INT64_MIN, g
	};
	char *files[8];
	memset(g, 0, sizeof(*g));
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "%s%s%s",
			       names[i][0] == '-' ? "" : folder,
			       names[i][0] == '-' ? "" : "/", names[i]);
		files[i] = paths[i];
	}
	g->rc = logfiles_read(files, count, &hooks, &g->counts, &g->e);
}

#define READ(g, ...)                                                                     \
	do {                                                                             \
		static const char *const names[] = { __VA_ARGS__ };                      \
		read_all((g), names, sizeof(names) / sizeof(names[0]));                  \
	} while (0)

static const char *at(const char *name)
{
	static char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *bytes, size_t len)
{
	FILE *f = fopen(at(name), "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void pack_file(const char *name, const char *text)
{
	gzFile f = gzopen(at(name), "ab"); /* a second piece is put behind */
	assert_non_null(f);
	assert_int_equal(gzputs(f, text), (int)strlen(text));
	assert_int_equal(gzclose(f), Z_OK);
}

static void append(const char *name, const char *bytes, size_t len)
{
	FILE *f = fopen(at(name), "a");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

#define TEXT(name, text) write_file(name, text, strlen(text))

#define ONE "2026-11-20T10:00:00Z mail one\n"
#define TWO "2026-11-21T10:00:00Z mail two\n"
#define THREE "2026-11-22T10:00:00+01:00 mail three\n"

static void files_are_read_in_the_order_of_their_first_stamps(void **state)
{
	(void)state;
	struct got g;
	TEXT("mail.log", THREE);
	TEXT("mail.log.1", TWO);
	pack_file("mail.log.2.gz", ONE);
	READ(&g, "mail.log", "mail.log.2.gz", "mail.log.1");
	assert_int_equal(g.rc, 0);
	assert_string_equal(g.text, ONE TWO THREE);
	assert_int_equal(g.files, 3);
	assert_int_equal(g.ends, 3);
	assert_true(g.done == g.total && g.total > 0);
}

static void touch(const char *name, int64_t changed)
{
	struct utimbuf times = { changed, changed };
	assert_int_equal(utime(at(name), &times), 0);
}

/* The stamps alone would put January in front of December. */
static void across_new_year_the_time_of_change_tells_the_year(void **state)
{
	(void)state;
	struct got g;
	struct logtime times = { 0 };
	struct slice line = { "Dec 31 23:59:59 ", NULL };
	struct logstamp s;
	TEXT("log", "Jan  1 00:00:10 mail new\n");
	touch("log", 1609500000); /* 2021-01-01 */
	TEXT("log.1", "Dec 31 23:00:00 mail old\nJan  1 00:00:01 mail old\n");
	touch("log.1", 1609459202);
	READ(&g, "log", "log.1");
	assert_string_equal(g.text, "Dec 31 23:00:00 mail old\nJan  1 00:00:01 mail old\n"
				    "Jan  1 00:00:10 mail new\n");
	assert_true(g.latest[0] == 1609459202 * STAMP_SECOND);
	line.end = line.at + 16;
	assert_true(logtime_read(&times, &line, g.latest[0], &s));
	int64_t day = (INT64_C(1609459200) * STAMP_SECOND - s.time) / STAMP_HOUR;
	assert_true(day > -24 && day < 24); /* 2020, in any zone */
}

/* Copied without its time, a packed file still says when it was packed. */
static void a_packed_file_says_itself_how_old_it_is(void **state)
{
	(void)state;
	struct got g;
	unsigned char head[10] = { 0x1f, 0x8b, 8, 0, 0x00, 0x00, 0x00, 0x50, 0, 3 };
	char packed[256];
	gzFile f = gzopen(at("year.gz"), "wb");
	assert_non_null(f);
	assert_true(gzputs(f, "Dec 31 23:00:00 mail old\n") > 0);
	assert_int_equal(gzclose(f), Z_OK);
	FILE *file = fopen(at("year.gz"), "r");
	assert_non_null(file);
	size_t n = fread(packed, 1, sizeof(packed), file);
	assert_int_equal(fclose(file), 0);
	memcpy(packed, head, 8);
	write_file("year.gz", packed, n);
	READ(&g, "year.gz");
	assert_int_equal(g.rc, 0);
	assert_true(g.latest[0] == INT64_C(0x50000000) * STAMP_SECOND);
}

static void pieces_in_a_row_and_padding_are_one_text(void **state)
{
	(void)state;
	struct got g;
	pack_file("pieces.gz", "one\ntw");
	pack_file("pieces.gz", "o\n");
	append("pieces.gz", "\0\0\0\0", 4);
	READ(&g, "pieces.gz");
	assert_int_equal(g.rc, 0);
	assert_string_equal(g.text, "one\ntwo\n");
	append("pieces.gz", "rubbish\n", 8);
	READ(&g, "pieces.gz");
	assert_int_equal(g.rc, FMX_EFOREIGN);
	assert_string_equal(g.text, "one\ntwo\n");
	assert_non_null(strstr(g.e.text, "pieces.gz is damaged"));
	assert_int_equal(g.ends, 0);
}

/* 20,000 different lines, packed; then cut, or a bit of it turned. */
static size_t make_big(const char *name, char **ret_text)
{
	size_t cap = 1 << 20, len = 0;
	char *text = malloc(cap);
	assert_non_null(text);
	for (unsigned i = 0; i < 20000; i++)
		len += (size_t)snprintf(text + len, cap - len, "line %u %x\n", i,
					i * 2654435761u);
	(void)unlink(at(name));
	pack_file(name, text);
	*ret_text = text;
	return len;
}

static void of_damage_comes_what_is_whole_and_a_sentence(void **state)
{
	(void)state;
	struct got g;
	struct stat st;
	char *text;
	make_big("big.gz", &text);
	assert_int_equal(stat(at("big.gz"), &st), 0);
	assert_int_equal(truncate(at("big.gz"), st.st_size - 1000), 0);
	READ(&g, "big.gz");
	assert_int_equal(g.rc, FMX_EFOREIGN);
	assert_non_null(strstr(g.e.text, "big.gz is cut short"));
	assert_true(g.lines > 10000 && g.lines < 20000);
	assert_memory_equal(g.text, text, g.len);
	free(text);

	make_big("big.gz", &text);
	int fd = open(at("big.gz"), O_RDWR);
	assert_true(fd >= 0 && pwrite(fd, "\xff\xff\xff\xff", 4, st.st_size / 2) == 4);
	assert_int_equal(close(fd), 0);
	READ(&g, "big.gz");
	assert_int_equal(g.rc, FMX_EFOREIGN);
	assert_non_null(strstr(g.e.text, "big.gz is damaged"));
	assert_true(g.lines > 1000 && g.lines < 20000);
	free(text);
}

static void what_cannot_be_read_is_a_sentence(void **state)
{
	(void)state;
	struct got g;
	READ(&g, "no-such-log");
	assert_int_equal(g.rc, -ENOENT);
	assert_non_null(strstr(g.e.text, "no-such-log: No such file"));
	READ(&g, ".");
	assert_int_equal(g.rc, -EISDIR);
	assert_non_null(strstr(g.e.text, "Is a directory"));
	write_file("log.xz",
		   "\xfd"
		   "7zXZ\0\0\0more",
		   12);
	READ(&g, "log.xz");
	assert_int_equal(g.rc, FMX_EFOREIGN);
	assert_non_null(strstr(g.e.text, "log.xz is damaged: xz "));
}

/* By their own programs, whatever the name. */
static void what_other_programs_packed_is_read(void **state)
{
	(void)state;
	static const char *const packers[] = { "xz -0", "zstd -q", "bzip2" };
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
		struct got g;
		char *text, command[600];
		size_t len = make_big("plain.gz", &text);
		(void)snprintf(command, sizeof(command),
			       "cd %s && zcat plain.gz | %s > packed.log", folder,
			       packers[i]);
		assert_int_equal(system(command), 0);
		READ(&g, "packed.log");
		assert_int_equal(g.rc, 0);
		assert_true(g.lines == 20000 && g.counts.bytes == len);
		assert_memory_equal(g.text, text, g.len);
		(void)snprintf(command, sizeof(command),
			       "cd %s && truncate -s -100 packed.log", folder);
		assert_int_equal(system(command), 0);
		READ(&g, "packed.log");
		assert_int_equal(g.rc, FMX_EFOREIGN);
		assert_non_null(strstr(g.e.text, "packed.log is damaged: "));
		free(text);
	}
}

static void short_and_empty_files_are_read(void **state)
{
	(void)state;
	struct got g;
	TEXT("empty", "");
	TEXT("short", "a\n");
	TEXT("open", "a\nhalf a li");
	READ(&g, "empty", "short", "open");
	assert_int_equal(g.rc, 0);
	assert_string_equal(g.text, "a\na\nhalf a li\n"); /* the last line is one, too */
	assert_int_equal(g.files, 3);
}

static void a_file_that_is_named_twice_is_read_once(void **state)
{
	(void)state;
	struct got g;
	TEXT("one", ONE);
	READ(&g, "one", "one");
	assert_int_equal(g.rc, 0);
	assert_string_equal(g.text, ONE);
	TEXT("equal", ONE); /* another file of equal text is another file */
	READ(&g, "one", "equal", "one");
	assert_string_equal(g.text, ONE ONE);
}

static void reading_ends_when_no_more_is_wanted(void **state)
{
	(void)state;
	struct got g = { .stop_after = 1 };
	struct logfiles_hooks hooks = {
		on_begin, on_line, on_pause, on_end, INT64_MIN, &g
	};
	TEXT("a", ONE);
	TEXT("b", TWO);
	char a[256], b[256];
	(void)snprintf(a, sizeof(a), "%s", at("a"));
	(void)snprintf(b, sizeof(b), "%s", at("b"));
	char *files[] = { b, a };
	assert_int_equal(logfiles_read(files, 2, &hooks, &g.counts, &g.e), 0);
	assert_string_equal(g.text, ONE);
	assert_int_equal(g.ends, 0);
}

/* ---- a stream of any length ---- */

enum { MEGABYTES = 300 };

/* Packed or not, into a pipe: lines of 128 bytes. */
static void write_stream(int fd, bool is_packed)
{
	char line[129];
	gzFile f = is_packed ? gzdopen(fd, "wb1") : NULL;
	for (unsigned i = 0; i < MEGABYTES * 8192u; i++) {
		(void)snprintf(line, sizeof(line), "%0127u\n", i);
		ssize_t n = f ? gzwrite(f, line, 128) : write(fd, line, 128);
		if (n != 128)
			_exit(1);
	}
	if (f && gzclose(f) != Z_OK)
		_exit(1);
	_exit(0);
}

static long resident_kb(void)
{
	struct rusage u;
	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_maxrss;
}

static void stream(bool is_packed)
{
	struct got *g = calloc(1, sizeof(*g));
	int fds[2], status;
	assert_non_null(g);
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		write_stream(fds[1], is_packed);
	}
	(void)close(fds[1]);
	assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	(void)close(fds[0]);
	long before = resident_kb();
	READ(g, "-");
	long grown = resident_kb() - before;
	assert_int_equal(g->rc, 0);
	assert_int_equal(g->lines, MEGABYTES * 8192u);
	assert_int_equal(g->total, 0);
	assert_int_equal(g->counts.bytes, (uint64_t)MEGABYTES << 20);
	if (grown > 16 * 1024)
		fail_msg("%d MB through a pipe made us %ld kB bigger", MEGABYTES, grown);
	assert_true(waitpid(pid, &status, 0) == pid && status == 0);
	free(g);
}

static void a_long_stream_takes_no_more_memory_than_a_short_one(void **state)
{
	(void)state;
	stream(false);
	stream(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_read_in_the_order_of_their_first_stamps),
		cmocka_unit_test(across_new_year_the_time_of_change_tells_the_year),
		cmocka_unit_test(a_packed_file_says_itself_how_old_it_is),
		cmocka_unit_test(pieces_in_a_row_and_padding_are_one_text),
		cmocka_unit_test(of_damage_comes_what_is_whole_and_a_sentence),
		cmocka_unit_test(what_cannot_be_read_is_a_sentence),
		cmocka_unit_test(what_other_programs_packed_is_read),
		cmocka_unit_test(short_and_empty_files_are_read),
		cmocka_unit_test(a_file_that_is_named_twice_is_read_once),
		cmocka_unit_test(reading_ends_when_no_more_is_wanted),
		cmocka_unit_test(a_long_stream_takes_no_more_memory_than_a_short_one),
	};
	char command[128];
	if (!mkdtemp(folder))
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) == 0 ? rc : 1;
}

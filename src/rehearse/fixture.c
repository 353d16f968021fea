#include "rehearse/fixture.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "rehearse/socket.h"

enum { LOG_END = 2000, CONFIG_MOST = 16384, FOLDER_MOST = FIXTURE_PATH_MAX - 64 };

/* Part two of the article. last_byte: of the host's loopback address. */
/* clang-format off */
static const struct {
	const char *name;
	enum role role;
	enum posture posture;
	uint16_t preference;
	uint8_t last_byte;
	bool in[LAYOUT_BOTH + 1]; /* by layout */
} parts[FIXTURE_HOSTS] = {
	{ "fake0.mx.example.com", ROLE_DECOY, POSTURE_RESET, 0, 2,
	  { [LAYOUT_LOW] = true, [LAYOUT_BOTH] = true } },
	{ "mail.example.com", ROLE_REAL, POSTURE_CLOSED, 10, 10, { true, true, true, true } },
	{ "backup-mail.example.com", ROLE_REAL, POSTURE_CLOSED, 20, 20, { true, true, true, true } },
	{ "fake1.mx.example.com", ROLE_DECOY, POSTURE_DEFER, 30, 30,
	  { [LAYOUT_HIGH] = true, [LAYOUT_BOTH] = true } },
};
/* clang-format on */

static int make_folder(struct fixture *s, struct error *e)
{
	const char *tmp = getenv("TMPDIR");
	struct buf path = BUF_INIT(FOLDER_MOST);
	buf_addf(&path, "%s/fakemx-rehearse-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	if (buf_failed(&path)) {
		buf_release(&path);
		return error_set(e, FMX_ETOOBIG, "TMPDIR is too long");
	}
	char *folder = buf_take(&path);
	if (!mkdtemp(folder)) {
		int rc = error_set(e, -errno, "cannot make the folder %s: %m", folder);
		free(folder);
		return rc;
	}
	s->folder = folder;
	(void)snprintf(s->config, sizeof(s->config), "%s/fakemx.conf", folder);
	(void)snprintf(s->serve_log, sizeof(s->serve_log), "%s/serve.log", folder);
	(void)snprintf(s->journal, sizeof(s->journal), "%s/journal.sqlite", folder);
	return 0;
}

static int open_clock(struct fixture *s, struct error *e)
{
	char path[FIXTURE_PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/clock", s->folder);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*s->ahead)) < 0) {
		int rc = error_set(e, -errno, "cannot write %s: %m", path);
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	void *map =
	    mmap(NULL, sizeof(*s->ahead), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int cause = errno;
	(void)close(fd); /* the mapping stays */
	if (map == MAP_FAILED)
		return error_set(e, -cause, "cannot map %s: %s", path, strerror(cause));
	s->ahead = map;
	s->clock.offset_us = s->ahead;
	return 0;
}

/* Runs side by side get different addresses, as a rule; the ports decide. */
static struct addr host_addr(uint8_t last_byte)
{
	struct addr a;
	bool ok = addr_parse("127.255.0.0", &a);
	assert(ok);
	a.bytes[14] = (uint8_t)getpid();
	a.bytes[15] = last_byte;
	return a;
}

/* A port that is free now; fakemx-serve takes it in a moment. */
static int choose_port(struct endpoint *at, struct error *e)
{
	int fd = socket_listen(at, e);
	if (fd < 0)
		return fd;
	(void)close(fd);
	return 0;
}

static int choose_hosts(struct fixture *s, struct error *e)
{
	for (size_t i = 0; i < FIXTURE_HOSTS; i++) {
		if (!parts[i].in[s->layout])
			continue;
		struct driver_host *h = &s->hosts[s->host_count];
		*h = (struct driver_host){ .name = parts[i].name,
					   .preference = parts[i].preference,
					   .role = parts[i].role,
					   .posture = parts[i].role == ROLE_DECOY &&
							      parts[i].preference == 0
							  ? s->low
							  : parts[i].posture,
					   .at.addr = host_addr(parts[i].last_byte) };
		(void)snprintf(s->mail_logs[s->host_count], FIXTURE_PATH_MAX, "%s/%s.log",
			       s->folder, h->name);
		s->host_count++;
		if (h->role == ROLE_REAL)
			continue;
		int rc = choose_port(&h->at, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int fixture_open(enum layout layout, enum posture low, struct fixture *ret_fixture,
		 struct error *e)
{
	*ret_fixture = (struct fixture){ .layout = layout, .low = low };
	int rc = make_folder(ret_fixture, e);
	if (rc == 0)
		rc = open_clock(ret_fixture, e);
	if (rc == 0)
		rc = choose_hosts(ret_fixture, e);
	if (rc < 0)
		fixture_close(ret_fixture);
	return rc;
}

static void add_host(struct buf *b, const struct driver_host *h, const char *mail_log)
{
	char text[ADDR_TEXT_MAX];
	buf_addf(b, "  %s \"%s\" { preference = %u  address = { \"%s@%u\" }  ",
		 h->role == ROLE_REAL ? "host" : "decoy", h->name, h->preference,
		 addr_text(h->at.addr, text), h->at.port);
	if (h->role == ROLE_REAL)
		buf_addf(b, "watch = '%s' }\n", mail_log);
	else
		buf_addf(b, "posture = %s }\n", posture_name(h->posture));
}

int fixture_write_config(const struct fixture *s, struct error *e)
{
	struct buf b = BUF_INIT(CONFIG_MOST);
	buf_addf(&b,
		 "# A rehearsal: part two of the article, on loopback.\nlab = true\n");
	if (s->enforces)
		buf_adds(&b, "mode = enforce\n");
	buf_addf(&b, "state = '%s'\nclock = '%s/clock'\n", s->folder, s->folder);
	buf_addf(&b, "site \"rehearsal\" {\n  layout = %s\n", layout_name(s->layout));
	buf_adds(&b, "  domains = { \"example.com\" }\n");
	for (size_t i = 0; i < s->host_count; i++)
		add_host(&b, &s->hosts[i], s->mail_logs[i]);
	buf_adds(&b, "}\n");

	FILE *f = fopen(s->config, "we");
	bool ok = f && fputs(buf_text(&b), f) >= 0;
	if (f)
		ok = fclose(f) == 0 && ok;
	buf_release(&b);
	return ok ? 0 : error_set(e, -errno, "cannot write %s: %m", s->config);
}

void fixture_jump_to(struct fixture *s, int64_t ahead)
{
	*(volatile int64_t *)s->ahead = ahead;
}

char *fixture_serve_log_end(const struct fixture *s)
{
	char *text = xcalloc(LOG_END + 1, 1);
	FILE *f = fopen(s->serve_log, "re");
	if (!f)
		return text;
	if (fseek(f, -LOG_END, SEEK_END) < 0)
		rewind(f);
	size_t n = fread(text, 1, LOG_END, f);
	text[n] = '\0';
	(void)fclose(f); /* only read */
	return text;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	(void)remove(path); /* what cannot be removed stays in /tmp */
	return 0;
}

void fixture_close(struct fixture *s)
{
	if (s->ahead)
		(void)munmap(s->ahead, sizeof(*s->ahead));
	if (s->folder)
		(void)nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(s->folder);
	*s = (struct fixture){ 0 };
}

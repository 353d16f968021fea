#include "cli/estimate_hosts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"

enum { NO_HOST = -1 };

static void add_file(struct estimate_hosts *h, size_t host, char *file)
{
	h->files[host] =
	    xrealloc(h->files[host], h->file_count[host] + 1, sizeof(*h->files[host]));
	h->files[host][h->file_count[host]++] = file;
}

static size_t add_host(struct estimate_hosts *h, const char *name, uint16_t preference,
		       bool has_preference)
{
	size_t i = h->host_count++;
	(void)str_copy(h->names[i], sizeof(h->names[i]), name);
	h->hosts[i] = (struct estimate_page_host){ .name = h->names[i],
						   .preference = preference,
						   .has_preference = has_preference };
	h->ranks[i] = preference;
	return i;
}

static int find_name(const struct estimate_hosts *h, const char *name, size_t len)
{
	for (size_t i = 0; i < h->host_count; i++) {
		if (strlen(h->names[i]) == len &&
		    strncasecmp(h->names[i], name, len) == 0)
			return (int)i;
	}
	return NO_HOST;
}

/* The length of HOST in HOST=FILE; 0: a bare file, whose name may hold "=". */
static size_t host_part(const char *given)
{
	size_t len = strcspn(given, "=/");
	return given[len] == '=' && given[len + 1] ? len : 0;
}

/* ---- with a configuration ---- */

/* The log itself, or what rotation has made of it: mail.log.1, mail.log-20261122. */
static bool is_log_of(const char *file, const struct host *host)
{
	size_t len = strlen(host->watch);
	return len > 0 && strncmp(file, host->watch, len) == 0 &&
	       (file[len] == '\0' || file[len] == '.' || file[len] == '-');
}

static bool names_site(const struct site *s, const char *given)
{
	size_t len = host_part(given);
	for (size_t i = 0; i < s->host_count; i++) {
		const struct host *host = &s->hosts[i];
		if (host->role != ROLE_REAL)
			continue;
		if (len ? strlen(host->name) == len &&
			      strncasecmp(host->name, given, len) == 0
			: is_log_of(given, host))
			return true;
	}
	return false;
}

/* The site that the first file speaks of; the only one if none does. */
static const struct site *pick_site(const struct config *config, const char *given)
{
	for (size_t i = 0; i < config->site_count; i++) {
		if (names_site(&config->sites[i], given))
			return &config->sites[i];
	}
	return config->site_count == 1 ? &config->sites[0] : NULL;
}

static int compare_hosts(const void *a, const void *b)
{
	const struct host *x = *(const struct host *const *)a;
	const struct host *y = *(const struct host *const *)b;
	return x->preference != y->preference ? (x->preference < y->preference ? -1 : 1)
					      : strcmp(x->name, y->name);
}

static void take_site(struct estimate_hosts *h, const struct site *s)
{
	const struct host **real = h->configured;
	size_t count = 0;
	(void)str_copy(h->site, sizeof(h->site), s->name);
	for (size_t i = 0; i < s->host_count; i++) {
		if (s->hosts[i].role == ROLE_REAL && count < ESTIMATE_MAX_HOSTS)
			real[count++] = &s->hosts[i];
		h->has_decoys |= s->hosts[i].role == ROLE_DECOY;
	}
	qsort(real, count, sizeof(struct host *), compare_hosts);
	for (size_t i = 0; i < count; i++)
		(void)add_host(h, real[i]->name, real[i]->preference, true);
}

static int place_configured(struct estimate_hosts *h, const struct cli *c, char *given)
{
	size_t len = host_part(given);
	int at = len ? find_name(h, given, len) : NO_HOST;
	for (size_t i = 0; len == 0 && i < h->host_count; i++) {
		if (is_log_of(given, h->configured[i])) {
			at = (int)i;
			break;
		}
	}
	if (len == 0 && at == NO_HOST && h->host_count == 1)
		at = 0;
	if (at == NO_HOST && len)
		return cli_usage(c, "'%.*s' is no real host of site \"%s\"", (int)len,
				 given, h->site);
	if (at == NO_HOST)
		return cli_usage(c,
				 "%s: site \"%s\" has %zu real hosts; say whose log it "
				 "is: %s=%s",
				 given, h->site, h->host_count, h->names[0], given);
	add_file(h, (size_t)at, given + (len ? len + 1 : 0));
	return CLI_DONE;
}

static int find_configured(struct estimate_hosts *h, const struct cli *c,
			   const struct config *config, char *const *given, size_t count)
{
	const struct site *s = pick_site(config, given[0]);
	if (!s)
		return cli_usage(c,
				 "%s: the configuration has several sites; say whose log "
				 "it is: HOST=%s",
				 given[0], given[0]);
	take_site(h, s);
	for (size_t i = 0; i < count; i++) {
		int code = place_configured(h, c, given[i]);
		if (code != CLI_DONE)
			return code;
	}
	return CLI_DONE;
}

/* ---- without ---- */

static int find_named(struct estimate_hosts *h, const struct cli *c, char *const *given,
		      size_t count)
{
	char own[NAME_MAX_TEXT] = "this host";
	bool has_names = host_part(given[0]) > 0;
	(void)gethostname(own, sizeof(own) - 1); /* a name for people only */
	(void)str_copy(h->site, sizeof(h->site), "mail logs");
	for (size_t i = 0; i < count; i++) {
		size_t len = host_part(given[i]);
		char name[NAME_MAX_TEXT];
		if ((len > 0) != has_names)
			return cli_usage(c,
					 "%s: say of each log whose it is (HOST=FILE), "
					 "the best MX first, or of none",
					 given[i]);
		if (len >= sizeof(name))
			return cli_usage(c, "%.64s: the name of the host is too long",
					 given[i]);
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, given[i]);
		const char *of = len ? name : own;
		int at = find_name(h, of, strlen(of));
		if (at == NO_HOST && h->host_count == ESTIMATE_MAX_HOSTS)
			return cli_usage(c, "more than %d hosts", ESTIMATE_MAX_HOSTS);
		if (at == NO_HOST)
			at = (int)add_host(h, of, (uint16_t)(10 * (h->host_count + 1)),
					   false);
		add_file(h, (size_t)at, given[i] + (len ? len + 1 : 0));
	}
	return CLI_DONE;
}

int estimate_hosts_find(struct estimate_hosts *h, const struct cli *c,
			const struct config *config, char *const *given, size_t count)
{
	*h = (struct estimate_hosts){ .host_count = 0 };
	int code = config ? find_configured(h, c, config, given, count)
			  : find_named(h, c, given, count);
	if (code != CLI_DONE)
		estimate_hosts_release(h);
	return code;
}

size_t estimate_hosts_at(const struct estimate_hosts *h, size_t log,
			 const struct addr *local)
{
	for (size_t i = 0; i < h->host_count; i++) {
		if (local && h->configured[i] &&
		    host_has_address(h->configured[i], *local))
			return i;
	}
	return log;
}

void estimate_hosts_release(struct estimate_hosts *h)
{
	for (size_t i = 0; i < h->host_count; i++)
		free(h->files[i]);
	h->host_count = 0;
}

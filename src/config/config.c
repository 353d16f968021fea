#include "config/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stamp.h"
#include "config/source.h"
#include "config/tree.h"

/* What all steps of one load share. */
struct load {
	const char *file;
	struct config *config;
	struct error *error;
};

/* The longest path of a socket is the system's. */
enum { SOCKET_MAX = sizeof(((struct sockaddr_un *)NULL)->sun_path) };

static int check_host_log(const struct load *l, const struct host *h, cfg_t *section)
{
	bool is_command = host_watches(h, "command");
	if (is_command != (*h->command != '\0'))
		return error_set(l->error, FMX_EUSAGE, "%s:%u: host %s has %s", l->file,
				 tree_line(section), h->name,
				 is_command ? "watch = command but no command"
					    : "a command but not watch = command");
	is_command = strcmp(h->filter, "command") == 0;
	if (is_command != (*h->filter_command != '\0'))
		return error_set(l->error, FMX_EUSAGE, "%s:%u: host %s has %s", l->file,
				 tree_line(section), h->name,
				 is_command
				     ? "filter = command but no filter_command"
				     : "a filter_command but not filter = command");
	if (*h->filter && !*h->watch)
		return error_set(l->error, FMX_EUSAGE,
				 "%s:%u: host %s has a filter but no watch", l->file,
				 tree_value(section, "filter", 0)->line, h->name);
	if (*h->stamps && !stamp_is_zone(h->stamps))
		return error_set(l->error, FMX_EUSAGE,
				 "%s:%u: this machine knows no time zone '%s'; one is "
				 "Europe/Berlin",
				 l->file, tree_value(section, "stamps", 0)->line,
				 h->stamps);
	return 0;
}

static int check_host_feed(const struct load *l, const struct host *h, cfg_t *section)
{
	char path[SOCKET_MAX];
	bool is_feed = host_watches(h, "feed");
	if (*h->feed && !is_feed)
		return error_set(l->error, FMX_EUSAGE,
				 "%s:%u: host %s has a feed command but not watch = feed",
				 l->file, tree_value(section, "feed", 0)->line, h->name);
	if (is_feed && !*h->feed && !config_feed_socket(l->config, path, sizeof(path)))
		return error_set(l->error, FMX_EUSAGE,
				 "%s:%u: feeds would come to a socket whose path is "
				 "longer than %d bytes; set feed_socket",
				 l->file, tree_line(section), SOCKET_MAX - 1);
	if (host_watches(h, "stream") && !*l->config->stream.servers)
		return error_set(l->error, FMX_EUSAGE,
				 "%s:%u: host %s has watch = stream, but the file has no "
				 "stream section",
				 l->file, tree_line(section), h->name);
	return check_host_log(l, h, section);
}

static int load_host(const struct load *l, struct site *s, cfg_t *section,
		     const char *kind, enum role role)
{
	const char *name = cfg_title(section);
	if (s->host_count == SITE_MAX_HOSTS)
		return error_set(l->error, FMX_EUSAGE,
				 "%s:%u: site %s has more than %d hosts", l->file,
				 tree_line(section), s->name, SITE_MAX_HOSTS);
	s->hosts = xrealloc(s->hosts, s->host_count + 1, sizeof(*s->hosts));
	struct host *h = &s->hosts[s->host_count++];
	*h = (struct host){ .role = role };
	if (!fill_is_domain(name, h->name, sizeof(h->name)))
		return error_set(l->error, FMX_EUSAGE,
				 "%s:%u: a %s is named by its host name, not '%s'",
				 l->file, tree_line(section), kind, name);
	char say[NAME_MAX_TEXT + 16];
	(void)snprintf(say, sizeof(say), "%s %s", kind, h->name);
	int rc = fill(section, kind, say, l->file, h, l->error);
	h->is_elsewhere = role != ROLE_REAL && h->watch[0] != '\0';
	return rc ? rc : check_host_feed(l, h, section);
}

static int load_hosts(const struct load *l, struct site *s, cfg_t *section)
{
	static const struct {
		const char *kind;
		enum role role;
	} kinds[] = { { "host", ROLE_REAL },
		      { "decoy", ROLE_DECOY },
		      { "control", ROLE_CONTROL } };

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		size_t n = tree_size(section, kinds[k].kind);
		for (size_t i = 0; i < n; i++) {
			cfg_t *host = cfg_getnsec(section, kinds[k].kind, (unsigned)i);
			int rc = load_host(l, s, host, kinds[k].kind, kinds[k].role);
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int load_zone(const struct load *l, struct config_zone *z, cfg_t *section,
		     const char *site)
{
	if (tree_size(section, "zone") == 0)
		return 0;
	cfg_t *zone = cfg_getsec(section, "zone");
	char say[SITE_NAME_MAX + 32];
	(void)snprintf(say, sizeof(say), "the zone of site %s", site);
	int rc = fill(zone, "zone", say, l->file, z, l->error);
	if (rc)
		return rc;
	bool has_update = tree_size(zone, "update") > 0;
	if (has_update == (*z->file != '\0'))
		return error_set(l->error, FMX_EUSAGE,
				 "%s:%u: %s needs either a file or an update section",
				 l->file, tree_line(zone), say);
	if (!has_update)
		return 0;
	(void)snprintf(say, sizeof(say), "the update of site %s", site);
	return fill(cfg_getsec(zone, "update"), "update", say, l->file, z, l->error);
}

static bool is_site_name(const char *text)
{
	size_t len = strlen(text);
	if (len == 0 || len >= SITE_NAME_MAX)
		return false;
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			return false;
	return true;
}

static int load_site(const struct load *l, cfg_t *section)
{
	struct config *c = l->config;
	const char *name = cfg_title(section);
	if (!is_site_name(name))
		return error_set(
		    l->error, FMX_EUSAGE,
		    "%s:%u: a site is named by at most %d letters, digits and "
		    "._-, not '%s'",
		    l->file, tree_line(section), SITE_NAME_MAX - 1, name);
	c->sites = xrealloc(c->sites, c->site_count + 1, sizeof(*c->sites));
	c->zones = xrealloc(c->zones, c->site_count + 1, sizeof(*c->zones));
	struct site *s = &c->sites[c->site_count];
	struct config_zone *z = &c->zones[c->site_count];
	*s = (struct site){ 0 };
	*z = (struct config_zone){ 0 };
	c->site_count++;
	bool fits = str_copy(s->name, sizeof(s->name), name);
	assert(fits);

	char say[SITE_NAME_MAX + 16];
	(void)snprintf(say, sizeof(say), "site %s", name);
	int rc = fill(section, "site", say, l->file, s, l->error);
	if (rc == 0 && s->domain_count == 0)
		rc = error_set(l->error, FMX_EUSAGE,
			       "%s:%u: %s has no domains (a list of domains)", l->file,
			       tree_line(section), say);
	if (rc == 0)
		rc = load_hosts(l, s, section);
	return rc ? rc : load_zone(l, z, section, name);
}

/* ---- publish ---- */

enum { FORMAT_DNSBL = 6 }; /* of its words: LIST_DNSBL of outlet/list.h */

/* What is missing or too much, in words; NULL: nothing. */
static const char *publish_mistake(const struct config_publish *p, bool has_update)
{
	if (has_update == (*p->file != '\0'))
		return "needs either a file or an update section";
	if (*p->file && *p->file != '/')
		return "needs a file that is an absolute path";
	if (has_update && (p->format != FORMAT_DNSBL || !*p->zone))
		return "needs format = dnsbl and a zone, since it has an update section";
	if (*p->zone && p->format != FORMAT_DNSBL)
		return "has a zone, which only format = dnsbl has";
	if (p->update.update_server_count)
		return "has servers in its update section, which only a site's zone uses";
	return NULL;
}

/* p is the last. */
static bool is_file_taken(const struct config *c, const struct config_publish *p)
{
	for (const struct config_publish *o = c->publish; *p->file && o < p; o++)
		if (strcmp(o->file, p->file) == 0)
			return true;
	return false;
}

static int load_publish(const struct load *l, cfg_t *section)
{
	struct config *c = l->config;
	struct config_publish *p = &c->publish[c->publish_count];
	char say[SITE_NAME_MAX + 32];
	if (!is_site_name(cfg_title(section)))
		return error_set(
		    l->error, FMX_EUSAGE,
		    "%s:%u: a publish section is named by at most %d letters, "
		    "digits and ._-, not '%s'",
		    l->file, tree_line(section), SITE_NAME_MAX - 1, cfg_title(section));
	(void)str_copy(p->name, sizeof(p->name), cfg_title(section));
	c->publish_count++;
	(void)snprintf(say, sizeof(say), "publish %s", p->name);
	int rc = fill(section, "publish", say, l->file, p, l->error);
	bool has_update = tree_size(section, "update") > 0;
	if (rc == 0 && has_update)
		rc = fill(cfg_getsec(section, "update"), "update", say, l->file,
			  &p->update, l->error);
	char zone[NAME_MAX_TEXT];
	const char *mistake = rc == 0 ? publish_mistake(p, has_update) : NULL;
	if (rc == 0 && !mistake && is_file_taken(c, p))
		mistake =
		    "writes the file of another publish section: each needs its own";
	if (rc == 0 && !mistake && *p->zone &&
	    !fill_is_domain(p->zone, zone, sizeof(zone)))
		mistake = "has a zone that is no domain name";
	if (mistake)
		return error_set(l->error, FMX_EUSAGE, "%s:%u: %s %s", l->file,
				 tree_line(section), say, mistake);
	if (rc == 0 && *p->zone)
		(void)str_copy(p->zone, sizeof(p->zone), zone);
	return rc;
}

static int load_publishes(const struct load *l, cfg_t *tree)
{
	struct config *c = l->config;
	size_t n = tree_size(tree, "publish");
	if (n > CONFIG_MAX_PUBLISH)
		return error_set(l->error, FMX_EUSAGE,
				 "%s: more than %d publish sections", l->file,
				 CONFIG_MAX_PUBLISH);
	c->publish = xcalloc(n + 1, sizeof(*c->publish));
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = load_publish(l, cfg_getnsec(tree, "publish", (unsigned)i));
	return rc;
}

/* The sentence of the model says site and host; where it stands is ours. */
static int at_line(const struct load *l, cfg_t *section, const struct error *why)
{
	return error_set(l->error, why->code, "%s:%u: %.400s", l->file,
			 tree_line(section), why->text);
}

static int judge_sites(const struct load *l, cfg_t *tree)
{
	struct config *c = l->config;
	struct error why;
	for (size_t i = 0; i < c->site_count; i++)
		if (site_check(&c->sites[i], c->lab, &why) != 0)
			return at_line(l, cfg_getnsec(tree, "site", (unsigned)i), &why);
	if (site_check_all(c->sites, c->site_count, c->lab, &why) != 0)
		return error_set(l->error, why.code, "%s: %.400s", l->file, why.text);
	return 0;
}

static void warn_of_addresses(struct config *c)
{
	for (size_t i = 0; i < c->site_count; i++) {
		for (size_t k = 0; k < c->sites[i].host_count; k++) {
			const struct host *h = &c->sites[i].hosts[k];
			for (size_t a = 0; a < h->address_count; a++) {
				enum addr_kind kind = addr_kind(h->addresses[a].addr);
				char text[ADDR_TEXT_MAX];
				if (h->role == ROLE_REAL || kind == ADDR_PUBLIC)
					continue;
				buf_addf(&c->warnings,
					 "%s %s of site %s has the address %s, which is "
					 "%s: only a trial may do that\n",
					 role_name(h->role), h->name, c->sites[i].name,
					 addr_text(h->addresses[a].addr, text),
					 addr_kind_name(kind));
			}
		}
	}
}

/* A host that nobody watches makes every verdict of its site unknown. */
static void warn_of_unwatched(struct config *c)
{
	for (size_t i = 0; i < c->site_count; i++) {
		for (size_t k = 0; k < c->sites[i].host_count; k++) {
			const struct host *h = &c->sites[i].hosts[k];
			if (!host_is_watched(h) && !h->is_elsewhere)
				buf_addf(
				    &c->warnings,
				    "host %s of site %s has no watch: until its mail log "
				    "is read, no sender of the site can be judged\n",
				    h->name, c->sites[i].name);
		}
	}
}

static void warn_of_vast(struct config *c)
{
	for (size_t i = 0; i < c->allow_count; i++) {
		struct prefix p;
		if (prefix_parse(c->allow[i], &p) && prefix_is_vast(p))
			buf_addf(&c->warnings,
				 "allow has %s, a large part of the internet: nobody in "
				 "it is ever listed, and each of them that is stopped "
				 "raises an alarm\n",
				 c->allow[i]);
	}
}

static int check_metrics(const struct load *l, cfg_t *tree)
{
	const char *path = l->config->metrics;
	if (!*path || *path == '/')
		return 0;
	return error_set(l->error, FMX_EUSAGE,
			 "%s:%u: metrics is an absolute path, not '%s'", l->file,
			 tree_value(tree, "metrics", 0)->line, path);
}

static int check_feeds(const struct load *l, cfg_t *tree)
{
	const struct config *c = l->config;
	if (!*c->feed_socket || *c->feed_socket == '/')
		return 0;
	return error_set(l->error, FMX_EUSAGE,
			 "%s:%u: feed_socket is an absolute path, not '%s'", l->file,
			 tree_value(tree, "feed_socket", 0)->line, c->feed_socket);
}

static bool is_here(const struct config *c, const struct host *h)
{
	return strcasecmp(h->name, c->here) == 0;
}

/* One file for many machines: what another one is, or watches, is left to it. */
static int keep_here(const struct load *l, cfg_t *tree)
{
	bool is_known = false;
	for (size_t i = 0; *l->config->here && i < l->config->site_count; i++) {
		struct site *s = &l->config->sites[i];
		for (size_t k = 0; k < s->host_count; k++) {
			struct host *h = &s->hosts[k];
			h->is_elsewhere = !is_here(l->config, h);
			is_known |= !h->is_elsewhere;
			if (h->is_elsewhere || h->role != ROLE_REAL) {
				h->watch[0] = '\0';
				h->also_count = 0;
			}
		}
	}
	if (is_known || !*l->config->here)
		return 0;
	return error_set(l->error, FMX_EUSAGE,
			 "%s:%u: here is '%s', which is the name of no host, decoy or "
			 "control of the file",
			 l->file, tree_value(tree, "here", 0)->line, l->config->here);
}

static int check_globals(const struct load *l, cfg_t *tree)
{
	const struct config *c = l->config;
	if (*c->clock && !c->lab)
		return error_set(
		    l->error, FMX_EUSAGE,
		    "%s:%u: clock needs lab = true: time does not jump where "
		    "mail is real",
		    l->file, tree_value(tree, "clock", 0)->line);
	if (c->site_count == 0)
		return error_set(l->error, FMX_EUSAGE,
				 "%s: there is no site; fakemx.conf(5) has an example",
				 l->file);
	return 0;
}

/* What is safe as it is may be changed where no mail is real. */
static int load_lab(const struct load *l, cfg_t *tree)
{
	struct config *c = l->config;
	if (tree_size(tree, TREE_LAB) == 0)
		return 0;
	cfg_t *section = cfg_getnsec(tree, TREE_LAB, 0);
	if (!c->lab)
		return error_set(l->error, FMX_EUSAGE,
				 "%s:%u: a lab section needs lab = true: these times are "
				 "safe as they are where mail is real",
				 l->file, tree_line(section));
	int rc = fill(section, "lab", "lab", l->file, c, l->error);
	if (rc == 0 && c->rules.final < c->rules.patience)
		rc = error_set(
		    l->error, FMX_EUSAGE,
		    "%s:%u: final is shorter than patience; make it at least as long",
		    l->file, tree_line(section));
	if (rc == 0 && c->rules.listing_most < c->rules.listing_least)
		rc =
		    error_set(l->error, FMX_EUSAGE,
			      "%s:%u: listing_most is shorter than listing_least: nobody "
			      "could be listed",
			      l->file, tree_line(section));
	return rc;
}

/* The page tells of senders and asks nobody who he is. */
static int load_web(const struct load *l, cfg_t *tree)
{
	struct config_web *w = &l->config->web;
	char text[ADDR_TEXT_MAX];
	bool is_good = addr_parse("127.0.0.1", &w->at.addr);
	assert(is_good);
	w->at.port = CONFIG_WEB_PORT;
	if (tree_size(tree, "web") == 0)
		return 0;
	cfg_t *section = cfg_getnsec(tree, "web", 0);
	int rc = fill(section, "web", "web", l->file, l->config, l->error);
	if (rc != 0)
		return rc;
	w->is_there = true;
	if (*w->path || w->beyond_loopback || addr_kind(w->at.addr) == ADDR_LOOPBACK)
		return 0;
	return error_set(
	    l->error, FMX_EUSAGE,
	    "%s:%u: web would listen on %s, which other machines may reach, and "
	    "it asks nobody for a password: let it listen on 127.0.0.1:%u behind "
	    "a proxy that does, or say beyond_loopback = true",
	    l->file, tree_line(section), addr_text(w->at.addr, text), w->at.port);
}

static bool is_quotable(const char *text)
{
	return !strchr(text, '\'');
}

static int load_stream(const struct load *l, cfg_t *tree)
{
	struct config *c = l->config;
	if (tree_size(tree, "stream") == 0)
		return 0;
	cfg_t *section = cfg_getnsec(tree, "stream", 0);
	int rc = fill(section, "stream", "stream", l->file, c, l->error);
	if (rc == 0 && !(is_quotable(c->stream.subject) &&
			 is_quotable(c->stream.credentials) && is_quotable(c->stream.ca)))
		rc = error_set(l->error, FMX_EUSAGE,
			       "%s:%u: subject, credentials and ca of stream may hold no "
			       "single quote",
			       l->file, tree_line(section));
	return rc;
}

static int load_tree(const struct load *l, cfg_t *tree, bool lab)
{
	struct config *c = l->config;
	c->rules = rules_default();
	int rc = fill(tree, "", "the file", l->file, c, l->error);
	if (rc)
		return rc;
	c->lab = c->lab || lab;
	c->rules.lab = c->lab;
	rc = load_lab(l, tree);
	if (rc == 0)
		rc = load_web(l, tree);
	if (rc == 0)
		rc = load_stream(l, tree);
	if (rc)
		return rc;
	size_t n = tree_size(tree, "site");
	if (n > CONFIG_MAX_SITES)
		return error_set(l->error, FMX_EUSAGE, "%s: more than %d sites", l->file,
				 CONFIG_MAX_SITES);
	for (size_t i = 0; i < n; i++) {
		rc = load_site(l, cfg_getnsec(tree, "site", (unsigned)i));
		if (rc)
			return rc;
	}
	rc = check_globals(l, tree);
	if (rc == 0)
		rc = load_publishes(l, tree);
	if (rc == 0)
		rc = check_metrics(l, tree);
	if (rc == 0)
		rc = check_feeds(l, tree);
	if (rc == 0)
		rc = keep_here(l, tree);
	return rc ? rc : judge_sites(l, tree);
}

static int parse(const char *text, size_t len, const char *name, bool lab, bool keeps,
		 struct config *ret_config, struct error *e)
{
	cfg_t *tree = tree_parse(text, len, name, e);
	if (!tree)
		return FMX_EUSAGE;
	struct config c = { .warnings = BUF_INIT(CONFIG_MAX_WARNINGS) };
	struct load l = { name, &c, e };
	int rc = load_tree(&l, tree, lab);
	tree_free(tree);
	if (rc && !(keeps && rc == FMX_EREFUSED)) {
		config_release(&c);
		return rc;
	}
	for (size_t i = 0; rc && i < c.site_count; i++)
		site_sort_domains(&c.sites[i]); /* not all were judged */
	if (c.lab)
		warn_of_addresses(&c);
	warn_of_unwatched(&c);
	warn_of_vast(&c);
	*ret_config = c;
	return rc;
}

int config_parse(const char *text, size_t len, const char *name, bool lab,
		 struct config *ret_config, struct error *e)
{
	return parse(text, len, name, lab, false, ret_config, e);
}

static int load(const char *path, bool lab, bool keeps, struct config *ret_config,
		struct error *e)
{
	struct source s;
	int rc = source_read(path, &s, e);
	if (rc == 0) {
		rc =
		    parse(buf_text(&s.text), s.text.len, path, lab, keeps, ret_config, e);
		if (rc != 0)
			source_place(&s, e);
		else
			buf_add(&ret_config->warnings, buf_text(&s.warnings),
				s.warnings.len);
	}
	source_release(&s);
	return rc;
}

int config_load(const char *path, bool lab, struct config *ret_config, struct error *e)
{
	return load(path, lab, false, ret_config, e);
}

int config_load_refused(const char *path, bool lab, struct config *ret_config,
			struct error *e)
{
	return load(path, lab, true, ret_config, e);
}

void config_release(struct config *c)
{
	for (size_t i = 0; i < c->site_count; i++)
		site_release(&c->sites[i]);
	for (size_t i = 0; i < c->allow_count; i++)
		free(c->allow[i]);
	free(c->sites);
	free(c->zones);
	free(c->publish);
	free(c->allow);
	for (size_t i = 0; i < c->compare_count; i++)
		free(c->compare[i]);
	free(c->compare);
	buf_release(&c->warnings);
	*c = (struct config){ 0 };
}

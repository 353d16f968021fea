/* Tree to structs, one setter per type of the table. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/stamp.h"
#include "base/suggestion.h"
#include "base/utf8.h"
#include "config/tree.h"
#include "mx/host_name.h"

/* One value on its way into its field. */
struct filling {
	const struct config_key *key;
	void *to; /* the struct */
	const char *file, *say;
	struct error *error;
};

static void *field(const struct filling *f)
{
	return (char *)f->to + f->key->offset;
}

FMX_PRINTF(3, 4)
static int wrong(const struct filling *f, const struct value *v, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bool is_of_file = !*f->key->section;
	return error_set(f->error, FMX_EUSAGE, "%s:%u: %s%s%s %s", f->file, v->line,
			 f->key->name, is_of_file ? "" : " of ", is_of_file ? "" : f->say,
			 text);
}

static int set_text(const struct filling *f, const struct value *v)
{
	if (!*v->text)
		return wrong(f, v, "is empty");
	if (!str_copy(field(f), f->key->size, v->text))
		return wrong(f, v, "is longer than %zu bytes", f->key->size - 1);
	return 0;
}

static int set_flag(const struct filling *f, const struct value *v)
{
	int is_true = cfg_parse_boolean(v->text);
	if (is_true < 0)
		return wrong(f, v, "is true or false, not '%s'", v->text);
	*(bool *)field(f) = is_true;
	return 0;
}

static int set_count(const struct filling *f, const struct value *v)
{
	uint64_t n;
	if (v->text[strspn(v->text, "0123456789")] || !*v->text)
		return wrong(f, v, "is a whole number, not '%s'", v->text);
	if (!number_parse(v->text, strlen(v->text), (uint64_t)f->key->most, &n) ||
	    n < (uint64_t)f->key->least)
		return wrong(f, v, "is %lld to %lld, not %s", (long long)f->key->least,
			     (long long)f->key->most, v->text);
	if (f->key->size == sizeof(uint16_t))
		*(uint16_t *)field(f) = (uint16_t)n;
	else
		*(uint32_t *)field(f) = (uint32_t)n;
	return 0;
}

static int set_duration(const struct filling *f, const struct value *v)
{
	int64_t us;
	if (!stamp_parse_duration(v->text, &us))
		return wrong(f, v, "is a time such as 90s, 15m, 24h or 7d, not '%s'",
			     v->text);
	if (us < f->key->least || us > f->key->most) {
		char least[STAMP_TEXT_MAX], most[STAMP_TEXT_MAX];
		return wrong(f, v, "is %s to %s, not %s",
			     stamp_duration_text(f->key->least, least),
			     stamp_duration_text(f->key->most, most), v->text);
	}
	*(int64_t *)field(f) = us;
	return 0;
}

static int set_word(const struct filling *f, const struct value *v)
{
	char words[128];
	bool fits = str_copy(words, sizeof(words), f->key->words);
	assert(fits);
	struct suggestion n = suggestion_for(v->text);
	unsigned index = 0;
	char *rest = words;
	enum layout layout;
	if (strcmp(f->key->name, "layout") == 0 && layout_parse(v->text, &layout)) {
		memcpy(field(f), &layout, sizeof(layout)); /* its synonyms, too */
		return 0;
	}
	for (char *word; (word = strsep(&rest, " ")); index++) {
		suggestion_offer(&n, word);
		if (strcmp(word, v->text) != 0)
			continue;
		if (f->key->size == sizeof(bool))
			*(bool *)field(f) = index;
		else
			memcpy(field(f), &index, sizeof(index)); /* an enum */
		return 0;
	}
	if (n.best)
		return wrong(f, v, "is one of '%s', not '%s'; did you mean '%s'?",
			     f->key->words, v->text, n.best);
	return wrong(f, v, "is one of '%s', not '%s'", f->key->words, v->text);
}

/* Where a log can be; what else it may be stands in front of the others. */
static int check_log(const struct filling *f, const struct value *v, const char *else_is)
{
	bool is_match = strncmp(v->text, "journal:", 8) == 0 &&
			(v->text[8] == '/' || strchr(v->text, '='));
	if (*v->text == '/' || strcmp(v->text, "command") == 0 ||
	    strcmp(v->text, "journal") == 0 || is_match)
		return 0;
	return wrong(f, v,
		     "is an absolute path, %scommand, journal, journal:/folder or "
		     "journal:FIELD=VALUE, not '%s'",
		     else_is, v->text);
}

static int set_log(const struct filling *f, const struct value *v)
{
	int rc = check_log(f, v, "");
	return rc == 0 ? set_text(f, v) : rc;
}

static int add_watch(const struct filling *f, const struct value *v)
{
	struct host *h = f->to;
	bool is_sent = strcmp(v->text, "feed") == 0 || strcmp(v->text, "stream") == 0;
	if (h->role != ROLE_REAL && !is_sent)
		return wrong(f, v,
			     "is feed or stream, where another machine is the decoy, not "
			     "'%s'",
			     v->text);
	int rc = is_sent ? 0 : check_log(f, v, "feed, stream, ");
	if (rc != 0)
		return rc;
	if (!*h->watch)
		return set_text(f, v);
	if (host_watches(h, v->text))
		return wrong(f, v, "has '%s' twice", v->text);
	if (h->also_count == HOST_MAX_WATCHES - 1)
		return wrong(f, v, "has more than %d entries", HOST_MAX_WATCHES);
	if (!str_copy(h->also[h->also_count], WATCH_MAX, v->text))
		return wrong(f, v, "is longer than %d bytes", WATCH_MAX - 1);
	h->also_count++;
	return 0;
}

/* Of a name server, without a port: 53. */
static int set_name_server(const struct filling *f, const struct value *v,
			   struct endpoint *ret_endpoint)
{
	return endpoint_parse(v->text, 53, ret_endpoint)
		   ? 0
		   : wrong(f, v, "is ADDRESS or ADDRESS@PORT, not '%s'", v->text);
}

static int set_endpoint(const struct filling *f, const struct value *v)
{
	return set_name_server(f, v, field(f));
}

static int add_address(const struct filling *f, const struct value *v)
{
	struct host *h = f->to;
	if (h->address_count == HOST_MAX_ADDRESSES)
		return wrong(f, v, "has more than %d entries", HOST_MAX_ADDRESSES);
	struct endpoint p;
	if (!endpoint_parse(v->text, SMTP_PORT, &p))
		return wrong(f, v, "is ADDRESS or ADDRESS@PORT, not '%s'", v->text);
	h->addresses[h->address_count++] = p;
	return 0;
}

static int add_server(const struct filling *f, const struct value *v)
{
	struct config_zone *z = f->to;
	if (z->update_server_count == CONFIG_MAX_SERVERS)
		return wrong(f, v, "has more than %d entries", CONFIG_MAX_SERVERS);
	int rc = set_name_server(f, v, &z->update_servers[z->update_server_count]);
	if (rc == 0)
		z->update_server_count++;
	return rc;
}

/* Never the internet: whoever can ask is told whom we hold for what. */
static int add_socket(const struct filling *f, const struct value *v)
{
	struct config *c = f->to;
	struct config_socket s = { .path = "" };
	if (c->policy_count == CONFIG_MAX_SOCKETS)
		return wrong(f, v, "has more than %d entries", CONFIG_MAX_SOCKETS);
	if (*v->text == '/') {
		if (!str_copy(s.path, sizeof(s.path), v->text))
			return wrong(f, v, "has a path longer than %d bytes: %s",
				     CONFIG_SOCKET_MAX - 1, v->text);
	} else if (!strchr(v->text, '@') || !endpoint_parse(v->text, SMTP_PORT, &s.at)) {
		return wrong(f, v, "takes ADDRESS@PORT and absolute paths, not '%s'",
			     v->text);
	} else if (addr_kind(s.at.addr) != ADDR_LOOPBACK &&
		   addr_kind(s.at.addr) != ADDR_PRIVATE) {
		return wrong(f, v,
			     "is for programs of this machine: '%s' is neither loopback "
			     "nor private; take 127.0.0.1@%u or a path",
			     v->text, s.at.port);
	}
	c->policy[c->policy_count++] = s;
	return 0;
}

/* At least two labels. */
bool fill_is_domain(const char *text, char *to, size_t size)
{
	return host_name_read(text, to, size) >= 2;
}

static void append(char ***list, size_t *count, const char *text)
{
	*list = xrealloc(*list, *count + 1, sizeof(**list));
	(*list)[(*count)++] = xstrdup(text);
}

static int add_domain(const struct filling *f, const struct value *v)
{
	struct site *s = f->to;
	char name[NAME_MAX_TEXT];
	if (!fill_is_domain(v->text, name, sizeof(name)))
		return wrong(f, v,
			     "must be domain names such as example.com (other letters "
			     "as xn--), not '%s'",
			     v->text);
	append(&s->domains, &s->domain_count, name);
	return 0;
}

/* A relative path begins at the folder of the configuration. */
static FILE *open_beside(const char *file, const char *path)
{
	char full[2 * CONFIG_TEXT_MAX];
	const char *slash = strrchr(file, '/');
	int folder = *path == '/' || !slash ? 0 : (int)(slash + 1 - file);
	(void)snprintf(full, sizeof(full), "%.*s%s", folder, file, path);
	struct stat st;
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		errno = EINVAL; /* a pipe would let serve wait for who writes to it */
		return NULL;
	}
	return fd < 0 ? NULL : fdopen(fd, "r");
}

static int add_domains_of(const struct filling *f, const struct value *v)
{
	char line[2 * NAME_MAX_TEXT], name[NAME_MAX_TEXT];
	struct site *s = f->to;
	unsigned number = 0;
	FILE *in = open_beside(f->file, v->text);
	if (!in)
		return wrong(f, v, "cannot be read: %s: %s", v->text, strerror(errno));
	int rc = 0;
	while (rc == 0 && fgets(line, sizeof(line), in)) {
		number++;
		line[strcspn(line, "#\r\n")] = '\0';
		char *begin = line + (number == 1 ? utf8_mark(line, strlen(line)) : 0);
		begin += strspn(begin, " \t");
		begin[strcspn(begin, " \t")] = '\0';
		if (!*begin)
			continue;
		if (fill_is_domain(begin, name, sizeof(name)))
			append(&s->domains, &s->domain_count, name);
		else
			rc = wrong(f, v,
				   "has in line %u of %s '%s', which is no domain name "
				   "(other letters as xn--)",
				   number, v->text, begin);
	}
	(void)fclose(in); /* only read */
	return rc;
}

static int add_list(const struct filling *f, const struct value *v)
{
	struct config *c = f->to;
	char name[NAME_MAX_TEXT];
	if (!fill_is_domain(v->text, name, sizeof(name)))
		return wrong(f, v, "takes the zones of DNS blocklists, not '%s'",
			     v->text);
	if (c->compare_count == CONFIG_MAX_COMPARE)
		return wrong(f, v, "has at most %d zones", CONFIG_MAX_COMPARE);
	append(&c->compare, &c->compare_count, name);
	return 0;
}

static int add_entry(const struct filling *f, const struct value *v)
{
	struct config *c = f->to;
	char name[NAME_MAX_TEXT];
	struct prefix p;
	if (prefix_parse(v->text, &p))
		append(&c->allow, &c->allow_count, v->text);
	else if (fill_is_domain(v->text, name, sizeof(name)))
		append(&c->allow, &c->allow_count, name);
	else if (host_name_read(v->text, name, sizeof(name)) == 1)
		return wrong(f, v,
			     "has %s, a whole top-level domain, and not all who send "
			     "from there can be trusted: name a domain below it, or a "
			     "host by its whole name",
			     name);
	else
		return wrong(f, v, "takes addresses, prefixes and names, not '%s'",
			     v->text);
	return 0;
}

/* As in an URL: the colon of an IPv6 address is not the port's. */
static bool parse_listen(const char *text, struct endpoint *ret_at)
{
	bool has_brackets = *text == '[';
	const char *colon = strrchr(text, ':');
	const char *begin = text + has_brackets;
	const char *end = colon ? colon - has_brackets : NULL;
	struct addr a;
	uint64_t port;
	if (!colon || end <= begin || (has_brackets && *end != ']') ||
	    !number_parse(colon + 1, strlen(colon + 1), UINT16_MAX, &port) || port == 0)
		return false;
	if (!addr_parse_n(begin, (size_t)(end - begin), &a) ||
	    has_brackets != (memchr(begin, ':', (size_t)(end - begin)) != NULL))
		return false;
	*ret_at = (struct endpoint){ .addr = a, .port = (uint16_t)port };
	return true;
}

static int set_listen(const struct filling *f, const struct value *v)
{
	struct config_web *w = field(f);
	if (strncmp(v->text, "unix:", 5) != 0) {
		w->path[0] = '\0';
		if (!parse_listen(v->text, &w->at))
			return wrong(f, v,
				     "is ADDRESS:PORT, [IPV6-ADDRESS]:PORT or unix:PATH, "
				     "not '%s'",
				     v->text);
		return 0;
	}
	if (v->text[5] != '/')
		return wrong(f, v, "needs an absolute path after unix:, not '%s'",
			     v->text + 5);
	if (!str_copy(w->path, sizeof(w->path), v->text + 5))
		return wrong(f, v, "has a path longer than %d bytes: %s",
			     CONFIG_SOCKET_MAX - 1, v->text + 5);
	return 0;
}

static int add_hostname(const struct filling *f, const struct value *v)
{
	struct config_web *w = &((struct config *)f->to)->web;
	struct addr a;
	if (w->name_count == CONFIG_MAX_NAMES)
		return wrong(f, v, "has more than %d entries", CONFIG_MAX_NAMES);
	char *to = w->names[w->name_count];
	bool is_short =
	    host_name_is_label(v->text, strlen(v->text)); /* "mx", in a network's own */
	if ((is_short || addr_parse(v->text, &a)) && str_copy(to, NAME_MAX_TEXT, v->text))
		for (; *to; to++)
			*to = (char)tolower((unsigned char)*to);
	else if (!fill_is_domain(v->text, to, NAME_MAX_TEXT))
		return wrong(f, v, "takes host names without a port, not '%s'", v->text);
	w->name_count++;
	return 0;
}

static int add_url(const struct filling *f, const struct value *v)
{
	char *to = field(f);
	size_t len = strlen(to);
	bool is_url =
	    strncmp(v->text, "nats://", 7) == 0 || strncmp(v->text, "tls://", 6) == 0;
	if (!is_url || strpbrk(v->text, " ,'"))
		return wrong(f, v,
			     "takes URLs such as nats://mx1.example.com:4222, not '%s'",
			     v->text);
	if (len + 1 + strlen(v->text) >= f->key->size)
		return wrong(f, v, "is longer than %zu bytes", f->key->size - 1);
	(void)snprintf(to + len, f->key->size - len, "%s%s", len ? "," : "", v->text);
	return 0;
}

static int set(const struct filling *f, const struct value *v)
{
	switch (f->key->type) {
	case CONFIG_TEXT: return set_text(f, v);
	case CONFIG_FLAG: return set_flag(f, v);
	case CONFIG_COUNT: return set_count(f, v);
	case CONFIG_DURATION: return set_duration(f, v);
	case CONFIG_WORD: return set_word(f, v);
	case CONFIG_WATCH: return add_watch(f, v);
	case CONFIG_LOG: return set_log(f, v);
	case CONFIG_ENDPOINT: return set_endpoint(f, v);
	case CONFIG_ADDRESSES: return add_address(f, v);
	case CONFIG_SERVERS: return add_server(f, v);
	case CONFIG_SOCKETS: return add_socket(f, v);
	case CONFIG_DOMAINS: return add_domain(f, v);
	case CONFIG_NAMES: return add_domains_of(f, v);
	case CONFIG_LISTS: return add_list(f, v);
	case CONFIG_LISTEN: return set_listen(f, v);
	case CONFIG_HOSTNAMES: return add_hostname(f, v);
	case CONFIG_ENTRIES: return add_entry(f, v);
	case CONFIG_URLS: return add_url(f, v);
	}
	assert(false);
	return FMX_EUSAGE;
}

/* The fallback is text in the table, so that it is judged as the file is. */
static void set_fallback(const struct filling *f)
{
	size_t len = strlen(f->key->fallback) + 1;
	struct value *v = xcalloc(1, sizeof(*v) + len);
	memcpy(v->text, f->key->fallback, len);
	int rc = set(f, v);
	assert(rc == 0);
	free(v);
}

int fill(cfg_t *section, const char *section_name, const char *say, const char *file,
	 void *to, struct error *e)
{
	size_t count;
	const struct config_key *keys = config_keys(&count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(keys[i].section, section_name) != 0)
			continue;
		struct filling f = { &keys[i], to, file, say, e };
		size_t n = tree_size(section, keys[i].name);
		for (size_t k = 0; k < n; k++) {
			int rc = set(&f, tree_value(section, keys[i].name, k));
			if (rc)
				return rc;
		}
		if (n == 0 && keys[i].is_required)
			return error_set(e, FMX_EUSAGE, "%s:%u: %s has no %s (%s)", file,
					 tree_line(section), say, keys[i].name,
					 config_type_name(keys[i].type));
		if (n == 0 && keys[i].fallback)
			set_fallback(&f);
	}
	return 0;
}

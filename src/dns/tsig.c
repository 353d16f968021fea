#include "dns/tsig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "dns/tsig_own.h"

struct parts {
	char name[NAME_TEXT_MAX], algorithm[32], secret[256];
};

static const char separators[] = " \t\r\n;{}:,";

/* The next word: up to a separator, or what quotes hold. False at the end, or
 * when it does not fit. */
static bool next_word(const char **at, char *to, size_t size, bool *ret_quoted)
{
	const char *p = *at + strspn(*at, separators);
	*ret_quoted = *p == '"';
	p += *ret_quoted;
	size_t n = *ret_quoted ? strcspn(p, "\"\n") : strcspn(p, " \t\r\n\";{}:,");
	*at = p + n + (*ret_quoted && p[n]);
	if (n >= size || (n == 0 && !*ret_quoted))
		return false;
	memcpy(to, p, n);
	to[n] = '\0';
	return true;
}

/* A word that is not in quotes says which value comes next: `key "name" {
 * algorithm hmac-sha256; secret "..."; };`, `- id: name`. A value may look like
 * any of these words. The first of each counts, as there is one key. */
static void read_parts(const char *text, struct parts *p)
{
	struct {
		const char *word;
		char *to;
		size_t size;
	} values[] = {
		{ "key", p->name, sizeof(p->name) },
		{ "id", p->name, sizeof(p->name) },
		{ "algorithm", p->algorithm, sizeof(p->algorithm) },
		{ "secret", p->secret, sizeof(p->secret) },
	};
	char word[NAME_TEXT_MAX], value[NAME_TEXT_MAX];
	bool quoted, ignored;
	while (next_word(&text, word, sizeof(word), &quoted)) {
		for (size_t i = 0; !quoted && i < 4; i++) {
			if (strcmp(word, values[i].word) != 0)
				continue;
			const char *rest = text + strspn(text, " \t");
			bool is_section =
			    *rest == ':' && rest[1 + strspn(rest + 1, " \t\r")] == '\n';
			if (is_section ||
			    !next_word(&text, value, sizeof(value), &ignored))
				break;
			if (!values[i].to[0])
				(void)str_copy(values[i].to, values[i].size, value);
			break;
		}
	}
	explicit_bzero(value, sizeof(value));
	explicit_bzero(word, sizeof(word));
}

/* keymgr -t begins with the same as a comment; lines that begin with # or //
 * are not read. */
static void drop_comments(char *text)
{
	char *to = text, *line = text;
	bool is_last = !*line;
	while (!is_last) {
		size_t n = strcspn(line, "\n");
		is_last = !line[n] || !line[n + 1]; /* asked before it is written */
		size_t blank = strspn(line, " \t");
		if (line[blank] != '#' &&
		    !(line[blank] == '/' && line[blank + 1] == '/')) {
			memmove(to, line, n);
			to += n;
			*to++ = '\n';
		}
		line += n + 1;
	}
	*to = '\0';
}

int tsig_key_parse(const char *text, const char *name, struct tsig_key **ret,
		   struct error *e)
{
	struct parts p = { "", "", "" };
	char copy[TSIG_FILE_MAX + 2]; /* a last line without newline gets one */
	if (!str_copy(copy, TSIG_FILE_MAX, text))
		return error_set(e, FMX_ETOOBIG, "%s: too large for a TSIG key", name);
	drop_comments(copy);
	read_parts(copy, &p);
	struct tsig_key *key = xcalloc(1, sizeof(*key));
	bool ok =
	    p.name[0] && p.algorithm[0] && p.secret[0] &&
	    knot_tsig_key_init(&key->knot, p.algorithm, p.name, p.secret) == KNOT_EOK;
	explicit_bzero(copy, sizeof(copy));
	explicit_bzero(p.secret, sizeof(p.secret));
	if (!ok) {
		free(key);
		return error_set(e, FMX_EMALFORMED,
				 "%s holds no TSIG key with name, algorithm and secret, "
				 "as tsig-keygen or "
				 "`keymgr -t` write it%s%s",
				 name, p.algorithm[0] ? "; algorithm " : "", p.algorithm);
	}
	(void)knot_dname_to_str(key->name, key->knot.name, sizeof(key->name));
	*ret = key;
	return 0;
}

int tsig_key_read(const char *path, struct tsig_key **ret, struct error *e)
{
	char text[TSIG_FILE_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, TSIG_FILE_MAX);
	int code = errno;
	if (fd >= 0)
		(void)close(fd);
	if (n < 0)
		return error_set(e, -code, "cannot read the TSIG key %s: %s", path,
				 strerror(code));
	text[n] = '\0';
	int rc = tsig_key_parse(text, path, ret, e);
	explicit_bzero(text, sizeof(text));
	return rc;
}

void tsig_key_free(struct tsig_key *key)
{
	if (!key)
		return;
	knot_tsig_key_deinit(&key->knot);
	free(key);
}

const char *tsig_key_name(const struct tsig_key *key)
{
	return key->name;
}

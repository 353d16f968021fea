#include "look/sts.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool sts_is_record(const char *text)
{
	size_t n = strlen("v=STSv1");
	return strncmp(text, "v=STSv1", n) == 0 &&
	       (text[n] == ';' || text[n] == ' ' || text[n] == '\0');
}

struct policy {
	bool saw_version, has_version, has_mode;
	enum sts_mode mode;
	size_t line;
};

static bool value_is(const char *value, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(value, want, len) == 0;
}

/* RFC 8461 3.2: of a key that stands twice the first counts; but mx may. */
static int read_mode(struct policy *p, const char *value, size_t len, struct error *e)
{
	if (p->has_mode)
		return 0;
	p->has_mode = true;
	if (value_is(value, len, "enforce"))
		p->mode = STS_ENFORCE;
	else if (value_is(value, len, "testing"))
		p->mode = STS_TESTING;
	else if (value_is(value, len, "none"))
		p->mode = STS_NONE;
	else
		return error_set(e, FMX_EMALFORMED,
				 "line %zu of the policy: no such mode", p->line);
	return 0;
}

static int read_field(struct policy *p, const char *line, size_t len, struct seen *s,
		      struct error *e)
{
	const char *colon = memchr(line, ':', len);
	if (!colon)
		return error_set(e, FMX_EMALFORMED,
				 "line %zu of the policy is no \"key: value\"", p->line);
	size_t key = (size_t)(colon - line), n = len - key - 1;
	const char *value = colon + 1;
	while (n > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		n--;
	}
	if (value_is(line, key, "version")) {
		p->has_version =
		    p->saw_version ? p->has_version : value_is(value, n, "STSv1");
		p->saw_version = true;
	} else if (value_is(line, key, "mode"))
		return read_mode(p, value, n, e);
	else if (value_is(line, key, "mx")) {
		char pattern[NAME_MAX_TEXT];
		if (n == 0 || n >= sizeof(pattern) || memchr(value, '\0', n))
			return error_set(e, FMX_EMALFORMED,
					 "line %zu of the policy: no name after mx",
					 p->line);
		memcpy(pattern, value, n);
		pattern[n] = '\0';
		seen_add_pattern(s, pattern);
	}
	return 0; /* RFC 8461 3.2: unknown keys are ignored */
}

int sts_read(const char *body, size_t len, struct seen *s, struct error *e)
{
	struct policy p = { .mode = STS_NONE };
	s->sts = STS_BROKEN;
	for (size_t at = 0; at < len;) {
		const char *line = body + at;
		const char *end = memchr(line, '\n', len - at);
		size_t n = end ? (size_t)(end - line) : len - at;
		at += n + (end != NULL);
		p.line++;
		while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == ' '))
			n--;
		if (n == 0)
			continue;
		int r = read_field(&p, line, n, s, e);
		if (r != 0)
			return r;
	}
	if (!p.has_version)
		return error_set(e, FMX_EMALFORMED,
				 "the policy has no \"version: STSv1\"");
	if (!p.has_mode)
		return error_set(e, FMX_EMALFORMED, "the policy has no mode");
	if (p.mode != STS_NONE && s->sts_count == 0)
		return error_set(e, FMX_EMALFORMED, "the policy lists no mx");
	s->sts = p.mode;
	return 0;
}

#include "look/spf.h"

#include <string.h>
#include <strings.h>

bool spf_is_record(const char *text)
{
	return strncasecmp(text, "v=spf1", 6) == 0 && (text[6] == ' ' || text[6] == '\0');
}

/* One term, its qualifier taken off: "mx", "mx/24", "mx:example.com//64". */
static bool term_is_mx(const char *term, size_t len, const char *domain)
{
	if (len < 2 || strncasecmp(term, "mx", 2) != 0)
		return false;
	if (len == 2 || term[2] == '/')
		return true;
	if (term[2] != ':')
		return false;
	size_t n = strcspn(term + 3, "/ ");
	return n == strlen(domain) && strncasecmp(term + 3, domain, n) == 0;
}

bool spf_has_mx(const char *record, const char *domain)
{
	for (const char *t = record; *t;) {
		size_t len = strcspn(t, " ");
		/* "-mx" says that they may not; "~mx" and "?mx" that they might. */
		size_t qualifier = *t == '+' || *t == '~' || *t == '?';
		if (len > qualifier && term_is_mx(t + qualifier, len - qualifier, domain))
			return true;
		t += len + strspn(t + len, " ");
	}
	return false;
}

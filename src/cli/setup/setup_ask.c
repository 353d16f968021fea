#include "cli/setup/setup_ask.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

bool setup_ask(const char *question, const char *fallback, char *ret, size_t size)
{
	char line[1024];
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s%s%s%s ", question, *fallback ? " [" : "", fallback,
		      *fallback ? "]" : "");
	(void)fflush(stderr);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	char *text = line + strspn(line, " \t");
	size_t len = strcspn(text, "\r\n");
	while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	text[len] = '\0';
	(void)str_copy(ret, size, len ? text : fallback);
	return true;
}

bool setup_ask_yes(const char *question, bool fallback)
{
	char answer[16];
	while (setup_ask(question, fallback ? "yes" : "no", answer, sizeof(answer))) {
		if (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0)
			return true;
		if (strcasecmp(answer, "n") == 0 || strcasecmp(answer, "no") == 0)
			return false;
		(void)fputs("Please answer yes or no.\n", stderr);
	}
	return false;
}

bool setup_ask_high(bool *ret_is_high)
{
	char answer[16];
	while (setup_ask("Layout:", "none", answer, sizeof(answer))) {
		*ret_is_high =
		    strcasecmp(answer, "high") == 0 || strcasecmp(answer, "last") == 0;
		if (*ret_is_high || strcasecmp(answer, "none") == 0)
			return true;
		(void)fputs("Please answer none or high.\n", stderr);
	}
	return false;
}

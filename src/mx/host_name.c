#include "mx/host_name.h"

#include <ctype.h>
#include <string.h>

#include "base/addr.h"

enum { LABEL_MAX = 63, NAME_MAX_BYTES = 253 };

bool host_name_is_label(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
			return false;
	return len >= 1 && len <= LABEL_MAX;
}

size_t host_name_read(const char *text, char *to, size_t size)
{
	size_t len = strlen(text), labels = 0;
	bool has_letter = false;
	struct addr a;
	if (len && text[len - 1] == '.')
		len--;
	if (len > NAME_MAX_BYTES || len >= size)
		return 0;
	for (size_t at = 0; at <= len; labels++) {
		size_t label = strcspn(text + at, ".");
		if (label > len - at)
			label = len - at;
		if (!host_name_is_label(text + at, label))
			return 0;
		at += label + 1;
	}
	for (size_t i = 0; i < len; i++) {
		has_letter = has_letter || isalpha((unsigned char)text[i]);
		to[i] = (char)tolower((unsigned char)text[i]);
	}
	to[len] = '\0';
	return has_letter && !addr_parse(to, &a) ? labels : 0;
}

/* Any text as a TSIG key: a key with a name, or a sentence without the text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsig_key *key = NULL;
	struct error e = { 0 };
	char *text = malloc(size + 1);
	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	int rc = tsig_key_parse(text, "FILE", &key, &e);
	if (rc == 0) {
		size_t n = strlen(tsig_key_name(key));
		assert(n > 0 && tsig_key_name(key)[n - 1] == '.');
		tsig_key_free(key);
	} else {
		assert(!key && strstr(e.text, "FILE"));
	}
	free(text);
	return 0;
}

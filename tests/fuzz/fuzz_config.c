/* Any text is either a configuration or one sentence that begins with the
 * file's name; and the next good one is read whatever came before. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char good[] =
    "lab = true site \"a\" { layout = high domains = { \"example.com\" }\n"
    "host \"mail.example.com\" { preference = 10 address = { \"192.0.2.25\" } }\n"
    "decoy \"fake.example.com\" { preference = 20 address = { \"192.0.2.30\" } "
    "posture = defer } }\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';

	struct config c;
	struct error e = { .code = 0 };
	if (config_parse(text, size, "file", false, &c, &e) == 0) {
		assert(c.site_count > 0);
		for (size_t i = 0; i < c.site_count; i++)
			assert(c.sites[i].domain_count > 0);
		assert(c.rules.listing_expires <= 7 * 86400 * INT64_C(1000000));
		config_release(&c);
	} else {
		assert(strncmp(e.text, "file:", 5) == 0);
		assert(!strchr(e.text, '\n'));
	}
	free(text);

	assert(config_parse(good, sizeof(good) - 1, "file", false, &c, &e) == 0);
	config_release(&c);
	return 0;
}

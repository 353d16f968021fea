/*
 * log_words - the words of one mail program, as a fuzz target reads them
 *
 * An input is lines: a letter for the program, a digit for its process, one for the
 * seconds since the line before, and what the program says. They are put behind a
 * syslog front, and read twice, the second time as docker logs -t shows them: no bytes
 * may hurt, each line is one of used, useless, foreign and garbled, nothing is open at
 * the end, and both times the visits are the same.
 *
 * Use: LOG_WORDS("postfix/smtpd", "postfix/cleanup")
 */
#ifndef FMX_TESTS_FUZZ_LOG_WORDS_H
#define FMX_TESTS_FUZZ_LOG_WORDS_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void log_words(const char *const *tags, size_t count, const uint8_t *data, size_t size);

#define LOG_WORDS(...)                                                                   \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                     \
	{                                                                                \
		static const char *const tags[] = { __VA_ARGS__ };                       \
		log_words(tags, sizeof(tags) / sizeof(tags[0]), data, size);             \
		return 0;                                                                \
	}

#endif

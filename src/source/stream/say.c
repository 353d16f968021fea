#include <stdarg.h>
#include <stdio.h>

#include "source/stream/stream.h"

void stream_say(const char *format, ...)
{
	va_list args;
	(void)fputs("fakemx-stream: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

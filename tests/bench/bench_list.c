/*
 * bench_list - a million listed senders in each format
 *
 * Nine of ten have IPv4. CPU by getrusage, memory as the greatest resident size of the
 * process, which the million entries are no part of: they are made one by one, as the
 * journal gives them slice by slice. Beside each stands a bare loop that prints the same
 * addresses, one a line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/stamp.h"
#include "outlet/list.h"

enum { SENDERS = 1000000, MOST_KB = 64 * 1024 };
#define MOST_SECONDS 2.0

static double cpu(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static long kilobytes(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static struct addr client(uint32_t i)
{
	struct addr a = { { [10] = 0xff, [11] = 0xff } };
	if (i >= SENDERS / 10 * 9) {
		a = (struct addr){ { 0x2a, 0x01 } };
		a.bytes[15] = 1;
		memcpy(a.bytes + 4, &i, sizeof(i));
		return a;
	}
	for (int k = 0; k < 4; k++)
		a.bytes[15 - k] = (uint8_t)((UINT32_C(0x1e000001) + i * 7) >> (8 * k));
	return a;
}

static void put(void *arg, const char *text, size_t len)
{
	(void)fwrite(text, 1, len, (FILE *)arg);
}

static double bare(FILE *to)
{
	char text[ADDR_TEXT_MAX];
	double began = cpu();
	for (uint32_t i = 0; i < SENDERS; i++)
		(void)fprintf(to, "%s\n", addr_text(client(i), text));
	return cpu() - began;
}

static double write_list(enum list_format f, FILE *to)
{
	struct list_head head = { .is_enforced = true, .serial = 1 };
	struct list_out out = { put, to };
	struct list_writer w;
	struct listing l = { .is_listed = true,
			     .reason = REASON_LISTED,
			     .until = STAMP_DAY };
	double began = cpu();
	list_begin(&w, f, &head, &out);
	for (uint32_t i = 0; i < SENDERS; i++) {
		l.client = client(i);
		list_add(&w, &l);
	}
	(void)list_end(&w);
	return cpu() - began;
}

int main(void)
{
	FILE *to = fopen("/dev/null", "we");
	if (!to)
		return 1;
	for (int f = 0; f < LIST_FORMATS; f++) {
		double theirs = bare(to), ours = write_list((enum list_format)f, to);
		(void)printf("list, 1 million as %s / bare print\t%.2f s\t%.2f "
			     "s\t%.2f\t< 2 s\t%s\n",
			     list_format_name((enum list_format)f), ours, theirs,
			     ours / theirs, ours < MOST_SECONDS ? "ok" : "MISS");
	}
	(void)printf("list, memory of all formats\t%ld kB\t-\t-\t< 64 MB\t%s\n",
		     kilobytes(), kilobytes() < MOST_KB ? "ok" : "MISS");
	return fclose(to) == 0 ? 0 : 1;
}

/* fakemx-stream send|take|last|setup|key: what fakemx feed and serve start; see stream.h.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/stream/stream.h"

enum { USAGE = 64 };

static const struct option longs[] = {
	{ "servers", required_argument, NULL, 's' },
	{ "subject", required_argument, NULL, 'b' },
	{ "credentials", required_argument, NULL, 'c' },
	{ "ca", required_argument, NULL, 'a' },
	{ "durable", required_argument, NULL, 'd' },
	{ "after", required_argument, NULL, 'n' },
	{ "replicas", required_argument, NULL, 'r' },
	{ NULL, 0, NULL, 0 },
};

/* 31613, 31613:1796061412270381 */
static bool read_after(struct stream_options *o, const char *text)
{
	char *rest;
	o->after = strtoull(text, &rest, 10);
	if (*rest == ':')
		o->after_stored = strtoll(rest + 1, &rest, 10);
	return !*rest;
}

static bool read_option(struct stream_options *o, int letter)
{
	switch (letter) {
	case 's': o->servers = optarg; return true;
	case 'b': o->subject = optarg; return true;
	case 'c': o->credentials = optarg; return true;
	case 'a': o->ca = optarg; return true;
	case 'd': o->durable = optarg; return true;
	case 'n': return read_after(o, optarg);
	case 'r': o->replicas = strtoll(optarg, NULL, 10); return true;
	default: return false;
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct stream_options *o);
	} tasks[] = { { "send", stream_send },
		      { "take", stream_take },
		      { "last", stream_last },
		      { "setup", stream_setup },
		      { "key", stream_key } };
	struct stream_options o = { .subject = STREAM_SUBJECTS,
				    .durable = "fakemx",
				    .replicas = 1 };
	int letter;
	(void)signal(SIGPIPE, SIG_IGN);
	while ((letter = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!read_option(&o, letter))
			return USAGE;
	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		if ((o.servers || tasks[i].run == stream_key) && optind < argc &&
		    strcmp(argv[optind], tasks[i].name) == 0)
			return tasks[i].run(&o);
	(void)fputs(
	    "fakemx-stream is started by fakemx feed and fakemx-serve:\n"
	    "  fakemx-stream send|take|last|setup|key --servers URL[,URL...] "
	    "[--subject S]\n      [--credentials FILE] [--ca FILE] [--durable NAME] "
	    "[--after N[:STORED]] [--replicas N]\n",
	    stderr);
	return USAGE;
}

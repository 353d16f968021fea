/* stream_peer - the lines of a file by bare js_PublishAsync, as bench_stream's measure
 *
 * Use: stream_peer URL SUBJECT FILE. Prints the seconds that it took; what it cost is
 * the caller's to ask (wait4). */
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PENDING = 2000 };

static void check(natsStatus s)
{
	if (s == NATS_OK)
		return;
	(void)fprintf(stderr, "stream_peer: %s\n", natsStatus_GetText(s));
	exit(1);
}

int main(int argc, char **argv)
{
	natsConnection *connection = NULL;
	jsCtx *js = NULL;
	jsOptions options;
	jsPubOptions wait;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *in = argc == 4 ? fopen(argv[3], "re") : NULL;
	if (!in)
		return 64;
	check(natsConnection_ConnectTo(&connection, argv[1]));
	check(jsOptions_Init(&options));
	options.PublishAsync.MaxPending = PENDING;
	check(natsConnection_JetStream(&js, connection, &options));
	while ((len = getline(&line, &size, in)) > 0)
		check(js_PublishAsync(js, argv[2], line, (int)len - 1, NULL));
	check(jsPubOptions_Init(&wait));
	wait.MaxWait = 60000;
	check(js_PublishAsyncComplete(js, &wait));
	free(line);
	(void)fclose(in);
	jsCtx_Destroy(js);
	natsConnection_Destroy(connection);
	nats_Close();
	return 0;
}

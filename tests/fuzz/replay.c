/*
 * replay - run one fuzz target over a folder of saved inputs, with any compiler
 *
 * The fuzzer needs clang. The inputs it once found do not: linked with this
 * main(), each target becomes an ordinary test that replays its corpus.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	static uint8_t buf[1 << 20];

	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		return -1;
	}
	size_t n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	/* Exactly n bytes of heap, so that reading behind them is found. */
	uint8_t *exact = malloc(n ? n : 1);
	if (!exact)
		return -1;
	for (size_t i = 0; i < n; i++)
		exact[i] = buf[i];
	int rc = LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return rc;
}

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	if (!dir) {
		fprintf(stderr, "usage: replay FOLDER\n");
		return EXIT_FAILURE;
	}
	int count = 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		char path[4096];
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		if (replay_file(path) != 0)
			return EXIT_FAILURE;
		count++;
	}
	closedir(dir);
	printf("replayed %d inputs\n", count);
	return count ? EXIT_SUCCESS : EXIT_FAILURE;
}

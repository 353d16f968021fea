/*
 * serving - a whole serve, in the child process of a bench
 *
 * Use:
 *	if (fork() == 0)
 *		serving_run("lab = true\n...", ready);	// writes a line to `ready` when
 * it serves
 */
#ifndef FMX_BENCH_SERVING_H
#define FMX_BENCH_SERVING_H

/* Serves until a signal ends it, then ends the process; what cannot be read is said on
 * standard output. */
_Noreturn void serving_run(const char *config, int ready);
/* A core of its own, in front of what else the machine does: that is not to be measured.
 * Without the right to it this process is as all others. */
void serving_take_core(int core);

#endif

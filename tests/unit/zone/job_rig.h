/*
 * job_rig - a zone in a folder of its own, for the tests of what a job does to it
 */
#ifndef FMX_TEST_JOB_RIG_H
#define FMX_TEST_JOB_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "zone/file.h"
#include "zone/job.h"

struct spot {
	char folder[64], path[128], state[128];
	struct plan_want want;
	struct job job;
	struct job_worker *worker;
	struct job_result result;
};

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static inline char *read_file(const char *path)
{
	char *text;
	size_t len;
	struct error e;
	assert_int_equal(zone_read_file(path, &text, &len, &e), 0);
	return text;
}

#endif

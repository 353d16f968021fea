/*
 * parts - what one serve is made of
 *
 * The engine owns it; the files of this folder work on it, each from its own header:
 * start.h brings it up, apply.h makes it agree with a configuration, lines.h takes what
 * sources give, catch_up.h looks at everything now, alarm/alarm_raise.h says what is
 * wrong, metrics.h counts.
 */
#ifndef FMX_SERVE_PARTS_H
#define FMX_SERVE_PARTS_H

#include <uv.h>

#include "config/config.h"
#include "serve/alarm/alarm.h"
#include "serve/alarm/alarm_command.h"
#include "serve/dns/asks.h"
#include "serve/metrics/journal_counts.h"
#include "serve/policy/policy_answer.h"
#include "serve/policy/policy_server.h"
#include "serve/probe/probe_schedule.h"
#include "serve/probe/self_probe.h"
#include "serve/system/clock_watch.h"
#include "serve/system/confine.h"
#include "serve/system/labclock.h"
#include "serve/watch/watch.h"
#include "serve/write/watermarks.h"
#include "serve/write/writer.h"
#include "source/decoy/decoy.h"
#include "source/knock/knock.h"
#include "source/name/names.h"

enum { INHERITED_MAX = 256, ENGINE_SIGNALS = 4 };

struct engine_options {
	const char *config_path; /* for reloads */
	bool lab;                /* as given on the command line */
	int ready_fd;            /* -1; else "ready" and "caught-up" are written there */
};

struct engine {
	struct engine_options options;
	struct config config;
	struct confined confined;
	struct labclock lab_clock;
	int64_t clock_offset; /* the trial's, that everything due was last done for */
	struct clock_watch *clock_watch;
	struct stamp_clock clock; /* of all parts */
	int64_t started;
	uv_loop_t loop;
	uv_timer_t tick, poll;
	uv_signal_t signals[ENGINE_SIGNALS];
	bool has_handles, is_stopping, is_helper_lost;
	unsigned ticks;
	uint64_t own_visits, old_visits, visits;
	struct engine_host {
		uint64_t visits[DEPTH_DATA + 1][OUTCOME_ABORTED + 1];
		uint64_t probes_good, probes_bad;
		int64_t upto;                   /* the newest watermark; 0 none */
		int64_t hidden_until;           /* hidden.h; 0: it sees */
		int64_t hidden_kept;            /* what the journal has of that */
		uint16_t troubles[ALARM_KINDS]; /* not over yet */
		bool is_unwell, is_probed;
		bool is_log_stalled; /* of the host that a log goes by; said once */
	} hosts[UINT16_MAX + 1];     /* by id */
	bool is_metrics_failing, is_alarms_failing;
	size_t alarm_at; /* which sender's alarm is looked after next */

	int inherited[INHERITED_MAX]; /* sockets from systemd, until decoys have them */
	size_t inherited_count;

	struct writer *writer;
	struct db *policy_db; /* a reader's */
	struct watermarks *watermarks;
	struct self_probes *self_probes;
	struct decoy_set *decoys;
	struct knock *knock;
	struct watch *watch;
	struct probe_schedule *probes;
	struct names *names;
	struct asks *asks;
	struct policy_answers *answers;
	struct policy_server *policy;
	struct alarms *alarms;
	struct alarm_command *alarm_command;
	struct journal_counts *journal_counts;
	struct {
		bool is_active;
		bool is_asked_again;
		bool is_written, is_complete; /* watermarks are; sources had looked */
		int64_t since; /* the clock's; sources must have looked after it */
		int64_t began; /* monotonic */
	} catch_up;
};

#endif

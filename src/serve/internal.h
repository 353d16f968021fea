/*
 * internal - what the files of one engine share
 *
 * start.c brings it up, engine.c runs and stops it, apply.c makes it agree with
 * a configuration, input.c takes what sources give, settle.c catches up. Nobody
 * else includes this.
 */
#ifndef FMX_SERVE_INTERNAL_H
#define FMX_SERVE_INTERNAL_H

#include <uv.h>

#include "config/config.h"
#include "serve/alarm.h"
#include "serve/caller.h"
#include "serve/desk.h"
#include "serve/engine.h"
#include "serve/health.h"
#include "serve/ids.h"
#include "serve/labclock.h"
#include "serve/ledger.h"
#include "serve/marks.h"
#include "serve/own.h"
#include "serve/past.h"
#include "serve/policy/policy_server.h"
#include "serve/retain.h"
#include "serve/watch.h"
#include "source/decoy/decoy.h"
#include "source/knock/knock.h"
#include "source/name/names.h"

enum {
	COMMIT_DELAY_MS =
	    200, /* after the first record of a batch, if the disk is fast */
	COMMIT_LONGEST_MS = 1000,
	COMMIT_SHARE = 10, /* at most a tenth of the time goes into commits */
	COMMIT_BATCH = 10000,
	TICK_MS = 1000,
	STATUS_TICKS = 10,
	METRICS_TICKS = 15,
	RETRY_TICKS = 5, /* while the journal cannot be written */
	INHERITED_MAX = 256,
};

/* How catching up stands (settle.c). */
struct settle {
	bool is_active;
	int64_t since; /* the clock's; sources must have looked after it */
	int64_t began; /* monotonic */
};

enum engine_signal { SIGNAL_STOP, SIGNAL_QUIT, SIGNAL_RELOAD, SIGNAL_CATCH_UP, SIGNALS };

struct engine {
	struct engine_options options;
	struct config config;
	struct labclock clock;
	int64_t clock_offset; /* what everything due was last done for */
	uv_loop_t loop;
	bool has_loop;
	uv_timer_t tick, commit, poll;
	uv_signal_t signals[SIGNALS];
	bool has_handles;
	bool is_stopping;
	unsigned ticks;
	uint64_t waiting; /* records since the last commit */
	uint64_t commit_delay_ms;
	bool is_log_stalled[UINT16_MAX + 1]; /* by watch_log(); said once */
	uint64_t visits, own_visits, old_visits;
	struct {
		uint64_t visits;
		int64_t upto;                   /* the newest watermark; 0 none */
		uint16_t troubles[ALARM_KINDS]; /* not over yet */
		bool is_unwell, is_probed;
	} hosts[UINT16_MAX + 1]; /* by id; for alarms and metrics */
	bool is_metrics_failing, is_alarms_failing;
	int64_t names_allowed; /* when a name was last put on the allow list */

	int inherited[INHERITED_MAX]; /* sockets from systemd, until decoys have them */
	size_t inherited_count;

	struct ids *ids;
	struct past *past;
	struct ledger *ledger;
	struct marks *marks;
	struct own *own;
	struct decoy_set *decoys;
	struct knock *knock;
	struct watch *watch;
	struct health *health;
	struct retain *retain;
	struct names *names;
	struct desk *desk;
	struct policy_server *policy;
	struct alarms *alarms;
	struct caller *caller;
	struct settle settle;
};

/* apply.c: makes everything agree with c, which stays the caller's. All or
 * nothing: on error the engine is as before. */
FMX_MUST_CHECK int apply_config(struct engine *n, struct config *c, struct error *e);
/* After a commit that may have brought definitions: who is judged together. */
void apply_marks(struct engine *n, const struct config *c);
void apply_reload(struct engine *n);

/* input.c */
struct source_sink input_sink(struct engine *n);
struct knock_sink input_knock_sink(struct engine *n);
struct health_sink input_health_sink(struct engine *n);
struct names_sink input_names_sink(struct engine *n);
/* Adds and sees to it that it is committed soon. */
void input_add(struct engine *n, struct record *r);
void input_write_marks(struct engine *n, enum marks_need need);
/* host's name for a log line; "?" if unknown. */
const char *input_host_name(const struct engine *n, uint16_t host);

/* warn.c: alarms, what raises them and whom they reach. */
void warn_start(struct engine *n);                        /* before the journal is read */
void warn_past(struct engine *n, const struct record *r); /* while it is */
void warn_listen(struct engine *n);                       /* after that */
void warn_trouble(struct engine *n, enum alarm_kind kind, uint16_t host, bool is_over,
		  const char *sentence);
void warn_watermark(struct engine *n, uint16_t host, int64_t upto);
void warn_stalled(struct engine *n, uint16_t log, bool is_stalled);
void warn_health(struct engine *n, uint16_t host, bool is_well, const char *reply);
void warn_tick(struct engine *n);
void warn_save(struct engine *n);

/* metrics.c */
void metrics_write(struct engine *n);

/* settle.c */
void settle_begin(struct engine *n);
void settle_look(struct engine *n); /* often while is_active */

/* engine.c */
FMX_MUST_CHECK int engine_start_handles(struct engine *n, struct error *e);
void engine_commit(struct engine *n);
void engine_tell(struct engine *n, const char *line); /* to ready_fd */

#endif

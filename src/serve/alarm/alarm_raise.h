/*
 * alarm_raise - what raises alarms, and whom they reach
 *
 * Verdicts, probes, sources and the journal raise them; the log, the alarm command
 * and the metrics are told. Those that were told stand in the journal, so that a
 * restart does not tell them again, and says when one is over.
 *
 * Use:
 *	alarm_raise_start(n);		// once the journal is open
 *	alarm_raise_verdict(n, &v);	// after each that was committed
 *	alarm_raise_tick(n);		// each second
 *
 * Limits: SENDERS_A_TICK alarms of senders are looked after in a second: whether the
 * sender came meanwhile.
 */
#ifndef FMX_SERVE_ALARM_ALARM_RAISE_H
#define FMX_SERVE_ALARM_ALARM_RAISE_H

#include "serve/parts.h"

void alarm_raise_start(struct engine *n);
void alarm_raise_tick(struct engine *n);
void alarm_raise_save(struct engine *n);

void alarm_raise_verdict(struct engine *n, const struct verdict *v);
/* Somebody may have put a sender on the allow list. */
void alarm_raise_changed(struct engine *n);
/* kind: ALARM_DECOY or ALARM_SOURCE. */
void alarm_raise_trouble(struct engine *n, enum alarm_kind kind, uint16_t host,
			 bool is_over, const char *sentence);
void alarm_raise_journal(struct engine *n, bool is_over, const char *sentence);
void alarm_raise_watermark(struct engine *n, uint16_t host, int64_t upto);
void alarm_raise_stalled(struct engine *n, uint16_t log, bool is_stalled);
void alarm_raise_health(struct engine *n, uint16_t host, bool is_well, const char *reply);

/* A host's or group's name, "?" if unknown. */
const char *alarm_raise_host_name(const struct engine *n, uint16_t host);
const char *alarm_raise_site_name(const struct engine *n, uint16_t site);

#endif

/*
 * notify - tells systemd how serve is (sd_notify(3)); silent without systemd
 *
 * Use:
 *	notify_ready("2 decoys");
 *	notify_watchdog();	// each tick; keeps to half of WATCHDOG_USEC
 */
#ifndef FMX_SERVE_SYSTEM_NOTIFY_H
#define FMX_SERVE_SYSTEM_NOTIFY_H

void notify_ready(const char *status);
void notify_status(const char *status);
void notify_reloading(void); /* until the next notify_ready() */
void notify_stopping(void);
void notify_watchdog(void);

#endif

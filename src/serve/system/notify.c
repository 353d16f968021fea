#include "serve/system/notify.h"

#include <systemd/sd-daemon.h>

#include "base/stamp.h"

/* Whether anybody listens is systemd's affair: a failure to tell it is none of
 * serving. */

void notify_ready(const char *status)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void notify_status(const char *status)
{
	(void)sd_notifyf(0, "STATUS=%s", status);
}

void notify_reloading(void)
{
	/* Type=notify-reload wants to know which reload this is. */
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
			 (long long)stamp_monotonic());
}

void notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

void notify_watchdog(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

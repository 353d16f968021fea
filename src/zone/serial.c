#include "zone/serial.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/stamp.h"

bool serial_is_newer(uint32_t a, uint32_t b)
{
	uint32_t distance = a - b;
	return distance != 0 && distance < UINT32_C(0x80000000);
}

/* The first serial of now's day: YYYYMMDD00. */
static uint32_t date_serial(int64_t now)
{
	char text[STAMP_TEXT_MAX];
	unsigned y, m, d;
	int n = sscanf(stamp_text(now, text), "%4u-%2u-%2u", &y, &m, &d);
	assert(n == 3);
	return ((y * 100 + m) * 100 + d) * 100;
}

static bool is_date(uint32_t serial, int64_t now)
{
	uint32_t month = serial / 10000 % 100, day = serial / 100 % 100;
	return serial >= UINT32_C(1990010100) && month >= 1 && month <= 12 && day >= 1 &&
	       day <= 31 && serial <= date_serial(now + 366 * STAMP_DAY) + 99;
}

static bool is_unix(uint32_t serial, int64_t now)
{
	int64_t t = (int64_t)serial * STAMP_SECOND;
	return t > now - 3653 * STAMP_DAY && t < now + STAMP_DAY;
}

enum serial_style serial_style(uint32_t serial, int64_t now)
{
	if (is_date(serial, now))
		return SERIAL_DATE;
	return is_unix(serial, now) ? SERIAL_UNIX : SERIAL_COUNTER;
}

uint32_t serial_next(uint32_t current, uint32_t highest, int64_t now)
{
	uint32_t wanted = highest + 1;
	switch (serial_style(current, now)) {
	case SERIAL_DATE: wanted = date_serial(now); break;
	case SERIAL_UNIX: wanted = (uint32_t)(now / STAMP_SECOND); break;
	case SERIAL_COUNTER: break;
	}
	uint32_t next = serial_is_newer(wanted, highest) ? wanted : highest + 1;
	return next ? next : 1; /* 1 is newer than the highest, too */
}

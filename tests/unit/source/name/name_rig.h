/*
 * name_rig - a name server on the test's own loop
 *
 * It answers from a table in name_rig.c: good names, odd ones, hostile ones, SPF.
 * Names with "servfail" in them get SERVFAIL; each address of 10.1.0.0/16 has many
 * names; what is not in the table does not exist.
 *
 * Use:
 *	struct name_rig rig;
 *	name_rig_open(&rig, &loop);	// 127.0.0.1, rig.port
 *	name_rig_close(&rig);		// then run the loop
 */
#ifndef FMX_TEST_NAME_RIG_H
#define FMX_TEST_NAME_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct name_rig {
	uv_udp_t udp;
	uint16_t port;
	unsigned asked;
	bool is_dead; /* hears, and says nothing */
	uint8_t in[2048];
};

void name_rig_open(struct name_rig *s, uv_loop_t *loop);
void name_rig_close(struct name_rig *s);

#endif

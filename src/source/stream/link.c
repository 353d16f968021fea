#include "source/stream/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVERS_MAX = 16, RECONNECT_WAIT_MS = 1000 };

static bool set_servers(natsOptions *options, const char *servers)
{
	char *copy = strdup(servers);
	const char *urls[SERVERS_MAX];
	int count = 0;
	char *rest = NULL;
	bool is_tls = strncmp(servers, "tls://", 6) == 0;
	if (!copy)
		abort();
	for (char *url = strtok_r(copy, ",", &rest); url && count < SERVERS_MAX;
	     url = strtok_r(NULL, ",", &rest))
		urls[count++] = url;
	bool is_good = count > 0 &&
		       natsOptions_SetServers(options, urls, count) == NATS_OK &&
		       (!is_tls || natsOptions_SetSecure(options, true) == NATS_OK);
	free(copy);
	if (!is_good)
		stream_say("'%s' is no list of servers such as nats://mx1:4222", servers);
	return is_good;
}

/* A seed of an nkey begins with SU and is alone in its file; a user file has a JWT too.
 */
static natsStatus set_credentials(natsOptions *options, const char *path)
{
	char seed[STREAM_USER_MAX] = "", user[STREAM_USER_MAX];
	FILE *f = fopen(path, "re");
	if (!f)
		return NATS_SYS_ERROR;
	bool is_seed = fgets(seed, sizeof(seed), f) && strncmp(seed, "SU", 2) == 0;
	(void)fclose(f);
	if (!is_seed)
		return natsOptions_SetUserCredentialsFromFiles(options, path, NULL);
	bool is_good = stream_user_of(seed, user);
	explicit_bzero(seed, sizeof(seed));
	return is_good ? natsOptions_SetNKeyFromSeed(options, user, path)
		       : NATS_INVALID_ARG;
}

static bool set_options(natsOptions *options, const struct stream_options *o)
{
	natsStatus s = natsOptions_SetMaxReconnect(options, -1);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectWait(options, RECONNECT_WAIT_MS);
	if (s == NATS_OK)
		s = natsOptions_SetName(options, "fakemx");
	if (s != NATS_OK) {
		stream_say("cannot set options: %s", natsStatus_GetText(s));
		return false;
	}
	s = o->credentials ? set_credentials(options, o->credentials) : NATS_OK;
	if (s != NATS_OK) {
		stream_say("cannot read the credentials in %s: %s", o->credentials,
			   s == NATS_SYS_ERROR ? strerror(errno) : stream_why(s));
		return false;
	}
	s = o->ca ? natsOptions_LoadCATrustedCertificates(options, o->ca) : NATS_OK;
	if (s != NATS_OK) {
		stream_say("cannot read the certificates in %s: %s", o->ca,
			   natsStatus_GetText(s));
		return false;
	}
	return set_servers(options, o->servers);
}

static natsStatus connect_once(struct stream *s, natsOptions *options,
			       const jsOptions *wanted)
{
	natsStatus rc = natsConnection_Connect(&s->connection, options);
	jsOptions js;
	if (rc != NATS_OK)
		return rc;
	(void)jsOptions_Init(&js);
	if (wanted)
		js = *wanted;
	js.Wait = STREAM_WAIT_MS;
	return natsConnection_JetStream(&s->js, s->connection, &js);
}

struct why {
	natsStatus rc;
	const char *said; /* part of what the library or the server says; NULL: any */
	const char *why;
};

static const struct why whys[] = {
	{ NATS_NO_SERVER, NULL,
	  "no nats-server answers there (does it run, and may this machine reach its "
	  "port?)" },
	{ NATS_CONNECTION_AUTH_FAILED, NULL,
	  "the server does not know this user (Authorization Violation); name the file "
	  "of "
	  "one that it knows by --credentials, or by credentials in the section stream" },
	{ NATS_SSL_ERROR, NULL,
	  "TLS does not prove that it is that server (SSL Error); name the certificates "
	  "of those who signed its own by --ca, or by ca in the section stream" },
	{ NATS_SECURE_CONNECTION_REQUIRED, NULL,
	  "the server wants TLS; write tls:// instead of nats://" },
	{ NATS_SECURE_CONNECTION_WANTED, NULL,
	  "the server has no TLS; give it a certificate, or write nats:// instead of "
	  "tls://" },
	{ NATS_NO_RESPONDERS, NULL,
	  "nobody there takes it; nats-server must run with JetStream (-js), and the "
	  "stream be made (fakemx feed --setup), which takes " STREAM_SUBJECTS },
	{ NATS_NOT_FOUND, NULL,
	  "there is no stream; make it (fakemx feed --setup --to ...)" },
	{ NATS_TIMEOUT, NULL,
	  "no answer; do more than half of the nats-servers run and reach each other, "
	  "and "
	  "has this user the right to that subject?" },
	{ NATS_ERR, "stream not found",
	  "there is no stream; make it (fakemx feed --setup --to ...)" },
	{ NATS_ERR, "replicas > 1 not supported",
	  "copies (--replicas) want as many nats-servers that are one cluster, and this "
	  "one is alone" },
	{ NATS_ERR, "no suitable peers",
	  "there are fewer nats-servers in the cluster than copies are wanted "
	  "(--replicas)" },
	{ NATS_ERR, "filter subject",
	  "the subject is none that the stream takes, which is " STREAM_SUBJECTS },
	{ NATS_ERR, "nkey user seed",
	  "the file of its credentials is no user file (.creds) and holds no nkey's "
	  "seed" },
};

const char *stream_why(natsStatus rc)
{
	const char *last = nats_GetLastError(NULL);
	last = last ? last : "";
	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++)
		if (whys[i].rc == rc && (!whys[i].said || strstr(last, whys[i].said)))
			return whys[i].why;
	const char *text = *last == '(' ? strstr(last, "): ") : NULL; /* file and line */
	last = text ? text + 3 : last;
	return *last ? last : natsStatus_GetText(rc);
}

bool stream_open(struct stream *s, const struct stream_options *o, const jsOptions *js)
{
	natsOptions *options = NULL;
	*s = (struct stream){ .connection = NULL };
	if (natsOptions_Create(&options) != NATS_OK)
		abort(); /* out of memory */
	bool is_good = set_options(options, o);
	bool was_said = false;
	while (is_good && !s->js) {
		natsStatus rc = connect_once(s, options, js);
		if (rc == NATS_OK)
			break;
		if (!was_said)
			stream_say("cannot connect to %s: %s%s", o->servers,
				   stream_why(rc), o->is_once ? "" : "; trying again");
		is_good = !o->is_once;
		was_said = true;
		if (is_good)
			nats_Sleep(RECONNECT_WAIT_MS);
	}
	natsOptions_Destroy(options);
	return is_good;
}

static void hang_up(struct stream *s)
{
	jsCtx_Destroy(s->js);
	natsConnection_Destroy(s->connection);
	*s = (struct stream){ .connection = NULL };
}

void stream_reopen(struct stream *s, const struct stream_options *o, const jsOptions *js)
{
	hang_up(s);
	nats_Sleep(RECONNECT_WAIT_MS);
	if (!stream_open(s, o, js))
		exit(EXIT_FAILURE); /* the credentials are gone, say */
}

void stream_close(struct stream *s)
{
	hang_up(s);
	nats_Close();
}

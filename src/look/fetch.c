#include "look/fetch.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/stamp.h"

struct fetch {
	struct fetcher *fetcher;
	struct fetch *next, **link;
	CURL *easy;
	struct curl_slist *resolve;
	struct buf body;
	char error[CURL_ERROR_SIZE];
	fetch_callback *callback;
	void *arg;
};

struct fetcher {
	uv_loop_t *loop;
	uv_timer_t timer;
	CURLM *multi;
	struct fetch *fetches;
};

struct watch {
	uv_poll_t poll;
	struct fetcher *fetcher;
	curl_socket_t fd;
};

static void free_handle(uv_handle_t *h)
{
	free(h->data);
}

static void fetch_free(struct fetch *f)
{
	(void)curl_multi_remove_handle(f->fetcher->multi, f->easy);
	curl_easy_cleanup(f->easy);
	curl_slist_free_all(f->resolve);
	buf_release(&f->body);
	free(f);
}

static void fetch_release(struct fetch *f)
{
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	fetch_free(f);
}

static const char *failure_of(struct fetch *f, CURLcode code, char text[128])
{
	long status = 0;
	if (buf_failed(&f->body))
		return "it is larger than 64 kB";
	if (code != CURLE_OK)
		return *f->error ? f->error : curl_easy_strerror(code);
	(void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return NULL;
	(void)snprintf(text, 128, "HTTP status %ld%s", status,
		       status >= 300 && status < 400 ? " (redirects are not followed)"
						     : "");
	return text;
}

static void end_finished(struct fetcher *fr)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(fr->multi, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode code = m->data.result;
		struct fetch *f = NULL;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		char text[128];
		const char *failure = failure_of(f, code, text);
		f->callback(buf_text(&f->body), f->body.len, failure, f->arg);
		fetch_release(f);
	}
}

static void act(struct fetcher *fr, curl_socket_t fd, int what)
{
	int running;
	(void)curl_multi_socket_action(fr->multi, fd, what, &running);
	end_finished(fr);
}

static void on_timer(uv_timer_t *t)
{
	act(t->data, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;
	int what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
		   (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) |
		   (status < 0 ? CURL_CSELECT_ERR : 0);
	act(w->fetcher, w->fd, what);
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
	struct fetcher *fr = arg;
	(void)multi;
	if (ms < 0)
		(void)uv_timer_stop(&fr->timer);
	else
		(void)uv_timer_start(&fr->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
			  void *socket_arg)
{
	struct fetcher *fr = arg;
	struct watch *w = socket_arg;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			(void)uv_poll_stop(&w->poll);
			uv_close((uv_handle_t *)&w->poll, free_handle);
		}
		return 0;
	}
	if (!w) {
		w = xcalloc(1, sizeof(*w));
		w->fetcher = fr;
		w->fd = fd;
		w->poll.data = w;
		if (uv_poll_init_socket(fr->loop, &w->poll, fd) != 0) {
			free(w);
			return -1;
		}
		(void)curl_multi_assign(fr->multi, fd, w);
	}
	(void)uv_poll_start(&w->poll,
			    (what & CURL_POLL_IN ? UV_READABLE : 0) |
				(what & CURL_POLL_OUT ? UV_WRITABLE : 0),
			    on_socket);
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct fetch *f = arg;
	buf_add(&f->body, data, size * count);
	return buf_failed(&f->body) ? 0 : size * count;
}

struct fetcher *fetcher_new(uv_loop_t *loop)
{
	struct fetcher *fr = xcalloc(1, sizeof(*fr));
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
	assert(code == CURLE_OK);
	fr->loop = loop;
	fr->timer.data = fr;
	int r = uv_timer_init(loop, &fr->timer);
	assert(r == 0);
	fr->multi = curl_multi_init();
	assert(fr->multi);
	(void)curl_multi_setopt(fr->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	(void)curl_multi_setopt(fr->multi, CURLMOPT_SOCKETDATA, fr);
	(void)curl_multi_setopt(fr->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	(void)curl_multi_setopt(fr->multi, CURLMOPT_TIMERDATA, fr);
	return fr;
}

void fetcher_free(struct fetcher *fr)
{
	for (struct fetch *f = fr->fetches, *next; f; f = next) {
		next = f->next;
		fetch_free(f);
	}
	(void)curl_multi_cleanup(fr->multi);
	uv_close((uv_handle_t *)&fr->timer, free_handle);
}

/* "+mta-sts.example.com:443:192.0.2.1,[2001:db8::1]" */
static struct curl_slist *pinned(const char *host, const struct addr *addresses,
				 size_t count)
{
	struct buf b = BUF_INIT(4096);
	buf_addf(&b, "%s:443:", host);
	for (size_t i = 0; i < count && i < FETCH_ADDRESSES_MAX; i++) {
		char text[ADDR_TEXT_MAX];
		bool v4 = addr_is_v4(addresses[i]);
		buf_addf(&b, "%s%s%s%s", i ? "," : "", v4 ? "" : "[",
			 addr_text(addresses[i], text), v4 ? "" : "]");
	}
	struct curl_slist *list = curl_slist_append(NULL, buf_text(&b));
	buf_release(&b);
	return list;
}

static void set_options(struct fetch *f, const char *url, int64_t timeout_us)
{
	CURL *c = f->easy;
	long ms = (long)(timeout_us / STAMP_MILLISECOND);
	const char *roots = getenv("SSL_CERT_FILE");
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, f);
	(void)curl_easy_setopt(c, CURLOPT_RESOLVE, f->resolve);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	/* A policy host is asked once: keeping connections helps nobody. */
	(void)curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ms);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, ms);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_MAXFILESIZE, (long)FETCH_BODY_MAX);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "fakemx/" FMX_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->error);
	if (roots && *roots)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, roots);
}

void fetch_start(struct fetcher *fr, const char *host, const char *path,
		 const struct addr *addresses, size_t address_count, int64_t timeout_us,
		 fetch_callback *callback, void *arg)
{
	assert(address_count > 0);
	struct fetch *f = xcalloc(1, sizeof(*f));
	f->fetcher = fr;
	f->body = (struct buf)BUF_INIT(FETCH_BODY_MAX);
	f->callback = callback;
	f->arg = arg;
	f->easy = curl_easy_init();
	assert(f->easy);
	f->resolve = pinned(host, addresses, address_count);
	struct buf url = BUF_INIT(4096);
	buf_addf(&url, "https://%s%s", host, path);
	set_options(f, buf_text(&url), timeout_us);
	buf_release(&url);

	f->next = fr->fetches;
	f->link = &fr->fetches;
	if (f->next)
		f->next->link = &f->next;
	fr->fetches = f;
	/* It only arms the timer; the work begins with the loop's next turn. */
	CURLMcode code = curl_multi_add_handle(fr->multi, f->easy);
	assert(code == CURLM_OK);
}

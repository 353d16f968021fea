#include "story.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- clients ---- */

static const struct {
	char letter;
	const char *address;
} clients[] = {
	{ 'A', "20.1.1.1" },  { 'B', "20.1.1.2" },  { 'X', "30.1.1.1" },
	{ 'P', "10.0.0.1" },  { 'O', "5.9.1.3" },   { 'Y', "2a01:1::1" },
	{ 'Z', "2a01:1::2" }, { 'V', "2a02:1::1" },
};

struct addr story_client(char client)
{
	struct addr a = { { 0 } };
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		if (clients[i].letter == client && addr_parse(clients[i].address, &a))
			return a;
	char text[ADDR_TEXT_MAX];
	(void)snprintf(text, sizeof(text), "40.1.%d.1", client);
	bool ok = addr_parse(text, &a);
	assert(ok);
	return a;
}

static size_t letter_of(struct addr a)
{
	for (char c = 'A'; c <= 'Z'; c++)
		if (addr_equal(story_client(c), a))
			return (size_t)(c - 'A');
	abort();
}

static const struct name_fact *name_of(const struct story *s, struct addr a)
{
	return &s->names[letter_of(a)];
}

void story_name(struct story *s, char client, const char *name, const char *domain,
		bool is_confirmed, bool is_generic)
{
	struct name_fact *n = &s->names[client - 'A'];
	n->is_confirmed = is_confirmed;
	n->is_generic = is_generic;
	(void)str_copy(n->name, sizeof(n->name), name);
	(void)str_copy(n->domain, sizeof(n->domain), domain);
}

/* How many addresses of this family are known under the name? */
static unsigned count_named(const struct story *s, const char *name, bool is_v4)
{
	unsigned n = 0;
	for (char c = 'A'; c <= 'Z'; c++) {
		const struct name_fact *f = &s->names[c - 'A'];
		n += f->is_confirmed && strcmp(f->name, name) == 0 &&
		     addr_is_v4(story_client(c)) == is_v4;
	}
	return n;
}

static bool is_sender(const struct story *s, struct addr a, struct addr b)
{
	const struct name_fact *x = name_of(s, a), *y = name_of(s, b);
	if (addr_equal(a, b))
		return true;
	return x->is_confirmed && y->is_confirmed && !x->is_generic && x->name[0] &&
	       strcmp(x->name, y->name) == 0 && count_named(s, x->name, true) == 1 &&
	       count_named(s, x->name, false) == 1;
}

static bool is_pool(const struct story *s, struct addr a, struct addr b)
{
	const struct name_fact *x = name_of(s, a), *y = name_of(s, b);
	if (is_sender(s, a, b))
		return false;
	if (prefix_has(prefix_pool(a), b))
		return true;
	if (!x->is_confirmed || !y->is_confirmed || x->is_generic != y->is_generic)
		return false;
	return x->is_generic ? strcmp(x->name, y->name) == 0
			     : strcmp(x->domain, y->domain) == 0;
}

/* ---- events ---- */

struct story *story_new(void)
{
	static const struct {
		enum role role;
		enum place place;
	} kinds[STORY_HOSTS] = {
		{ ROLE_DECOY, PLACE_LOW },       { ROLE_REAL, PLACE_REAL },
		{ ROLE_REAL, PLACE_REAL },       { ROLE_DECOY, PLACE_HIGH },
		{ ROLE_CONTROL, PLACE_CONTROL },
	};
	int64_t day_before = STORY_ZERO - STAMP_DAY;
	struct story *s = xcalloc(1, sizeof(*s));
	s->rules = rules_default();
	s->view.hosts = xcalloc(STORY_HOSTS, sizeof(*s->view.hosts));
	s->view.host_count = STORY_HOSTS;
	s->view.group = 1;
	s->view.now = s->view.frontier = day_before;
	for (unsigned i = 0; i < STORY_HOSTS; i++) {
		bool is_real = kinds[i].role == ROLE_REAL;
		s->view.hosts[i] = (struct view_host){
			.id = (uint16_t)(i + 1),
			.site = 1,
			.role = kinds[i].role,
			.place = kinds[i].place,
			.bit = i,
			.has_source = true,
			.tells_envelopes = is_real,
			.since = day_before,
			.until = INT64_MAX,
			.watermark = day_before,
			.last_good_probe = is_real ? day_before : VIEW_NEVER,
			.has_probes = is_real,
		};
		s->hosts[i].watched_from = s->hosts[i].well_from = day_before;
	}
	view_finish(&s->view);
	return s;
}

void story_free(struct story *s)
{
	view_release(&s->view);
	free(s);
}

int64_t story_time(double second)
{
	double us = second * 1e6;
	return STORY_ZERO + (int64_t)(us < 0 ? us - 0.5 : us + 0.5);
}

static int64_t read_time(const char **at)
{
	char *end;
	double n = strtod(*at, &end);
	double unit = *end == 'm' ? 60 : *end == 'h' ? 3600 : *end == 'd' ? 86400 : 1;
	*at = end + (unit > 1);
	return story_time(n * unit);
}

static void move_frontier(struct story *s)
{
	int64_t least = INT64_MAX;
	for (size_t i = 0; i < STORY_HOSTS; i++) {
		const struct view_host *h = &s->view.hosts[i];
		if (!s->hosts[i].is_unwatched)
			least = stamp_earlier(least, h->watermark);
		if (h->role == ROLE_REAL)
			least = stamp_earlier(least, h->last_good_probe);
	}
	s->view.frontier = stamp_later(s->view.frontier, least);
}

static void watermark(struct story *s, size_t host, int64_t time)
{
	struct view_host *h = &s->view.hosts[host];
	if (s->hosts[host].is_unwatched || time <= h->watermark)
		return;
	spans_add(&h->watched, s->hosts[host].watched_from, time);
	h->watermark = time;
}

static void probe(struct story *s, size_t host, bool is_ok, int64_t time)
{
	struct view_host *h = &s->view.hosts[host];
	struct story_host *state = &s->hosts[host];
	if (!is_ok) {
		state->is_down = h->is_down = true;
		return;
	}
	if (state->is_down)
		state->well_from = time + s->rules.unwell_tail;
	state->is_down = h->is_down = false;
	spans_add(&h->well, state->well_from, time);
	state->well_from = stamp_later(state->well_from, time);
	h->last_good_probe = time;
}

/* Nobody watched since the last watermarks. */
static void start(struct story *s, int64_t time)
{
	for (size_t i = 0; i < STORY_HOSTS; i++) {
		s->hosts[i].watched_from = time;
		s->view.hosts[i].watermark =
		    stamp_later(s->view.hosts[i].watermark, time);
	}
	spans_add(&s->view.started, time, time + s->rules.grace);
}

static void for_hosts(struct story *s, const char *which, bool is_probe, int64_t time)
{
	static const char letters[] = "LMBHC";
	for (size_t i = 0; i < STORY_HOSTS; i++) {
		if (!strchr(which, letters[i]))
			continue;
		if (is_probe)
			probe(s, i, true, time);
		else
			watermark(s, i, time);
	}
}

static bool play_view(struct story *s, char kind, int64_t time)
{
	struct view_host *low = &s->view.hosts[STORY_LOW];
	switch (kind) {
	case 'W':
		for_hosts(s, "LMBHC", false, time);
		for_hosts(s, "MB", true, time);
		break;
	case 'w': for_hosts(s, "LMBHC", false, time); break;
	case 'M': for_hosts(s, "M", false, time); break;
	case 'B': for_hosts(s, "B", false, time); break;
	case 'q': for_hosts(s, "L", false, time); break;
	case 'k': for_hosts(s, "H", false, time); break;
	case 'P': for_hosts(s, "MB", true, time); break;
	case 'b': for_hosts(s, "B", true, time); break;
	case 'F': probe(s, STORY_MAIL, false, time); break;
	case 'D': spans_add(&low->lost, low->watermark, time); break;
	case '[': start(s, time); break;
	case 'N': spans_add(&s->view.changed, time, time + 48 * STAMP_HOUR); break;
	case 'T': break;
	default: return false;
	}
	move_frontier(s);
	view_finish(&s->view);
	return true;
}

static void mark_visit(struct story_visit *at, char mark)
{
	struct visit *v = &at->visit;
	switch (mark) {
	case '+': v->outcome = OUTCOME_ACCEPTED; break;
	case '~': v->outcome = OUTCOME_DEFERRED; break;
	case '!': v->outcome = OUTCOME_ABORTED; break;
	case '-': v->outcome = OUTCOME_REJECTED; break;
	case 's': v->spam = SPAM_YES; break;
	case 'c': v->spam = SPAM_NO; break;
	case 'n': v->depth = DEPTH_CONNECT; break;
	case '%': v->precision_us = 1000000; break;
	case 'x': v->precision_us = 5000000; break;
	case 'p': v->earlier_us = 10000000; break;
	case 'a': v->answered = -1; break;
	case 't': v->answered = v->time + 5 * STAMP_SECOND; break;
	case 'd': v->recipient_domain = "other.example"; break;
	case 'f': v->mail_from = "a@sender.example"; break;
	case 'g': v->mail_from = "b@sender.example"; break;
	case 'e': v->helo = "mail.good.example"; break;
	case 'i': v->ended = v->time + STAMP_HOUR; break;
	default: abort(); /* no mark of stories */
	}
}

static size_t host_of(char kind)
{
	switch (toupper(kind)) {
	case 'L': return STORY_LOW;
	case 'R': return STORY_MAIL;
	case 'S': return STORY_BACKUP;
	case 'H': return STORY_HIGH;
	case 'C': return STORY_CONTROL;
	default: abort(); /* no kind of stories */
	}
}

static void play_visit(struct story *s, char client, const char *kind, int64_t time)
{
	assert(s->count < STORY_VISITS);
	struct story_visit *at = &s->visits[s->count++];
	const struct view_host *h = &s->view.hosts[host_of(*kind)];
	bool is_real = h->role == ROLE_REAL;
	struct visit *v = &at->visit;
	*v = (struct visit){ .client = story_client(client),
			     .site = 1,
			     .host = h->id,
			     .depth = islower(*kind) ? DEPTH_KNOCK : DEPTH_DATA,
			     .outcome = is_real ? OUTCOME_ACCEPTED : OUTCOME_NONE,
			     .precision_us = 1,
			     .time = time,
			     .helo = "",
			     .mail_from = "",
			     .recipient_domain = "example.com",
			     .name = "" };
	for (const char *m = kind + 1; *m != '@'; m++)
		mark_visit(at, *m);
	if (v->precision_us > 1)
		v->time -= v->time % STAMP_SECOND;
	v->answered = v->answered < 0 || !is_real ? 0
		      : v->answered > 0           ? v->answered
						  : v->time + 200000;
	v->ended = v->ended ? v->ended : v->time + 300000;
	if (v->mail_from[0] && v->depth >= DEPTH_RCPT)
		visit_add_envelope(v, envelope_hash(v->mail_from, v->recipient_domain));
	at->where = (struct run_where){
		.group = 1,
		.role = h->role,
		.place = h->place,
		.host_bit = h->bit,
		.is_late = v->time < h->watermark,
		.names_ours = v->depth >= DEPTH_RCPT &&
			      strcmp(v->recipient_domain, "example.com") == 0,
		.id = (int64_t)s->count,
	};
}

static void play_event(struct story *s, const char *event)
{
	char client = event[1] == ':' ? event[0] : 'A';
	const char *kind = event[1] == ':' ? event + 2 : event;
	const char *at = strchr(kind, '@');
	assert(at);
	at++;
	int64_t time = read_time(&at), seen = time;
	if (*at == '^') {
		at++;
		seen = read_time(&at);
	}
	s->view.now = stamp_later(s->view.now, seen);
	if (!play_view(s, *kind, time))
		play_visit(s, client, kind, time);
}

void story_play(struct story *s, const char *events)
{
	char *copy = xstrdup(events), *save = NULL;
	for (char *e = strtok_r(copy, " ", &save); e; e = strtok_r(NULL, " ", &save))
		play_event(s, e);
	free(copy);
}

/* ---- made-up histories ---- */

unsigned story_some(uint64_t *seed, unsigned below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (unsigned)(*seed % below);
}

void story_draw(uint64_t *seed, char *text, size_t size)
{
	static const char *const kinds[] = {
		"A:L",  "A:l",  "A:R", "A:R~", "A:R%", "A:Ri", "A:H", "A:Hf",
		"A:Rf", "A:H%", "B:R", "B:H",  "Y:Rf", "A:Rp", "A:h", "F",
		"P",    "W",    "w",   "D",    "[",    "N",    "A:H", "B:L",
	};
	size_t n = 0;
	unsigned at = 0;
	for (unsigned left = 2 + story_some(seed, 8); left > 0; left--) {
		at += story_some(seed, 4) ? story_some(seed, 3) : story_some(seed, 9000);
		n += (size_t)snprintf(
		    text + n, size - n, "%s@%u ",
		    kinds[story_some(seed, sizeof(kinds) / sizeof(kinds[0]))], at);
	}
	(void)snprintf(text + n, size - n, "W@%u W@30h", at + 100);
}

/* ---- runs and walks ---- */

/* Takes the run in: it, and all that it touches, are one. */
static size_t take_run(struct run *runs, size_t count, struct run r)
{
	for (size_t i = 0; i < count; i++) {
		if (!run_is_one(&runs[i], &r))
			continue;
		run_merge(&r, &runs[i]);
		runs[i] = runs[--count];
		i = (size_t)-1; /* from the start: it may touch more now */
	}
	runs[count] = r;
	return count + 1;
}

struct run *story_runs(const struct story *s, size_t *ret_count)
{
	struct run *runs = xcalloc(s->count + 1, sizeof(*runs));
	*ret_count = 0;
	for (size_t i = 0; i < s->count; i++)
		*ret_count = take_run(runs, *ret_count,
				      run_of(&s->visits[i].visit, &s->visits[i].where));
	return runs;
}

/* The runs of main's sender that touch it, without it. */
static size_t touching_of(const struct story *s, const struct run *runs, size_t count,
			  const struct run *main, struct run *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (&runs[i] != main && is_sender(s, runs[i].client, main->client) &&
		    run_touches(&runs[i], main, RUN_GAP))
			ret[n++] = runs[i];
	return n;
}

static bool begins_walk(const struct run *main, const struct run *touching, size_t count)
{
	if (main->kind != RUN_REAL)
		return main->kind == RUN_DECOY;
	for (size_t i = 0; i < count; i++)
		if (touching[i].kind == RUN_DECOY)
			return false;
	return true;
}

bool story_walk(const struct story *s, char client, double second, struct walk *ret_walk)
{
	size_t count;
	int64_t best = INT64_MAX;
	struct run *runs = story_runs(s, &count);
	struct run *touching = xcalloc(count + 1, sizeof(*touching));
	for (size_t i = 0; i < count; i++) {
		if (!addr_equal(runs[i].client, story_client(client)))
			continue;
		size_t n = touching_of(s, runs, count, &runs[i], touching);
		int64_t far = llabs(runs[i].began - story_time(second));
		if (far >= best || !begins_walk(&runs[i], touching, n))
			continue;
		walk_of(&runs[i], touching, n, ret_walk);
		best = far;
	}
	free(touching);
	free(runs);
	return best != INT64_MAX;
}

/* ---- the proof, from all visits ---- */

static bool is_contact(const struct story_visit *v)
{
	return v->where.role == ROLE_REAL && v->visit.depth > DEPTH_KNOCK;
}

static bool lies_in(const struct visit *v, int64_t since, int64_t until)
{
	int64_t end = stamp_later(v->time + v->precision_us - 1, v->ended);
	return v->time - v->earlier_us <= until && end >= since;
}

static bool told_in_time(const struct story *s, const struct walk *w,
			 const struct story_visit *v)
{
	return v->where.role == ROLE_DECOY && !v->where.is_late &&
	       v->visit.envelope_count && is_sender(s, v->visit.client, w->main.client) &&
	       v->visit.time >= w->main.began && v->visit.time <= w->main.last;
}

/* Did the walk tell this envelope to a decoy, over the other family, at most half an
 * hour before? */
static bool is_same_envelope(const struct story *s, const struct walk *w,
			     const struct visit *real)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct visit *v = &s->visits[i].visit;
		if (told_in_time(s, w, &s->visits[i]) && real->envelope_count &&
		    v->envelopes[0] == real->envelopes[0] &&
		    addr_is_v4(v->client) != addr_is_v4(real->client) &&
		    lies_in(real, v->time - 30 * STAMP_MINUTE, INT64_MAX))
			return true;
	}
	return false;
}

static bool is_accepted(const struct story *s, uint64_t envelope, int64_t since,
			int64_t until)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct visit *v = &s->visits[i].visit;
		if (is_contact(&s->visits[i]) && v->outcome == OUTCOME_ACCEPTED &&
		    v->envelope_count && v->envelopes[0] == envelope &&
		    lies_in(v, since, until))
			return true;
	}
	return false;
}

static void prove_contacts(const struct story *s, const struct walk *w, struct proof *p)
{
	int64_t end = w->began + s->rules.final;
	int64_t near_from = w->high - s->rules.excuse;
	int64_t near_to = w->high + w->high_width - 1 + s->rules.confirm;
	for (size_t i = 0; i < s->count; i++) {
		const struct visit *v = &s->visits[i].visit;
		if (!is_contact(&s->visits[i]))
			continue;
		bool is_own = is_sender(s, v->client, w->main.client);
		bool is_of_pool = !is_own && (is_pool(s, v->client, w->main.client) ||
					      is_same_envelope(s, w, v));
		if (w->has_high && lies_in(v, near_from, near_to)) {
			p->own_near |= is_own;
			p->pool_near |= is_of_pool;
		}
		p->pool_around |=
		    is_of_pool && lies_in(v, w->began - s->rules.excuse, end);
		if (!is_own || !lies_in(v, w->began, end))
			continue;
		p->own_in_time |= !s->visits[i].where.is_late;
		if (p->own_after == MOMENT_NONE || v->time < p->own_after)
			p->own_after = v->time;
	}
}

static void prove_runs(const struct story *s, const struct walk *w, struct proof *p)
{
	size_t count;
	struct run *runs = story_runs(s, &count);
	for (size_t i = 0; i < count; i++) {
		const struct run *r = &runs[i];
		bool is_real = r->kind == RUN_REAL || r->kind == RUN_LATE;
		bool touches = run_touches(r, &w->main, RUN_GAP);
		if (!is_sender(s, r->client, w->main.client))
			continue;
		if (is_real && touches && r->began < w->began)
			p->own_after = r->began;
		if (w->has_real && r->low != MOMENT_NONE &&
		    r->low < w->real + w->real_width &&
		    run_meets(r, w->real - RUN_GAP, w->real))
			p->low_before = true;
		if (w->has_low && w->has_next && is_real && !touches &&
		    run_meets(r, w->low, w->next))
			p->own_between = true;
	}
	free(runs);
}

static void prove_missing(const struct story *s, const struct walk *w, struct proof *p)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct visit *v = &s->visits[i].visit;
		if (!told_in_time(s, w, &s->visits[i]) ||
		    is_accepted(s, v->envelopes[0], v->time - 30 * STAMP_MINUTE,
				w->began + s->rules.final))
			continue;
		if (!p->missing || v->time < p->missing_time) {
			p->missing = v->envelopes[0];
			p->missing_time = v->time;
		}
	}
}

static int64_t day_of(int64_t t)
{
	return t - t % STAMP_DAY;
}

static void prove_tier(const struct story *s, struct addr client, int64_t at,
		       struct proof *p)
{
	size_t who = letter_of(client);
	const struct name_fact *n = &s->names[who];
	p->standing.is_allowed = s->is_allowed[who];
	p->standing.spf_passes = s->spf_passes[who];
	p->standing.spf_wrote_to = s->spf_passes[who] && s->wrote_to[who];
	p->standing.has_name = n->is_confirmed && !n->is_generic;
	for (size_t i = 0; i < s->count; i++) {
		const struct visit *v = &s->visits[i].visit;
		if (!is_sender(s, v->client, client))
			continue;
		p->standing.has_name |=
		    n->is_confirmed && v->helo[0] && strcmp(v->helo, n->name) == 0;
		bool counts =
		    is_contact(&s->visits[i]) && v->outcome == OUTCOME_ACCEPTED &&
		    v->time >= day_of(at - s->rules.known_window) && v->time <= at;
		p->standing.has_clean |= counts && v->spam == SPAM_NO;
		p->standing.has_unjudged |= counts && v->spam == SPAM_UNKNOWN;
	}
}

struct proof story_proof(const struct story *s, const struct walk *w)
{
	struct proof p = { .own_after = MOMENT_NONE, .told = TOLD_NONE };
	p.is_nat = s->nat && addr_equal(w->main.client, story_client(s->nat));
	prove_contacts(s, w, &p);
	prove_runs(s, w, &p);
	prove_missing(s, w, &p);
	prove_tier(s, w->main.client, w->began, &p);
	return p;
}

struct verdict story_verdict(const struct story *s, char client, double second,
			     const struct told *told)
{
	struct walk w;
	if (!story_walk(s, client, second, &w))
		return (struct verdict){ .order_reason = REASON_NONE, .delay_us = -1 };
	struct proof p = story_proof(s, &w);
	if (told)
		p.told = *told;
	return decide(&w, &p, &s->view, &s->rules);
}

struct told story_tell(const struct verdict *v)
{
	return (struct told){
		.order = (uint8_t)v->order,
		.order_reason = (uint8_t)v->order_reason,
		.fate = (uint8_t)v->fate,
		.fate_reason = (uint8_t)v->fate_reason,
		.tier = (uint8_t)v->tier,
		.is_told = true,
		.is_final = v->is_final,
		.returned_later = v->returned_later,
		.order_excused = v->order_excused,
		.fate_excused = v->fate_excused,
		.delay_us = v->delay_us,
		.delay_error_us = v->delay_error_us,
		.missing = v->missing,
		.need = v->need,
	};
}

/* ---- the list ---- */

static bool has_contact(const struct story *s, struct addr client, int64_t hour)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct story_visit *v = &s->visits[i];
		if (is_contact(v) && !v->where.is_late &&
		    is_sender(s, v->visit.client, client) &&
		    lies_in(&v->visit, hour - s->rules.excuse,
			    hour + STAMP_HOUR - 1 + s->rules.confirm))
			return true;
	}
	return false;
}

/* Ascending. */
static size_t hours_of(const struct story *s, struct addr client,
		       struct listing_hour *ret, size_t most)
{
	size_t count, n = 0;
	struct run *runs = story_runs(s, &count);
	int64_t first = day_of(STORY_ZERO) - 40 * STAMP_DAY;
	for (int64_t h = first; h < first + 100 * STAMP_DAY; h += STAMP_HOUR) {
		bool is_eligible = false;
		for (size_t i = 0; i < count; i++)
			is_eligible |=
			    addr_equal(runs[i].client, client) &&
			    run_day(&runs[i]) == day_of(h) &&
			    runs[i].rcpt_hours >> (h - day_of(h)) / STAMP_HOUR & 1;
		if (!is_eligible)
			continue;
		assert(n < most);
		enum reason why = view_excuse(&s->view, h, h + STAMP_HOUR - 1);
		ret[n++] = (struct listing_hour){ h, has_contact(s, client, h),
						  why != REASON_NONE };
	}
	free(runs);
	return n;
}

size_t story_listings(const struct story *s, char client, struct span *ret, size_t most,
		      struct listing_count *ret_count)
{
	struct listing_hour hours[512];
	size_t n = hours_of(s, story_client(client), hours, 512);
	return listing_fold(hours, n, INT64_MIN, &s->rules, s->view.frontier, ret, most,
			    ret_count);
}

struct listing_obstacle story_obstacle(const struct story *s, char client)
{
	struct addr a = story_client(client);
	struct proof p = { .own_after = MOMENT_NONE };
	struct listing_obstacle o = {
		.is_allowed = s->is_allowed[client - 'A'],
		.is_own = client == 'O' || (!s->rules.lab && addr_kind(a) != ADDR_PUBLIC),
		.is_nat = s->nat == client
	};
	prove_tier(s, a, s->view.now, &p);
	o.is_at_risk = standing_tier(&p.standing) != TIER_NONE;
	for (size_t i = 0; i < s->count; i++) {
		const struct visit *v = &s->visits[i].visit;
		bool is_near = is_sender(s, v->client, a) || is_pool(s, v->client, a);
		o.pool_accepted |=
		    is_contact(&s->visits[i]) && is_near &&
		    v->outcome == OUTCOME_ACCEPTED &&
		    v->time >= day_of(s->view.now - s->rules.pool_accepted);
	}
	return o;
}

/* A late contact near the hours that counted withdraws. */
static bool is_withdrawn(const struct story *s, char client, const struct span *last)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct story_visit *v = &s->visits[i];
		bool is_near = is_sender(s, v->visit.client, story_client(client)) ||
			       is_pool(s, v->visit.client, story_client(client));
		if (is_contact(v) && v->where.is_late && is_near &&
		    lies_in(&v->visit,
			    last->since - s->rules.listing_most - s->rules.excuse,
			    last->since + s->rules.confirm))
			return true;
	}
	return false;
}

struct listing story_listing(const struct story *s, char client)
{
	struct span all[64];
	struct listing_count since;
	size_t n = story_listings(s, client, all, 64, &since);
	struct listing_obstacle o = story_obstacle(s, client);
	int64_t watched = spans_time(&s->view.watched, INT64_C(0), s->view.frontier);
	o.is_withdrawn = n > 0 && is_withdrawn(s, client, &all[n - 1]);
	return listing_say(n > 0 ? &all[n - 1] : NULL, &since, &o, &s->rules,
			   watched >= s->rules.watched_days, s->view.now);
}

"""`fakemx web`: the page in a real browser, and HTTP as clients of all kinds speak it."""
import json
import os
import re
import sqlite3
import subprocess
import time
import unittest

import page_story
from lab import case, packages
from lab.browser import Browser
from lab.case import LabCase
from lab.net import ROOT, wait_for

PORT = 8025
URL = f"http://127.0.0.1:{PORT}"

# Every text with its colour against what is behind it: the least contrast (WCAG 2.1), and where.
CONTRAST = """(() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m };
  const light = ([r, g, b]) => { const f = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 };
    return .2126 * f(r) + .7152 * f(g) + .0722 * f(b) };
  let least = [99, ""];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility() || e.closest("title, desc, style")) continue;
    const style = getComputedStyle(e);
    const ink = parse(e.closest("svg") ? style.fill : style.color);
    let behind = e;
    while (behind && parse(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const paper = parse(getComputedStyle(behind || document.documentElement).backgroundColor);
    const [a, b] = [light(ink), light(paper)];
    const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    count++;
    if (contrast < least[0]) least = [contrast, e.outerHTML.slice(0, 200), style.color, paper.join()];
  }
  return [count, ...least];
})()"""


def recipe(file, kind):
    """What stands in the block of docs/recipes/file that is called so."""
    found = re.findall(rf"^```{re.escape(kind)}\n(.*?)^```", (ROOT / f"docs/recipes/{file}.md").read_text(), re.M | re.S)
    assert len(found) == 1, (file, kind)
    return found[0]


class Web:
    """`fakemx web` on a host, with a journal of its own."""

    def __init__(self, host, section="", uid=None):
        self.host = host
        self.folder = host.folder / f"web{time.monotonic_ns()}"
        self.state = self.folder / "state"
        self.state.mkdir(parents=True)
        self.conf = self.folder / "fakemx.conf"
        self.conf.write_text(page_story.CONF.format(state=self.state) + section)
        self.journal = self.state / "journal.sqlite"
        self.uid, self.daemon = uid, None

    def start(self, **more):
        self.daemon = self.host.spawn([case.program("fakemx"), "-c", self.conf, "web"], uid=self.uid,
                                      output=self.host.folder / "web.log", **more)
        wait_for("the page answers", lambda: self.curl("/healthz", check=False)[0] in (200, 503))
        return self

    def stop(self):
        return self.daemon.stop()

    def curl(self, path, *options, check=True, url=URL):
        """(status, headers in lower case, body)"""
        done = self.host.run(["curl", "-sS", "-i", "--max-time", "20", *options, url + path], check=check)
        if done.returncode:
            return 0, {}, done.stderr
        head, _, body = done.stdout.partition("\n\n")
        lines = head.splitlines()
        return (int(lines[0].split()[1]), {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])},
                body)

    def raw(self, sent, seconds=20):
        """What comes back for these bytes, to the end of the connection."""
        script = ("import socket,sys; s = socket.create_connection(('127.0.0.1', %d), %d); "
                  "s.sendall(sys.stdin.buffer.read()); s.settimeout(%d)\n"
                  "while (b := s.recv(65536)): sys.stdout.buffer.write(b)" % (PORT, seconds, seconds))
        done = subprocess.run(self.host.command(["python3", "-c", script]), input=sent, capture_output=True, timeout=60)
        return done.stdout


class Pages(LabCase):
    """Thirty days of a site, looked at with Chromium on phones, desks and by keyboard."""

    @classmethod
    def build(cls):
        cls.host = cls.net.host("web", ["30.0.0.1"])
        cls.web = Web(cls.host)
        page_story.month(int(time.time())).write(cls.web.journal)
        cls.web.start()
        cls.browser = Browser(cls.host).__enter__()
        cls.addClassCleanup(lambda: cls.browser.__exit__())

    def open(self, path, **look):
        page = self.browser.open(URL + path, **look)
        self.addCleanup(lambda: self.assertEqual(page.console, []))
        return page

    def test_1_every_link_leads_somewhere(self):
        found, todo = set(), ["/?period=30d"]
        page = self.open(todo[0])
        while todo and len(found) < 60:
            path = todo.pop()
            if path in found:
                continue
            found.add(path)
            page.go(URL + path)
            self.assertNotIn("There is no such page", page.value("document.body.innerText"), path)
            self.assertEqual(page.value("performance.getEntriesByType('navigation')[0].responseStatus"), 200, path)
            links = page.value("[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))")
            todo += [link for link in links if not link.startswith("#")]
            for link in links:
                self.assertRegex(link, r"^(/|#)", path)
        self.assertIn("/sender/52.1.1.7", found)
        self.assertIn("/?period=all", found)
        self.assertTrue(all(url.startswith(URL) for url in page.asked()), page.asked())

    def test_2_a_sender_is_found_by_keyboard(self):
        page = self.open("/")
        for _ in range(20):
            page.key("Tab")
            if page.value("document.activeElement.id") == "address":
                break
        self.assertEqual(page.value("document.activeElement.id"), "address")
        page.type(" 52.1.1.7 ")
        page.key("Enter", text="\r")
        page.loaded()
        self.assertEqual(page.value("document.title"), "Sender 52.1.1.7")
        self.assertEqual(page.value("location.pathname"), "/sender/52.1.1.7")
        words = page.value("document.body.innerText")
        for wanted in ("mail.partner.example", "At risk, known", "not listed", "mail.example.com", "backdoor"):
            self.assertIn(wanted, words)

    def test_3_it_fits_from_a_phone_to_a_wide_screen_in_light_and_dark(self):
        page = self.browser.open(URL + "/?period=30d")
        for path in ("/?period=30d", "/sender/52.1.1.7", "/sender/9.9.9.9", "/nothing", "/sender?address=x"):
            page.go(URL + path)
            for dark in (False, True):
                for width in (320, 390, 704, 768, 1100, 1920):
                    page.look(width, 640, dark)
                    with self.subTest(path=path, width=width, dark=dark):
                        self.assertEqual(page.value("document.documentElement.scrollWidth"), width)
                count, least, *where = page.value(CONTRAST)
                self.assertGreater(count, 10)
                self.assertGreaterEqual(least, 4.5, where)
        self.assertEqual([said for said in page.console if not re.search("status of 40[04]", said)], [])

    def test_4_the_first_screen_answers_three_questions(self):
        page = self.open("/?period=30d", width=360, height=740)
        script = "[...document.querySelectorAll('.answer')].map(e => [e.innerText, e.getBoundingClientRect().bottom])"
        for width, height in ((320, 640), (360, 740), (768, 1024), (1280, 720)):
            page.look(width, height)
            answers = page.value(script)
            self.assertEqual([re.split(r"\n+", text)[0] for text, _ in answers],
                             ["Did I lose mail?", "How much spam did it stop?", "How late was good mail?"])
            self.assertLessEqual(max(bottom for _, bottom in answers), height, width)
        self.assertIn("1 at risk", answers[0][0])
        self.assertRegex(answers[1][0], r"\d+\.\d.%")
        self.assertRegex(answers[2][0], r"\d+(\.\d+)?.(ms|s)\b")

    def test_5_a_screen_reader_gets_names_and_order(self):
        page = self.open("/?period=30d")
        tree = page.tree()
        roles = [role for role, _ in tree]
        self.assertEqual([name for role, name in tree if role == "heading"][:4],
                         ["What the decoys did", "example", "Good mail", "Stopped senders"])
        for wanted in (("navigation", "Period"), ("textbox", "Sender"), ("button", "Look up"), ("main", ""), ("search", ""),
                       ("link", "52.1.1.7"), ("table", "Senders and messages that may have been good")):
            self.assertTrue(wanted in tree, wanted)
        images = [name for role, name in tree if role == "image"]
        self.assertTrue(any(name.startswith("How long good mail was delayed") for name in images), images)
        for role in ("link", "image", "button", "textbox"):
            self.assertFalse((role, "") in tree, role)
        self.assertGreater(roles.count("columnheader"), 10)
        names = [name for _, name in tree]
        at = [names.index(text) for text in ("Did I lose mail?", "How much spam did it stop?", "How late was good mail?",
                                             "Good mail")]
        self.assertEqual(at, sorted(at))

    def test_6_on_a_phone_tables_are_cards_that_name_their_values(self):
        page = self.open("/?period=30d", width=360, height=740)
        tree = [name for _, name in page.tree()]
        for label in ("Address", "Since", "Why"):
            self.assertTrue(label in tree, label)
        self.assertEqual(page.value("getComputedStyle(document.querySelector('.cards tr')).display"), "block")
        widths = page.value("[...document.querySelectorAll('.cards td')].map(e => e.getBoundingClientRect().right)")
        self.assertLess(max(widths), 360)

    def test_7_what_the_page_says_is_what_the_json_says(self):
        page = self.open("/?period=30d")
        told = json.loads(self.host.run([case.program("fakemx"), "-c", self.web.conf, "--json", "report", "--since",
                                         "30d"]).stdout)["sites"][0]
        value = ("[...document.querySelectorAll('data[data-key=\"%s\"]')].map(e => Number(e.value))[0]")
        self.assertEqual(page.value(value % "fate.stopped"), told["fate"]["stopped"])
        self.assertAlmostEqual(page.value(value % "delay_seconds.p95"), told["delay_seconds"]["p95"], 5)


class Http(LabCase):
    """curl, other programs, and what is no HTTP."""

    @classmethod
    def build(cls):
        cls.host = cls.net.host("web", ["30.0.0.1"])
        cls.web = Web(cls.host, 'web { proxy_names = { "mx.example.com" } }\n')
        end = int(time.time())
        story = page_story.Story(end - page_story.DAY, end)
        story.visit(end - page_story.HOUR, "91.0.0.7", page_story.HIGH)
        story.write(cls.web.journal)
        cls.web.start()

    def test_only_questions_are_answered(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            status, headers, _ = self.web.curl("/", "-X", method)
            self.assertEqual((status, headers.get("allow")), (405, "GET, HEAD"), method)
        self.assertEqual(self.web.curl("/", "-X", "GET", "-d", "x=1")[0], 413)

    def test_head_is_get_without_the_body(self):
        for path in ("/", "/list/json", "/healthz", "/nothing"):
            status, headers, body = self.web.curl(path)
            done = self.web.curl(path, "-I")
            self.assertEqual((done[0], done[1]["content-length"], done[2]), (status, str(len(body.encode())), ""), path)

    def test_a_page_is_strict(self):
        _, headers, body = self.web.curl("/")
        policy = headers["content-security-policy"]
        self.assertTrue(policy.startswith("default-src 'none'; style-src 'sha256-"), policy)
        self.assertNotIn("unsafe", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("set-cookie", headers)
        self.assertEqual(headers["x-content-type-options"], "nosniff")
        self.assertNotIn("<script", body)

    def test_what_did_not_change_is_not_sent_again(self):
        for path in ("/", "/list/plain", "/list/json"):
            status, headers, _ = self.web.curl(path)
            again = self.web.curl(path, "-H", f"If-None-Match: {headers['etag']}")
            self.assertEqual((status, again[0], again[2]), (200, 304, ""), path)
            self.assertEqual(self.web.curl(path, "-H", 'If-None-Match: "0"')[0], 200)
        _, headers, _ = self.web.curl("/list/plain")
        since = headers["last-modified"]
        self.assertEqual(self.web.curl("/list/plain", "-H", f"If-Modified-Since: {since}")[0], 304)
        self.assertEqual(headers["cache-control"], "max-age=30")
        seconds = [time.mktime(time.strptime(headers[k], "%a, %d %b %Y %H:%M:%S GMT")) for k in ("date", "expires")]
        self.assertTrue(0 < seconds[1] - seconds[0] <= 30, headers)

    def test_a_foreign_name_is_refused(self):
        for name, status in (("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost.evil.example", 403),
                             ("localhost", 200), ("LOCALHOST:8025", 200), ("mx.example.com", 200), ("[::1]:8025", 200),
                             ("192.0.2.1", 403), ("", 400), ("a b", 403), ("[::1", 403), ("localhost:x", 403)):
            got = self.web.raw(f"GET /healthz HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
            self.assertEqual(int(got.split()[1]), status if name else int(got.split()[1]), (name, got[:100]))
            if not name:
                self.assertIn(int(got.split()[1]), (400, 403))
        status, _, body = self.web.curl("/", "-H", "Host: evil.example")
        self.assertEqual(status, 403)
        self.assertIn("proxy_names", body)

    def test_wrong_addresses_say_what_is_right(self):
        for path, status, words in (("/sender/not-an-address", 400, "is not an IPv4 or IPv6 address"),
                                    ("/sender/<script>", 400, "&lt;script&gt;"), ("/sender", 400, "such as 192.0.2.7"),
                                    ("/?period=5y", 400, "1d, 7d, 30d, 90d"), ("/site/none", 404, "No site of that name"),
                                    ("/list/xml", 404, "there are plain|json|rspamd"), ("/x", 404, "/sender/ADDRESS"),
                                    ("/../../etc/passwd", 404, "no page"), ("/sender/%00", 404, "")):
            got = self.web.curl(path, "--path-as-is")
            self.assertEqual(got[0], status, path)
            self.assertIn(words, got[2])
        status, headers, _ = self.web.curl("/sender?address=%20%3A%3Affff%3A91.0.0.7%20")
        self.assertEqual((status, headers["location"]), (303, "/sender/91.0.0.7"))
        self.assertEqual(self.web.curl("/site/example")[0], 200)

    def test_junk_ends_nothing(self):
        for junk in (b"\0" * 5000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", b"EHLO x\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 20000 + b"\r\n\r\n",
                     b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
            got = self.web.raw(junk, 3)
            self.assertNotRegex(got, rb"^HTTP/1.. 200", junk[:40])
        self.assertEqual(self.web.curl("/healthz")[0], 200)
        self.assertTrue(self.web.daemon.alive())

    def test_those_who_hang_on_leave_room_for_others(self):
        """Two hundred that say nothing, or only half a word: all are cut off, and others are answered meanwhile or after."""
        script = ("import socket, time\nall = []\n"
                  "for i in range(200):\n  s = socket.socket(); s.settimeout(1)\n  s.connect(('127.0.0.1', %d))\n"
                  "  s.sendall(b'GET / HT' if i %% 2 else b''); all.append(s)\ntime.sleep(100)" % PORT)
        silent = self.host.spawn(["python3", "-c", script], name="silent")
        time.sleep(2)
        began = time.monotonic()
        wait_for("room again", lambda: self.web.curl("/healthz", "--max-time", "3", check=False)[0] == 200, 45)
        self.assertLess(time.monotonic() - began, 45)
        silent.stop()
        self.assertEqual(self.web.curl("/healthz")[0], 200)


class Journals(LabCase):
    """A journal that is gone, broken, silent; the same by another user and a unix socket."""

    @classmethod
    def build(cls):
        cls.host = cls.net.host("web", ["30.0.0.1"])

    def journal(self, web, end, client="91.0.0.7"):
        story = page_story.Story(end - page_story.DAY, end)
        story.visit(end - page_story.HOUR, client, page_story.HIGH)
        story.write(web.journal)

    def test_1_without_a_journal_it_says_so_and_comes_back(self):
        web = Web(self.host).start()
        self.addCleanup(web.stop)
        for path in ("/", "/healthz", "/sender/1.2.3.4"):
            status, _, body = web.curl(path)
            self.assertEqual((status, "journal" in body), (503, True), path)
        status, _, body = web.curl("/list/rspamd")  # an error would keep the old list in rspamd
        self.assertEqual((status, [line for line in body.splitlines() if not line.startswith("#")]), (200, []))
        self.assertIn("journal", body)
        self.journal(web, int(time.time()))
        self.assertEqual([web.curl(path)[0] for path in ("/", "/healthz", "/sender/91.0.0.7")], [200, 200, 200])
        # Broken while it runs: garbage in its place.
        web.journal.unlink()
        for end in ("-wal", "-shm"):
            (web.state / f"journal.sqlite{end}").unlink(missing_ok=True)
        web.journal.write_bytes(b"SQLite format 3\0" + os.urandom(50000))
        for path in ("/?period=1d", "/healthz"):
            self.assertEqual(web.curl(path)[0], 503, path)
        web.journal.unlink()
        self.journal(web, int(time.time()))
        self.assertEqual([web.curl(path)[0] for path in ("/?period=1d", "/healthz")], [200, 200])

    def test_2_a_journal_that_nobody_writes_to_is_told(self):
        web = Web(self.host)
        self.journal(web, int(time.time()) - 3600)
        web.start()
        self.addCleanup(web.stop)
        status, _, body = web.curl("/healthz")
        self.assertEqual(status, 503)
        self.assertRegex(body, r"^Nothing was written to the journal since 20..-..-..T..:..:..Z: is `fakemx serve` running\?\n$")
        self.assertIn("stale", web.curl("/list/rspamd")[2])
        self.assertEqual(web.curl("/")[0], 200)

    def test_3_a_user_who_may_only_read(self):
        web = Web(self.host, uid=65534)
        self.journal(web, int(time.time()))
        serve = sqlite3.connect(web.journal)  # as serve has it open: the write-ahead log and its index are there
        self.addCleanup(serve.close)
        serve.execute("SELECT count(*) FROM visit").fetchall()
        for path, mode in ((web.folder, 0o755), (web.state, 0o755), (web.conf, 0o644)):
            path.chmod(mode)
        for path in web.state.iterdir():
            path.chmod(0o644)
        self.host.folder.chmod(0o755)
        web.start()
        self.addCleanup(web.stop)
        status, _, body = web.curl("/")
        self.assertEqual(status, 200, body)
        self.assertEqual(web.curl("/sender/91.0.0.7")[0], 200)

    def test_4_a_unix_socket_and_a_second_web(self):
        path = self.host.folder / "web.sock"
        web = Web(self.host, f'web {{ listen = "unix:{path}" }}\n')
        self.journal(web, int(time.time()))
        daemon = self.host.spawn([case.program("fakemx"), "-c", web.conf, "web"], name="unix")
        wait_for("the socket", path.exists)
        self.assertEqual(web.curl("/healthz", "--unix-socket", str(path), url="http://localhost")[0], 200)
        second = self.host.run([case.program("fakemx"), "-c", web.conf, "web"], check=False)
        self.assertEqual(second.returncode, 1)
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(path.exists())

    def test_5_beyond_loopback_only_when_told(self):
        web = Web(self.host, 'web { listen = "30.0.0.1:8025" }\n')
        done = self.host.run([case.program("fakemx"), "-c", web.conf, "web"], check=False)
        self.assertEqual(done.returncode, 64)
        self.assertIn("beyond_loopback = true", done.stderr)
        web = Web(self.host, 'web { listen = "30.0.0.1:8025" beyond_loopback = true }\n')
        self.journal(web, int(time.time()))
        daemon = self.host.spawn([case.program("fakemx"), "-c", web.conf, "web"], name="wide")
        wait_for("it answers", lambda: web.curl("/healthz", url="http://30.0.0.1:8025", check=False)[0] == 200)
        self.assertEqual(daemon.stop(), 0)

    def test_6_a_socket_of_systemd(self):
        web = Web(self.host)
        self.journal(web, int(time.time()))
        script = ("import os, socket, sys\ns = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
                  "s.bind(('127.0.0.1', 8090)); s.listen(); os.dup2(s.fileno(), 3); os.set_inheritable(3, True)\n"
                  "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); os.execv(sys.argv[1], sys.argv[1:])")
        program = case.program("fakemx-web")
        daemon = self.host.spawn(["python3", "-c", script, program, "-c", web.conf, "web"], name="activated")
        wait_for("it answers", lambda: web.curl("/healthz", url="http://127.0.0.1:8090", check=False)[0] == 200)
        self.assertEqual(daemon.stop(), 0)


class Proxies(LabCase):
    """docs/recipes/web.md, word for word: the real nginx and the real Caddy in front, with TLS and a password."""

    @classmethod
    def build(cls):
        trees = [packages.tree("nginx"), packages.tree("caddy")]
        cls.host = cls.net.host("proxy", ["30.0.0.1"], trees=trees)
        cls.web = Web(cls.host, recipe("web", "fakemx.conf"))
        page_story.month(int(time.time())).write(cls.web.journal)
        cls.web.start()

    def ask(self, *options, path="/"):
        done = self.host.run(["curl", "-sS", "-k", "-i", "--http1.1", "--resolve", "fakemx.example.com:443:127.0.0.1", *options,
                              f"https://fakemx.example.com{path}"], check=False)
        return done.stdout, done.stderr

    def judge(self):
        self.assertRegex(self.ask()[0], "^HTTP/1.1 401 ")
        self.assertRegex(self.ask("-u", "admin:wrong")[0], "^HTTP/1.1 401 ")
        text, error = self.ask("-u", "admin:secret")
        self.assertRegex(text, "^HTTP/1.1 200 ", error)
        self.assertIn("What the decoys did", text)
        self.assertIn("content-security-policy: default-src 'none'; style-src", text.lower())
        self.assertRegex(self.ask("-u", "admin:secret", path="/sender/52.1.1.7")[0], "^HTTP/1.1 200 (.|\n)*52.1.1.7")

    def test_nginx(self):
        self.host.script("mkdir -p /var/log/nginx /etc/ssl; htpasswd -bc /etc/nginx/fakemx.passwd admin secret; openssl req -x509 -newkey ec "
                         "-pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=fakemx.example.com -keyout "
                         "/etc/ssl/fakemx.key -out /etc/ssl/fakemx.pem; rm -f /etc/nginx/sites-enabled/*")
        self.host.write("/etc/nginx/conf.d/fakemx.conf", recipe("web", "nginx.conf"))
        daemon = self.host.spawn(["nginx", "-g", "daemon off;"], name="nginx")
        wait_for("nginx listens", lambda: self.host.is_listening(443))
        self.judge()
        daemon.stop()

    def test_caddy(self):
        made = self.host.run(["caddy", "hash-password", "--plaintext", "secret"]).stdout.strip()
        # No certificate authority of the world is asked here.
        self.host.write("/etc/caddy/Caddyfile", "{\n  local_certs\n  skip_install_trust\n  admin off\n}\n" +
                        recipe("web", "Caddyfile").replace("HASH", made))
        daemon = self.host.spawn(["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"], name="caddy",
                                 env={"HOME": "/tmp"})
        wait_for("Caddy listens", lambda: self.host.is_listening(443))
        wait_for("Caddy has its certificate", lambda: self.ask()[0])
        self.judge()
        daemon.stop()


if __name__ == "__main__":
    unittest.main()

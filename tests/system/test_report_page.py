"""The report as a page, in a real browser that can reach nothing: what it shows is what the JSON says."""
import html.parser
import json
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree

from lab import case
import page_story
from page_story import CONTROL, DAY, HIGH, HOUR, LOW, MAIL, Story, month

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--enable-logging=stderr"]
# What the browser asks for by itself, whatever the page; it ends at the namespace, which has no way out.
OWN_ERRANDS = re.compile(r"https?://[a-z0-9.-]+\.(google|googleapis|gvt1)\.com/")


class Dom(html.parser.HTMLParser):
    """What the browser made of the page: numbers with their keys, all texts, all elements."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.numbers, self.texts, self.tags, self.words = [], [], set(), []
        self._site, self._key = None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        assert "style" not in attrs and not any(name.startswith("on") for name in attrs), (tag, attrs)
        if tag == "article":
            self._site = int(attrs["data-site"])
        if "value" in attrs and "data-key" in attrs:
            self.numbers.append((self._site, attrs["data-key"], float(attrs["value"])))
        elif "data-key" in attrs:
            self._key = attrs["data-key"]

    def handle_data(self, data):
        if self._key:
            self.texts.append((self._site, self._key, data))
            self._key = None
        self.words.append(data)


def at_path(value, path):
    for key in path.split("."):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


class Page(unittest.TestCase):
    limit_seconds = 600
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fmx-page-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.state = self.folder / "state"
        self.state.mkdir()
        self.conf = self.folder / "fakemx.conf"
        self.conf.write_text(page_story.CONF.format(state=self.state))
        self.page = self.folder / "report.html"

    def verb(self, *argv, **more):
        return subprocess.run([case.program("fakemx"), "-q", "-c", self.conf, *argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, **more)

    def made(self, story, *argv):
        """The page and the JSON document of the same moment."""
        story.write(self.state / "journal.sqlite")
        done = self.verb("--json", "report", "--html", self.page, *argv)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def browse(self, page, *flags):
        """(output, what the console said, addresses that it asked for), without any network."""
        profile = tempfile.mkdtemp(prefix="profile-", dir=self.folder)
        log = self.folder / "netlog.json"
        done = subprocess.run(["unshare", "-n", "chromium", *FLAGS, f"--user-data-dir={profile}",
                               f"--log-net-log={log}", *flags, f"file://{page}"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line and "source: chrome:" not in line]
        asked = set(re.findall(r'"url":"((?:https?|wss?|ftp)://[^"]*)"', log.read_text(errors="replace")))
        return done.stdout, console, {url for url in asked if not OWN_ERRANDS.match(url)}

    def dom(self):
        text, console, asked = self.browse(self.page, "--dump-dom")
        self.assertEqual((console, asked), ([], set()))
        dom = Dom(text)
        self.assertFalse({"script", "img", "link", "iframe", "object"} & dom.tags, dom.tags)
        return dom

    def assert_equal_numbers(self, dom, report, at_least):
        self.assertGreaterEqual(len(dom.numbers), at_least)
        for site, key, value in dom.numbers:
            want = at_path(report["sites"][site], key)
            self.assertIsNotNone(want, key)
            self.assertAlmostEqual(value, want, 6, key)
        for site, key, text in dom.texts:
            self.assertEqual(text, at_path(report["sites"][site], key), key)


class Month(Page):
    """Thirty days with good mail, bots, scanners, an outage, and senders at risk with hostile names."""

    def setUp(self):
        super().setUp()
        self.told = self.made(month(int(time.time())))

    def test_the_page_has_the_numbers_of_the_json(self):
        dom = self.dom()
        site, = self.told["sites"]
        self.assert_equal_numbers(dom, self.told, 330)
        keys = {key for _, key, _ in dom.numbers}
        for key in ("stopped_senders_share", "delay_seconds.p95", "returned_later", "revised.senders", "fate.stopped",
                    "background.control.visits", "background_senders", "series.parts.29.stopped", "delays.0.count",
                    "hosts.4.visits"):
            self.assertIn(key, keys)
        self.assertGreater(site["revised"]["returned"], 0)
        self.assertGreater(site["background"]["stopped_senders"], 0)
        self.assertEqual(len(site["gaps"]), 2)  # the minute after the start, the outage
        self.assertEqual(sum("Hatched" in word for word in dom.words), 2)  # caption and title

    def test_good_mail_comes_first_and_no_more_is_claimed(self):
        words = " ".join(self.dom().words)
        order = ["1 known sender is at risk (mail.partner.example)", "cannot be told from a spambot", "Good mail \n", "Stopped senders \n",
                 "Decoys against the background", "All senders", "When we could not see", "The numbers behind"]
        at = [words.index(text) for text in order]
        self.assertEqual(at, sorted(at))
        self.assertNotIn("no mail was lost", words.lower())

    def test_hostile_names_are_shown_as_text(self):
        page = self.page.read_text()
        words = "\n".join(self.dom().words)
        self.assertIn("<script>alert(1)</script>.example", words)
        self.assertIn("]]>--><svg onload=alert(1)>.example", words)
        self.assertIn("\"'&amp;.example", words)
        self.assertIn("<U+202E>gro.live<U+2066>.example", words)
        self.assertIn("a<U+001B>[2J<U+0007>.example", words)
        for never in ("<script", "\u202e", "\u2066", "\x1b", "\x07"):
            self.assertNotIn(never, page)
        xml.etree.ElementTree.fromstring(page)  # well-formed to the last element

    def test_a_page_that_would_load_or_run_something_is_noticed(self):
        """The test of the test: a style that the policy does not know, a picture, a script."""
        good = self.page.read_text()
        changed = self.folder / "changed.html"
        changed.write_text(good.replace("</style>", " </style>", 1))
        self.assertTrue(any("style" in line for line in self.browse(changed, "--dump-dom")[1]))
        changed.write_text(good.replace("</main>", "<script>alert(1)</script></main>"))
        self.assertTrue(any("script" in line for line in self.browse(changed, "--dump-dom")[1]))
        changed.write_text(good.replace("</main>", '<img src="http://192.0.2.1/x.png"></main>'))
        self.assertTrue(any("192.0.2.1" in line for line in self.browse(changed, "--dump-dom")[1]))
        changed.write_text(re.sub("<meta http-equiv[^>]*>", "", good)
                           .replace("</main>", '<img src="http://192.0.2.1/x.png"></main>'))
        self.assertEqual(self.browse(changed, "--dump-dom")[2], {"http://192.0.2.1/x.png"})

    def test_it_prints_on_few_sheets(self):
        pdf = self.folder / "report.pdf"
        _, console, asked = self.browse(self.page, "--no-pdf-header-footer", f"--print-to-pdf={pdf}")
        self.assertEqual((console, asked), ([], set()))
        info = subprocess.run(["pdfinfo", pdf], capture_output=True, text=True, check=True).stdout
        pages = int(re.search(r"^Pages: *(\d+)", info, re.M).group(1))
        self.assertIn("(A4)", info)
        self.assertTrue(4 <= pages <= 9, info)
        text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
        site, = self.told["sites"]
        share = f"{100 * site['stopped_senders_share']:.1f}"
        for words in ("1 known sender is at risk", share, "mail.partner.example", "quiet.example.com",
                      "What became of the senders", "not back so far", "How to read this"):
            self.assertIn(words, text)

    def test_it_is_drawn(self):
        """Not only empty paper: a picture of a page with charts has many shades, and does not compress to nothing."""
        picture = self.folder / "page.png"
        _, console, _ = self.browse(self.page, "--window-size=1100,3000", f"--screenshot={picture}")
        self.assertEqual(console, [])
        self.assertGreater(picture.stat().st_size, 60000)


class Periods(Page):
    def test_an_empty_journal_says_so(self):
        (self.state / "empty").touch()
        subprocess.run([page_story.WRITE, self.state / "journal.sqlite"], input="", text=True, check=True, timeout=60)
        done = self.verb("report", "--html", self.page)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertIn("No site was ever served", " ".join(self.dom().words))

    def test_a_first_hour_is_drawn_in_hours(self):
        end = int(time.time())
        story = Story(end - HOUR, end)
        story.visit(end - 1800, "41.0.0.7", LOW)
        story.visit(end - 1799.5, "41.0.0.7", MAIL)
        report = self.made(story)
        site, = report["sites"]
        self.assertEqual(site["series"]["unit"], "hour")
        self.assertEqual(sum(part["reached"] for part in site["series"]["parts"]), 1)
        dom = self.dom()
        self.assert_equal_numbers(dom, report, 40)
        self.assertIn("What became of the senders of each hour", dom.words)

    def test_four_hundred_days_are_drawn_in_weeks(self):
        end = int(time.time())
        report = self.made(Story(end - 400 * DAY, end, step=DAY))
        self.assertEqual(report["sites"][0]["series"]["parts"], [])  # nobody came
        story = Story(end - 400 * DAY, end, step=DAY)
        story.records = []
        for day in range(400):
            story.visit(end - 400 * DAY + day * DAY + 60, page_story.address(day, 91), HIGH)
        report = self.made(story)
        series = report["sites"][0]["series"]
        self.assertEqual((series["unit"], len(series["parts"]) in (58, 59)), ("week", True))
        self.assertEqual(sum(part["high_decoy_visits"] for part in series["parts"]), 400)
        self.assert_equal_numbers(self.dom(), report, 500)

    def test_what_is_not_watched_is_said_and_nothing_is_claimed(self):
        end = int(time.time())
        story = Story(end - 2 * DAY, end, text=page_story.site_text(backup_watch=""))
        story.visit(end - DAY, "91.0.0.7", HIGH)
        report = self.made(story)
        words = " ".join(self.dom().words)
        self.assertIn("Not measurable: backup-mail.example.com is not watched.", words)
        self.assertNotIn("No loss", words)
        host, = [h for h in report["sites"][0]["hosts"] if h["host"] == "backup-mail.example.com"]
        self.assertEqual(host["not_seen"], "backup-mail.example.com is not watched")

    def test_a_hundred_thousand_at_risk_are_no_endless_page(self):
        end = int(time.time())
        story = Story(end - 7 * DAY, end)
        for i in range(100000):
            client = f"51.{i // 65536}.{i // 256 % 256}.{i % 256}"
            story.named(end - 6 * DAY, client, f"<b>{i}</b>.example")
            story.visit(end - 6 * DAY + 1, client, HIGH)
        report = self.made(story)
        self.assertGreater(len(report["sites"][0]["at_risk"]), 90000)
        self.assertLess(self.page.stat().st_size, 1000000)
        self.assertIn("more senders at risk", self.page.read_text())
        self.assert_equal_numbers(self.dom(), report, 100)


class Files(Page):
    def setUp(self):
        super().setUp()
        end = int(time.time())
        self.story = Story(end - DAY, end)
        self.story.visit(end - HOUR, "91.0.0.7", HIGH)
        self.story.visit(end - HOUR, "101.0.0.7", CONTROL)
        self.story.write(self.state / "journal.sqlite")

    def test_dash_is_standard_output(self):
        done = self.verb("report", "--html", "-")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("<!DOCTYPE html>"))
        self.assertTrue(done.stdout.endswith("</html>\n"))
        done = self.verb("--json", "report", "--html", "-")
        self.assertEqual((done.returncode, done.stdout), (64, ""))
        self.assertIn("contradict", done.stderr)

    def test_a_file_that_is_there_stays_when_the_new_one_cannot_be_written(self):
        self.page.write_text("old")
        self.page.chmod(0o600)

        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (40000, 40000))  # SQLite's shared memory has 32 kB

        month(int(time.time())).write(self.state / "journal.sqlite")
        done = self.verb("report", "--html", self.page, preexec_fn=small_files)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("cannot write", done.stderr)
        self.assertEqual(self.page.read_text(), "old")
        self.assertEqual({p.name for p in self.folder.iterdir()}, {"state", "fakemx.conf", "report.html"})
        self.assertEqual(self.verb("report", "--html", self.page).returncode, 0)
        self.assertIn("</html>", self.page.read_text())
        self.assertEqual(self.page.stat().st_mode & 0o777, 0o600)

    def test_what_is_no_file_is_refused(self):
        for target, words in ((self.state, "it is a folder"), ("/dev/null", "it is no regular file"),
                              (self.folder / "none" / "page.html", "none")):
            done = self.verb("report", "--html", target)
            self.assertEqual((done.returncode, done.stdout), (1, ""), target)
            self.assertIn(words, done.stderr)
        done = self.verb("report", "--html", "")
        self.assertEqual(done.returncode, 64)


if __name__ == "__main__":
    unittest.main()

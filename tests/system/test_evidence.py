"""What serve asks the DNS for the report: its own MX set, before and after; and a blocklist of our
own, of which one answer refuses."""

from lab import journal, net
from lab.case import LabCase
from lab.client import deliver
from lab.serve import Serve, config
from lab.site import DOMAIN, FAKE0, FAKE1, Site

LIST = "bl.example"
LISTED, CLEAN, REFUSED, LISTED_V6 = "30.31.1.1", "30.31.2.1", "30.31.3.1", "3ffe:0:31::1"
ANSWERS = {LISTED: "127.0.0.4", REFUSED: "127.255.255.254"}


class Evidence(LabCase):
    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [], with_syslog=True)
        for client in (LISTED, CLEAN, REFUSED, LISTED_V6):
            cls.site.crowd.add_address(client)
        records = [f"{'.'.join(reversed(c.split('.')))} A {answer}" for c, answer in ANSWERS.items()]
        nibbles = "3ffe" + "0000" + "0031" + "0" * 19 + "1"
        records.append(f"{'.'.join(reversed(nibbles))} A 127.0.0.2")
        cls.site.knot.load(LIST, records)
        cls.zone(low="", high="")
        cls.serve = Serve(cls.site.decoys, 'resolver = "30.0.0.53"\n' + config(
            cls.site, mode="observe", grace="1s", compare=f'{{ "{LIST}" }}')).start("-v")

    @classmethod
    def zone(cls, **decoys):
        cls.site.knot.load(DOMAIN, cls.site.zone(**decoys))
        cls.site.unbound.forget()

    def rows(self, sql):
        return journal.rows(self.serve.folder / "state" / "journal.sqlite", sql)

    def mx(self):
        return [(r["decoys"], r["hosts"]) for r in self.rows("SELECT decoys, hosts FROM mx ORDER BY time")]

    def before_after(self):
        return self.serve.json("report")["sites"][0]["before_after"]

    def test_1_the_moment_when_the_decoy_came_is_kept(self):
        net.wait_for("the MX set is kept", lambda: self.mx(), 20)
        self.assertEqual([(0, f"10 mail.{DOMAIN}, 20 backup.{DOMAIN}")], self.mx())
        self.assertIsNone(self.before_after()["seen_first"])
        self.assertIn("no decoy is in the DNS yet", self.before_after()["not_yet"])
        self.zone()
        self.serve.reload()
        net.wait_for("the decoys are seen", lambda: len(self.mx()) == 2, 20)
        self.assertEqual((1, f"0 fake0.{DOMAIN}, 10 mail.{DOMAIN}, 20 backup.{DOMAIN}, 30 fake1.{DOMAIN}"), self.mx()[1])
        self.assertIsNotNone(self.before_after()["seen_everywhere"])
        self.serve.reload()  # asked again: no news
        net.wait_for("reloaded", lambda: self.serve.text().count("info reloaded ") == 2, 20)
        self.serve.jump(7 * 3600)  # the hosts are watched and well before somebody comes
        deliver(self.site.crowd, CLEAN, FAKE0, f"a@{DOMAIN}")
        net.wait_for("it was asked", lambda: self.rows("SELECT 1 FROM compared"), 20)
        self.assertEqual(2, len(self.mx()))

    def test_2_a_list_is_asked_once_at_the_first_contact(self):
        for client in (LISTED, REFUSED, LISTED, CLEAN):
            self.assertRegex(deliver(self.site.crowd, client, FAKE1, f"a@{DOMAIN}")[-1], "^4")
        deliver(self.site.crowd, LISTED_V6, "3ffe::31", f"a@{DOMAIN}")

        def known():
            return {r["hex"][-8:]: r["answer"] for r in self.rows("SELECT hex(client) AS hex, answer FROM compared")}
        net.wait_for("four answers", lambda: len(known()) == 4, 20)
        self.assertEqual({"1E1F0101": 1, "1E1F0201": 0, "1E1F0301": 2, "00000001": 1}, known())

    def test_3_the_report_says_what_it_knew_of_the_stopped(self):
        self.serve.jump(6 * 86400)  # at one go: nobody is judged before the logs were read
        site = self.serve.json("report")["sites"][0]
        self.assertEqual([{"zone": LIST, "listed": 2, "not_listed": 1, "not_known": 1}], site["compared"],
                         self.serve.fakemx("explain", LISTED).stdout)
        self.assertGreater(site["cost"]["decoy_addresses"], 2)
        text = self.serve.fakemx("report").stdout
        self.assertIn(f"of 4 stopped senders 2 were listed by {LIST} at that moment, 1 were not", text)

    def test_4_a_report_to_show_others_names_nobody(self):
        for verb in (["report", "--anonymous"], ["report", "--anonymous", "--json"], ["report", "--anonymous", "--html", "-"]):
            said = self.serve.fakemx(*verb).stdout
            for name in (DOMAIN, "fake0", "backup", LIST, "30.31.", "30.0.0.", "3ffe:"):
                self.assertNotIn(name, said, verb)
            self.assertIn("blocklist 1", said, verb)

    def test_5_an_mx_host_that_the_site_does_not_name_is_told(self):
        """By its address: another name of the site's own machine is no stranger."""
        own = self.site.mail.host.addresses[0]
        self.site.knot.load(DOMAIN, self.site.zone() + ["@ MX 25 third", "third A 30.0.0.99", "@ MX 26 another", f"another A {own}"])
        self.site.unbound.forget()
        self.serve.reload()
        net.wait_for("the stranger is told", lambda: "host-unnamed" in self.serve.text(), 20)
        self.serve.reload()
        net.wait_for("and asked again", lambda: self.serve.text().count("info reloaded ") == 4, 20)
        told = [line for line in self.serve.text().splitlines() if "host-unnamed" in line]
        self.assertEqual(1, len(told), told)
        self.assertIn(f"domain={DOMAIN} host=third.{DOMAIN} ", told[0])

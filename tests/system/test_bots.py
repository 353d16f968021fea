"""Bots go for the last MX: judged in observe, listed in enforce, with reasons, and no longer
than said."""

from lab import net
from lab.case import LabCase
from lab.client import Client, deliver
from lab.programs import PostfixSender
from lab.serve import Serve, config
from lab.site import DOMAIN, FAKE1, FAKE1_V6, Site

HOUR = 3600


class Bots(LabCase):
    """Each bot has a /24 or /64 of its own and no name. Real mail flows meanwhile."""

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [PostfixSender], with_syslog=True)
        cls.crowd = cls.site.crowd
        cls.site.senders[0].start()
        cls.ids = []

    @classmethod
    def bot(cls, number, v6=False):
        address = f"3ffe:0:9{number:02}::1" if v6 else f"30.9.{number}.1"
        cls.crowd.add_address(address)
        return address

    def serve(self, mode):
        serve = Serve(self.site.decoys, config(self.site, mode=mode, grace="1s"), mode).start()
        self.addCleanup(serve.stop)
        return serve

    def attack(self, *bots, recipient=f"victim@{DOMAIN}"):
        """One visit each at the last MX. No decoy ever says 5xx or takes a message."""
        for bot in bots:
            replies = deliver(self.crowd, bot, FAKE1_V6 if ":" in bot else FAKE1, recipient)
            self.assertRegex(replies[0], "^220 ")
            self.assertRegex(replies[-1], "^4")
            self.assertFalse([r for r in replies if r[:1] == "5"], replies)

    def good_mail(self, serve):
        """Real mail, so that no bot makes more than half of all visits."""
        sender = self.site.senders[0]
        for _ in range(3):
            sent = sender.submit(DOMAIN, 2)
            sender.wait_until_sent(sent)
            self.ids.extend(sent)
        serve.catch_up()

    def assert_judged(self, serve, *bots):
        for bot in bots:
            self.assertEqual("backdoor", serve.latest(bot).get("order"), serve.latest(bot))

    def listed(self, serve):
        return {entry["address"] for entry in serve.json("list")["listed"]}

    def test_1_enforce_lists_after_two_counted_visits_with_the_reasons(self):
        serve = self.serve("enforce")
        self.good_mail(serve)
        serve.jump(HOUR)  # an hour counts when all of it was watched
        twice, six, impatient, shy, foreign = (self.bot(n, n == 2) for n in range(1, 6))
        self.attack(twice, six, impatient, shy, foreign)
        serve.jump(130)
        self.assert_judged(serve, twice, six, impatient)
        self.assertEqual(set(), self.listed(serve), "one visit is not enough")

        serve.jump(HOUR / 2)
        self.attack(impatient)  # not two hours later: does not count
        serve.jump(2 * HOUR)
        self.attack(twice, six)
        self.attack(foreign, recipient="victim@elsewhere.example")
        with Client(self.crowd, shy, FAKE1) as client:  # never names a recipient
            client.reply()
            client.command("EHLO bot.example")
        serve.jump(HOUR + 130)  # an hour counts when it is over
        net.wait_for("they are listed", lambda: self.listed(serve) == {twice, six}, 30, 0.5)

        text = serve.fakemx("explain", twice, check=0).stdout
        self.assertRegex(text, "backdoor: it went to the high decoy, and no real host had seen it or its pool")
        self.assertRegex(text, "listed until .*2 hours counted")
        explained = serve.json("explain", twice)
        self.assertEqual([f"fake1.{DOMAIN}"] * 2, [v["host"] for v in explained["visits"]])
        self.assertEqual([(True, 2)], [(x["listed"], x["counted_visits"]) for x in explained["listing"]])
        entry = [e for e in serve.json("list")["listed"] if e["address"] == twice][0]
        since, until = net.seconds_of(entry["since"]), net.seconds_of(entry["until"])
        self.assertAlmostEqual(24 * HOUR, until - since, delta=2)
        self.assertEqual(0, since % HOUR, "from the end of the hour that counted")
        serve.jump(HOUR)
        self.assertEqual(entry["since"], [e for e in serve.json("list")["listed"] if e["address"] == twice][0]["since"])
        self.assertIn(twice, serve.fakemx("list", "--format", "plain", check=0).stdout.split())
        self.assertNotIn(self.site.senders[0].address, serve.fakemx("list", check=0).stdout)
        self.assertNotIn(self.site.senders[0].address, {v["address"] for v in serve.events("listing")})

        serve.jump(12 * HOUR)
        self.attack(twice)  # while listed: never renews
        serve.jump(12 * HOUR)
        self.assertEqual(set(), self.listed(serve), "expired after 24 hours, in spite of the visit")

    def test_2_observe_lists_nobody_and_says_who_would_have_been(self):
        serve = self.serve("observe")
        self.good_mail(serve)
        serve.jump(HOUR)
        bot = self.bot(11)
        other = self.bot(12)
        self.attack(bot, other)
        serve.jump(130)
        self.assert_judged(serve, bot)
        serve.jump(2 * HOUR)
        self.attack(bot)
        serve.jump(HOUR + 130)
        self.assertTrue([v for v in serve.events("listing") if v["address"] == bot])
        self.assertEqual([], [v for v in serve.events("listing") if v["listed"] == "yes"])
        self.assertEqual("", serve.fakemx("list", "--format", "plain", check=0).stdout)
        self.assertRegex(serve.fakemx("explain", bot, check=0).stdout, "would be listed, but mode = observe.*2 hours counted")

    def test_3_the_real_mail_arrived_exactly_once(self):
        self.assert_exactly_once(self.ids, self.site.stored())

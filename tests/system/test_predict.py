"""The verb predict from outside: what it prints, and what it says of mistakes."""
import json
import subprocess
import unittest

from lab.case import program

SENDERS = ["postfix", "exim", "opensmtpd", "sendmail", "courier", "dma", "chasquid", "haraka", "nodemailer-direct",
           "qmail"]
BOTS = ["first-only", "last-only", "random", "shotgun", "retrying"]


def fakemx(*argv):
    return subprocess.run([program("fakemx"), *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60)


class Predict(unittest.TestCase):
    def predict(self, *argv):
        done = fakemx("--json", "predict", *argv)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def senders(self, *argv):
        return {s["sender"]: s for s in self.predict(*argv)["senders"]}

    def test_the_article_s_layout_delivers_everywhere(self):
        for layout in (["10=open", "20=open", "30=defer-rcpt"], ["0=closed", "10=open", "20=open", "30=defer-rcpt"]):
            for sender in self.senders(*layout).values():
                self.assertEqual(sender["outcome"], "delivered", sender)
                self.assertLess(sender["delay_seconds"], 4)

    def test_the_json_has_the_shape_of_the_manual(self):
        answer = self.predict("0=defer-rcpt", "10=open,open/6")
        self.assertEqual(list(answer), ["version", "senders"])
        self.assertEqual(answer["version"], 1)
        self.assertEqual([s["sender"] for s in answer["senders"]], SENDERS)
        for sender in answer["senders"]:
            self.assertEqual(list(sender), ["sender", "outcome", "delay_seconds", "tried", "note"])
            self.assertIn(sender["outcome"], ["delivered", "delayed", "never", "bounced"])
            for tried in sender["tried"]:
                self.assertEqual(list(tried), ["preference", "host", "address", "state"])
        courier = {s["sender"]: s for s in answer["senders"]}["courier"]
        self.assertEqual(courier["outcome"], "never")
        self.assertIsNone(courier["delay_seconds"])
        self.assertEqual(courier["tried"], [{"preference": 0, "host": "0=defer-rcpt", "address": "defer-rcpt",
                                             "state": "defer-rcpt"}])
        self.assertIn("4xx", courier["note"])

    def test_bots_come_when_asked_for(self):
        self.assertEqual(list(self.senders("0=closed", "10=open", "--bots")), SENDERS + BOTS)
        bots = self.senders("--bots", "10=open", "30=defer-rcpt")
        self.assertEqual(bots["last-only"]["outcome"], "never")
        self.assertEqual(bots["first-only"]["outcome"], "delivered")

    def test_the_order_of_arguments_is_free(self):
        def facts(*argv):
            return [(s["sender"], s["outcome"], s["delay_seconds"], [t["preference"] for t in s["tried"]], s["note"])
                    for s in self.predict(*argv)["senders"]]
        self.assertEqual(facts("0=dead", "10=closed,open/6", "10=open"), facts("10=open", "0=dead", "10=closed,open/6"))

    def test_options_stand_anywhere(self):
        outputs = {fakemx(*argv).stdout for argv in (["--json", "predict", "--bots", "10=open"],
                                                     ["predict", "10=open", "--bots", "--json"],
                                                     ["predict", "--json", "10=open", "--bots"])}
        self.assertEqual(len(outputs), 1)
        self.assertIn("shotgun", outputs.pop())

    def test_the_table_has_a_line_for_each_sender(self):
        done = fakemx("predict", "0=closed", "1=closed", "2=closed", "3=closed", "4=closed", "10=open")
        self.assertEqual(done.returncode, 0)
        lines = done.stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["SENDER"] + SENDERS)
        self.assertIn("Postfix tries 5 addresses; the first that takes mail is the 6th", lines[1])
        self.assertNotIn("\x1b", done.stdout)

    def test_every_mistake_is_a_sentence_and_64(self):
        for argument, words in [
                ("10=opn", "10=opn: unknown state 'opn'; did you mean 'open'?"),
                ("10=banana", "10=banana: unknown state 'banana'"),
                ("10=OPEN", "10=OPEN: unknown state 'OPEN'"),
                ("65536=open", "65536=open: a preference is a number from 0 to 65535"),
                ("ten=open", "ten=open: a preference is a number from 0 to 65535"),
                ("=open", "=open: a preference is a number from 0 to 65535"),
                (" 1=open", " 1=open: a preference is a number from 0 to 65535"),
                ("+1=open", "+1=open: a preference is a number from 0 to 65535"),
                ("99999999999999999999=open", "a preference is a number from 0 to 65535"),
                ("10=", "10=: a state is missing"),
                ("10=open,", "10=open,: a state is missing"),
                ("10=open,,open", "10=open,,open: a state is missing"),
                ("10=/6", "10=/6: a state is missing"),
                ("10=open/4", "'open/4' is not understood; /6 marks an IPv6 address"),
                ("10=open/6/6", "/6 marks an IPv6 address"),
                ("10", "'10' is no host"),
                ("", "'' is no host"),
                ("10=" + ",".join(["open"] * 129), "more than 128 addresses")]:
            done = fakemx("predict", "20=open", argument)
            self.assertEqual((done.returncode, done.stdout), (64, ""), argument)
            self.assertIn(words, done.stderr.splitlines()[0])
        self.assertEqual(fakemx("predict").returncode, 64)
        many = fakemx("predict", *[f"{p}=open" for p in range(65)])
        self.assertEqual(many.returncode, 64)
        self.assertIn("more than 64 hosts", many.stderr)

    def test_the_largest_layouts_are_answered_at_once(self):
        states = ["closed", "dead/6", "reset", "busy", "open/6", "defer-rcpt", "silent", "reject"]
        hosts = [f"{p % 4}=" + ",".join(states[(p + i) % 8] for i in range(2)) for p in range(64)]
        self.assertEqual(len(self.senders("--bots", *hosts)), 15)


if __name__ == "__main__":
    unittest.main()

"""Everything at once against the decoys, real Postfix behind: every good message arrives once, and Postfix is answered."""

import json
import os
import pathlib
import sys
import time

from lab.case import long_test
from lab.net import wait_for
from test_policy import FAKE0, FAKE1, PolicyCase

HOSTILE = pathlib.Path(__file__).parent / "lab" / "hostile.py"
PREFIX = "30.77.1"


class Hostile(PolicyCase):
    """A short while of it; the long one is ten minutes."""

    limit_seconds = 240
    seconds = 12

    @classmethod
    def build(cls):
        super().build()
        for n in range(1, 250):
            cls.crowd.add_address(f"{PREFIX}.{n}")

    @classmethod
    def config(cls, **options):
        return super().config(**options).replace("posture = reset", "posture = closed")

    def deliver_for(self, seconds):
        """Good mail, one after the other: how long each took."""
        took, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            name = f"good{len(self.sent)}"
            began = time.monotonic()
            self.assertTrue(self.send(self.somebody(), [name])[-1].startswith("250"), name)
            took.append(time.monotonic() - began)
            self.sent.append(name)
            time.sleep(0.1)
        return sorted(took)

    def test_every_good_message_arrives_once(self):
        self.sent = []
        quiet = self.deliver_for(4)
        hostile = self.crowd.spawn([sys.executable, str(HOSTILE), str(self.seconds), FAKE1, FAKE0, PREFIX], output="hostile.out")
        hard = self.deliver_for(self.seconds)
        hostile.wait()
        self.assertTrue(self.serve.daemon.alive())
        said = json.loads((self.crowd.folder / "hostile.out").read_text().splitlines()[-1])
        for kind in ("flood", "tls", "http", "proxy", "pipelined", "long", "reset", "slow_writer", "slow_reader", "half_open", "syn"):
            self.assertGreater(said.get(kind, 0), 0, (kind, said))
        wait_for("each is stored", lambda: len(self.mail.stored()) >= len(self.sent), 20)
        self.assert_exactly_once(self.sent, self.mail.stored())
        self.assertNotIn("defer", "".join(line for line in self.mail_log().splitlines() if "NOQUEUE" in line))
        self.serve.catch_up()
        walks = [v for v in self.serve.json("list")["listed"]] if isinstance(self.serve.json("list"), dict) else []
        self.assertEqual([], walks)  # whom nobody knows is not listed for that
        told = [f"{len(took)}, median {took[len(took) // 2] * 1e3:.0f} ms, p99 {took[len(took) * 99 // 100] * 1e3:.0f} ms, "
                f"longest {took[-1] * 1e3:.0f} ms" for took in (quiet, hard)]
        self.report = f"good mail in quiet: {told[0]}; meanwhile: {told[1]}; {said}"
        self.assertLess(hard[len(hard) // 2], 1 + 5 * quiet[len(quiet) // 2])


@long_test
class HostileHour(Hostile):
    limit_seconds = 1200
    seconds = int(os.environ.get("FMX_SECONDS", 600))

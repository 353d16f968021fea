"""The laboratory proves itself before anything is proved with it: all four mail programs walk
past closed decoys, wait while the real hosts are down, and their logs are read rightly."""

import pathlib
import subprocess
import time

from lab import net
from lab.case import LabCase
from lab.site import DOMAIN, Site


class Lab(LabCase):
    @classmethod
    def build(cls):
        cls.site = Site(cls.net)
        for sender in cls.site.senders:
            sender.start()

    def test_1_all_four_senders_deliver_past_closed_decoys_exactly_once(self):
        ids = {s: s.submit(DOMAIN, 20) for s in self.site.senders}
        for sender in self.site.senders:
            sender.wait_until_sent(ids[sender])
        self.assert_exactly_once([i for sent in ids.values() for i in sent], self.site.stored())
        for sender in self.site.senders:
            with self.subTest(sender=sender.profile):
                logged = sender.deliveries()
                self.assertEqual(set(ids[sender]), set(logged))
                for delivery in logged.values():
                    self.assertRegex(delivery.relay, "mail.shop.example")
                    self.assertLess(delivery.delay, 10)
                    self.assertLess(abs(time.time() - delivery.delivered), 60)

    def test_2_mail_waits_for_stopped_real_hosts_and_arrives_after_a_flush(self):
        before = self.site.stored()
        self.site.stop_real_hosts()
        ids = {s: s.submit(DOMAIN, 3, "wait") for s in self.site.senders}
        for sender in self.site.senders:
            net.wait_for(f"{sender.profile} tries", lambda s=sender: set(ids[s]) <= set(s.deliveries()))
            self.assertEqual(set(ids[sender]), sender.queue())
            self.assertTrue(all(sender.deliveries()[i].delivered is None for i in ids[sender]))
        self.assertEqual(sorted(before), sorted(self.site.stored()))
        self.site.start_real_hosts()
        for sender in self.site.senders:
            sender.wait_until_sent(ids[sender], flush=True)
        self.assert_exactly_once(before + [i for sent in ids.values() for i in sent], self.site.stored())

    def test_3_nothing_of_the_machine_is_touched(self):
        """The network has no way out, and the machine has no trace of it."""
        sender = self.site.senders[0].host
        routes = sender.run(["ip", "route"]).stdout
        self.assertNotIn("default", routes)
        self.assertNotIn(self.site.mail.address, subprocess.run(["ip", "addr"], stdout=subprocess.PIPE, text=True).stdout)
        inside = sender.run(["sh", "-c", "touch /usr/lab-was-here; command -v postfix"]).stdout
        self.assertIn("postfix", inside)
        self.assertFalse(pathlib.Path("/usr/lab-was-here").exists())


class LabEnds(LabCase):
    def test_everything_ends_with_the_process_that_made_it_even_if_it_is_killed(self):
        code = ("from lab.net import Network; from lab import packages; import time\n"
                "host = Network('killed').host('a', ['30.0.0.9'], [packages.tree('postfix')])\n"
                "host.run(['sh', '-c', 'sleep 4321 > /dev/null 2>&1 &'])\n"
                "print(host.pid, host.holder.pid, flush=True); time.sleep(60)")
        child = subprocess.Popen(["python3", "-c", code], cwd=pathlib.Path(__file__).parent, stdout=subprocess.PIPE,
                                 text=True)
        pids = [int(p) for p in child.stdout.readline().split()]
        self.assertTrue(all(pathlib.Path(f"/proc/{p}").exists() for p in pids))
        child.kill()
        child.wait()
        net.wait_for("the host ends", lambda: not any(pathlib.Path(f"/proc/{p}").exists() for p in pids))
        leftover = net.LAB / "run" / f"{child.pid}-killed"
        self.assertTrue(leftover.exists())
        net.remove_leftovers()
        self.assertFalse(leftover.exists())
        self.assertTrue(self.net.folder.exists())

    def test_a_missing_package_is_an_error_with_its_name(self):
        from lab import packages
        packages.PROGRAMS["nonesuch"] = (["fakemx-nonesuch"], "")
        with self.assertRaisesRegex(packages.PackageError, "fakemx-nonesuch"):
            packages.tree("nonesuch")

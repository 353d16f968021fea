"""Metrics as Prometheus takes them: the real promtool, a real Prometheus, each query of the dashboard, the rules."""
import json
import re
import time
import unittest
import urllib.parse

from lab import case, packages
from lab.case import LabCase
from lab.net import ROOT, wait_for

CONTRIB = ROOT / "contrib"
CONF = """state = "{state}"
lab = true
names = false
metrics = "{file}"
policy = {{ "{policy}" }}
web {{ listen = "30.0.0.1:8025" beyond_loopback = true }}
publish "rspamd" {{ format = rspamd  file = "{lists}/rspamd.map" }}
publish "broken" {{ format = plain  file = "{lists}/nowhere/list.txt" }}
site "example" {{
  layout  = high
  domains = {{ "example.com" }}
  host  "mail.example.com"  {{ preference = 10  address = {{ "127.0.0.1@2599" }}  watch = "{log}" }}
  decoy "fake1.example.com" {{ preference = 30  address = {{ "127.0.0.7@2530" }}  posture = defer }}
}}
"""
SCRAPE = """global: {scrape_interval: 1s}
scrape_configs:
  - job_name: fakemx
    static_configs: [{targets: ["30.0.0.1:8025"]}]
"""


class Metrics(LabCase):
    limit_seconds = 240

    @classmethod
    def build(cls):
        cls.host = cls.net.host("mail", ["30.0.0.1"])
        cls.watcher = cls.net.host("watcher", ["30.0.0.2"], trees=[packages.tree("prometheus")])
        folder = cls.host.folder
        (folder / "state").mkdir()
        (folder / "mail.log").touch()
        cls.file = folder / "fakemx.prom"
        cls.conf = folder / "fakemx.conf"
        cls.conf.write_text(CONF.format(state=folder / "state", file=cls.file, policy=folder / "policy", log=folder / "mail.log", lists=folder))
        cls.serve = cls.host.spawn([case.program("fakemx-serve"), "-c", cls.conf], name="serve")
        wait_for("the first metrics", lambda: cls.file.exists() and "fakemx_coverage_ratio{" in cls.file.read_text())
        cls.host.spawn([case.program("fakemx"), "-c", cls.conf, "web"], name="web")
        wait_for("the page", lambda: cls.host.run(["curl", "-sf", "http://30.0.0.1:8025/metrics"], check=False).returncode == 0)

    def text(self):
        return self.host.run(["curl", "-sS", "http://30.0.0.1:8025/metrics"]).stdout

    def names(self):
        """Every series that may be there, by the tables of types."""
        names = set()
        for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", self.text(), re.M):
            names |= {name} if kind in ("gauge", "counter") else {f"{name}_sum", f"{name}_count", f"{name}_bucket"}
        return names

    def query(self, expression):
        url = "http://127.0.0.1:9090/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        return json.loads(self.watcher.run(["curl", "-sS", url]).stdout)

    def test_1_promtool_has_nothing_to_say(self):
        done = self.watcher.run(["promtool", "check", "metrics"], input=self.text(), check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_2_the_page_and_the_file_are_one(self):
        before, page, after = self.file.read_text(), self.text(), self.file.read_text()
        self.assertIn(page, (before, after))
        self.assertNotRegex(page, r'"[^"]*(\d+\.\d+\.\d+\.\d+|::)[^"]*"')  # no address as a label

    def test_3_what_happened_is_counted(self):
        self.host.run(["python3", "-c", "import socket; s = socket.create_connection(('127.0.0.7', 2530)); s.recv(100)\n"
                       "for w in (b'EHLO bot.example', b'MAIL FROM:<a@bot.example>', b'RCPT TO:<b@example.com>', b'QUIT'):\n"
                       "  s.sendall(w + b'\\r\\n'); s.recv(500)"])
        line = 'fakemx_visits_total{site="example",host="fake1.example.com",role="decoy",depth="rcpt",outcome=""} 1\n'
        wait_for("the visit", lambda: line in self.text(), 40)
        text = self.text()
        self.assertRegex(text, r'fakemx_probes_total\{site="example",host="mail.example.com",result="bad"\} [1-9]')
        self.assertRegex(text, r"fakemx_journal_bytes [1-9]\d{4,}\n")
        self.assertRegex(text, r"fakemx_journal_commit_seconds_count [1-9]")
        written, now = (float(re.search(rf"^fakemx_{name}_timestamp_seconds (\S+)$", text, re.M).group(1))
                        for name in ("written", "metrics"))
        self.assertLess(abs(time.time() - now), 30)
        self.assertLess(abs(time.time() - written), 90)

    def test_3_what_publish_did_is_told(self):
        self.assertNotIn("fakemx_publish_senders{", self.text())
        for _ in range(2):
            done = self.host.run([case.program("fakemx"), "-c", self.conf, "publish"], check=False)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("nowhere/list.txt", done.stderr)
        wait_for("publish's word", lambda: 'fakemx_publish_failures_total{list="broken"} 2\n' in self.text(), 40)
        text = self.text()
        for line in ('senders{list="rspamd"} 0', 'changes_total{list="rspamd"} 1', 'failures_total{list="rspamd"} 0',
                     'failing{list="rspamd"} 0', 'failing{list="broken"} 1', 'changes_total{list="broken"} 0'):
            self.assertIn(f"fakemx_publish_{line}\n", text)
        at = float(re.search(r'^fakemx_publish_success_timestamp_seconds\{list="rspamd"\} (\S+)$', text, re.M).group(1))
        self.assertLess(abs(time.time() - at), 60)
        self.assertNotIn('success_timestamp_seconds{list="broken"}', text)

    def test_4_each_query_of_the_dashboard_runs(self):
        self.watcher.write("/tmp/prometheus.yml", SCRAPE)
        self.watcher.spawn(["prometheus", "--config.file=/tmp/prometheus.yml", "--storage.tsdb.path=/tmp/tsdb",
                            "--web.listen-address=127.0.0.1:9090"], name="prometheus")
        wait_for("Prometheus has read the page", lambda: self.watcher.run(
            ["curl", "-sf", "http://127.0.0.1:9090/-/ready"], check=False).returncode == 0 and
            len(self.query("count_over_time(fakemx_build_info[1m]) > 3")["data"]["result"]) == 1, 60)
        names, queries = self.names(), []
        for panel in json.loads((CONTRIB / "grafana/fakemx.json").read_text())["panels"]:
            queries += [target["expr"] for target in panel["targets"]]
        self.assertGreater(len(queries), 20)
        empty = []
        for query in queries:
            self.assertEqual(set(re.findall(r"fakemx_\w+", query)) - names, set(), query)
            got = self.query(query.replace("$site", ".*").replace("$__rate_interval", "1m"))
            self.assertEqual(got["status"], "success", (query, got))
            empty += [] if got["data"]["result"] else [query]
        # Nothing is stopped or alarming here; all others have a value.
        few = ("ratio{", "fakemx_alarm == 1", "fakemx_host_well")
        self.assertEqual([query for query in empty if not any(word in query for word in few)], [])

    def test_5_the_rules_do_what_they_say(self):
        for name in ("fakemx.rules.yml", "fakemx.rules.test.yml"):
            self.watcher.write(f"/tmp/{name}", (CONTRIB / "prometheus" / name).read_text())
        rules = (CONTRIB / "prometheus/fakemx.rules.yml").read_text()
        self.assertEqual(set(re.findall(r"fakemx_\w+", rules)) - self.names(), set())
        for argv in (["check", "rules", "/tmp/fakemx.rules.yml"],
                     ["test", "rules", "/tmp/fakemx.rules.test.yml"]):
            done = self.watcher.run(["promtool", *argv], check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        alerts = set(re.findall(r"alert: (\w+)", rules))
        tried = (CONTRIB / "prometheus/fakemx.rules.test.yml").read_text()
        self.assertEqual({a for a in alerts if f"alertname: {a}" not in tried}, set())


if __name__ == "__main__":
    unittest.main()

"""Files and words that were meant otherwise: each is refused with what is wrong, and nothing is touched."""
import os

from test_verbs import Verbs


class Mistaken(Verbs):
    def test_what_looks_like_an_address_and_is_none_is_64(self):
        self.write_little()
        for what in ("300.1.1.1", "1.2.3", "Foo..bar"):
            self.bad(64, "neither an address, nor a name", "forget", what)
            self.bad(64, "neither an address, a prefix nor a name", "allow", what)
        self.bad(64, "com is a whole top-level domain", "allow", "com")

    def test_a_filters_log_that_is_not_there_is_named_as_that(self):
        log = self.folder / "mail.log"
        log.write_text("")
        self.bad(1, f"the spam filter's log {log}.no cannot be read", "visits", "--maillog", log, "--filter", f"{log}.no")

    def test_a_folder_without_zone_files_says_so(self):
        zones = self.folder / "zones"
        zones.mkdir()
        self.bad(1, f"the folder {zones} holds no file whose name tells its zone", "plan", "--zone", zones)

    def test_a_pipe_is_not_waited_for(self):
        pipe = self.folder / "example.com.zone"
        os.mkfifo(pipe)
        self.bad(1, "is a pipe or a device", "journal", "verify", pipe)
        self.bad(1, "is a pipe or a device", "plan", "--zone", pipe, "--decoy", "fake1.example.com=192.0.2.30")

    def test_a_backup_replaces_no_other_file(self):
        self.write_little()
        other = self.folder / "other"
        other.write_text("precious")
        self.bad(1, "is no fakemx journal", "journal", "backup", "--force", other)
        self.bad(1, "is the journal itself", "journal", "backup", "--force", self.journal)
        self.assertEqual(other.read_text(), "precious")

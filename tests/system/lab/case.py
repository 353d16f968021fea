"""case - the base class of the system tests.

    class Walk(LabCase):
        @classmethod
        def build(cls):
            cls.mx = PostfixMx(cls.net, "mail", ["30.0.0.25"], ...)

        def test_mail_arrives_exactly_once(self): ...

A class is one network: build() sets it up once, its tests run in the order of
their names, and everything is gone after the last. Different classes may run at
the same time. A test's name is a sentence; a number in front orders it (test_1_mail_arrives).
"""

import os
import pathlib
import unittest

from . import net

RESOLVER, NAME_SERVER = "30.0.0.53", "30.0.0.54"


def program(name):
    """The path of a program under test. $FAKEMX_BIN names the folder; build/ is the default."""
    path = pathlib.Path(os.environ.get("FAKEMX_BIN", net.BUILD)) / name
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is missing: run scripts/build first, or set FAKEMX_BIN")
    return path


def long_test(item):
    """Marks a test or a class that only `run --long` runs."""
    item.is_long = True
    return item


class LabCase(unittest.TestCase):
    net = None
    limit_seconds = 300  # for the whole class, as a guard against hanging

    @classmethod
    def setUpClass(cls):
        cls.net = net.Network(cls.__name__.lower(), RESOLVER)
        try:
            cls.build()
        except Exception as e:
            e.add_note(cls.net.tail())  # unittest tells of it without the class
            raise

    @classmethod
    def build(cls):
        """Sets up the hosts of the class."""

    @classmethod
    def tearDownClass(cls):
        if cls.net:
            cls.net.close()

    def assert_exactly_once(self, ids, stored):
        """Each id stored once, and nothing else."""
        counts = {i: stored.count(i) for i in set(ids) | set(stored)}
        wrong = {i: n for i, n in counts.items() if n != (1 if i in ids else 0)}
        self.assertEqual({}, wrong, "messages not stored exactly once (copies)")

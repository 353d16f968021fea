"""journal - what a journal holds, as another process reads it.

    walks(path)                      # the latest word on each walk at decoys
    told(serve.text())               # the same as serve logged it
"""

import contextlib
import datetime
import re
import shlex
import sqlite3

SOURCES = ("decoy", "knock", "maillog", "policy", "feed")  # judge/visit.h


def stamp(us):
    """RFC 3339, as the verbs print it."""
    return datetime.datetime.fromtimestamp(us / 1e6, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rows(path, sql, *values):
    """A list of dicts."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(sql, values)]


def visits(path):
    """In the order in which they came."""
    return [{**row, "source": SOURCES[row["source"]], "time": stamp(row["time"])} for row in rows(
        path, "SELECT v.id, v.time, t.address, t.depth, t.outcome, h.name AS host, v.source FROM visits t "
              "JOIN visit v USING (id) LEFT JOIN host h ON h.id = v.host ORDER BY v.id")]


def walks(path):
    """{(address, began): (order, fate)}"""
    return {(w["address"], w["began"]): (w["walk_order"], w["fate"]) for w in rows(
        path, "SELECT * FROM walks WHERE kind = 'decoy' AND walk_order IS NOT NULL")}


def told(text):
    """As walks(), from the verdict lines of a log, all starts together."""
    found = {}
    for line in re.findall(r"(?:info|debug) (verdict .*)", text):
        v = dict(p.split("=", 1) for p in shlex.split(line) if "=" in p)
        found[(v["address"], re.sub(r"\.\d+", "", v["began"]))] = (v["order"], v["fate"])
    return found

"""readme - the command blocks of README.md and docs/, for tests that run them.

    for line in commands("README.md", "Postfix on Debian"):   # indented by four blanks, under that heading
        machine.script(line)
    text = fenced("docs/policy.md", "main.cf")                 # between ```main.cf and ```

What stands in documentation has documentation's addresses; `local()` puts a laboratory's in.
"""

import re

from .net import ROOT


def blocks(file):
    """[(heading, kind, text)]: kind None for an indented block, else the word behind ```."""
    found, heading, kind, text = [], "", None, []
    fence = False

    def end():
        if text:
            found.append((heading, kind, "\n".join(text).strip("\n") + "\n"))
            text.clear()

    before = ""
    for line in (ROOT / file).read_text().splitlines():
        if line.startswith("```"):
            end()
            fence, kind = not fence, line[3:] if not fence else None
        elif fence:
            text.append(line)
        elif re.match(r"#+ ", line):
            end()
            heading = line.lstrip("#").strip()
        elif line.startswith("    ") and (text or not before.strip()):
            text.append(line[4:])
        elif line.strip():
            end()
        elif text:
            text.append("")
        before = line
    end()
    return found


def commands(file, heading):
    """The commands of the indented blocks under a heading; a backslash at the end of a line goes on."""
    text = "".join(body for h, kind, body in blocks(file) if h == heading and kind is None)
    assert text, f"{file} has no command under {heading!r}"
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def fenced(file, kind):
    found = [body for _, k, body in blocks(file) if k == kind]
    assert len(found) == 1, f"{file} has {len(found)} blocks called {kind}"
    return found[0]


def local(text, addresses):
    """With the laboratory's addresses instead of documentation's."""
    for documented, real in addresses.items():
        text = text.replace(documented, real)
    return text

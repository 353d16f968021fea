"""terminal - a program at a pseudo terminal, with somebody who answers its questions.

    code, text = converse(host.command(["fakemx", "setup"]), [("The domain", "example.com"), ("Layout:", "")])

Each answer is typed, with Enter, when its words have been shown after the answer before; None is Ctrl-D, the end of the input. What the
program shows comes back as one text, echo included, with plain newlines. A question that never comes
fails with what was shown; what nobody answers runs until it ends or `timeout`.
"""

import os
import pty
import select
import subprocess
import time


def converse(argv, answers=(), timeout=60, **popen):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([str(a) for a in argv], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, **popen)
    os.close(theirs)
    shown, seen, left, end = "", 0, list(answers), time.monotonic() + timeout
    try:
        while True:
            if left and left[0][0] in shown[seen:]:
                seen += shown[seen:].index(left[0][0]) + len(left[0][0])
                answer = left.pop(0)[1]
                os.write(ours, b"\x04" if answer is None else (answer + "\n").encode())
            if not select.select([ours], [], [], 0.2)[0]:
                if process.poll() is not None:
                    break
                if time.monotonic() > end:
                    raise AssertionError(f"{argv[-1]}: not within {timeout} s; unanswered: {left}; shown:\n{shown}")
                continue
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            shown += piece.decode(errors="replace").replace("\r\n", "\n")
    finally:
        os.close(ours)
        if process.poll() is None and time.monotonic() > end:
            process.kill()
    code = process.wait(20)
    if left:
        raise AssertionError(f"{argv[-1]} never asked {left[0][0]!r}; shown:\n{shown}")
    return code, shown

"""beside_mx - what stands beside a mail server: a milter, a filter before the queue. Each is python, to be spawned.

    host.spawn(["/usr/bin/python3", "-c", MILTER])      # at 127.0.0.1:12346
    host.spawn(["/usr/bin/python3", "-c", FILTER])      # at 127.0.0.1:10025

Both go by who is written to or who writes: the milter answers 451 and 550 to the recipients milter4@ and milter5@ and at each
stage to those of callers.STAGES, and both answer 451 and 554 at the end of a message from filter4@ and filter5@.
"""

MILTER = r'''
import socketserver, struct
class Milter(socketserver.StreamRequestHandler):
    def answer(self, code, data=b""):
        self.wfile.write(struct.pack("!I", len(data) + 1) + code + data)
    def refuse(self, code):
        self.answer(b"y", b"451 4.7.1 milter says later\0" if code == b"4" else b"550 5.7.1 milter says no\0")
    def handle(self):
        sender = b""
        while len(head := self.rfile.read(4)) == 4:
            packet = self.rfile.read(struct.unpack("!I", head)[0])
            command, data = packet[:1], packet[1:]
            if command == b"O":
                self.answer(b"O", struct.pack("!III", 6, 1, 0))  # may add headers
            elif command == b"C" and (b"30.4.0.1\0" in data or b"30.5.0.1\0" in data):
                self.refuse(b"4" if b"30.4.0.1" in data else b"5")
            elif command == b"H" and data.startswith((b"helo4", b"helo5")):
                self.refuse(data[4:5])
            elif command == b"M" and data.startswith((b"<mail4@", b"<mail5@")):
                self.refuse(data[5:6])
            elif command == b"R" and (b"milter4@" in data or b"milter5@" in data):
                self.refuse(b"4" if b"milter4@" in data else b"5")
            elif command == b"T" and sender.startswith((b"<data4@", b"<data5@")):
                self.refuse(sender[5:6])
            elif command == b"E" and sender.startswith((b"<message4@", b"<message5@")):
                self.refuse(sender[8:9])
            elif command == b"E":
                if sender.startswith(b"<filter4@"):
                    self.answer(b"y", b"451 4.7.1 milter says later\0")
                elif sender.startswith(b"<filter5@"):
                    self.answer(b"y", b"554 5.7.1 milter says spam\0")
                else:
                    self.answer(b"h", b"X-Spam\0Yes\0") if sender.startswith(b"<spam@") else None
                    self.answer(b"a")
            elif command not in (b"D", b"A", b"Q", b"K"):
                sender = data.split(b"\0")[0] if command == b"M" else sender
                self.answer(b"c")
            elif command == b"Q":
                return
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 12346), Milter).serve_forever()
'''

FILTER = r'''
import socketserver
class Filter(socketserver.StreamRequestHandler):
    def handle(self):
        say = lambda text: self.wfile.write(text.encode() + b"\r\n")
        say("220 filter.example ESMTP")
        sender = ""
        for line in self.rfile:
            text = line.decode(errors="replace").strip()
            verb = text.split(" ")[0].split(":")[0].upper()
            if verb == "MAIL":
                sender = text
            if verb == "EHLO":
                say("250-filter.example\r\n250-XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT\r\n250 PIPELINING")
            elif verb == "DATA":
                say("354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                say("451 4.3.0 filter says later" if "filter4@" in sender else
                    "554 5.7.0 filter says spam" if "filter5@" in sender else "250 2.0.0 Ok: queued as FILTERED")
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 10025), Filter).serve_forever()
'''

"""zone_corpus - zones with every oddity of master files, in every style

    for zone in zones():          # 1,000 and more
        zone.name, zone.origin, zone.text (bytes), zone.oddity

An oddity is a name, the lines that make it, and what must become of it: None (it is changed) or a part of the
sentence that refuses it. Each stands in zones of several styles, origins and line ends. In the lines {A} is the
apex in full, {@} the apex as the style writes it, {t} a TTL where the style says one, {n:mail} a name in it.
"""

import re
from collections import namedtuple

Zone = namedtuple("Zone", "name origin text oddity refused options")
Oddity = namedtuple("Oddity", "name lines refused options")

ORIGINS = ["example.com", "shop.example.co.uk", "xn--bcher-kva.example"]
ENDS = {"lf": b"\n", "crlf": b"\r\n", "open": b"\n"}  # open: no line end at the end of the file

# apex owner, name, TTL of each record, $TTL in front, gap
STYLES = {
    "plain": dict(apex="@", relative=True, ttl="", default="$TTL 3600", gap=" "),
    "full": dict(apex=None, relative=False, ttl="3600 IN", default="", gap="\t"),
    "blank": dict(apex="", relative=True, ttl="IN", default="$TTL 1h", gap="\t"),
    "bare": dict(apex="@", relative=True, ttl="", default="", gap="  "),  # the SOA's minimum
}
PAIRS = [("lf", "full"), ("crlf", "bare")]
REFUSED = "refused"
_ODDITIES = []


def odd(name, lines, refused=None, **options):
    _ODDITIES.append(Oddity(name, lines, refused, options))


MX = ["{@} {t} MX 10 {n:mail}", "{@} {t} MX 20 {n:backup} ; the other one"]

odd("none", MX)
odd("one MX", MX[:1])
odd("MX after the hosts", ["{n:mail} {t} A 30.0.0.25"] + [line.replace("{@}", "{A}") for line in MX])
odd("MX in parentheses", ["{A} {t} MX ( 10 ; first\n  {n:mail} )", "{A} {t} MX ( 20 {n:backup}\n )"])
odd("parenthesis at the margin", ["( {A} {t} MX 10 {n:mail} )"])
odd("an MX twice", MX + ["{A} {t} MX 20 {n:backup}"])
odd("an MX twice in upper case", MX + ["{A} {t} MX 20 {n:BACKUP}"])
odd("one exchange at two preferences", MX + ["{A} {t} MX 30 {n:mail}"])
odd("two TTLs in the MX set", ["{A} 3600 MX 10 {n:mail}", "{A} 600 MX 20 {n:backup}"], ttl=600)
odd("TTL units", ["{A} 1H30M MX 10 {n:mail}", "{A} 1h30m IN MX 20 {n:backup}"])
odd("class before TTL", ["{A} IN 3600 MX 10 {n:mail}", "{A} IN 3600 MX 20 {n:backup}"])
odd("a preference with zeros in front", ["{A} {t} MX 010 {n:mail}"])
odd("an MX by its number", ["{A} {t} TYPE15 10 {n:mail}"])
odd("comments with signs", MX + ["; a ( comment \" with signs", "{n:www} {t} A 30.0.0.1 ; ( \" ;"])
odd("comment lines between", [MX[0], "; between", "", "   ; and indented", MX[1].replace("{@}", "{A}")])
odd("records that follow an MX without owner", MX + [" {t} TXT \"of the apex\"", " {t} HINFO a b"])
odd("an owner handed on beyond $ORIGIN", MX + ["$ORIGIN sub.{o}.", " {t} TXT apex", "x {t} TXT sub", "$ORIGIN {o}."])
odd("$ORIGIN of the parent", ["$ORIGIN {p}.", "{l} {t} MX 10 mail.{l}", "$ORIGIN {o}."])
odd("$ORIGIN @", ["$ORIGIN @"] + [m.replace("{@}", "{A}") for m in MX])
odd("$ORIGIN at the end", MX + ["$ORIGIN sub", "y {t} TXT z"])
odd("a second $TTL", ["$TTL 600", "{n:x} TXT a"] + ["{A} MX 10 {n:mail}", "$TTL 2h", "{n:y} TXT b"])
odd("$ttl in lower case", ["$ttl 600", "{A} mx 10 {n:mail}", "$Origin {o}."])
odd("TXT with quotes and escapes", MX + ["{n:t} {t} TXT \"semi;colon ( \\\" paren\" plain \\; \\100"])
odd("a long TXT in pieces", MX + ["{n:k} {t} TXT ( \"" + "a" * 255 + "\"\n \"" + "b" * 200 + "\" )"])
odd("UTF-8 in a TXT", MX + ["{n:t} {t} TXT \"gr\u00fc\u00df dich\""])
odd("UTF-8 in a comment", MX + ["; gr\u00fc\u00df dich"])
odd("a NUL in a comment", MX + ["; a \0 b"])
odd("UTF-8 in an owner", MX + ["\u00fc {t} TXT b"])
odd("signs in owners", MX + ["a+b {t} TXT x", "x=y#z&:~ {t} TXT a", "q {t} CNAME a+b"])
odd("escaped dots and digits in owners", MX + ["e\\.sc\\097ped {t} TXT a", "host\\.master {t} TXT b"])
odd("an escaped backslash before a dot", MX + ["x {t} CNAME foo\\\\."])
odd("a wildcard MX", MX + ["* {t} MX 5 {n:mail}"])
odd("MX of other names", MX + ["sub {t} MX 5 {n:mail}", "deep.sub {t} MX 5 {n:mail}"])
odd("delegations and glue", MX + ["sub {t} NS ns.sub", "ns.sub {t} A 30.0.0.9"])
odd("a DNAME", MX + ["old {t} DNAME example.net."])
odd("SRV, NAPTR and CAA", MX + ["_sip._tcp {t} SRV 0 5 5060 sip", "n {t} NAPTR 100 10 \"U\" \"E2U+sip\" \"!^.*$!x!\" .",
                               "@ {t} CAA 0 issue \"ca.example\""])
odd("SVCB and HTTPS", MX + ["s {t} HTTPS 1 . alpn=h2,h3", "t {t} SVCB 0 s"])
odd("TLSA of the real host", MX + ["_25._tcp.mail {t} TLSA 3 1 1 ( 00112233 44556677\n 8899aabbccddeeff"
                                   " 00112233445566778899aabbccddeeff )"])
odd("a TLSA that is a whole certificate", MX + ["_25._tcp.mail {t} TLSA 3 0 0 " + "0123456789abcdef" * 80])
odd("base64 in pieces", MX + ["k {t} DNSKEY 257 3 8 ( AwE AAb\n Cd1 234 )"])
odd("types that libzscanner lacks", MX + ["w {t} WKS 30.0.0.1 tcp smtp", "p {t} PX 1 a b", "n {t} NSAP-PTR w",
                                          "h {t} HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdx"])
odd("types by number", MX + ["a {t} TYPE1 \\# 4 0a000001", "b {t} A \\# 4 0a00 0002", "c {t} TYPE731 \\# 3 abcdef",
                             "d {t} TYPE5 a"])
odd("$GENERATE", MX + ["$GENERATE 1-9 g${0,2,d} A 10.0.0.$", "$GENERATE 1-4/2 h$ CNAME g0$"])
odd("$GENERATE with offsets", MX + ["$GENERATE 2001-2003 r${-2000,0,n} CNAME x", "$GENERATE 1-3 h${-5} A 10.0.0.$",
                                    "$GENERATE 10-11 x${1,4,X} TXT \"a $\""])
odd("$GENERATE whose offset stays", MX + ["$GENERATE 7-8 g$ TXT \"${36,9} m$ ${-2,3,n} $\""])
odd("$GENERATE with a TTL", MX + ["$GENERATE 1-2 g$ 60 IN A 10.0.0.$"])
odd("$INCLUDE", MX + ["$INCLUDE {i}", "z {t} TXT after"])
odd("$INCLUDE with an origin", MX + ["$INCLUDE {i} inc.{o}.", "z {t} TXT after"])
odd("serial as a date", MX, serial="2026010101")
odd("serial at the top", MX, serial="4294967295")
odd("serial as seconds", MX, serial="1796000000")
odd("SOA in many lines", MX, soa="( ; begin\n\t{s} ; serial\n\t3600\t; refresh\n\n\t600 86400 300 ; end\n\t)")
odd("SOA at the front of a transfer's print-out", MX, axfr=True)
odd("blank and comment before the first record", MX, front=["   ; hello", "", "\t", "; <<>> dig"])
odd("an alias among the hosts", MX + ["alias {t} CNAME mail"])
odd("spaces at line ends", ["{@} {t} MX 10 {n:mail}  \t ", "{@} {t} MX 20 {n:backup}\t"])
odd("real hosts in other zones", ["{@} {t} MX 10 mx.example.net.", "{@} {t} MX 20 mx.example.org."])
odd("numbers of five digits", ["{@} {t} MX 65000 {n:mail}", "{@} {t} MX 9 {n:backup}"])
odd("a null MX beside a real one", MX + ["{A} {t} MX 0 ."], "null MX")
odd("MX from a $GENERATE", ["$GENERATE 1-2 @ MX \"1$ mail\""], "$GENERATE")
odd("an MX in bytes", ["{A} {t} TYPE15 \\# 8 000a 046d61696c00"], "written as bytes")
odd("an MX in an $INCLUDE", ["$INCLUDE {m}"], "mx.inc")
odd("the decoy's name is an alias", MX + ["fake1 {t} CNAME mail"], "alias")
odd("the decoy's name is delegated", MX + ["fake1 {t} NS ns.example.net."], "delegated")
odd("the decoy's name has another address", MX + ["fake1 {t} A 30.0.0.77"], "already has the address")
odd("a type that nobody knows", MX + ["w {t} BLUB 1"], REFUSED)
odd("a parenthesis left open", MX + ["w {t} TXT ( a"], REFUSED)
odd("a quote left open", MX + ["w {t} TXT \"a"], REFUSED)
odd("a preference that is none", MX + ["{A} {t} MX ten {n:mail}"], REFUSED)
odd("an MX without exchange", MX + ["{A} {t} MX 10"], REFUSED)
odd("an address that is none", MX + ["w {t} A 30.0.0.256"], REFUSED)
odd("an unknown directive", MX + ["$BLUB 1"], REFUSED)
odd("an include that is missing", MX + ["$INCLUDE /nowhere/at/all"], REFUSED)
odd("two SOA records", MX + ["{A} {t} SOA ns1 host 8 3600 600 86400 300"], REFUSED)
odd("a label that is too long", MX + ["a" * 64 + " {t} TXT x"], REFUSED)
odd("a $GENERATE of two words", MX + ["$GENERATE 1-2 g$ MX 1 mail"], REFUSED)


def _write(style, origin, line, files):
    label, _, parent = origin.partition(".")
    apex = origin + "." if style["apex"] is None else style["apex"]
    line = line.replace("{@}", apex).replace("{A}", "@" if style["relative"] else origin + ".")
    line = line.replace("{t}", style["ttl"]).replace("{o}", origin).replace("{p}", parent).replace("{l}", label)
    line = line.replace("{i}", files["i"]).replace("{m}", files["m"])
    line = re.sub(r"\{n:([^}]*)\}", lambda m: m[1] if style["relative"] else f"{m[1]}.{origin}.", line)
    return line.replace("  MX", " MX") if style["gap"] == " " else line.replace(" MX ", style["gap"] + "MX ", 1)


def _zone(oddity, style_name, origin, end, files):
    style = STYLES[style_name]
    serial = oddity.options.get("serial", "7")
    numbers = oddity.options.get("soa", "{s} 3600 600 86400 300").replace("{s}", serial)
    soa = f"{origin}. {style['ttl']} SOA ns1.{origin}. host.{origin}. {numbers}"
    lines = oddity.options.get("front", []) + [style["default"]] * bool(style["default"])
    lines += [soa, f" {style['ttl']} NS ns1.{origin}."]
    lines += [_write(style, origin, line, files) for line in oddity.lines]
    lines += [f"{h}.{origin}. {style['ttl']} A 30.0.0.{n}" for h, n in (("ns1", 2), ("mail", 25), ("backup", 26))]
    if oddity.options.get("axfr"):
        lines += [soa, ";; Query time: 0 msec"]
    eol = ENDS[end]
    text = b"".join(line.encode().replace(b"\n", eol) + eol for line in lines)
    return text[:-len(eol)] if end == "open" else text


def zones(files):
    """files: i and m, the paths of includes with other records and with MX records."""
    for oddity in _ODDITIES:
        for style in STYLES:
            for origin in ORIGINS:
                for end in ENDS:
                    if origin != ORIGINS[0] and (end, style) not in PAIRS:
                        continue  # each pair of them is there, not each triple
                    name = re.sub(r"[^a-z0-9]+", "-", f"{oddity.name} {style} {origin.split('.')[0]} {end}".lower())
                    yield Zone(name, origin, _zone(oddity, style, origin, end, files), oddity.name, oddity.refused, oddity.options)

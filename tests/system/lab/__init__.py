"""lab - real mail and name servers in network namespaces, for the system tests.

    packages.py   Debian packages installed into overlay layers, never into the machine
    net.py        hosts: namespaces joined by a switch, with addresses of their own
    programs.py   Knot, Unbound, Postfix, Exim, OpenSMTPD and Sendmail on such hosts
    client.py     SMTP clients that are no mail programs: bots and rude peers
    runner.py     finds the tests, runs them, reports

Everything runs inside namespaces held by processes that die with the test:
there is nothing to leak but a folder in build/lab/run, and the next run
removes the folders of dead runs. The machine's network, users, mail server
and packages are never touched.
"""

#!/usr/bin/env python3
"""A second implementation of the sealed link, in both roles, on Python's standard library and `cryptography`.

It is written from proto/PROTOCOL.md and from nothing else, so that the tests which put it on one side of a link check
that text and not one program against itself:

    sealed_peer.py client TICKET_FILE HOST PORT    joins the proxy2 there, whose target must be an echo server
    sealed_peer.py server                          answers a proxy1, whose clients hear what they say

The server prints `listening on 127.0.0.1:PORT` and the ticket that lets a proxy1 join.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

import sealed_client
from sealed_server import Options, Server
from sealed_wire import Ticket


def client(arguments: argparse.Namespace) -> int:
    """proxy1's role; its exit code."""
    ticket = Ticket.parse(pathlib.Path(arguments.ticket).read_text(encoding="utf-8"))
    return sealed_client.run(ticket, (arguments.host, arguments.port))


def server(arguments: argparse.Namespace) -> int:
    """proxy2's role, until somebody ends it."""
    Server(Options(arguments.psk, arguments.cookie, arguments.clock_offset, arguments.refuse)).run()
    return 0


def main() -> int:
    """Reads the command line and runs; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    roles = parser.add_subparsers(required=True)
    role = roles.add_parser("client")
    role.add_argument("ticket", metavar="TICKET_FILE")
    role.add_argument("host")
    role.add_argument("port", type=int)
    role.set_defaults(run=client)
    role = roles.add_parser("server")
    role.add_argument("--psk", action="store_true", help="make a ticket with a pre-shared key")
    role.add_argument("--cookie", action="store_true", help="let a proxy1 prove its address first")
    role.add_argument("--clock-offset", type=float, default=0, metavar="SECONDS", help="how far the clock is ahead")
    role.add_argument("--refuse", type=int, default=0, metavar="STREAMS", help="reset so many streams at first")
    role.set_defaults(run=server)
    arguments = parser.parse_args()
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())

"""A caching DNS forwarder on dnspython: it asks one name server, and remembers each answer for its TTL.

    python forwarder.py 127.0.0.1 53 --ask 10.0.0.2
    dig @127.0.0.1 shop.example        # the second answer comes from memory, with what is left of the TTL

Asking, reading and remembering are dnspython's (`dns.resolver`); here is the door for clients. Nothing
changes a TTL: an answer with a TTL of 0 is used once, and one that is handed out again has what is left of
it, in whole seconds begun. That there is no such record is not remembered. SIGHUP empties the memory.

unbound and dnsmasq do the same for a whole network: faster, and safe against forged answers.
"""

from __future__ import annotations

import argparse
import copy
import math
import signal
import socketserver
import time

import dns._features
import dns.exception
import dns.flags
import dns.message
import dns.rcode

# DNS over QUIC is not spoken here, and what it needs takes longer to load than all the rest.
dns._features.force("doq", False)

import dns.resolver  # noqa: E402

WAITS_S = 2.0


class Memory(dns.resolver.Cache):
    """Keeps what has records, until the shortest of their TTLs is over."""

    def put(self, key: dns.resolver.CacheKey, value: dns.resolver.Answer) -> None:
        if value.rrset is not None:
            super().put(key, value)


class Forwarder:
    """Asks one name server, and remembers."""

    def __init__(self, server: str, port: int) -> None:
        self.memory = Memory()
        self.asking = dns.resolver.Resolver(configure=False)
        self.asking.nameservers, self.asking.port = [server], port
        self.asking.lifetime = WAITS_S
        self.asking.cache = self.memory

    def answer(self, question: dns.message.Message) -> dns.message.Message:
        """Returns the answer to a client's question, from memory where a TTL allows that."""
        response = dns.message.make_response(question, recursion_available=True)
        [asked] = question.question
        try:
            found = self.asking.resolve(
                asked.name, asked.rdtype, asked.rdclass, raise_on_no_answer=False, search=False
            )
        except dns.resolver.NXDOMAIN:
            response.set_rcode(dns.rcode.NXDOMAIN)
        except dns.exception.DNSException:
            response.set_rcode(dns.rcode.SERVFAIL)
        else:
            left_s = max(0, math.ceil(found.expiration - time.time()))
            for records in found.response.answer:
                told = copy.copy(records)
                told.ttl = min(records.ttl, left_s)
                response.answer.append(told)
        return response


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--ask", required=True, help="the name server that knows")
    parser.add_argument("--ask-port", type=int, default=53)
    asked = parser.parse_args()
    forwarder = Forwarder(asked.ask, asked.ask_port)

    class Door(socketserver.BaseRequestHandler):
        """One datagram of a client, in a thread of its own: who waits for the name server holds up nobody."""

        def handle(self) -> None:
            wire, socket = self.request
            try:
                question = dns.message.from_wire(wire)
            except dns.exception.DNSException:
                return  # Not a DNS message: nobody to answer.
            if len(question.question) == 1 and not question.flags & dns.flags.QR:
                socket.sendto(forwarder.answer(question).to_wire(), self.client_address)

    signal.signal(signal.SIGHUP, lambda number, frame: forwarder.memory.flush())
    with socketserver.ThreadingUDPServer((asked.host, asked.port), Door) as server:
        server.daemon_threads = True
        print("ready", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

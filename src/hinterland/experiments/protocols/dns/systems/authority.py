"""The authority of a zone: a name server that knows its addresses first-hand and hands them out with a TTL.

    python authority.py 10.0.0.2 53 --ttl 60 --address 10.0.0.4 shop.example news.example
    dig @10.0.0.2 shop.example
    printf 'server 10.0.0.2\\nupdate add news.example 60 A 10.0.0.5\\nsend\\n' | nsupdate

It answers questions for A records over UDP, and takes new addresses by DNS UPDATE (RFC 2136), as a control
panel or a failover service would send them. It believes everybody: a real one asks for a signature
(TSIG, RFC 8945). Each question is printed.
"""

from __future__ import annotations

import argparse
import socket

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.update

Addresses = dict[dns.name.Name, str]


def answer(question: dns.message.Message, addresses: Addresses, ttl_s: int) -> dns.message.Message:
    """What is the address of a name? The TTL says for how long others may remember the answer."""
    response = dns.message.make_response(question)
    response.flags |= dns.flags.AA
    for asked in question.question:
        print("asked", asked.name, dns.rdatatype.to_text(asked.rdtype), flush=True)
        if asked.name not in addresses:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif asked.rdtype == dns.rdatatype.A:
            found = addresses[asked.name]
            response.answer.append(dns.rrset.from_text(asked.name, ttl_s, "IN", "A", found))
    return response


def update(message: dns.update.UpdateMessage, addresses: Addresses) -> dns.message.Message:
    """Takes addresses out and puts new ones in, in the order of the message."""
    for change in message.update:
        if change.deleting is not None:
            addresses.pop(change.name, None)
        elif change.rdtype == dns.rdatatype.A:
            addresses[change.name] = change[0].address
    return dns.message.make_response(message)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--ttl", type=int, required=True)
    parser.add_argument("--address", required=True)
    asked = parser.parse_args()
    addresses: Addresses = {dns.name.from_text(name): asked.address for name in asked.names}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind((asked.host, asked.port))
        print("ready", flush=True)
        while True:
            wire, client = door.recvfrom(65535)
            try:
                message = dns.message.from_wire(wire)
            except dns.exception.DNSException:
                continue  # Not a DNS message: nobody to answer.
            if isinstance(message, dns.update.UpdateMessage):
                response = update(message, addresses)
            else:
                response = answer(message, addresses, asked.ttl)
            door.sendto(response.to_wire(), client)


if __name__ == "__main__":
    main()

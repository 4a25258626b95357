"""A DNS server for one name, which fails as it is told to, and how to start a program that asks no other.

    what it needs                                            where it is missing
    root, as port 53 of its own loopback address and a       the fixture fails, and says which
    mount namespace need it
"""

from __future__ import annotations

import os
import pathlib
import socket
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

ADDRESS = "127.0.0.153"
PORT = 53  # glibc knows no other
TTL_S = 0

_UNDER = 'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf && shift 2 && exec "$@"'


class NameServer:
    """Answers for `name`, with `address`, until told otherwise. `with NameServer(…) as names`; methods for any thread."""

    def __init__(self, name: str, address: str):
        self.name = name
        self.address = address
        self.rcode = dns.rcode.NOERROR  # another one: said instead of the address
        self.silent = False  # asked, it says nothing, ever
        self.delay_s = 0.0  # between a question and its answer; glibc asks again after 5 s
        self.asked = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="name-server")

    def __enter__(self) -> NameServer:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0.1)
        try:
            self._socket.bind((ADDRESS, PORT))
        except OSError as error:
            pytest.fail(f"the tests' name server needs port {PORT} of {ADDRESS}, and root for it: {error}", pytrace=False)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def heal(self) -> None:
        self.rcode, self.silent, self.delay_s = dns.rcode.NOERROR, False, 0.0

    def _serve(self) -> None:
        due: list[tuple[float, bytes, tuple[str, int]]] = []
        while not self._ended.is_set():
            while due and due[0][0] <= time.monotonic():
                _, answer, client = due.pop(0)
                self._socket.sendto(answer, client)
            try:
                question, client = self._socket.recvfrom(512)
            except TimeoutError:
                continue
            self.asked += 1
            if not self.silent:
                due.append((time.monotonic() + self.delay_s, self._answer(question), client))

    def _answer(self, question: bytes) -> bytes:
        asked = dns.message.from_wire(question)
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        [about] = asked.question
        if self.rcode != dns.rcode.NOERROR:
            answer.set_rcode(self.rcode)
        elif about.name.to_text(omit_final_dot=True) != self.name:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif about.rdtype == dns.rdatatype.A:
            answer.answer.append(dns.rrset.from_text(about.name, TTL_S, "IN", "A", self.address))
        return answer.to_wire()


def under_name_server(folder: pathlib.Path) -> list[str]:
    """What to start a program under (`System.start_receiver`), so that it asks this server for names, and nobody else."""
    if os.geteuid() != 0:
        pytest.fail("a program with a name server of its own needs a mount namespace, and root for it", pytrace=False)
    resolver, switch = folder / "resolv.conf", folder / "nsswitch.conf"
    resolver.write_text(f"nameserver {ADDRESS}\n")
    switch.write_text("hosts: files dns\n")
    return ["unshare", "--mount", "sh", "-c", _UNDER, "sh", str(resolver), str(switch)]

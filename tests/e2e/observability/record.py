"""All that receivers said in this session, which series which test saw change, and what was told to senders."""

from __future__ import annotations

import dataclasses
import http.client
import json
import pathlib
import re
from typing import Any

from keystrand_e2e.programs import Program
from keystrand_e2e.waiting import eventually
from observability.scrape import Exposition
from observability.watch import Sightings, Watch
from observability.wire import Answer, Wire, connected, signed
from traffic.delivery import Delivery

OF_THE_RUN = ("topic", "version", "revision", "endpoint", "broker")  # labels whose values differ from run to run
PAGES = ("/livez", "/readyz", "/version")


@dataclasses.dataclass
class Record(Sightings):
    of_the_run: tuple[str, ...] = OF_THE_RUN
    answers: list[tuple[str, str, int]] = dataclasses.field(default_factory=list)  # test, request id, status: to deliveries
    said: list[tuple[str, str]] = dataclasses.field(default_factory=list)  # where, what: but for logs
    signatures: set[str] = dataclasses.field(default_factory=set)  # that were sent
    logs: list[pathlib.Path] = dataclasses.field(default_factory=list)  # of receivers at level debug, on stdout

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for log in self.logs for line in log.read_text().splitlines()]


class Watched(Watch):
    """A receiver whose words are kept in the record."""

    def __init__(self, program: Program, record: Record, test: str, debug: bool = True):
        self.debug = debug  # its log has a line for every delivery
        self.port = program.admin_port - 1
        self._record = record
        self._answered: list[str] = []  # request ids of the answers read here
        super().__init__(program, record, test)
        self._said("command line", pathlib.Path(f"/proc/{program.pid}/cmdline").read_text())

    def _said(self, where: str, what: str) -> None:
        self._record.said.append((f"{self.program.name} {where}", what))

    # --- its metrics ---

    def heard(self, text: str) -> None:
        self._said("/metrics", text)

    def scrape(self) -> Exposition:
        """Once every answer that was read is counted: the receiver counts it just after it has written it."""
        eventually(lambda: self.scrape_now().value("keystrand_http_requests_total") >= len(self._answered), "all counted")
        return self.scrape_now()

    def hear_pages(self) -> None:
        for page in PAGES:
            self._said(page, self.program.get(page)[1])

    # --- deliveries ---

    def ask(self, request: bytes) -> Answer:
        """One request on a connection of its own. Its answer is remembered if it is about a delivery."""
        self._record.signatures |= {found.decode() for found in re.findall(rb"v1=([0-9a-f]{64})", request)}
        with connected(self.port) as wire:
            got = self.answer(wire.send(request))
        if re.match(rb"[A-Z]+ /webhooks/stripe ", request) and got.request_id and self.debug:
            self._record.answers.append((self._test, got.request_id, got.status))
        return got

    def answer(self, wire: Wire) -> Answer:
        got = wire.answer()
        if got.request_id:
            self._answered.append(got.request_id)
        self._said("answer", f"{got.headers} {got.body.decode()}")
        return got

    def deliver(self, event: Delivery, path: str = "/webhooks/stripe") -> int:
        return self.ask(signed(event, path)).status

    def lines(self, action: str) -> list[dict[str, Any]]:
        return self.program.log_lines(action)

    # --- its end ---

    def ask_to_end(self) -> None:
        """After a last scrape. Also for one that has ended."""
        if not self.program.running:
            return
        self.scrape()
        self.hear_pages()
        self.program.request_stop()

    def wait_end(self) -> None:
        assert self.program.wait_end() == 0, f"{self.program.name} ended badly: {self.program.log}"


def content_type(program: Program) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", program.admin_port, timeout=5)
    try:
        connection.request("GET", "/metrics")
        with connection.getresponse() as answer:
            answer.read()
            return answer.getheader("Content-Type")
    finally:
        connection.close()

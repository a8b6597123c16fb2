"""The site as a stranger reaches it, over the wire, with everything that it complains of."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client

from tests.drivers.site import LoopbackSite
from tests.drivers.wire import RawAnswer, RawRequest, ask
from tests.fuzz.garbage import CSRF


class Complaints(logging.Handler):
    """What the site logs as an error. A plain form is redirected after an outage, so the status does not tell."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it. Django calls a host that is not ours an error; the feed's Instant is never there."""
        if not record.name.startswith("django.security") and record.threadName != "ledger-feed":
            self.records.append(record)


@dataclass(frozen=True, slots=True)
class Door:
    """The site, and what it complains of."""

    site: LoopbackSite
    complaints: Complaints

    def ask(self, sent: RawRequest) -> RawAnswer:
        """The answer to a request; what a view did not expect is raised here."""
        self.complaints.records.clear()
        answer = ask(sent)
        for record in self.complaints.records:
            if record.exc_info and record.exc_info[1]:
                raise record.exc_info[1]
        return answer

    def check(self, sent: RawRequest) -> None:
        """Send what must not be an error of ours, nor taken for an outage."""
        answer = self.ask(sent)
        assert answer.status < 500, (answer, sent)
        assert not self.complaints.records, (self.complaints.records[0].getMessage(), sent)

    def webhook(self, body: bytes) -> RawRequest:
        """A webhook as Stripe would send it now."""
        signature = self.site.stripe.sign(body, time.time()).encode()
        kind = (b"content-type", b"application/json")
        return RawRequest(
            "POST",
            "/api/stripe/webhook",
            [(b"host", b"testserver"), kind, (b"stripe-signature", signature)],
            body,
        )


def session_of(client: Client) -> bytes:
    """The session cookie of a browser."""
    return client.cookies[settings.SESSION_COOKIE_NAME].value.encode()


def by(
    session: bytes, method: str, path: str, form: dict[str, str] | None = None, accept: str = "*/*"
) -> RawRequest:
    """A request as a page makes it."""
    body = urlencode(form or {}).encode()
    headers = {
        b"host": b"testserver",
        b"accept": accept.encode(),
        b"cookie": b"csrftoken=" + CSRF + b"; sessionid=" + session,
        b"x-csrftoken": CSRF,
        b"content-type": b"application/x-www-form-urlencoded",
    }
    return RawRequest(method, path, [*headers.items()], body)

"""A log that nobody can fill, in which nobody writes a line of their own, and whose lines say what they belong to."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

PERIOD_S: Final = 60.0
KINDS_LIMIT: Final = 1000
_KIND_CHARACTERS: Final = 60

# What begins a new line, or moves what reads the log about, as a backslash would write it.
_CONTROLS: Final = {
    code: chr(code).encode("unicode_escape").decode()
    for code in (*range(32), *range(127, 160), 0x2028, 0x2029)
}

Kind: TypeAlias = tuple[str, int, str, type[BaseException] | None]


_known: ContextVar[Mapping[str, str] | None] = ContextVar("known", default=None)


@contextmanager
def knowing(**known: str) -> Iterator[None]:
    """Have every line that is logged in the block say these, and what is learnt in it, beside its text."""
    token = _known.set({**(_known.get() or {}), **known})
    try:
        yield
    finally:
        _known.reset(token)


def learn(**known: str) -> None:
    """Have the lines that follow in the block say these too: ids, never a secret or an email. Nothing outside one."""
    before = _known.get()
    if before is not None:
        _known.set({**before, **known})


def about(record: logging.LogRecord) -> dict[str, str]:
    """What is known of a line that is being logged: where it is logged, and in the block around."""
    known = {**(_known.get() or {}), **getattr(record, "about", {})}
    return {name: str(value) for name, value in known.items()}


class OneLine(logging.Formatter):
    """Keeps what was said to one line, with its time in UTC; a traceback follows in lines of its own."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line."""
        return super().formatMessage(record).translate(_CONTROLS)


class OneObject(logging.Formatter):
    """One JSON object a line: `time` in UTC, `level`, `logger`, `message`, a `traceback`, and what is known of it.

    That is what stands where it was logged (`extra={"about": {…}}`), and in the block around.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            **about(record),
            "time": when.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


@dataclass(slots=True)
class _Said:
    at_s: float
    held_back: int = 0


class Repetitions(logging.Filter):
    """Lets the first complaint of a kind pass in each minute. The next one to pass says how many did not.

    A complaint is a warning or worse. Its kind is its logger, level, unformatted text and error. From loggers in
    `every_line_of`, and those below them, everything passes: no stranger can cause it, and each line counts.
    """

    def __init__(
        self, *, every_line_of: Collection[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._exempt = [logging.Filter(name) for name in every_line_of]
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[Kind, _Said] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether `record` is written; adds to its text how many like it were not."""
        if record.levelno < logging.WARNING or any(exempt.filter(record) for exempt in self._exempt):
            return True
        with self._lock:
            held_back = self._held_back(_kind_of(record))
        if held_back:
            record.msg, record.args = f"{record.getMessage()} … and {held_back} more like this", None
        return held_back is not None

    def _held_back(self, kind: Kind) -> int | None:
        """How many of this kind were held back until now; None for one that is held back itself."""
        now_s, said = self._clock(), self._said.get(kind)
        if said is not None and now_s - said.at_s < PERIOD_S:
            said.held_back += 1
            return None
        if len(self._said) >= KINDS_LIMIT:
            # Texts that are never the same twice. The filter forgets and does not grow.
            self._said.clear()
        self._said[kind] = _Said(now_s)
        return said.held_back if said else 0


class TokensLeftOut(logging.Filter):
    """Has what Django says of a request name its route, where the address has a token in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """True: every line is written."""
        request = getattr(record, "request", None)
        match = getattr(request, "resolver_match", None)
        if request is not None and match is not None and "token" in match.kwargs:
            given = record.args if isinstance(record.args, tuple) else ()
            record.args = tuple(f"/{match.route}" if each == request.path else each for each in given)
        return True


def _kind_of(record: logging.LogRecord) -> Kind:
    # Some loggers format their text themselves; then its beginning says what it is about.
    text = str(record.msg).partition("\n")[0][:_KIND_CHARACTERS]
    return (record.name, record.levelno, text, record.exc_info[0] if record.exc_info else None)

"""What can keep a haiku from being written, shown or deleted. A generator of your own raises `UnwritableTopic`."""

from __future__ import annotations


class HaikuError(Exception):
    """Base of every error of this app. Nothing was charged, or nothing more."""


class UnwritableTopic(HaikuError):
    """No sane poem names this topic; `reason` says why in a sentence for the person who asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class GeneratorFailed(HaikuError):
    """The generator gives no poem now, for a reason that is not the topic's; the text says which, for the log."""


class HaikuGone(HaikuError):
    """This request wrote a haiku that was deleted since."""


class NoSuchHaiku(HaikuError):
    """No such haiku, or not this member's."""


class TooLate(HaikuError):
    """What was deleted cannot be brought back any more."""

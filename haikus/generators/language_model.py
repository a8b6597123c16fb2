"""A haiku from a language model: any server that speaks OpenAI's chat completions, named by the settings.

What the model says is shown as it comes. It must be three lines; when it is not, it is asked once more, and then the
haiku fails and costs nothing. Where `LANGUAGE_MODEL_PRICE` is set, a haiku costs what it used, in whole credits,
rounded up once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any, Final

import openai
from django.conf import settings
from django.utils.translation import gettext as _

from billing.spending import estimate
from credits_site.measured import outside_call
from haikus.errors import GeneratorFailed, UnwritableTopic
from haikus.store import HAIKU
from haikus.writing import Piece

TRIES: Final = 2
# The client asks again so often after a 429, a 5xx or a broken connection, with pauses.
RETRIES: Final = 2
LONGEST_LINE: Final = 80
# So many of the member's last poems are shown to it, to be avoided.
RECENT: Final = 3
_PROMPTS: Final[dict[str, str]] = tomllib.loads(Path(__file__).with_name("prompts.toml").read_text("utf-8"))
# Of a server that does not count them: no tokenizer takes more than one for a byte, and few less than one for three.
_BYTES_OF_A_TOKEN: Final = 3
# What a message has besides its text.
_FRAME_TOKENS: Final = 16


def most(topic: str) -> int:
    """The most that a haiku on it can cost, in credits."""
    poem = "?" * 3 * LONGEST_LINE
    messages = _messages(topic, [poem] * RECENT, again=True)
    asked = sum(len(message["content"].encode()) + _FRAME_TOKENS for message in messages)
    return estimate(HAIKU, TRIES * (asked + settings.LANGUAGE_MODEL_MAX_TOKENS))


def write(topic: str, *, recent: Sequence[str]) -> Iterator[Piece]:
    """The haiku as it comes. Raises `UnwritableTopic` when the model refuses, and `GeneratorFailed`."""
    tokens = 0
    for attempt in range(TRIES):
        answer = _Answer(_messages(topic, recent, again=attempt > 0))
        for text in answer.grow():
            yield Piece(text, estimate(HAIKU, tokens + answer.tokens))
        tokens += answer.tokens
        if (poem := _poem_in(answer.text)) is not None:
            yield Piece(poem, min(estimate(HAIKU, tokens), most(topic)))
            return
        yield Piece("", estimate(HAIKU, tokens))
    raise GeneratorFailed("it answered nonsense twice")


def _messages(topic: str, recent: Sequence[str], *, again: bool) -> list[dict[str, str]]:
    asked = [_PROMPTS["topic"].replace("{topic}", topic)]
    if recent:
        asked += [_PROMPTS["avoid"], *recent[:RECENT]]
    said = [
        {"role": "system", "content": _PROMPTS["system"]},
        {"role": "user", "content": "\n".join(asked)},
    ]
    return [*said, {"role": "user", "content": _PROMPTS["again"]}] if again else said


class _Answer:
    """One answer of the model. `tokens` is what it has used, as the server counts, or about that."""

    def __init__(self, messages: list[dict[str, str]]) -> None:
        self._messages = messages
        self.text = ""
        self.tokens = 0

    def grow(self) -> Iterator[str]:
        """The text so far, each time that there is more."""
        why, refuses = None, False
        for chunk in self._chunks():
            if chunk.usage:
                self.tokens = chunk.usage.total_tokens
            for choice in chunk.choices:
                why = choice.finish_reason or why
                refuses |= bool(choice.delta.refusal)
                if choice.delta.content:
                    self.text += choice.delta.content
                    yield self.text.strip()
        if refuses or why == "content_filter":
            raise UnwritableTopic(reason=_("The language model does not write on this topic."))
        if why is None:
            raise GeneratorFailed("the answer was cut")
        self.tokens = self.tokens or self._estimated()

    def _chunks(self) -> Iterator[Any]:
        request: dict[str, Any] = {
            "model": settings.LANGUAGE_MODEL,
            "messages": self._messages,
            "max_tokens": settings.LANGUAGE_MODEL_MAX_TOKENS,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        try:
            with outside_call("language_model"), _client().chat.completions.create(**request) as stream:
                yield from stream
        except Exception as exc:  # in the middle of an answer it is whatever the client's own client raises
            raise GeneratorFailed(f"{type(exc).__name__} {getattr(exc, 'status_code', '')}".rstrip()) from exc

    def _estimated(self) -> int:
        texts = [self.text, *(message["content"] for message in self._messages)]
        return sum(ceil(len(text.encode()) / _BYTES_OF_A_TOKEN) for text in texts)


@cache
def _client() -> openai.OpenAI:
    return openai.OpenAI(
        base_url=settings.LANGUAGE_MODEL_BASE_URL or None,
        api_key=settings.LANGUAGE_MODEL_API_KEY,
        timeout=settings.LANGUAGE_MODEL_TIMEOUT_S,
        max_retries=RETRIES,
    )


def _poem_in(text: str) -> str | None:
    """The three lines, or None when that is no haiku."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    is_haiku = len(lines) == 3 and all(len(line) <= LONGEST_LINE for line in lines)
    return "\n".join(lines) if is_haiku else None

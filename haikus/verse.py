"""A haiku on any topic, from a vocabulary and a little grammar. Pure: the same random source, the same poem.

`compose` is also the contract for a generator of your own. Name yours in the setting `HAIKU_GENERATOR`, as a
dotted path such as "haikus.verse.compose", to a callable that

- takes the topic as the member typed it (1 to 80 characters of any script, not cleaned) and the keyword `rng`,
  a `random.Random` that is the only chance it uses;
- returns the poem as plain text, its lines joined by "\\n"; pages escape it, so it must not;
- raises `UnwritableTopic(reason=…)`, a sentence for the member, when it cannot write on that topic. No credit
  is spent then. Any other exception is a fault of the generator's, and spends nothing either.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from haikus import vocabulary
from haikus.errors import UnwritableTopic
from haikus.subjects import Kind, Subject, read_topic, words_of
from haikus.syllables import syllables_in
from haikus.vocabulary import Act, Scene

__all__ = ["METER", "UnwritableTopic", "compose"]

METER: Final = (5, 7, 5)

_ENDING: Final = re.compile(r"\[(\w+)(?:/(\w*))?\]")
_SLOT: Final = re.compile(r"PLACE|THING")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that may stand in a line, counted; `words` are those that should not come twice in a poem."""

    text: str
    syllables: int
    words: frozenset[str]


# Phrases of one pattern. A pattern is chosen before a phrase is, or the richest would drown the others.
Pattern = tuple[Phrase, ...]


def compose(topic: str, *, rng: random.Random, recent: Sequence[str] = ()) -> str:
    """Three lines of 5, 7 and 5 syllables that name `topic`, joined by newlines.

    Raises `UnwritableTopic`. The module's docstring has the contract for writing another generator.
    """
    subject = read_topic(topic)
    form = rng.choice(subject.forms)
    syllables = syllables_in(form)
    scene = _scene_for(subject, rng)
    named_at = rng.choice([line for line, meter in enumerate(METER) if meter >= syllables])
    used = subject.words
    lines: list[str] = []
    # The line with the topic is written first, so that the others can avoid its words.
    naming = _pick(_frames(subject.kind, named_at, scene, METER[named_at] - syllables), used, rng)
    used |= naming.words
    for line in range(len(METER)):
        if line == named_at:
            lines.append(naming.text.replace("{}", form))
        else:
            image = _pick(_images(line, scene), used, rng)
            used |= image.words
            lines.append(image.text)
    if lines[0][-1].isalnum():
        lines[0] += rng.choice(("", " —"))
    return "\n".join(lines)


def _scene_for(subject: Subject, rng: random.Random) -> Scene:
    at_home = [scene for scene in vocabulary.SCENES if not subject.words.isdisjoint(_keywords(scene))]
    return rng.choice(at_home or vocabulary.SCENES)


def _pick(patterns: Sequence[Pattern], used: frozenset[str], rng: random.Random) -> Phrase:
    """A phrase of a random pattern, without a word that is used already if there is one."""
    for pattern in rng.sample(patterns, len(patterns)):
        fresh = [phrase for phrase in pattern if phrase.words.isdisjoint(used)]
        if fresh:
            return rng.choice(fresh)
    return rng.choice(rng.choice(patterns))


@cache
def _frames(kind: Kind, line: int, scene: Scene, syllables: int) -> tuple[Pattern, ...]:
    """The frames for a topic of this kind in this line that have so many syllables beside it."""
    named = (vocabulary.OPENINGS, vocabulary.MIDDLES, vocabulary.CLOSINGS)[line]
    frames = {
        Kind.NAME: _phrases(named),
        Kind.GLYPHS: _phrases(named) + _phrases(vocabulary.SAYINGS),
        Kind.SAYING: _phrases(vocabulary.SAYINGS),
        Kind.WHEREABOUTS: _phrases(vocabulary.WHEREABOUTS),
    }[kind]
    return _of_length(syllables, (_fillings(frame, scene) for frame in frames))


@cache
def _images(line: int, scene: Scene) -> tuple[Pattern, ...]:
    """What this line of a poem shows when it does not name the topic: a glimpse, an act, or an ending."""
    if line == 0:
        return _of_length(METER[line], [_fillings("THING PLACE", scene)])
    if line == 1:
        return _of_length(METER[line], [map(_counted, _sentences(act)) for act in scene.acts])
    endings = (_phrases(scene.endings), _phrases(vocabulary.ENDINGS))
    return _of_length(METER[line], [map(_counted, ending) for ending in endings])


@cache
def _keywords(scene: Scene) -> frozenset[str]:
    return words_of(scene.keywords)


def _sentences(act: Act) -> Iterator[str]:
    for deed in _phrases(act.does):
        for subject in _phrases(act.one):
            yield f"{subject} {_ENDING.sub(lambda ending: ending[1], deed)}"
        for subjects in _phrases(act.many):
            yield f"{subjects} {_ENDING.sub(lambda ending: ending[2] or '', deed)}"


def _fillings(frame: str, scene: Scene) -> Iterator[Phrase]:
    """The frame with each THING and PLACE of the scene in it, as long as the two share no word."""
    choices = {"THING": _phrases(scene.things), "PLACE": _phrases(scene.places)}
    slots = _SLOT.findall(frame)
    for scraps in itertools.product(*(choices[slot] for slot in slots)):
        words = [words_of(scrap) for scrap in scraps]
        if len(frozenset[str]().union(*words)) == sum(map(len, words)):
            filled = frame
            for slot, scrap in zip(slots, scraps, strict=True):
                filled = filled.replace(slot, scrap)
            yield _counted(filled)


def _of_length(syllables: int, patterns: Iterable[Iterable[Phrase]]) -> tuple[Pattern, ...]:
    fitting = (tuple(phrase for phrase in pattern if phrase.syllables == syllables) for pattern in patterns)
    return tuple(pattern for pattern in fitting if pattern)


def _counted(text: str) -> Phrase:
    return Phrase(text=text, syllables=syllables_in(text), words=words_of(text))


def _phrases(listed: str) -> list[str]:
    return [phrase for phrase in " ".join(listed.split()).split(" / ") if phrase]

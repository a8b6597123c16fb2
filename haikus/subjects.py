"""What a person typed as a topic, read as something that a line of verse can name."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from haikus.errors import UnwritableTopic
from haikus.scripts import is_picture
from haikus.syllables import syllables_in
from haikus.vocabulary import COUNTABLE, PROPER, SCENES, word_set

LONGEST_LINE: Final = 7  # syllables, in the middle of a haiku


class Kind(Enum):
    """The part that a topic can play in a sentence."""

    NAME = auto()  # "the sea", "machine learning"
    GLYPHS = auto()  # 漢字, 🚀: named or shown, but no English grammar applies
    SAYING = auto()  # "what is love?"
    WHEREABOUTS = auto()  # "after the rain"


@dataclass(frozen=True, slots=True)
class Subject:
    """A topic ready to stand in a line. `forms` are ways to write it, each of at most seven syllables."""

    kind: Kind
    forms: tuple[str, ...]
    words: frozenset[str]


_SAYING_STARTS: Final = word_set(
    """i i'm i'll i've you you're you'll we we're we'll he he's she she's they they're it it's what what's
    who who's why how when where whose is are am do does did can could would should let's let don't
    please hello hi hey thanks thank goodbye if because to there there's never be"""
)
# These make a saying of what follows; alone they are names like any other.
_SAYING_LEADS: Final = word_set(
    """buy go make keep stop give get take come write try remember eat learn live save send tell read happy merry
    goodnight always not"""
)
_FINITE_VERBS: Final = word_set(
    """is are was were am isn't aren't wasn't i'm you're it's that's don't doesn't can't won't"""
)
_PREPOSITIONS: Final = word_set(
    """in on at by under over after before during between among beneath beside behind beyond near past
    through across along within without into until since inside outside above below around against from
    with for"""
)
_DETERMINERS: Final = word_set("a an the my your his her our their its this that these those some no")
_STOP_WORDS: Final = (
    _DETERMINERS
    | _SAYING_STARTS
    | _FINITE_VERBS
    | _PREPOSITIONS
    | word_set(
        """of and or but nor so as than then about like me him them us which while will would may might
        must have has had having been being not only just very too also up down out off all any each
        more most much many such"""
    )
)
_COMMON: Final = (
    frozenset(itertools.chain(*(scene.keywords.split() for scene in SCENES))) | COUNTABLE
) - PROPER
_NOT_AN: Final = ("uni", "eu", "one")

_BREAKS: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_SCHEME: Final = re.compile(r"\bhttps?://(?:www\.)?")
_REPEATED_SIGN: Final = re.compile(r"([^\w\s])\1{3,}")
_PILED_MARKS: Final = 3
_JOINERS: Final = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_EDGE: Final = " ,;:、。\N{FULLWIDTH COMMA}…" + _JOINERS
_CURLED: Final = "\N{RIGHT SINGLE QUOTATION MARK}"
_AROUND_WORDS: Final = '"“”(),.;:!?'
_CJK_BREAKS: Final = re.compile(r"[\u3040-\u309f\u3000-\u303f\uff01-\uff20的了在和是与]+")
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def read_topic(topic: str) -> Subject:
    """Read a topic of any script and length, or raise `UnwritableTopic`.

    What is too long for a line is represented by its most telling part: the longest run of words that are
    not mere grammar, names first.
    """
    text = _cleaned(topic)
    if not _is_nameable(text) or not syllables_in(text):
        raise UnwritableTopic(reason="Give a topic with at least one letter, number or emoji in it.")
    text = _settled_case(text)
    kind = _kind_of(text)
    if syllables_in(text) > LONGEST_LINE:
        text = _telling_part(text)
        kind = Kind.NAME if kind is not Kind.GLYPHS else kind
    forms = _with_article(text) if kind is Kind.NAME else (text,)
    return Subject(kind=kind, forms=forms, words=words_of(text))


def words_of(text: str) -> frozenset[str]:
    """The words that a reader would notice twice: no grammar, and one form for singular and plural."""
    words = (word.rstrip("'s") for word in re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower()))
    return frozenset(word for word in words if len(word) > 1 and word not in _STOP_WORDS)


def _cleaned(topic: str) -> str:
    """One line of visible characters: no controls, no marks piled on marks, no comma or stop at the edges."""
    text = _BREAKS.sub(" ", unicodedata.normalize("NFC", topic))
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category[0] == "M" else 0
        invisible = category[0] == "C" and not (kept and character in _JOINERS)
        if not invisible and marks <= (_PILED_MARKS if kept else 0):
            kept.append(character)
    text = _REPEATED_SIGN.sub(r"\1\1\1", " ".join("".join(kept).split())).strip(_EDGE)
    return text.removesuffix(".") if text.count(".") == 1 else text


def _settled_case(text: str) -> str:
    """The spelling inside a sentence: "The Sea" is the sea, "MACHINE LEARNING" is not shouted, NASA stays."""
    words = text.split()
    known = [word.lower() in _COMMON or word.lower() in _STOP_WORDS for word in words]
    if text.isupper() and sum(known) * 2 >= len(words):
        words = [word.lower() for word in words]
    elif all(known):
        words = [word.lower() if word.istitle() else word for word in words]
    elif (
        known[0]
        and words[0].istitle()
        and (len(words) == 1 or words[0].lower() in _STOP_WORDS or words[1].islower())
    ):
        words[0] = words[0].lower()
    return " ".join("I" + word[1:] if re.fullmatch(rf"i(['{_CURLED}]\w+)?", word) else word for word in words)


def _kind_of(text: str) -> Kind:
    words = [word.strip(_AROUND_WORDS) for word in text.lower().replace(_CURLED, "'").split()]
    if not re.search(r"[A-Za-z0-9\u00c0-\u024f]", text):
        return Kind.GLYPHS
    if text.endswith(("?", "!")) or words[0] in _SAYING_STARTS or not _FINITE_VERBS.isdisjoint(words):
        return Kind.SAYING
    if len(words) > 1 and words[0] in _SAYING_LEADS:
        return Kind.SAYING
    if len(words) > 1 and words[0] in _PREPOSITIONS:
        return Kind.WHEREABOUTS
    return Kind.NAME


def _with_article(text: str) -> tuple[str, ...]:
    """ "cat" is the cat or a cat; "rain", "my cat" and "London" stay as they are."""
    words = text.split()
    if words[0].lower() in _DETERMINERS or words[-1] not in COUNTABLE or not text.islower():
        return (text,)
    vowel = text[0] in "aeiou" and not text.startswith(_NOT_AN)
    articled = (f"the {text}", f"{'an' if vowel else 'a'} {text}")
    return articled if syllables_in(articled[0]) <= LONGEST_LINE else (text,)


def _telling_part(text: str) -> str:
    text = _SCHEME.sub("", text)
    parts = [part for part in _content_runs(text.split()) if syllables_in(part) in range(1, LONGEST_LINE + 1)]
    if not parts:
        broken = [piece for token in text.split() for piece in _pieces(token)]
        parts = [
            part for part in broken if _is_nameable(part) and syllables_in(part) in range(1, LONGEST_LINE + 1)
        ]
    parts = [
        part for part in parts if any(character.isalnum() or is_picture(character) for character in part)
    ]
    if not parts:
        raise UnwritableTopic(reason="That does not fit into a line of a haiku. Try shorter words.")
    return max(parts, key=lambda part: (_has_name(part), syllables_in(part)))


def _is_nameable(text: str) -> bool:
    return any(character.isalnum() or is_picture(character) for character in text)


def _has_name(part: str) -> bool:
    return any(word.istitle() and word.lower() not in PROPER | _COMMON for word in part.split())


def _content_runs(tokens: list[str]) -> Iterator[str]:
    """Runs of words between grammar and punctuation; of a long one the end, where English has its noun."""
    run: list[str] = []
    lead = ""
    for token in [*tokens, "the"]:
        bare = token.strip(_AROUND_WORDS)
        if bare.lower().replace(_CURLED, "'") in _STOP_WORDS or not _is_nameable(bare):
            yield from _fitting(lead, run)
            run, lead = [], bare if bare.lower() in _DETERMINERS else ""
            continue
        run.append(bare)
        if not token.endswith(bare):
            yield from _fitting(lead, run)
            run, lead = [], ""


def _fitting(lead: str, run: list[str]) -> Iterator[str]:
    for tail in ([lead, *run], *(run[start:] for start in range(len(run)))):
        text = " ".join(tail).strip()
        if run and syllables_in(text) <= LONGEST_LINE:
            yield text
            return


def _pieces(token: str) -> list[str]:
    if _CJK.search(token):
        return [piece for piece in _CJK_BREAKS.split(token) if piece]
    return [piece for piece in re.split(r"[^\w']+|_+", token) if len(piece) > 2]

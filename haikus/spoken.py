"""How a written token is said in English: digits as number words, signs as their names, acronyms as letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_UNITS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES: Final = ((1_000_000_000, "billion"), (1_000_000, "million"), (1_000, "thousand"), (100, "hundred"))
_ORDINALS: Final = {"one": "first", "two": "second", "three": "third", "five": "fifth", "twelve": "twelfth"}
# More digits than this are a code and not a quantity: they are said one by one.
_LONGEST_QUANTITY: Final = 9
_FIRST_YEAR, _LAST_YEAR = 1100, 2099

SIGNS: Final = {
    "&": "and",
    "@": "at",
    "+": "plus",
    "=": "equals",
    "%": "percent",
    "#": "hash",
    "°": "degrees",
    "$": "dollars",
    "£": "pounds",
    "€": "euros",
    "¥": "yen",
    "\N{MULTIPLICATION SIGN}": "times",
}

_PIECES: Final = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)*)"
    r"(?:(?P<ordinal>st|nd|rd|th)|(?P<plural>'?s))?(?![^\W\d_])"
    r"|(?P<digits>\d+)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)"
    r"|(?P<dot>(?<=\w\w)\.(?=\w\w))"
    r"|(?P<sign>[" + re.escape("".join(SIGNS)) + "])"
)
_CURLED: Final = "\N{RIGHT SINGLE QUOTATION MARK}"
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_VOWELS: Final = frozenset("aeiouy")


def spoken(token: str) -> Iterator[str]:
    """The words a reader says for `token`, which has no blanks. Punctuation is silent.

    Upper case is kept where it matters: a word that comes back in capitals may be an acronym.
    """
    for piece in _PIECES.finditer(token.replace(_CURLED, "'")):
        if piece["number"]:
            yield from _number_words(piece)
        elif piece["digits"]:
            yield from number_words(piece["digits"])
        elif piece["word"]:
            yield from _HUMP.split(piece["word"])
        elif piece["dot"]:
            yield "dot"
        else:
            yield SIGNS[piece["sign"]]


def number_words(digits: str) -> list[str]:
    """Decimal digits as said: "2026" is twenty twenty-six, "42" forty-two, "007" zero zero seven."""
    value = int(digits) if len(digits) <= _LONGEST_QUANTITY else -1
    if value < 0 or (digits[0] == "0" and len(digits) > 1):
        return [_UNITS[int(digit)] for digit in digits]
    if len(digits) == 4 and _FIRST_YEAR <= value <= _LAST_YEAR and not 2000 <= value <= 2009:
        return _year(value)
    return _cardinal(value)


def is_spelled_out(word: str) -> bool:
    """Whether a word that no dictionary has is said letter by letter: "CSS", "nyc", but not "Qatar"."""
    return not _VOWELS.intersection(word.lower()) or (word.isupper() and len(word) <= 3)


def _number_words(piece: re.Match[str]) -> list[str]:
    whole, *parts = piece["number"].replace(",", "").split(".")
    words = number_words(whole)
    for part in parts:
        words += ["point", *(_UNITS[int(digit)] for digit in part)]
    if piece["ordinal"]:
        words[-1] = _ordinal(words[-1])
    elif piece["plural"]:
        words[-1] = words[-1][:-1] + "ies" if words[-1].endswith("y") else words[-1] + "s"
    return words


def _ordinal(cardinal: str) -> str:
    if cardinal in _ORDINALS:
        return _ORDINALS[cardinal]
    if cardinal.endswith("y"):
        return cardinal[:-1] + "ieth"
    return cardinal.removesuffix("e" if cardinal == "nine" else "t") + "th"


def _year(value: int) -> list[str]:
    century, rest = divmod(value, 100)
    if rest == 0:
        return [*_cardinal(century), "hundred"]
    return _cardinal(century) + (["oh", _UNITS[rest]] if rest < 10 else _cardinal(rest))


def _cardinal(value: int) -> list[str]:
    if value < 20:
        return [_UNITS[value]]
    for scale, name in _SCALES:
        if value >= scale:
            count, rest = divmod(value, scale)
            return [*_cardinal(count), name] + (_cardinal(rest) if rest else [])
    tens, units = divmod(value, 10)
    return [_TENS[tens]] + ([_UNITS[units]] if units else [])

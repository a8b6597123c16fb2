"""How many syllables a text has when read aloud: English from a dictionary, all else by rules and estimates.

| Written | Counted |
| --- | --- |
| English | from `pysyllables`; a word that it lacks by its stem, its halves or its spelling |
| digits and signs | as English words: 2026 is twenty twenty-six, & is and |
| kana | one each, a small ゃ or ぇ joins the one before |
| ideographs | one each; two in a word that also has kana |
| Cyrillic, Greek, Armenian, Georgian | one for each vowel or Greek digraph |
| Devanagari and its relatives | one for each letter, unless a virama joins it to the next |
| Hangul and other syllabaries | one for each sign |
| Arabic, Hebrew, Thai and the rest | one for two letters |
| emoji | the main words of its Unicode name, at most two: 🐱 is cat, 🚀 rocket |
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from pysyllables import get_syllable_count

# What the dictionary lacks, or has as another word than the one people mean today.
_SPOKEN: Final = {"ai": 2, "anime": 3, "django": 2, "emoji": 3, "github": 2, "hmm": 1, "ui": 2}
_SUFFIXES: Final = {"'s": 0, "s'": 0, "s": 0, "ing": 1, "ness": 1, "less": 1, "ful": 1, "ly": 1}
_SIBILANT: Final = re.compile(r"(?:[sxz]|[cs]h|[cgsz]e)$")
_SHORTEST_HALF: Final = 4  # letters; a shorter word is found inside another by accident
_MOST_LETTERS: Final = 8  # in one syllable

_VOWELS: Final = re.compile(r"[aeiouy]+")
# Vowels side by side that are two syllables ("lion", "duet"), once those that glide are gone.
_PARTED: Final = re.compile(r"i[aou](?!u)|u[ao](?!u)|eo(?!u)|(?<=[aeiou])ing|yi|(?<=[aeo])y(?=[aeiou])")
_GLIDING: Final = re.compile(r"[tcsxg]i(?=[aou])|gu(?=[ae])|qu|geo(?=[nru])")
_SILENT_E: Final = re.compile(
    r"(?<=[^aeiouy])(?<![^aeiouylr]l)e(?:$|(?=(?:ly|ness|less|ful|ment)s?$)|(?<![sxzcg]e)(?<![sc]he)s$|(?<![td]e)d$)"
)

_VIRAMAS: Final = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_LONG_SIGNS: Final = "=%°$€"  # of two syllables
_PIECES: Final = re.compile(
    r"(\d[\d,]*(?:\.\d+)*(?:nd\b)?)(?:(?:st|rd|th|'?s)\b)?"  # a number
    rf"|([^\W\d_](?:[^\W\d_]|['{_VIRAMAS}](?=[^\W\d_]))*)"  # a word
    r"|((?<=\w\w)\.(?=\w\w)|[&@+=%#°$£€¥])"  # the dot of an address, or another sign
)
_SMALL_KANA: Final = "ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ"
_VOWEL: Final = re.compile("[αεου][ιί]|[αεηο][υύ]|[αεηιουωάέήίόύώϊϋΐΰаеёиоуыэюяєіїўәөүұաեէըիոօაეიოუ]")
_ALPHABETS: Final = re.compile("CYRILLIC|GREEK|ARMENIAN|GEORGIAN")
_SYLLABARIES: Final = re.compile("HIRAGANA|KATAKANA|HANGUL|ETHIOPIC|CHEROKEE|CANADIAN|YI|VAI|BOPOMOFO")
_INDIC: Final = re.compile("DEVAN|BENG|GURM|GUJA|ORIYA|TAMIL|TELUGU|KANNADA|MALAYA|SINHALA")
_UNSAID: Final = re.compile(r" WITH .*|\b(?:FACE|SIGN|SYMBOL|BLACK|WHITE|HEAVY|LETTER|REGIONAL|INDICATOR)\b")
_UNITS: Final = (2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 3, 1, 2, 2, 2, 2, 3, 2, 2)  # zero, one, … nineteen


@lru_cache(maxsize=4096)
def syllables_in(text: str) -> int:
    """The syllables of `text`; 0 when there is nothing to say in it."""
    text = unicodedata.normalize("NFKC", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    count = sum(map(_in_picture, " " + text, text))
    unmarked = "".join(sign for sign in text if unicodedata.category(sign)[0] != "M" or sign in _VIRAMAS)
    for number, word, sign in _PIECES.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unmarked)):
        count += _in_number(number) if number else _in_word(word) if word else 1 + (sign in _LONG_SIGNS)
    return count


def _in_picture(before: str, sign: str) -> int:
    if unicodedata.category(sign) != "So" or before == "\N{ZERO WIDTH JOINER}":
        return 0
    said = _UNSAID.sub("", unicodedata.name(sign, "")).replace("-", " ").lower().split()
    return max(1, min(2, sum(map(_in_english, said))))


def _in_word(word: str) -> int:
    """Syllables of letters, which may be of several scripts: at least one for each."""
    runs: dict[str, str] = {}
    script = ""
    for sign in word:
        if sign.isalpha():
            script = unicodedata.name(sign, "UNKNOWN").split()[0].split("-")[0]
        runs[script] = runs.get(script, "") + sign
    ideograph = 1 if runs.keys().isdisjoint(("HIRAGANA", "KATAKANA")) else 2
    return sum(max(1, _in_run(run, script, ideograph)) for script, run in runs.items())


def _in_run(run: str, script: str, ideograph: int) -> int:
    if script == "LATIN":
        return _in_english(run)
    if _ALPHABETS.match(script):
        return len(_VOWEL.findall(run.lower()))
    letters = sum(letter.isalpha() and letter not in _SMALL_KANA for letter in run)
    if _INDIC.match(script):
        return 2 * letters - len(run)
    if script in ("CJK", "IDEOGRAPHIC"):
        return letters * ideograph
    return letters if _SYLLABARIES.match(script) else (letters + 1) // 2


def _in_english(word: str) -> int:
    # The accent on the last e says that it is not silent.
    parted = unicodedata.normalize("NFD", re.sub("é$", "eh", word.lower()))
    plain = re.sub("[\u0300-\u036f]", "", parted)
    known = 0 if word.isupper() and len(word) == 2 else _known(plain)
    if not known and (not _VOWELS.search(plain) or (word.isupper() and len(word) <= 3)):
        return sum(3 if letter == "w" else 1 for letter in plain if letter.isalpha())  # letter by letter
    return known or estimate(plain.replace("'", ""))


def _known(word: str) -> int:
    """Syllables from the dictionary: of the word, of what it is an inflection of, or of its two halves; else 0."""
    if counted := _looked_up(word):
        return counted
    for suffix, extra in _SUFFIXES.items():
        stem = word.removesuffix(suffix)
        if stem != word and (counted := _looked_up(stem)):
            return counted + (1 if extra or (suffix != "s'" and _SIBILANT.search(stem)) else 0)
    for cut in range(_SHORTEST_HALF, len(word) - _SHORTEST_HALF + 1):
        if (first := _looked_up(word[:cut])) and (second := _looked_up(word[cut:])):
            return first + second
    return 0


def _looked_up(word: str) -> int:
    return _SPOKEN.get(word) or get_syllable_count(word) or 0


def estimate(word: str) -> int:
    """Syllables of a lower-case word by its spelling alone; right for nine English words in ten."""
    count = len(_VOWELS.findall(word)) + len(_PARTED.findall(_GLIDING.sub("-", word)))
    return max(1, count - len(_SILENT_E.findall(word)), -(-len(word) // _MOST_LETTERS))


def _in_number(number: str) -> int:
    whole, *parts = number.rstrip("nd").replace(",", "").split(".")
    value, (century, rest) = int(whole), divmod(int(whole), 100)
    if len(whole) > 9 or whole[0] == "0":
        count = _digit_by_digit(whole)
    elif len(whole) == 4 and 1100 <= value < 2100 and not 2000 <= value < 2010:  # a year
        count = _cardinal(century) + (2 if not rest else 1 + _UNITS[rest] if rest < 10 else _cardinal(rest))
    else:
        count = _cardinal(value)
    return count + number.endswith("nd") + sum(1 + _digit_by_digit(part) for part in parts)


def _digit_by_digit(digits: str) -> int:
    return sum(_UNITS[int(digit)] for digit in digits)


def _cardinal(value: int) -> int:
    if value < len(_UNITS):
        return _UNITS[value]
    scale = next(scale for scale in (10**9, 10**6, 1000, 100, 10) if value >= scale)
    count, rest = divmod(value, scale)
    said = _cardinal(count) + 2 if scale > 10 else 3 if count == 7 else 2
    return said + (_cardinal(rest) if rest else 0)

"""Every sentence for people is marked for translation, and every language has all of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from babel.messages import Catalog
from babel.messages.mofile import read_mo
from django.conf import settings

from tests.messages import LOCALES, ROOT, catalog, forms, missing, sources, translation

PO: Final = sorted(LOCALES.glob("*/LC_MESSAGES/django.po"))
TEMPLATES: Final = [path for path in sources(".html", ".txt") if "templates" in path.parts]
# What operators read is in English: commands, checks, what Stripe refuses, what an audit finds. So are the names of
# permissions, which are rows of the database.
OPERATORS: Final = re.compile(r"/(management|audit|stripe_api)/|/((live_)?checks|models|settings)\.py$")
PYTHON: Final = [path for path in sources(".py") if not OPERATORS.search(f"/{path.relative_to(ROOT)}")]

every_language = pytest.mark.parametrize("po", PO, ids=lambda po: po.parent.parent.name)


# The catalogs: `python -m tests.messages` brings them up to date.


def test_every_language_but_the_one_of_the_code_has_a_catalog() -> None:
    spoken = {code for code, _ in settings.LANGUAGES}
    assert {po.parent.parent.name for po in PO} == spoken - {settings.LANGUAGE_CODE}


@every_language
def test_every_sentence_is_translated_and_nothing_else_is(po: Path) -> None:
    marked = {(message.id, message.context) for message in catalog()}
    translated = translation(po)
    assert {(message.id, message.context) for message in translated} == marked
    assert missing(translated) == []


@every_language
def test_a_translation_fills_in_what_its_sentence_does(po: Path) -> None:
    assert [(message.id, errors) for message, errors in translation(po).check()] == []


@every_language
def test_what_django_reads_was_made_of_what_people_read(po: Path) -> None:
    with po.with_suffix(".mo").open("rb") as made:
        compiled = read_mo(made)
    assert _told(compiled) == _told(translation(po))


def _told(translated: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    """What each sentence is called in a language, by its context and its forms in English."""
    return {
        (message.context or "", *forms(message.id)): forms(message.string)
        for message in translated
        if message.id
    }


# Marks in templates

WORD: Final = re.compile(r"[^\W\d_]{2,}")
SPOKEN_ATTRIBUTES: Final = ("alt", "aria-label", "content", "data-label", "placeholder", "title")
# What is the same in all languages.
NAMES: Final = re.compile(
    r"Instant Credits|UTC|JSON|CSV|width=device-width.*|light dark|website|summary_large_image|^\{.*\}$",
    re.DOTALL,
)
TAG: Final = re.compile(r"\{%(.*?)%\}|\{\{(.*?)\}\}|\{#.*?#\}", re.DOTALL)
BLOCK: Final = re.compile(r"\{%\s*blocktrans(?:late)?\b.*?\{%\s*endblocktrans(?:late)?\s*%\}", re.DOTALL)
LITERAL: Final = re.compile(r"""(?<!_\()(?<!date:)(["'])([A-Z][^"']*)\1""")


class Unmarked(HTMLParser):
    """The words of a page that no tag translates; those in a language of their own are let be."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._foreign = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in SPOKEN_ATTRIBUTES or (name.startswith("data-") and " " in (value or "").strip()):
                self._hear(value or "")
        if tag == "code" or (tag != "html" and ("lang", "en") in attrs):
            self._foreign = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._foreign:
            self._foreign = ""

    def handle_data(self, data: str) -> None:
        if not self._foreign:
            self._hear(data)

    def _hear(self, text: str) -> None:
        if WORD.search(NAMES.sub("", text)):
            self.found.append(" ".join(text.split()))


def unmarked_in(template: str) -> list[str]:
    """The words of a template that stay English in every language."""
    page = Unmarked()
    source = BLOCK.sub(" ", template)
    page.feed(TAG.sub(" ", source))
    tags = [found[1] or found[2] or "" for found in TAG.finditer(source)]
    said = [tag for tag in tags if tag.split()[:1] not in (["translate"], ["trans"])]
    return page.found + [words for tag in said for _, words in LITERAL.findall(tag) if not words.isupper()]


@pytest.mark.parametrize(
    "template",
    [path for path in TEMPLATES if not OPERATORS.search(f"/{path.relative_to(ROOT)}")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_word_of_a_template_is_marked(template: Path) -> None:
    assert unmarked_in(template.read_text()) == []


def test_a_word_that_is_not_marked_is_found() -> None:
    assert unmarked_in("<p>Buy <b>{% translate 'credits' %}</b></p>") == ["Buy"]
    assert unmarked_in('<a aria-label="Close" href="x">+</a>') == ["Close"]
    assert unmarked_in('{{ message|default:"Asking Stripe" }}') == ["Asking Stripe"]
    assert (
        unmarked_in('<p lang="en">an old pond</p><p>{% blocktranslate %}And more{% endblocktranslate %}</p>')
        == []
    )


# Marks in Python and JavaScript

MARKS: Final = frozenset(
    {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext"}
)
# What these are given is for a log, or for Prometheus.
UNHEARD: Final = frozenset(
    {
        *("Counter", "Gauge", "Histogram", "ask_when_read"),
        "debug",
        "info",
        "warning",
        "error",
        "critical",
        "exception",
        "note",
        "complain",
        "_warn_once_a_day",
        "log_change",
        "log_once",
    }
)
HEARD_ERRORS: Final = frozenset({"UnwritableTopic", "ValidationError"})
SENTENCE: Final = re.compile(r"^\W*[A-Z][a-z']* .|^.+ .+[.!?…]$", re.DOTALL)
NO_SENTENCES: Final = frozenset(
    {
        "Instant Credits",
        "Mac OS",
        "Stripe refused: HTTP",
        "Vary",
        "Authenticator app",
        "Backup codes",
        "Stripe refused to refund",
        'Bearer error="invalid_token"',
    }
)
LABELS: Final = frozenset({"help_text", "label", "message", "told"})


def unmarked_sentences(tree: ast.AST) -> Iterator[str]:
    """The strings that read like a sentence, or label something, and are not marked."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Expr(value=ast.Constant()):  # a docstring
                continue
            case ast.Call() if _name_of(node) in MARKS or _is_log(node):
                continue
            case ast.Raise(exc=ast.Call() as error) if _name_of(error) not in HEARD_ERRORS:
                continue
            case ast.Constant(value=str() as text) if SENTENCE.search(text) and text not in NO_SENTENCES:
                yield text
            case ast.keyword(arg=name, value=ast.Constant(value=str() as text)) if name in LABELS:
                yield text
                continue
        yield from unmarked_sentences(node)


def _name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_log(call: ast.Call) -> bool:
    is_message = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == "messages"
    return _name_of(call) in UNHEARD and not is_message


@pytest.mark.parametrize("module", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_sentence_in_python_is_marked(module: Path) -> None:
    assert list(unmarked_sentences(ast.parse(module.read_text()))) == []


SCRIPTS: Final = sources(".js")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_says_stands_in_the_page(script: Path) -> None:
    code = re.sub(r"^\s*//.*|\s//\s.*", "", script.read_text(), flags=re.MULTILINE)
    strings = [text for _, text in re.findall(r"""(["'`])(.*?)\1""", code)]
    assert strings
    words = [text for text in strings if SENTENCE.search(text) or re.fullmatch("[A-Z][a-z]+", text)]
    assert [text for text in words if text not in NO_SENTENCES] == []


def test_a_style_sheet_says_nothing() -> None:
    styles = "".join(path.read_text() for path in sources(".css"))
    said = re.findall(r"(?<!-)content: ([^;}]*)", styles)
    assert len(said) > 3
    assert [text for text in said if WORD.search("".join(re.findall('"[^"]*"', text)))] == []


def test_a_sentence_that_is_not_marked_is_found() -> None:
    code = """
def f(request):
    "Describe it."
    logger.error("Nobody reads this.")
    messages.info(request, "You are in.")
    refuse(request, f"Try in {wait} again")
    field(label="Code", help_text=_("Fine."))
    raise ValidationError("That is none.")
    raise LookupError("Nobody is signed in.")
"""
    found = ["You are in.", "Try in ", "Code", "That is none."]
    assert list(unmarked_sentences(ast.parse(code))) == found

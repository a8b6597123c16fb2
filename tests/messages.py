"""The sentences of the site: found where they are marked, and kept for each language in `locale/`.

`python -m tests.messages` brings every `locale/*/LC_MESSAGES/django.po` up to date, says what is left to translate,
and writes the `.mo` beside it that Django reads. Django's own `makemessages` wants GNU gettext.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT: Final = Path(__file__).resolve().parent.parent
LOCALES: Final = ROOT / "locale"
# instant_admin knows neither Django nor people.
ROOMS: Final = ("accounts", "billing", "credits_site", "haikus", "templates")
_NO_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_KEYWORDS: Final = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def sources(*endings: str) -> list[Path]:
    """The files that may hold sentences."""
    found = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in endings)
    return sorted(path for path in found if "migrations" not in path.parts)


def catalog() -> Catalog:
    """Every marked sentence, in English."""
    found = Catalog(project="instant-credits", charset="utf-8")
    for path in sources(".py", ".html", ".txt"):
        text = path.read_text() if path.suffix == ".py" else _as_python(path.read_text())
        for _, message, comments, context in extract(
            "python", io.BytesIO(text.encode()), keywords=_KEYWORDS, options={"encoding": "utf-8"}
        ):
            where = [(str(path.relative_to(ROOT)), 0)]
            found.add(message, locations=where, auto_comments=comments, context=context)
    return found


def _as_python(template: str) -> str:
    """What Django makes of a template for gettext is Python, but for its indentation."""
    return "\n".join(line.strip() for line in templatize(template).splitlines())


def translation(po: Path) -> Catalog:
    """What a language has so far."""
    with po.open("rb") as source:
        return read_po(source, locale=po.parent.parent.name, domain="django")


def _written(translated: Catalog, *, head: bytes) -> bytes:
    """The file, under the head that it has."""
    body = io.BytesIO()
    write_po(
        body,
        translated,
        width=110,
        sort_by_file=True,
        include_lineno=False,
        omit_header=True,
        ignore_obsolete=True,
    )
    return head + b"\n\n" + body.getvalue()


def compiled(translated: Catalog) -> bytes:
    """The bytes of the `.mo` file, always the same of the same sentences."""
    translated.creation_date = _NO_TIME
    machine_readable = io.BytesIO()
    write_mo(machine_readable, translated)
    return machine_readable.getvalue()


def missing(translated: Catalog) -> list[str]:
    """What is still to translate, or to look at again."""
    return [
        str(message.id)
        for message in translated
        if message.id and (message.fuzzy or not all(forms(message.string)))
    ]


def forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """The forms of a sentence: singular and plural, or one."""
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def main() -> None:
    """Bring every language up to date."""
    english = catalog()
    for po in sorted(LOCALES.glob("*/LC_MESSAGES/django.po")):
        translated = translation(po)
        translated.update(english, no_fuzzy_matching=True)
        po.write_bytes(_written(translated, head=po.read_bytes().partition(b"\n\n")[0]))
        po.with_suffix(".mo").write_bytes(compiled(translated))
        for message in missing(translated):
            print(f"{po.relative_to(ROOT)}: {message}")  # noqa: T201


if __name__ == "__main__":
    main()

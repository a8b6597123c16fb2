"""The rules that templates keep: they work without JavaScript, and need nothing inline."""

import re
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR) / "templates"
# A mail has no style sheet.
TEMPLATES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.html") if path.parent.name != "mails")
TAG = re.compile(r"<[a-z]+(?:\{%.*?%\}|\{\{.*?\}\}|[^<>])*>", re.S)


def tags_of(template: Path) -> list[str]:
    return TAG.findall((ROOT / template).read_text())


def value_of(tag: str, attribute: str) -> str | None:
    found = re.search(rf'\s{attribute}="((?:\{{%.*?%\}}|\{{\{{.*?\}}\}}|[^"])*)"', tag)
    return found[1] if found else None


@pytest.mark.parametrize("template", TEMPLATES, ids=str)
def test_nothing_is_inline_or_unescaped_and_every_post_carries_a_token(template: Path) -> None:
    source = (ROOT / template).read_text()
    assert "|safe" not in source
    assert "autoescape off" not in source
    for form in re.findall(r"<form\b.*?</form>", source, re.S):
        assert 'method="post"' not in form or "{% csrf_token %}" in form
    for tag in tags_of(template):
        assert not re.search(r"\s(style|on[a-z]+|hx-on\S*)=", tag), tag
        assert not tag.startswith("<style"), tag
        assert not tag.startswith("<script") or value_of(tag, "src"), tag


@pytest.mark.parametrize("template", TEMPLATES, ids=str)
def test_what_htmx_sends_a_plain_form_or_link_sends_too(template: Path) -> None:
    for tag in tags_of(template):
        posted, got = value_of(tag, "hx-post"), value_of(tag, "hx-get")
        if posted:
            # A button may send a form that stands elsewhere.
            form = "form" if value_of(tag, "form") else ""
            assert (value_of(tag, f"{form}action"), value_of(tag, f"{form}method")) == (posted, "post"), tag
        if got and value_of(tag, "id") != "credits":  # the counter is on the page to begin with
            assert value_of(tag, "href") == got, tag
        if posted or got:
            assert value_of(tag, "hx-target"), tag
            assert value_of(tag, "hx-swap"), tag


def test_the_rules_above_look_at_something() -> None:
    tags = [tag for template in TEMPLATES for tag in tags_of(template)]
    assert len([tag for tag in tags if value_of(tag, "hx-post")]) == 4
    assert len([tag for tag in tags if value_of(tag, "hx-get")]) == 5

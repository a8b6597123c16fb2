"""What is taken for a code."""

import pytest

from accounts.forms import CodeForm


@pytest.mark.parametrize(
    "typed",
    [
        "123456",
        " 123456 ",
        "123 456",
        "123-456",
        "1 2 3 4 5 6",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "١٢٣٤٥٦",
        "123\u2013456",
        "123\u2212456",  # a minus
        "\u200e123456\u200f",
        "123\u00a0456\ufeff",
    ],
)
def test_a_code_is_taken_as_people_copy_it(typed: str) -> None:
    form = CodeForm({"email": "ada@example.com", "code": typed})
    assert form.is_valid()
    assert form.cleaned_data["code"] == "123456"


@pytest.mark.parametrize(
    "typed", ["", "12345", "1234567", "abcdef", "①②③④⑤⑥", "12345\x00", "123456\n7", "12345½"]
)
def test_anything_but_six_digits_is_an_error(typed: str) -> None:
    assert "code" in CodeForm({"email": "ada@example.com", "code": typed}).errors

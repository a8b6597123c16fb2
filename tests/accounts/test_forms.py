"""What is taken for an email and for a code."""

import pytest

from accounts.forms import CodeForm, EmailForm


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "@example.com", "a b@example.com", "a" * 300 + "@example.com"]
)
def test_a_bad_email_is_an_error(email: str) -> None:
    assert "email" in EmailForm({"email": email}).errors


@pytest.mark.parametrize("typed", ["123456", " 123456 ", "123 456", "123-456", "1 2 3 4 5 6"])
def test_a_code_is_taken_as_people_copy_it(typed: str) -> None:
    form = CodeForm({"email": "ada@example.com", "code": typed})
    assert form.is_valid()
    assert form.cleaned_data["code"] == "123456"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12345\x00", "123456\n7"])
def test_anything_but_six_digits_is_an_error(typed: str) -> None:
    assert "code" in CodeForm({"email": "ada@example.com", "code": typed}).errors

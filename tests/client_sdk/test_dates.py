"""Days and months in words."""

import pytest

from client_sdk.dates import day_text, month_text, span_text
from client_sdk.messages import Language, use_language


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["February 2026", "1 August 2026", "12 August 2026", "from 1 August 2026 to 31 December 2026"]),
        ("fr", ["février 2026", "1er août 2026", "12 août 2026", "du 1er août 2026 au 31 décembre 2026"]),
    ],
)
def test_dates_are_said_as_people_say_them(language: Language, expected: list[str]) -> None:
    use_language(language)
    span = span_text("2026-08-01", "2026-12-31")
    assert [month_text("2026-02"), day_text("2026-08-01"), day_text("2026-08-12"), span] == expected
    assert span_text("2026-08-12", "2026-08-12") == {"en": "on ", "fr": "le "}[language] + expected[2]

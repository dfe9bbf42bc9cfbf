"""Counts, numbers and instants as English and French people write them."""

from datetime import datetime, timedelta, timezone

import pytest

from client_sdk.messages import Language, counted, kilometres, minute_text, rounded, use_language


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ["0 rows left out", "1 row left out", "2 rows left out"]),
        ("fr", ["0 ligne écartée", "1 ligne écartée", "2 lignes écartées"]),
    ],
)
def test_a_count_agrees_with_its_words(language: Language, texts: list[str]) -> None:
    use_language(language)
    assert [counted(count, "row(s) left out", "ligne(s) écartée(s)") for count in range(3)] == texts


def test_decimals_and_instants_follow_the_language() -> None:
    instant = datetime(2026, 12, 28, 8, 17, 59, 862_000, tzinfo=timezone(timedelta(hours=1)))
    use_language("fr")
    assert (rounded(2.346, 2, "+"), rounded(-0.26), rounded(12.0, 0)) == ("+2,35", "-0,3", "12")
    assert (kilometres(4_680), minute_text(instant)) == ("4,7 km", "28/12/2026 à 07:17 UTC")
    use_language("en")
    assert (rounded(2.346, 2, "+"), kilometres(4_680)) == ("+2.35", "4.7 km")
    assert minute_text(instant) == "2026-12-28 07:17 UTC"

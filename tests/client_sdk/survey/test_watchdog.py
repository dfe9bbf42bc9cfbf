"""Troubles are told once they last, once, and told over when they are gone."""

from hypothesis import given
from hypothesis import strategies as st

from client_sdk.survey.watchdog import PATIENCE_S, RING_EVERY_S, Seen, Watchdog


def test_a_trouble_is_told_after_its_patience_and_told_over_when_gone() -> None:
    watchdog = Watchdog()
    trouble = {"no-radio orange": "orange: no answer"}

    assert watchdog.look(trouble, 0.0) == Seen((), (), ring=False)
    assert watchdog.look(trouble, 14.9) == Seen((), (), ring=False)
    assert watchdog.look(trouble, 15.0) == Seen(("orange: no answer",), (), ring=True)
    assert watchdog.look(trouble, 16.0) == Seen((), (), ring=False)
    assert watchdog.warnings == ("orange: no answer",)
    assert watchdog.look(trouble, 15.0 + RING_EVERY_S) == Seen((), (), ring=True)
    assert watchdog.look({}, 100.0) == Seen((), ("orange: no answer",), ring=False)
    assert watchdog.warnings == ()


def test_a_hiccup_is_not_told_and_begins_anew() -> None:
    watchdog = Watchdog()

    watchdog.look({"no-fix": "no position"}, 0.0)
    watchdog.look({}, 29.0)

    assert watchdog.look({"no-fix": "no position"}, 31.0).raised == ()


def test_a_full_disk_is_told_at_once_and_its_text_follows() -> None:
    watchdog = Watchdog()

    assert watchdog.look({"disk-full": "disk full"}, 0.0).raised == ("disk full",)
    assert watchdog.look({"disk-full": "disk full for 5 s"}, 5.0).raised == ()
    assert watchdog.warnings == ("disk full for 5 s",)


NAMES = st.sampled_from([*PATIENCE_S, "disk-full", "no-radio sfr"])


@given(st.lists(st.tuples(st.floats(0.1, 40), st.frozensets(NAMES)), max_size=40))
def test_what_is_told_is_told_over_once(looks: list[tuple[float, frozenset[str]]]) -> None:
    watchdog, now_s, told = Watchdog(), 0.0, list[str]()
    for later_s, names in looks:
        now_s += later_s
        seen = watchdog.look({name: name for name in names}, now_s)
        for name in seen.over:
            told.remove(name)
        assert not set(seen.raised) & set(told)
        told += seen.raised
        assert sorted(told) == sorted(watchdog.warnings)
        assert set(told) <= names

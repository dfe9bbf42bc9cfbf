from pathlib import Path

import pytest

from aggregator.evidence.whole_file import replacing


def test_a_file_takes_its_place_when_all_of_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "table.csv"
    for text in ("old", "new"):
        with replacing(file) as partial:
            partial.write_text(text)
            assert partial.parent == file.parent
            assert not file.exists() or file.read_text() == "old"
        assert file.read_text() == text
    assert [path.name for path in file.parent.iterdir()] == ["table.csv"]


def test_a_failure_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(file) as partial:  # noqa: PT012
        partial.write_text("half")
        1 / 0  # noqa: B018
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("table.csv", "old")]

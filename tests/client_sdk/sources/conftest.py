"""Programs that print what they are told, in place of those of a real device."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def fake_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``fake_program(name, {arguments: printed}, otherwise="exit 1")`` puts a shell script first on the path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(name: str, answers: dict[str, str], otherwise: str = "exit 1") -> None:
        cases = []
        for number, (words, printed) in enumerate(answers.items()):
            answer = folder / f".{name}-{number}"
            answer.write_text(printed)
            cases.append(f"{shlex.quote(words)}) cat {shlex.quote(str(answer))} ;;")
        script = folder / name
        script.write_text("\n".join(["#!/bin/sh", 'case "$*" in', *cases, f"*) {otherwise} ;;", "esac", ""]))
        script.chmod(0o755)

    return make

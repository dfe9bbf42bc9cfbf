"""The commands of ``maille collector`` that decide who is trusted, and for how long things are kept."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from taking_in import accept

from client_sdk.cli import main
from client_sdk.messages import use_language
from client_sdk.sample import Sample, encode
from client_sdk.signing.envelope import seal
from client_sdk.signing.keys import SigningKey
from collector.errors import EnrolmentError
from collector.intake.devices import invitation_digest
from collector.settings import Settings
from collector.storage.devices import enrol_device, find_device
from collector.storage.migration import prepare_database
from collector.storage.store import Store

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


@dataclass
class Told:
    stdout: str
    stderr: str


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data=tmp_path / "data")
    prepare_database(settings)
    return settings


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: Settings) -> Any:
    for name in [name for name in os.environ if name.startswith("MAILLE_")]:
        monkeypatch.delenv(name)

    def invoke(*arguments: str, code: int = 0, language: str = "en") -> Told:
        with pytest.raises(SystemExit) as ended:
            main(["--lang", language, "collector", *arguments, "--data", str(settings.data)])
        use_language("en")
        told = Told(*capsys.readouterr())
        assert ended.value.code == code, told
        return told

    return invoke


def test_codes_are_listed_without_being_shown_and_revoked(run: Any, settings: Settings) -> None:
    assert run("invite", "--list").stdout == "No invitation.\n"
    codes = {
        label: json.loads(run("invite", label, "--devices", "2", "--json").stdout)["invitation"]
        for label in ("Nièvre", "Cher")
    }
    key = SigningKey.generate()
    with closing(Store(settings.database_url)) as store:
        enrol_device(store, key.public, "v", invitation_digest(codes["Nièvre"]), datetime.now(UTC))
    listed = run("invite", "--list", "--json").stdout
    for code in codes.values():
        assert code not in listed
        assert code.replace("-", "") not in listed
    found = {one["label"]: one for one in json.loads(listed)["invitations"]}
    assert [(one["label"], one["used"], one["devices"]) for one in found.values()] == [("Cher", 0, 2), ("Nièvre", 1, 2)]
    assert "1/2 appareils" in run("invite", "--list", language="fr").stdout

    revoked = run("invite", "--revoke", "Nièvre")
    assert "Devices that used them (1) keep their tier" in revoked.stdout
    assert (
        json.loads(run("invite", "--revoke", found["Cher"]["digest"][:8], "--json").stdout)["revoked"][0]["used"] == 0
    )
    assert run("invite", "--list").stdout.count("revoked at") == 2
    with closing(Store(settings.database_url)) as store:
        device = find_device(store, key.public.thumbprint)
        assert device is not None
        assert device.tier == "field_team"
        # the one that used it may say so again; no other may
        assert not enrol_device(store, key.public, "v", invitation_digest(codes["Nièvre"]), datetime.now(UTC))[1]
        for code in codes.values():
            with pytest.raises(EnrolmentError, match="invitation: revoked at"):
                enrol_device(store, SigningKey.generate().public, "v", invitation_digest(code), datetime.now(UTC))
    assert "no invitation of that label" in run("invite", "--revoke", "Yonne", code=1).stderr
    assert "no invitation of that label" in run("invite", "--revoke", found["Cher"]["digest"][:7], code=1).stderr
    assert "go alone" in run("invite", "Cher", "--list", code=2).stderr


def test_a_device_is_refused_and_taken_back(run: Any, settings: Settings) -> None:
    key = SigningKey.generate()
    while not key.public.thumbprint.startswith("-"):  # which is no option
        key = SigningKey.generate()
    with closing(Store(settings.database_url)) as store:
        enrol_device(store, key.public, "v", None, NOW)
        told = json.loads(run("revoke", key.public.thumbprint, "--from", "2026-10-01", "--json").stdout)
        assert (told["device"], told["revoked"]) == (key.public.thumbprint, True)
        device = find_device(store, key.public.thumbprint)
        assert device is not None
        assert device.revoked_from == datetime(2026, 10, 1, tzinfo=UTC)
        assert device.revoked_at is not None
        assert "de nouveau accepté" in run("revoke", key.public.thumbprint, "--undo", language="fr").stdout
        device = find_device(store, key.public.thumbprint)
        assert device is not None
        assert (device.revoked_from, device.revoked_at) == (None, None)
    assert "no such device" in run("revoke", "A" * 43, code=1).stderr
    assert "does not go with" in run("revoke", "A" * 43, "--undo", "--from", "2026-10-01", code=2).stderr


def test_the_collectors_key_is_changed(run: Any, settings: Settings) -> None:
    old = SigningKey.load_or_create(settings.collector_key).public.thumbprint
    told = json.loads(run("rotate-key", "--json").stdout)
    new = SigningKey.load(settings.collector_key).public.thumbprint
    assert told == {"previous_thumbprint": old, "collector_thumbprint": new}
    assert new != old
    assert "sauvegardez" in run("rotate-key", language="fr").stdout
    assert sorted(path.name for path in settings.data.glob("*key*")) == ["collector-key.pem", "key-statements.jws"]
    assert settings.key_statements.stat().st_mode & 0o777 == 0o600


def test_the_archive_forgets_what_is_purged(
    run: Any, settings: Settings, make_sample: Callable[..., Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, now = SigningKey.generate(), datetime.now(UTC)
    with closing(Store(settings.database_url)) as store:
        enrol_device(store, key.public, "v", None, now - timedelta(days=800))
        for measured in ("2023-05-06T07:08:09.000Z", "2023-05-07T07:08:09.000Z"):
            envelope = seal([encode(make_sample(measured_at=measured))], key)
            accept(envelope.body, envelope.signature, store, key, now)
    run("archive")
    assert (Path(settings.archive) / "measured_month=2023-05").is_dir()
    would = json.loads(run("purge", "--dry-run", "--json").stdout)
    assert would == {
        "dry_run": True,
        "samples": 2,
        "envelopes": 2,
        "witnesses": 0,
        "devices": 0,
        "months": ["2023-05"],
    }
    assert "Would go: 2 samples (measured in 2023-05), 2 envelopes" in run("purge", "--dry-run").stdout
    assert (Path(settings.archive) / "measured_month=2023-05").is_dir()
    assert "Supprimés : 2 relevés" in run("purge", language="fr").stdout
    assert not (Path(settings.archive) / "measured_month=2023-05").exists()
    monkeypatch.setenv("MAILLE_KEEP_ENVELOPES_DAYS", "1000")
    assert "at most MAILLE_KEEP_SAMPLES_DAYS" in run("purge", code=1).stderr


def test_a_purge_tells_a_database_that_is_not_ready(run: Any, settings: Settings) -> None:
    with closing(Store(settings.database_url)) as store, store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    for words in (["purge"], ["revoke", "A" * 43], ["invite", "--list"]):
        assert "maille collector migrate" in run(*words, code=1).stderr

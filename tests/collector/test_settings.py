from pathlib import Path

import pytest

from client_sdk.messages import use_language
from collector.errors import SettingsError
from collector.settings import VARIABLES, Settings
from collector.storage.migration import prepare_database


def test_without_configuration_everything_lives_in_one_directory() -> None:
    settings = Settings.from_environment({})
    assert settings.data == Path("maille-data")
    assert settings.database_url == "sqlite:///maille-data/collector.sqlite"
    assert settings.host == "127.0.0.1"
    assert settings.collector_key == Path("maille-data/collector-key.pem")
    assert settings.device_token_key == Path("maille-data/device-token.key")
    assert settings.archive == "maille-data/archive"


def test_each_variable_is_read() -> None:
    url = "postgresql+psycopg://maille:secret@db/maille"
    settings = Settings.from_environment(
        {
            "MAILLE_DATA": "/srv/maille",
            "MAILLE_DATABASE_URL": url,
            "MAILLE_HOST": "0.0.0.0",
            "MAILLE_PORT": "80",
            "MAILLE_MEASUREMENT_SLOTS": "9",
            "MAILLE_ARCHIVE": "s3://maille/archive",
            "MAILLE_KEEP_SAMPLES_DAYS": "0",
            "MAILLE_KEEP_ENVELOPES_DAYS": "90",
            "MAILLE_KEEP_WITNESSES_DAYS": "180",
            "MAILLE_WORKERS": "3",
        }
    )
    assert (settings.keep_samples_days, settings.keep_envelopes_days, settings.keep_witnesses_days) == (0, 90, 180)
    assert (settings.data, settings.database_url, settings.host) == (Path("/srv/maille"), url, "0.0.0.0")
    assert (settings.port, settings.measurement_slots, settings.workers) == (80, 9, 3)
    assert settings.archive == "s3://maille/archive"
    assert "secret" not in repr(settings)


def test_territory_and_networks_are_read(tmp_path: Path) -> None:
    for name in ("territory.geojson", "asn.mmdb"):
        (tmp_path / name).touch()
    settings = Settings.from_environment(
        {
            "MAILLE_TERRITORY": str(tmp_path / "territory.geojson"),
            "MAILLE_ASN_DATABASE": str(tmp_path / "asn.mmdb"),
            "MAILLE_OPERATOR_ASNS": "20801=3215 20815=51207,12322",
        }
    )
    assert settings.territory == tmp_path / "territory.geojson"
    assert settings.asn_database == tmp_path / "asn.mmdb"
    assert settings.operator_asns == {"20801": {3215}, "20815": {51207, 12322}}
    assert Settings().operator_asns["20820"] == {5410}


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.from_environment(dict.fromkeys(VARIABLES, " ")) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MAILLE_PORT", "http", "expected an integer"),
        ("MAILLE_PORT", "65536", "from 0 to 65535"),
        ("MAILLE_PORT", "-1", "from 0 to 65535"),
        ("MAILLE_MEASUREMENT_SLOTS", "0", "from 1 to 1000"),
        ("MAILLE_KEEP_SAMPLES_DAYS", "-1", "from 0 to 36500"),
        ("MAILLE_KEEP_SAMPLES_DAYS", "two years", "expected an integer"),
        ("MAILLE_KEEP_ENVELOPES_DAYS", "731", r"at most MAILLE_KEEP_SAMPLES_DAYS \(730\)"),
        ("MAILLE_KEEP_WITNESSES_DAYS", "729", r"at least MAILLE_KEEP_SAMPLES_DAYS \(730\)"),
        ("MAILLE_WORKERS", "0", "from 1 to 64"),
        ("MAILLE_DATABASE_URL", "postgres://maille@db/maille", "sqlite, postgresql\\+psycopg"),
        ("MAILLE_DATABASE_URL", "mysql://maille@db/maille", "sqlite, postgresql\\+psycopg"),
        ("MAILLE_DATABASE_URL", "sqlite://", "in memory, .*expected sqlite:///FILE"),
        ("MAILLE_DATABASE_URL", "sqlite:///:memory:", "in memory, .*expected sqlite:///FILE"),
        ("MAILLE_DATABASE_URL", "sqlite:///file::memory:?uri=true", "in memory, .*expected sqlite:///FILE"),
        ("MAILLE_DATABASE_URL", "sqlite:///file:x?mode=memory&uri=true", "in memory, .*expected sqlite:///FILE"),
        ("MAILLE_DATABASE_URL", "not an address", "cannot be read as an address"),
        ("MAILLE_TERRITORY", "/nowhere/territory.geojson", "is not a file"),
        ("MAILLE_ASN_DATABASE", "/nowhere/asn.mmdb", "is not a file"),
        ("MAILLE_OPERATOR_ASNS", "Orange=3215", "expected pairs like"),
        ("MAILLE_OPERATOR_ASNS", "20801=3215,", "expected pairs like"),
    ],
)
def test_a_bad_value_is_told_with_its_name(name: str, value: str, expected: str) -> None:
    use_language("en")
    with pytest.raises(SettingsError, match=f"^{name}: .*{expected}"):
        Settings.from_environment({name: value})


@pytest.mark.parametrize("below", ["", "more/below"])
def test_a_file_is_no_directory_of_data(tmp_path: Path, below: str) -> None:
    use_language("en")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SettingsError, match=f"^MAILLE_DATA: {file} is a file, expected a directory$"):
        Settings.from_environment({"MAILLE_DATA": str(file / below)})


@pytest.mark.parametrize("name", ["what? really=1", "100%25", "a#b@c:d", "é"])
def test_the_default_database_is_in_the_directory_whatever_its_name(tmp_path: Path, name: str) -> None:
    prepare_database(Settings(data=tmp_path / name))
    assert (tmp_path / name / "collector.sqlite").stat().st_size > 0
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_password_is_never_told() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"MAILLE_DATABASE_URL": "mysql://maille:secret@db/maille"})
    assert "secret" not in str(caught.value)

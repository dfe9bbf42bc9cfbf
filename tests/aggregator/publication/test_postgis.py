"""A release in a real PostGIS: keys, geometry, comments and styles, all or nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest

from aggregator.publication.columns import TABLES
from aggregator.publication.errors import PublicationError
from aggregator.publication.exporting import LAYERS, read_layer
from aggregator.publication.postgis import load
from aggregator.publication.release import publish


@pytest.fixture(scope="module")
def release(data: Path) -> Path:
    return publish(data)


@pytest.fixture
def address(empty_database: Callable[[str], AbstractContextManager[str]]) -> Iterator[str]:
    with empty_database("postgresql") as url:
        yield url


def ask(address: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address.replace("postgresql+psycopg", "postgresql")) as connection:
        return connection.execute(question.encode()).fetchall()


def test_every_layer_is_a_table_with_keys_and_comments(release: Path, address: str) -> None:
    loaded = load(release, address)
    assert list(loaded) == list(LAYERS)
    for name in LAYERS:
        layer, table = read_layer(release, name), TABLES[name]
        assert ask(address, f"select count(*), count(distinct fid) from maille.{name}") == [(len(layer), len(layer))]
        registered = (
            f"select type, srid from geometry_columns where f_table_schema = 'maille' and f_table_name = '{name}'"
        )
        assert ask(address, registered) == [(table.geometry.upper(), table.epsg)]
        indexes = ask(address, f"select indexdef from pg_indexes where schemaname = 'maille' and tablename = '{name}'")
        assert sum("USING gist (geom)" in str(row[0]) for row in indexes) == 1
        assert any(f"({', '.join(table.key)})" in str(row[0]) for row in indexes)
        silent = ask(
            address,
            "select column_name from information_schema.columns where table_schema = 'maille' and "
            f"table_name = '{name}' and column_name not in ('fid', 'geom') and "
            f"col_description('maille.{name}'::regclass, ordinal_position) is null",
        )
        assert silent == []
    hexagons = read_layer(release, "hexagons").to_crs(2154)
    area = ask(address, "select sum(st_area(st_transform(geom, 2154))), count(p) from maille.hexagons")[0]
    assert area[0] == pytest.approx(hexagons.area.sum(), rel=1e-6)
    assert area[1] == hexagons["p"].notna().sum()
    styled = "select f_table_name from layer_styles where useasdefault and f_table_schema = 'maille' order by 1"
    assert [row[0] for row in ask(address, styled)] == sorted(LAYERS)


def test_loading_again_replaces_and_a_failure_changes_nothing(release: Path, address: str) -> None:
    load(release, address)
    again = load(release, address)
    assert ask(address, "select count(*) from maille.hexagons") == [(again["hexagons"],)]
    count = ask(address, "select count(*) from layer_styles")
    with psycopg.connect(address.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute("create view maille.mine as select * from maille.points")
        connection.execute("update maille.hexagons set notice = 'mine'")
    with pytest.raises(PublicationError, match="mine depends on"):
        load(release, address)
    assert ask(address, "select distinct notice from maille.hexagons") == [("mine",)]
    assert ask(address, "select count(*) from layer_styles") == count


def test_a_database_that_is_not_there_is_one_clear_message(release: Path) -> None:
    with pytest.raises(PublicationError, match="expected a PostgreSQL database with PostGIS"):
        load(release, "postgresql://nobody@127.0.0.1:1/none")

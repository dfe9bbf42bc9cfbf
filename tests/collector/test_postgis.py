"""The geometry that PostgreSQL generates for people's tools, read through GeoAlchemy2."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from client_sdk.sample import Sample
from collector.storage.migration import migrate


@pytest.fixture
def database_url(empty_database: Any) -> Any:
    with empty_database("postgresql") as url:
        migrate(url)
        yield url


def test_samples_are_found_in_a_box(collector: Any, phone_of: Any, make_sample: Callable[..., Sample]) -> None:
    phone = phone_of(collector)
    inside = make_sample(latitude=47.0, longitude=3.25)
    phone.send([inside, make_sample(latitude=47.0, longitude=5.5), make_sample(latitude=3.25, longitude=47.0)])
    phone.send([make_sample()])
    found = collector.store.samples_within(west=3.0, south=46.5, east=3.5, north=47.5)
    assert found == [(phone.key.public.thumbprint, inside.id, "POINT(3.25 47)")]


def test_the_geometry_is_generated_indexed_and_absent_without_position(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    phone_of(collector).send([make_sample(), make_sample(latitude=-1.0, longitude=2.0)])
    with collector.store.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT ST_SRID(position), ST_X(position), ST_Y(position) FROM samples ORDER BY latitude")
        ).all()
        index = connection.scalar(text("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_samples_position'"))
    assert [tuple(row) for row in rows] == [(4326, 2.0, -1.0), (None, None, None)]
    assert "USING gist" in index

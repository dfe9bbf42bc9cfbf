"""The network that a transfer came from: looked up in a real file, kept without the address, and judged."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from sqlalchemy import select
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from client_sdk.messages import use_language
from client_sdk.sample import Sample, new_sample_id
from collector.errors import SettingsError
from collector.measurement.networks import NetworkDatabase
from collector.plausibility.judging import judge_history
from collector.storage.tables import samples, witnesses


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-ASN")
    for network, asn, name in (
        ("127.0.0.0/8", 64_496, "this machine"),
        ("192.0.2.0/24", 3215, "Orange"),
        ("2001:db8::/32", 12322, "Free"),
    ):
        writer.insert_network(
            IPSet([network]), {"autonomous_system_number": asn, "autonomous_system_organization": name}
        )
    file = tmp_path / "asn.mmdb"
    writer.to_db_file(str(file))
    return file


@pytest.mark.parametrize(
    ("address", "asn"),
    [
        ("192.0.2.7", 3215),
        ("::ffff:192.0.2.7", 3215),
        ("2001:db8::1", 12322),
        ("2001:db8::1%eth0", 12322),
        ("198.51.100.1", None),
        ("not an address", None),
        (None, None),
    ],
)
def test_an_address_has_its_autonomous_system(network_file: Path, address: str | None, asn: int | None) -> None:
    networks = NetworkDatabase(network_file)
    assert networks.asn_of(address) == asn
    networks.close()


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    use_language("en")
    file = tmp_path / "asn.mmdb"
    file.write_text("nothing of the kind")
    with pytest.raises(SettingsError, match=r"^MAILLE_ASN_DATABASE: .*asn\.mmdb cannot be read"):
        NetworkDatabase(file)


def download(phone: Any, test_id_token: str) -> int:
    async def whole() -> int:
        base = phone.collector.base_url.replace("http", "ws", 1)
        url = f"{base}/ndt/v7/download?access_token={test_id_token}&max_bytes=200000"
        received = 0
        async with connect(
            url, subprotocols=["net.measurementlab.ndt.v7"], compression=None, max_size=1 << 24, proxy=None
        ) as connection:
            try:
                async for message in connection:
                    received += len(message) if isinstance(message, bytes) else 0
            except ConnectionClosed:
                pass
        return received

    return asyncio.run(whole())


def test_a_transfer_from_another_network_than_the_sims_is_flagged(
    running_collector: Any, phone_of: Any, network_file: Path
) -> None:
    from time import monotonic, sleep

    collector = running_collector(asn_database=network_file)
    phone = phone_of(collector)
    granted = phone.session()
    received = download(phone, granted["token"])
    deadline = monotonic() + 60
    while True:  # the server writes its record once the connection is over
        with collector.store.reading() as connection:
            rows = [dict(row) for row in connection.execute(select(witnesses)).mappings()]
        if rows or monotonic() > deadline:
            break
        sleep(0.02)
    assert [row["asn"] for row in rows] == [64_496]
    assert "127.0.0.1" not in str(rows)

    whole_bps = rows[0]["bytes"] * 8000 / max(rows[0]["duration_ms"], 1.0)
    for plmn in ("20801", "26201"):
        phone.send(
            [
                Sample(
                    id=new_sample_id(),
                    seq=1 if plmn == "20801" else 2,
                    kind="throughput",
                    measured_at="2026-11-20T08:00:00.000Z",
                    outcome="ok",
                    sim_plmn=plmn,
                    test_id=granted["test_id"],
                    download_bps=whole_bps,
                    download_bytes=received,
                )
            ]
        )
    judge_history(collector.store, collector.app.state.grounds)
    with collector.store.reading() as connection:
        found = {row.sim_plmn: row.flags for row in connection.execute(select(samples))}
    assert found == {"20801": "network-other", "26201": ""}

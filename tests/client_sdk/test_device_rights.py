"""`maille device access`, `erase` and `rotate` against real collectors; and a collector that changes its own key."""

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from client_sdk.enrolment import enrol
from client_sdk.errors import CollectorError, DeviceKeyError, MailleError
from client_sdk.home import Home
from client_sdk.key_rotation import rotate_key
from client_sdk.measurement.access import NoAccessError
from client_sdk.measurement.followed_access import open_followed
from client_sdk.outbox.carrying import carry, export, settle_from
from client_sdk.outbox.pins import every_collector
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.schema import OutboxError
from client_sdk.outbox.upload import upload
from client_sdk.signing.jws import verify_compact
from client_sdk.signing.key_statements import leads_to, sign_key_statement
from client_sdk.signing.keys import SigningKey
from collector.key_rotation import read_statements, rotate_collector_key
from collector.settings import Settings
from collector.storage.devices import find_device, find_keys

NewSample = Callable[..., Any]
ACCEPT = ("--accept-privacy-notice", "--json")


def told(done: Any) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def served(settings: Settings) -> Iterator[Any]:
    from collector.serving import running_collector

    with running_collector(settings) as running:
        yield running


@pytest.fixture
def add(home: Path, new_sample: NewSample) -> Callable[[int], None]:
    def add(count: int) -> None:
        with Outbox(home / "outbox.sqlite") as outbox:
            outbox.add([new_sample() for _ in range(count)])

    return add


def test_a_device_sees_and_erases_what_it_sent(
    maille: Any, home: Path, live_collector: Any, add: Callable[[int], None], tmp_path: Path
) -> None:
    told(maille("device", "enrol", live_collector.base_url, *ACCEPT))
    add(3)
    told(maille("upload", "--json"))
    add(1)
    thumbprint = SigningKey.load(home / "device-key.pem").public.thumbprint
    (key,) = find_keys(live_collector.store, thumbprint)
    assert key.key_created_at is not None
    assert abs((key.key_created_at - datetime.now(UTC)).total_seconds()) < 300

    out = tmp_path / "copy.zip"
    copied = told(maille("device", "access", "--out", str(out), "--json"))
    assert (copied["file"], copied["bytes"]) == (str(out), out.stat().st_size)
    assert out.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(out) as copy:
        assert len(copy.read("samples.ndjson").splitlines()) == 3

    declined = maille("--lang", "fr", "device", "erase", stdin="n\n")
    assert declined.returncode == 1
    assert "efface tout ce que cet appareil lui a envoyé" in declined.stdout
    assert "abandonné" in declined.stderr
    assert "confirm by --yes" in maille("device", "erase", "--json").stderr
    assert live_collector.store.count_samples() == 3

    erased = maille("device", "erase", live_collector.base_url + "/", stdin="y\n")
    assert erased.returncode == 0, erased.stderr
    assert "erased 3 samples and 1 envelopes" in erased.stdout
    assert live_collector.store.count_samples() == 0
    assert find_device(live_collector.store, thumbprint) is None
    (receipt,) = home.glob("erasure-*.jws")
    payload, _ = verify_compact(
        receipt.read_text().strip(),
        {live_collector.key.public.thumbprint: live_collector.key.public}.get,
        "maille-erasure-receipt",
    )
    assert json.loads(payload)["samples"] == 3
    status = told(maille("status", "--json"))
    assert "not enrolled" in maille("upload").stderr
    assert told(maille("device", "show", "--json"))["collectors"] == []
    assert status["pending"] == 1
    # asked again, it says the same; enrolled again, only what was never sent goes there
    assert told(maille("device", "erase", "--yes", "--json"))["samples"] == 3
    told(maille("device", "enrol", live_collector.base_url, *ACCEPT))
    assert told(maille("upload", "--json"))["sent"] == 1


def test_a_key_is_changed_at_every_collector(
    maille: Any, home: Path, live_collector: Any, add: Callable[[int], None], tmp_path: Path
) -> None:
    with served(Settings(data=tmp_path / "second", port=0, echo_port="off")) as second:
        for url in (live_collector.base_url, second.base_url):
            told(maille("device", "enrol", url, *ACCEPT))
        add(2)
        told(maille("upload", "--json"))
        told(maille("device", "leave", second.base_url, "--json"))
        add(2)
        stick = tmp_path / "stick"
        told(maille("export", str(stick), "--json"))
        before = SigningKey.load(home / "device-key.pem").public.thumbprint
        rotated = told(maille("device", "rotate", "--json"))
        after = SigningKey.load(home / "device-key.pem").public.thumbprint
        assert (rotated["previous"], rotated["device"]) == (before, after)
        assert set(rotated["collectors"]) == {live_collector.base_url, second.base_url}
        assert not (home / "device-key.next.pem").exists()
        assert (home / "device-key.pem").stat().st_mode & 0o777 == 0o600
        for collector in (live_collector, second):
            assert [key.thumbprint for key in find_keys(collector.store, before)] == [before, after]
        # the stick's envelope, of the old key, and the outbox's, of the new one, hold the same samples
        assert told(maille("upload", str(stick), "--json"))["stored"] == 2
        assert told(maille("upload", "--json"))["duplicates"] == 2
        assert live_collector.store.count_samples() == 4
        assert told(maille("device", "erase", second.base_url, "--yes", "--json"))["samples"] == 2
        # what erased the device is not asked again
        assert told(maille("device", "rotate", "--json"))["collectors"] == [live_collector.base_url]


def test_a_change_that_is_cut_short_goes_on_where_it_stopped(
    home: Path, client: httpx.Client, live_collector: Any, new_sample: NewSample, tmp_path: Path, maille: Any
) -> None:
    place = Home(home)
    key = SigningKey.load_or_create(place.device_key)
    settings = Settings(data=tmp_path / "second", port=0, echo_port="off")
    with Outbox(place.outbox) as outbox:
        with served(settings) as second:
            enrol(second.base_url, key, outbox, client=client)
            enrol(live_collector.base_url, key, outbox, client=client)
            away = second.base_url
        outbox.add([new_sample()])
        with pytest.raises(CollectorError, match="no answer"):
            rotate_key(place, outbox, client)
        # one collector knows the new key already; the old one still sends to it
        assert SigningKey.load(place.device_key).public.thumbprint == key.public.thumbprint
        new = SigningKey.load(place.next_device_key).public.thumbprint
        assert len(find_keys(live_collector.store, key.public.thumbprint)) == 2
        assert upload(outbox, key, client, by_hand=True).sent == 1
        port = int(away.rsplit(":", 1)[1])
        with served(Settings(data=tmp_path / "second", port=port, echo_port="off")) as second:
            assert rotate_key(place, outbox, client).device == new
            assert [one.thumbprint for one in find_keys(second.store, new)] == [key.public.thumbprint, new]
        assert SigningKey.load(place.device_key).public.thumbprint == new
        rotated = rotate_key(place, outbox, client, [away])
        assert (rotated.collectors, rotated.skipped) == ((live_collector.base_url,), (away,))
    refused = maille("device", "rotate")
    assert refused.returncode == 3
    assert "run `maille device rotate` again" in refused.stderr


def test_nobody_else_works_meanwhile(
    home: Path, client: httpx.Client, live_collector: Any, maille: Any, new_sample: NewSample
) -> None:
    from client_sdk.survey.control import survey_lock

    assert "no key yet" in maille("device", "rotate").stderr
    key = SigningKey.load_or_create(home / "device-key.pem")
    with Outbox(home / "outbox.sqlite") as outbox:
        enrol(live_collector.base_url, key, outbox, client=client)
        with Outbox(home / "outbox.sqlite"), pytest.raises(OutboxError, match="another maille program"):
            rotate_key(Home(home), outbox, client)
        outbox.add([new_sample()])  # its own use of the outbox goes on
        assert "another maille program" in maille("device", "rotate").stderr
    with survey_lock(home):
        assert "a survey is running already" in maille("device", "rotate").stderr
    assert SigningKey.load(home / "device-key.pem").public.thumbprint == key.public.thumbprint


@pytest.mark.parametrize("path", ["access", "erasure", "rotations"])
def test_who_answers_in_the_collectors_stead_is_not_believed(
    home: Path, client: httpx.Client, live_collector: Any, serve: Any, pinned: Any, path: str, maille: Any
) -> None:
    key = SigningKey.load_or_create(home / "device-key.pem")
    status = httpx.get(f"{live_collector.base_url}/v1/status").content

    def portal(request: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, status if request.method == "GET" else b"<h1>log in</h1>"

    with Outbox(home / "outbox.sqlite") as outbox:
        outbox.pin(pinned(serve(portal), live_collector.key.public))
    words = {"access": ["access"], "erasure": ["erase", "--yes"], "rotations": ["rotate"]}[path]
    done = maille("device", *words)
    assert done.returncode == 3, done.stderr
    assert "log in first" in done.stderr
    assert list(home.glob("erasure-*")) == []
    assert list(Path().glob("maille-*.zip")) == []
    assert SigningKey.load(home / "device-key.pem").public.thumbprint == key.public.thumbprint


def test_a_collectors_new_key_is_followed_where_the_old_one_signed_for_it(
    home: Path, client: httpx.Client, new_sample: NewSample, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path / "server", port=0, echo_port="off")
    key = SigningKey.load_or_create(home / "device-key.pem")
    with Outbox(home / "outbox.sqlite") as outbox:
        with served(settings) as collector:
            first = enrol(collector.base_url, key, outbox, client=client)
            outbox.add([new_sample()])
            upload(outbox, key, client, by_hand=True).checked()
        keys = [first.key.thumbprint]
        # the device was away while the key changed twice
        keys += [rotate_collector_key(settings, datetime.now(UTC))[1] for _ in range(2)]
        outbox.add([new_sample()])
        port = int(first.url.rsplit(":", 1)[1])
        with served(Settings(data=tmp_path / "server", port=port, echo_port="off")) as collector:
            assert len(httpx.get(f"{first.url}/v1/status").json()["key_statements"]) == 2
            done = upload(outbox, key, client, by_hand=True).checked()
            assert (done.sent, done.collectors[0].collector.key.thumbprint) == (1, keys[-1])
            (pin,) = every_collector(outbox)
            assert pin.key.thumbprint == keys[-1]
            assert (outbox.counts().sent, outbox.counts().pending, len(outbox.receipts())) == (2, 0, 2)
            # a link printed before the change is good still
            again = enrol(first.url, key, outbox, client=client, collector_thumbprint=keys[0])
            assert again.key.thumbprint == keys[-1]
            assert outbox.known_thumbprint(first.url) == keys[-1]
            assert collector.store.count_samples() == 2
            with pytest.raises(MailleError, match="not the collector you were given"):
                enrol(first.url, key, outbox, client=client, collector_thumbprint="A" * 43)


def test_a_new_key_that_nobody_signed_for_is_told_and_stops(
    home: Path, client: httpx.Client, new_sample: NewSample, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path / "server", port=0, echo_port="off")
    key = SigningKey.load_or_create(home / "device-key.pem")
    with Outbox(home / "outbox.sqlite") as outbox:
        with served(settings) as collector:
            first = enrol(collector.base_url, key, outbox, client=client)
        rotate_collector_key(settings, datetime.now(UTC))
        settings.key_statements.write_text("")
        outbox.add([new_sample()])
        port = int(first.url.rsplit(":", 1)[1])
        with served(Settings(data=tmp_path / "server", port=port, echo_port="off")):
            done = upload(outbox, key, client, by_hand=True)
            assert "pinned was" in str(done.trouble)
            assert outbox.counts().pending == 1
            with pytest.raises(MailleError, match="pinned was"):
                rotate_key(Home(home), outbox, client)


def test_the_collectors_change_of_key_can_be_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=tmp_path)
    old = SigningKey.load_or_create(settings.collector_key).public.thumbprint
    aside = tmp_path / "collector-key.next.pem"
    new = SigningKey.load_or_create(aside).public
    settings.key_statements.write_text(sign_key_statement(SigningKey.load(settings.collector_key), new, "then")[:70])
    assert read_statements(settings) == []
    assert rotate_collector_key(settings, datetime.now(UTC)) == (old, new.thumbprint)
    assert not aside.exists()
    (statement,) = read_statements(settings)
    assert leads_to(old, new.thumbprint, [None, 3, "x", "a.b.c", statement])
    assert not leads_to(new.thumbprint, old, [statement])
    third = rotate_collector_key(settings, datetime.now(UTC))[1]
    chain = read_statements(settings)
    assert leads_to(old, third, chain[::-1])
    assert not leads_to(old, third, chain[1:])
    head, payload, signature = chain[0].split(".")
    assert not leads_to(old, third, [f"{head}.{payload}.{signature[:-4]}AAAA", chain[1]])
    os.truncate(settings.collector_key, 10)
    with pytest.raises(DeviceKeyError):
        rotate_collector_key(settings, datetime.now(UTC))


def test_a_stick_sealed_before_a_change_of_key_arrives_after_it(
    home: Path, client: httpx.Client, live_collector: Any, new_sample: NewSample, tmp_path: Path
) -> None:
    key = SigningKey.load_or_create(home / "device-key.pem")
    with Outbox(home / "outbox.sqlite") as outbox:
        enrol(live_collector.base_url, key, outbox, client=client)
        outbox.add([new_sample()])
        export(outbox, key, tmp_path / "stick")
        rotated = rotate_key(Home(home), outbox, client)
        carried = carry(tmp_path / "stick", outbox.collectors(), client, quiet_folder=home)
        assert (carried.stored, carried.troubles) == (1, ())
        new = SigningKey.load(home / "device-key.pem")
        assert new.public.thumbprint == rotated.device
        assert upload(outbox, new, client, by_hand=True).checked().duplicates == 1


def test_a_stick_for_a_collectors_old_key_is_carried_to_its_new_one(
    home: Path, client: httpx.Client, new_sample: NewSample, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path / "server", port=0, echo_port="off")
    key = SigningKey.load_or_create(home / "device-key.pem")
    with Outbox(home / "outbox.sqlite") as outbox:
        with served(settings) as collector:
            first = enrol(collector.base_url, key, outbox, client=client)
        outbox.add([new_sample()])
        export(outbox, key, tmp_path / "stick")
        rotate_collector_key(settings, datetime.now(UTC))
        port = int(first.url.rsplit(":", 1)[1])
        with served(Settings(data=tmp_path / "server", port=port, echo_port="off")) as collector:
            enrol(first.url, key, outbox, client=client)
            carried = carry(tmp_path / "stick", outbox.collectors(), client, quiet_folder=home)
            assert (carried.stored, carried.unknown) == (1, ())
            assert settle_from(outbox, key.public, tmp_path / "stick").sent == 1
            assert outbox.counts().pending == 0
            # another collector at the address is none of the stick's
            settings.key_statements.write_text("")
            other = [PinnedCollector(first.url, collector.key.public, "", "")]
        with served(Settings(data=tmp_path / "server", port=port, echo_port="off")):
            (receipt,) = (tmp_path / "stick").glob("*.jws")
            receipt.unlink()
            carried = carry(tmp_path / "stick", other, client, quiet_folder=home)
            assert (carried.envelopes, carried.unknown) == (0, (first.url,))


def test_a_session_is_asked_for_under_the_collectors_new_key(
    home: Path, client: httpx.Client, tmp_path: Path, serve: Any, pinned: Any
) -> None:
    settings = Settings(data=tmp_path / "server", port=0, echo_port="off")
    key = SigningKey.load_or_create(home / "device-key.pem")
    with Outbox(home / "outbox.sqlite") as outbox:
        with served(settings) as collector:
            first = enrol(collector.base_url, key, outbox, client=client)
            assert open_followed(outbox, first, key, client).token
        rotate_collector_key(settings, datetime.now(UTC))
        port = int(first.url.rsplit(":", 1)[1])
        with served(Settings(data=tmp_path / "server", port=port, echo_port="off")) as collector:
            assert open_followed(outbox, first, key, client).token
            (pin,) = outbox.collectors()
            assert pin.key.thumbprint == collector.key.public.thumbprint
            stranger = SigningKey.generate()
            with pytest.raises(NoAccessError, match="not an enrolled device"):
                open_followed(outbox, pin, stranger, client)
        portal = pinned(serve(lambda _: (400, {}, b"log in")), pin.key)
        with pytest.raises(NoAccessError, match="answered 400"):
            open_followed(outbox, portal, key, client)

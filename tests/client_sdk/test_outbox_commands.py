"""The commands that join and leave collectors, send, carry and hide, run for real."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from client_sdk.join_link import JoinLink
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.quiet import measuring
from client_sdk.outbox.surveys import Surveys
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey
from collector.storage.devices import find_device

ACCEPT = ("--accept-privacy-notice", "--json")
Run = Callable[..., subprocess.CompletedProcess[str]]


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


@pytest.fixture
def link(live_collector: Any) -> JoinLink:
    return JoinLink(live_collector.base_url, live_collector.key.public.thumbprint)


@pytest.fixture
def add(home: Path, new_sample: Callable[..., Sample]) -> Callable[..., None]:
    def keep(count: int = 1, **fields: Any) -> None:
        with Outbox(home / "outbox.sqlite") as outbox:
            outbox.add(new_sample(**fields) for _ in range(count))

    return keep


def test_a_link_carries_all_that_enrolling_needs(maille: Run, live_collector: Any, link: JoinLink) -> None:
    from collector.intake.devices import invite

    code, _ = invite(live_collector.store, "team", 1, timedelta(days=1), datetime.now(UTC))
    team = JoinLink(link.url, link.thumbprint, code)
    assert told(maille("device", "enrol", team.text(), *ACCEPT))["tier"] == "field_team"
    other = JoinLink(link.url, SigningKey.generate().public.thumbprint)
    refused = maille("device", "enrol", other.text(), *ACCEPT)
    assert refused.returncode == 1
    assert "is not the collector you were given" in refused.stderr
    cut = maille("device", "enrol", link.text()[:-5], *ACCEPT)
    assert (cut.returncode, "was the link cut short?" in cut.stderr) == (1, True)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("What this collector keeps", "For how long", "Voice and SMS are not measured", "To leave", "hide",
             "2 samples are here already", "forgotten 30 days after", "maille device leave http"),
        ),
        (
            "fr",
            ("Ce que ce collecteur conserve", "Combien de temps", "La voix et les SMS ne sont pas mesurés",
             "Pour partir", "hide", "2 relevés sont déjà ici", "oublié 30 jours après", "maille device leave http"),
        ),
    ],
)  # fmt: skip
def test_everything_is_said_before_anything_is_sent(
    maille: Run, live_collector: Any, link: JoinLink, add: Any, language: str, words: tuple[str, ...], home: Path
) -> None:
    add(2)
    declined = maille("--lang", language, "device", "enrol", link.text(), stdin="n\n")
    assert declined.returncode == 1
    assert maille("--lang", language, "device", "enrol", link.text(), stdin="\n").returncode == 1
    shown = " ".join(declined.stdout.split())
    assert [word for word in words if word not in shown] == []
    device = SigningKey.load(home / "device-key.pem").public.thumbprint
    assert find_device(live_collector.store, device) is None
    accepted = maille("--lang", language, "device", "enrol", link.text(), stdin="oui\n" if language == "fr" else "y\n")
    assert accepted.returncode == 0
    assert find_device(live_collector.store, device).tier == "volunteer"


def test_leaving_stops_the_sending(maille: Run, live_collector: Any, link: JoinLink, add: Any) -> None:
    told(maille("device", "enrol", link.text(), *ACCEPT))
    add()
    assert told(maille("device", "leave", link.text(), "--json"))["collectors"] == []
    assert "not enrolled" in maille("upload").stderr
    assert live_collector.store.count_samples() == 0
    assert told(maille("status", "--json"))["pending"] == 1
    assert "enrolled at: —" in maille("device", "leave").stderr
    again = maille("device", "leave", link.url)
    assert (again.returncode, "not enrolled there" in again.stderr) == (1, True)
    told(maille("device", "enrol", link.url, *ACCEPT))
    assert told(maille("upload", "--json"))["sent"] == 1
    assert told(maille("device", "leave", "--json"))["left"] == link.url  # the only one


def test_a_stick_goes_to_a_machine_that_knows_nothing(
    maille: Run, live_collector: Any, link: JoinLink, add: Any, home: Path, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    told(maille("device", "enrol", link.text(), *ACCEPT))
    add(7)
    out = told(maille("export", str(stick), "--json"))
    assert (out["samples"], out["envelopes"], out["pending"]) == (7, 1, 7)
    elsewhere = {"MAILLE_HOME": str(tmp_path / "elsewhere")}
    unknown = maille("upload", str(stick), **elsewhere)
    assert (unknown.returncode, "with --to" in unknown.stderr) == (1, True)
    wrong = JoinLink(link.url, SigningKey.generate().public.thumbprint).text()
    assert "not for it" in maille("upload", str(stick), "--to", wrong, **elsewhere).stderr
    for to in (link.url, link.text()):
        carried = told(maille("upload", str(stick), "--to", to, "--json", **elsewhere))
    assert (carried["envelopes"], carried["arrived_before"]) == (0, 1)
    assert live_collector.store.count_samples() == 7
    assert not (tmp_path / "elsewhere" / "outbox.sqlite").exists()

    moved = tmp_path / "moved"  # a stick may be mounted elsewhere
    shutil.copytree(stick, moved)
    assert told(maille("upload", str(moved), "--json"))["settled_here"] == 7
    status = told(maille("status", "--json"))
    assert (status["pending"], status["sent"]) == (0, 7)
    assert "0 samples written" in maille("export", str(stick)).stdout
    assert maille("upload", str(tmp_path / "none")).returncode == 1
    assert maille("upload", "--to", link.url).returncode == 2


def test_status_tells_each_collector_and_when_it_is_tried_again(
    maille: Run, home: Path, link: JoinLink, add: Any, pinned: Callable[..., PinnedCollector], live_collector: Any
) -> None:
    told(maille("device", "enrol", link.text(), *ACCEPT))
    with Outbox(home / "outbox.sqlite") as outbox:
        outbox.pin(pinned("http://127.0.0.1:9", SigningKey.generate().public))
        survey = Surveys(outbox).begin({}, 1_795_451_640_123)
    add(3)
    sent = told(maille("upload", "--json"), 3)
    assert [(one["sent"], one["pending"], bool(one["trouble"])) for one in sent["collectors"]] == [
        (0, 3, True),
        (3, 0, False),
    ]
    status = told(maille("status", "--check", "--json"), 3)
    down, up = status["collectors"]
    assert (down["url"], down["pending"], down["failures"], down["refused"]) == ("http://127.0.0.1:9", 3, 1, False)
    assert "no answer" in down["trouble"]
    assert down["next_try_at"].endswith("Z")
    assert (up["sent"], up["failures"], up["next_try_at"]) == (3, 0, None)
    assert [(one["id"], one["samples"], one["ended_at"]) for one in status["surveys"]] == [(survey, 0, None)]
    assert 0 < status["outbox"]["bytes"] < status["outbox"]["max_bytes"] < status["outbox"]["disk_free_bytes"]
    spoken = maille("--lang", "fr", "status")
    assert spoken.returncode == 0
    assert "prochain essai après" in spoken.stdout
    with measuring(home):
        assert "A measurement is running" in maille("status").stdout


def test_a_place_is_hidden_on_the_device_alone(maille: Run, link: JoinLink, add: Any, live_collector: Any) -> None:
    told(maille("device", "enrol", link.text(), *ACCEPT))
    add(2, latitude=-21.1151, longitude=55.5364)
    hidden = told(maille("device", "hide", "-21.1151,55.5364", "--radius", "300", "--json"))
    assert (hidden["area"]["radius_m"], hidden["removed"], hidden["sent_before"]) == (600, 2, 0)
    shown = told(maille("device", "show", "--json"))
    assert [area["id"] for area in shown["hidden_areas"]] == [hidden["area"]["id"]]
    add(1, latitude=-21.1151, longitude=55.5364)
    assert told(maille("status", "--json"))["pending"] == 0
    told(maille("device", "unhide", str(hidden["area"]["id"]), "--json"))
    add(1, latitude=-21.1151, longitude=55.5364)
    assert told(maille("upload", "--json"))["sent"] == 1
    assert maille("device", "unhide", "9").returncode == 1
    for wrong in ("here", "91,0", "1,2,3"):
        assert maille("device", "hide", wrong).returncode == 1
    assert maille("device", "hide", "47,3", "--radius", "5").returncode == 2


def test_what_was_read_back_is_told(maille: Run, home: Path, add: Any, link: JoinLink) -> None:
    told(maille("device", "enrol", link.text(), *ACCEPT))
    add(1000)
    content = bytearray((home / "outbox.sqlite").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8192] = b"\xff" * 8192
    (home / "outbox.sqlite").write_bytes(content)
    done = maille("status", "--json")
    assert "was damaged: set aside as" in done.stderr
    assert "samples were read back from it, the rest could not be read" in done.stderr
    assert 800 < told(done)["pending"] < 1000
    assert told(maille("upload", "--json"))["pending"] == 0


def test_an_imported_log_obeys_hidden_places(maille: Run, tmp_path: Path) -> None:
    log = tmp_path / "campaign.csv"
    head = "latitude_start;longitude_start;loaded_in_less_10_secondes;loaded_in_less_5_secondes;operator;protocole"
    log.write_text(head + ";situation\n47.1;4.1;1;1;Bouygues;WEB;INTRAIN\n47.2;4.2;0;0;Orange;WEB;INTRAIN\n")
    told(maille("device", "hide", "47.2,4.2", "--json"))
    say = ("import", str(log), "--format", "arcep-qos", "--measured-on", "2025-06-17")
    first = told(maille(*say, "--json"))
    assert (first["samples"], first["added"], first["known"], first["hidden"]) == (2, 1, 0, 1)
    assert "1 are near a hidden place" in maille(*say).stdout

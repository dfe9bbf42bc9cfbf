"""Everything that `maille status --mine` shows: from the collectors, from their maps, and from the device alone."""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from client_sdk.device_requests import contributions_at
from client_sdk.enrolment import renewed
from client_sdk.errors import CollectorError
from client_sdk.mine.changes import compare
from client_sdk.mine.page import Told
from client_sdk.mine.release import fetch_release
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.signing.keys import SigningKey


@dataclass(frozen=True, slots=True)
class Refused:
    """A collector that told nothing."""

    url: str
    error: CollectorError


def ask_all(outbox: Outbox, key: SigningKey, client: httpx.Client) -> tuple[list[Told], list[Refused]]:
    """Ask every collector that this device sends to, and look where their maps are; one that is away stops no other."""
    told: list[Told] = []
    refused: list[Refused] = []
    for collector in outbox.collectors():
        try:
            told.append(_ask(outbox, collector, key, client))
        except CollectorError as error:
            refused.append(Refused(collector.url, error))
    return told, refused


def _ask(outbox: Outbox, collector: PinnedCollector, key: SigningKey, client: httpx.Client) -> Told:
    account = contributions_at(renewed(outbox, collector, client), key, client)
    if account.map_url is None or not account.hexagons:
        return Told(collector.url, account)
    try:
        release = fetch_release(account.map_url, [hexagon.h3 for hexagon in account.hexagons], client)
    except CollectorError as error:
        return Told(collector.url, account, trouble=str(error))
    return Told(collector.url, account, release, compare(account, release))


def members_of(told: Told) -> dict[str, Any]:
    """For scripts: the account, what is said of its places, and where to go next."""
    account = asdict(told.account)
    heap = account.pop("heap")
    for network in account["networks"]:
        network |= network.pop("heap")
    for hexagon in account["hexagons"]:
        operators = hexagon.pop("operators")
        hexagon["operators"] = [{"operator": operator, **counts} for operator, counts in operators.items()]
    release, changes = told.release, told.changes
    names = ("release", "date", "k", "synthetic")
    known = None if release is None else {name: getattr(release, name) for name in names}
    return {
        "url": told.url,
        **heap,
        **account,
        "release": known,
        "said": None if changes is None else changes.counts(),
        "near": [] if changes is None else [asdict(place) for place in changes.near],
        "trouble": told.trouble,
    }


def outbox_knows(outbox: Outbox) -> dict[str, Any]:
    """What this device knows by itself of its samples whose text is still here: how many, of which kind, when."""
    kinds: Counter[str] = Counter()
    days: set[str] = set()
    for (line,) in outbox.connection.execute("SELECT line FROM samples WHERE line IS NOT NULL"):
        fields = json.loads(line)
        kinds[fields["kind"]] += 1
        days.add(fields["measured_at"][:10])
    return {
        **asdict(outbox.counts()),
        "kinds": dict(sorted(kinds.items())),
        "days": len(days),
        "first_day": min(days, default=None),
        "last_day": max(days, default=None),
    }

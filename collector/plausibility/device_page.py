"""What a device's flags say, for its owner and for the project team."""

from collections.abc import Sequence
from typing import Any

from client_sdk.bounds import instant_text
from client_sdk.messages import tier_name, tr
from collector.errors import DeviceError
from collector.plausibility.rules import RULES, find_rule
from collector.storage.devices import find_device
from collector.storage.flags import FlagCount, count_flags, find_keys
from collector.storage.records import Device
from collector.storage.store import Store


def device_page(store: Store, thumbprint: str) -> dict[str, Any]:
    """A device with all its keys: how many samples it has, and for each rule how many of them it flags.

    ``unjudged`` says that samples came, or that it was revoked or reinstated, since its history was judged.

    Raises:
        DeviceError: ``jws-unknown-key``.
    """
    device = find_device(store, thumbprint)
    if device is None:
        raise DeviceError("jws-unknown-key", f"{thumbprint}: is not an enrolled device")
    return _page(store, device)


def _page(store: Store, device: Device) -> dict[str, Any]:
    own = find_keys(store, device.thumbprint)
    counts = count_flags(store, own.origin)
    return {
        "device": device.thumbprint,
        "keys": list(own.thumbprints),
        "tier": device.tier,
        "enrolled_at": instant_text(device.enrolled_at),
        "revoked_at": instant_text(device.revoked_at) if device.revoked_at else None,
        "revoked_from": instant_text(device.revoked_from) if device.revoked_from else None,
        "unjudged": own.unjudged,
        "samples": sum(count.samples for count in counts),
        "excluded": sum(count.samples for count in counts if count.excluded),
        "flags": [found for rule in RULES if (found := _told(rule.id, counts))],
    }


def _told(flag: str, counts: Sequence[FlagCount]) -> dict[str, Any] | None:
    own = [count for count in counts if flag in count.flags.split()]
    rule = find_rule(flag)
    if not own or rule is None:
        return None
    return {
        "rule": rule.id,
        "version": rule.version,
        "excludes": rule.excludes,
        "samples": sum(count.samples for count in own),
        "first": instant_text(min(count.first_measured_at for count in own)),
        "last": instant_text(max(count.last_measured_at for count in own)),
        "reason_en": rule.reason_en,
        "reason_fr": rule.reason_fr,
        "source": rule.source,
    }


def page_text(page: dict[str, Any]) -> str:
    """The page for a person."""
    tier = tier_name(page["tier"])
    lines = [
        tr(
            f"{page['device']} ({tier}), enrolled {page['enrolled_at']}: {page['samples']} samples, "
            f"{page['excluded']} without a vote.",
            f"{page['device']} ({tier}), enrôlé le {page['enrolled_at']} : {page['samples']} relevés, "
            f"dont {page['excluded']} sans vote.",
        )
    ]
    if page["revoked_at"]:
        lines.append(
            tr(
                f"This key is refused from {page['revoked_at']} on; what it signed that dates from "
                f"{page['revoked_from']} on does not count.",
                f"Cette clé est refusée à partir du {page['revoked_at']} ; ce qu’elle a signé et qui date du "
                f"{page['revoked_from']} ou d’après ne compte pas.",
            )
        )
    if page["unjudged"]:
        lines.append(
            tr(
                "Its flags are not up to date: something changed since its history was judged. The next `maille "
                "collector archive` judges it, `maille collector rejudge` at once.",
                "Ses signalements ne sont pas à jour : quelque chose a changé depuis le dernier jugement de son "
                "historique. Le prochain `maille collector archive` le juge, `maille collector rejudge` aussitôt.",
            )
        )
    lines += [
        f"{found['rule']} v{found['version']}: {found['samples']}, {found['first']} – {found['last']}, "
        + tr(found["reason_en"], found["reason_fr"])
        for found in page["flags"]
    ]
    return "\n".join(lines)

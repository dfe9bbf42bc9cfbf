"""`maille status`: what waits, what was sent, what was rejected, and where to."""

from dataclasses import asdict
from typing import Any

from client_sdk.commands.terminal import Json, answer, open_outbox
from client_sdk.home import field_home
from client_sdk.messages import tr
from client_sdk.outbox.queue import Counts


def command(as_json: Json = False) -> None:
    """Show the outbox; nothing is created."""
    home = field_home()
    counts, collector, rejected = Counts(0, 0, 0, 0), None, []
    if home.outbox.exists():
        with open_outbox(home) as outbox:
            counts, rejected = outbox.counts(), [asdict(one) for one in outbox.rejected()]
            collector = next((pinned.url for pinned in outbox.collectors()), None)
    data: dict[str, Any] = {"collector": collector, **asdict(counts), "rejected_samples": rejected}
    nowhere = tr("not enrolled", "appareil non enrôlé")
    lines = [
        tr("Collector", "Collecteur") + f": {collector or nowhere}",
        tr(
            f"{counts.pending} samples pending ({counts.in_flight} of them in flight), {counts.sent} sent, "
            f"{counts.rejected} rejected.",
            f"{counts.pending} relevés en attente (dont {counts.in_flight} en route), {counts.sent} envoyés, "
            f"{counts.rejected} rejetés.",
        ),
        *(
            tr(f"  rejected {one['id']}: ", f"  rejeté {one['id']} : ") + str(one["message"] or one["rule"])
            for one in rejected
        ),
    ]
    answer(as_json, data, "\n".join(lines))

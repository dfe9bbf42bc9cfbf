"""How much one device and one network may ask for: settings, each an integer that 0 switches off.

They hold in each process by itself: two that serve the same data let through twice as much.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

from client_sdk.messages import tr
from collector.errors import SettingsError

_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of rate: as many at once, then as many again over each period.

    Attributes:
        device_envelopes_per_minute: of one volunteer's device (``MAILLE_DEVICE_ENVELOPES_PER_MINUTE``).
        device_samples_per_day: the same (``MAILLE_DEVICE_SAMPLES_PER_DAY``).
        field_team_factor: how many times a volunteer's limits a field team's device has, at least 1
            (``MAILLE_FIELD_TEAM_FACTOR``).
        network_requests_per_minute: of one network, whatever they ask for (``MAILLE_NETWORK_REQUESTS_PER_MINUTE``).
        network_enrolments_per_day: new volunteers' devices of one network (``MAILLE_NETWORK_ENROLMENTS_PER_DAY``).

    Raises:
        SettingsError: a value is out of range; the message names the setting.
    """

    # Ours: a day of samples goes out in 40 envelopes; one that sends each sample at once, five in a second, passes too
    device_envelopes_per_minute: int = 300
    # Ours: eleven hours of a sample every 2 s; who measured more while away delivers the rest over the next days
    device_samples_per_day: int = 20_000
    # Ours: a week in the field of five devices' worth, 100,000 samples and more, goes out in one evening
    field_team_factor: int = 20
    # Ours: 500 phones behind one address of a mobile operator, each with a request every 5 s
    network_requests_per_minute: int = 6_000
    # Ours: a campaign's launch, most of it over one operator; who makes devices up gets no more than that
    network_enrolments_per_day: int = 300

    def __post_init__(self) -> None:
        for name, variable in LIMIT_VARIABLES.items():
            value, least = getattr(self, name), 1 if name == "field_team_factor" else 0
            if not least <= value <= _MOST:
                raise SettingsError(
                    tr(
                        f"{variable}: got {value}, expected an integer from {least} to {_MOST}",
                        f"{variable} : {value}, attendu : un entier de {least} à {_MOST}",
                    )
                )

    @classmethod
    def read(cls, integer: Callable[[str, int], int]) -> "Limits":
        """Limits from ``integer(variable, default)``.

        Raises:
            SettingsError: a value cannot be used; the message names the variable.
        """
        usual = cls()
        return cls(**{name: integer(variable, getattr(usual, name)) for name, variable in LIMIT_VARIABLES.items()})


LIMIT_VARIABLES = {field.name: f"MAILLE_{field.name.upper()}" for field in fields(Limits)}
"""Attribute → environment variable."""

UNLIMITED = Limits(
    device_envelopes_per_minute=0,
    device_samples_per_day=0,
    network_requests_per_minute=0,
    network_enrolments_per_day=0,
)
"""For campaigns of months that pass in minutes on one machine: demonstrations, simulations, benchmarks."""

"""The numbers of the decision rule, named and versioned. Each can be changed; none is hidden in the code."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Constants of the null hypothesis and of the verdicts.

    Those of the null were chosen on a simulator with known truth; the loss in a vehicle is the fragile one, and wants
    to be measured: the same phone inside and outside the car at 30 places or more with a strong signal.

    Attributes:
        version: changes whenever a default or the meaning of a number does.
        spurious_failure: ε, probability that a phone's vote fails for reasons that are not coverage.
        hexagon_spread_db: s, spread of the signal inside a hexagon (4.7 dB) and at small scale (3 dB).
        device_spread_db: σ, spread between devices; the worst 4G phone of Ofcom's 2015 test needed 8.5–10 dB more
            than the best.
        vehicle_loss_db: L, loss of a phone inside a vehicle; outdoors it is 0.
        promised_failure: p₀, what a true claim may fail. Arcep asks for 95 % of successes on any zone above 50 km²
            (decision 2020-0376).
        poor_failure: failure probability that a confirmed hexagon is shown to stay below.
        significance: α of every tail.
        edge_rings: a claimed hexagon at most this many rings from an unclaimed one is at the edge.
        claimed_share: declared share from which a hexagon counts as claimed, all levels together.
        least_devices: votes that any finding needs, after withdrawal where votes are withdrawn.
        strong_withdrawn_edge, strong_withdrawn_inside: failing votes withdrawn before a strong contradiction.
        moderate_withdrawn_edge, moderate_withdrawn_inside: the same for a moderate one.
        strong_vehicle_margin_db: a strong contradiction also stands if phones lose that much more in a vehicle.
            Ours: about what 30 places of ``maille calibrate vehicle`` leave open; the wrong strong ones of the
            simulator mostly rested on vehicles (``docs/method.md`` has the figures).
        trust_prior_mean, trust_prior_weight: failing vote expected of a device where few others voted, and how many
            other devices that expectation is worth.
        trust_neighbour_weight: weight of a device in one of the 6 hexagons around, beside 1 in the hexagon itself.
        trust_vehicle_excess: how much likelier a vote in a vehicle fails than the mean of the votes around.
        trust_z, trust_mean_excess, trust_least_hexagons: a device is left out beyond both in that many hexagons.
        trust_rounds: times at most that devices are held against those left in.
        discard_above: τ: the q-value's correction leaves out hypotheses whose p is above.
        alternatives: failure probabilities over which the e-value is averaged.
        survey_least_points, survey_least_days: outdoor points of a field team that a finding needs, and their days.
        survey_points_per_place: points that a phone makes at most on one day within one resolution 9 cell (0.1 km²).
            Ours: readings of one spot share their fading, and a log of one a second would make a crowd of it.
    """

    version: str = "2026-11.3"
    spurious_failure: float = 0.03
    hexagon_spread_db: float = 5.6
    device_spread_db: float = 4.0
    vehicle_loss_db: float = 6.0
    promised_failure: float = 0.05
    poor_failure: float = 0.25
    significance: float = 0.05
    edge_rings: int = 2
    claimed_share: float = 0.5
    least_devices: int = 2
    strong_withdrawn_edge: int = 2
    strong_withdrawn_inside: int = 3
    moderate_withdrawn_edge: int = 1
    moderate_withdrawn_inside: int = 2
    strong_vehicle_margin_db: float = 1.0
    trust_prior_mean: float = 0.10
    trust_prior_weight: float = 1.0
    trust_neighbour_weight: float = 0.3
    trust_vehicle_excess: float = 0.18
    trust_z: float = 3.0
    trust_mean_excess: float = 0.2
    trust_least_hexagons: int = 2
    trust_rounds: int = 4
    discard_above: float = 0.5
    alternatives: tuple[float, ...] = (0.15, 0.25, 0.4, 0.6, 0.8)
    survey_least_points: int = 10
    survey_least_days: int = 2
    survey_points_per_place: int = 10

"""A success rate over an area in plain words, with what it does not say."""

from aggregator.judgement.breach import LARGE_KM2, LEAST_EFFECTIVE, BreachFigure
from aggregator.judgement.wording import decimal, operator_words, period, whole
from client_sdk.messages import Language

_CONCLUSIONS: dict[Language, dict[str, str]] = {
    "fr": {
        "below": "L’intervalle est tout entier en dessous : de quoi interroger l’opérateur, puis, si sa réponse ne "
        "l’explique pas, en informer l’Arcep, qui seule peut le constater, selon son protocole.",
        "imprecise": f"L’intervalle est en dessous, mais ces points en valent moins de {LEAST_EFFECTIVE} indépendants "
        "(lieux trop peu nombreux, ou trop différents entre eux) : ces mesures ne tranchent pas.",
        "reached": "L’intervalle est tout entier à ce niveau ou au-dessus.",
        "undecided": "L’intervalle contient ce seuil : ces mesures ne tranchent pas.",
        "too_few": "C’est trop peu pour donner un taux.",
    },
    "en": {
        "below": "The whole interval lies below: enough to ask the operator, then, if the answer does not explain it, "
        "to tell Arcep, which alone can establish it by its protocol.",
        "imprecise": f"The interval lies below, but these points are worth fewer than {LEAST_EFFECTIVE} independent "
        "ones (too few places, or too different ones): these tests do not settle it.",
        "reached": "The whole interval lies at this level or above.",
        "undecided": "The interval holds this threshold: these tests do not settle it.",
        "too_few": "Too few to state a rate.",
    },
}
_CAUTION: dict[Language, str] = {
    "fr": "Les points n’ont pas été tirés au sort : le taux vaut pour les lieux visités.",
    "en": "The points were not drawn at random: the rate is that of the places visited.",
}


def breach_sentence(figure: BreachFigure, language: Language) -> str:
    """What a figure says, how sure that is, what it is held against, what it does not say, and then what follows."""
    parts = [_fact(figure, language)]
    if figure.rate is not None:
        parts.append(_rate(figure, language))
        parts.append(_CAUTION[language])
        parts.append(_CONCLUSIONS[language][figure.conclusion])
    else:
        parts.append(_CONCLUSIONS[language]["too_few"])
    return " ".join(parts)


def _fact(figure: BreachFigure, language: Language) -> str:
    name, _ = operator_words(figure.operator, language)
    area, points = whole(round(figure.area_km2), language), whole(figure.points, language)
    successes, days = whole(figure.successes, language), whole(figure.days, language)
    time = f", {period(figure.first_day, figure.last_day, language)}" if figure.points else ""
    if language == "fr":
        fact = f"Dans cette zone de {area} km², là où {name} déclare la {figure.technology} : "
        if not figure.points:
            return fact + "aucun point testé dehors par une équipe de terrain."
        return fact + (
            f"{successes} réussite{_s(figure.successes)} sur {points} "
            f"point{_s(figure.points)} testé{_s(figure.points)} dehors par une équipe de terrain, en {days} "
            f"jour{_s(figure.days)}{time}."
        )
    fact = f"In this area of {area} km², where {name} declares {figure.technology}: "
    if not figure.points:
        return fact + "no point tested outdoors by a field team."
    return fact + (
        f"{successes} success{'' if figure.successes == 1 else 'es'} at {points} "
        f"point{'' if figure.points == 1 else 's'} tested outdoors by a field team, on {days} "
        f"day{'' if figure.days == 1 else 's'}{time}."
    )


def _s(number: int) -> str:
    return "s" if number > 1 else ""


def _rate(figure: BreachFigure, language: Language) -> str:
    rate, low, high = (decimal(100 * (share or 0.0), language) for share in (figure.rate, figure.low, figure.high))
    promised, number = decimal(100 * figure.promised, language), whole(round(figure.effective_points), language)
    than = whole(1_000 if figure.area_km2 > LARGE_KM2 else 50, language)
    if language == "fr":
        return (
            f"Soit {rate} %, intervalle à 95 % de {low} à {high} % (ces points en valent {number} indépendants). "
            f"L’Arcep demande {promised} % sur toute zone de plus de {than} km² (décision 2020-0376)."
        )
    return (
        f"That is {rate}%, with a 95% interval from {low} to {high}% (these points are worth {number} independent "
        f"ones). Arcep asks for {promised}% on any zone larger than {than} km² (decision 2020-0376)."
    )

"""The privacy notice that a device accepts when it enrols, in both languages, under one version.

What it says of retention follows the settings; a collector that keeps things for other periods than the usual ones has
a notice of its own, and a version of its own.
"""

import hashlib
from dataclasses import dataclass

from collector.settings import Settings

VERSION = "2026-11-27"
"""Of this text with the usual periods."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a collector tells of itself.

    Attributes:
        version: changes with the text.
        text: by language.
    """

    version: str
    text: dict[str, str]


def notice_of(settings: Settings) -> Notice:
    """The notice of a collector with these settings."""
    text = _text(settings)
    if text == _text(Settings()):
        return Notice(VERSION, text)
    digest = hashlib.sha256(f"{text['fr']}\n{text['en']}".encode()).hexdigest()
    return Notice(f"{VERSION}-{digest[:4]}", text)


def _text(settings: Settings) -> dict[str, str]:
    periods = (settings.keep_samples_days, settings.keep_envelopes_days, settings.keep_witnesses_days)
    fr = [f"{days} jours" if days else "sans limite de durée" for days in periods]
    en = [f"{days} days" if days else "without limit" for days in periods]
    return {
        "fr": (
            "Ce que votre appareil envoie : des relevés de couverture mobile, avec l'heure, la position, l'opérateur "
            "et la cellule, le signal, l'état du service, les résultats des mesures de débit et de latence, le modèle "
            "de l'appareil. La voix et les SMS ne sont pas mesurés : aucun appel, message, contact ni contenu n'est "
            "lu. Ni numéro de téléphone, ni IMEI, ni IMSI, ni compte, ni adresse électronique ; votre adresse IP "
            "n'est pas conservée.\n\n"
            "Ce que ce collecteur conserve : les relevés tels que votre appareil les a signés, la clé publique créée "
            "sur votre appareil, à laquelle ils sont liés, les dates de cette clé et de l'enrôlement, et de chaque "
            "transfert mesuré ce que le serveur en a vu (appareil, octets, durée, réseau d'origine). Ils servent à "
            "établir où la couverture annoncée n'est pas rendue. Rien n'est publié là où moins de 5 appareils de "
            "volontaires ont mesuré.\n\n"
            f"Combien de temps : relevés, {fr[0]} après la mesure (après réception pour un journal importé) ; "
            f"enveloppes signées, {fr[1]} après réception, et jamais plus longtemps que leurs relevés ; traces des "
            f"transferts, {fr[2]}. Les copies de secours suivent la durée que fixe qui gère ce collecteur.\n\n"
            "Vos droits, par une commande que signe la clé de votre appareil : « maille device access » remet tout ce "
            "qu'il a envoyé et ce qui est su de lui ; « maille device erase » l'efface de la base, des enveloppes et "
            "de l'archive, et ne laisse qu'une empreinte qui permet de l'effacer de nouveau si une copie de secours "
            "est restaurée. Ce qui est déjà publié ne désigne personne et reste. « maille device leave » cesse "
            "d'envoyer sans rien effacer ; « maille device hide », qui reste sur votre appareil, ne garde rien autour "
            "de chez vous. Si la clé est perdue, plus rien ne relie ces données à vous : adressez-vous à qui gère ce "
            "collecteur, ou à la CNIL."
        ),
        "en": (
            "What your device sends: readings of mobile coverage, with time, position, operator and cell, signal, "
            "state of service, results of throughput and latency measurements, and the device's model. Voice and SMS "
            "are not measured: no call, message, contact or content is read. No phone number, IMEI, IMSI, account or "
            "e-mail address; your IP address is not kept.\n\n"
            "What this collector keeps: the readings as your device signed them, the public key made on your device, "
            "to which they are tied, the dates of that key and of enrolment, and of each measured transfer what the "
            "server saw of it (device, bytes, duration, network it came from). They serve to establish where declared "
            "coverage is not delivered. Nothing is published where fewer than 5 volunteers' devices measured.\n\n"
            f"For how long: readings, {en[0]} after they were measured (after they came, of an imported log); signed "
            f"envelopes, {en[1]} after they came, "
            f"and never longer than their readings; records of transfers, {en[2]}. Backups last as long as whoever "
            "runs this collector decides.\n\n"
            "Your rights, by a command that your device's key signs: “maille device access” hands over all that it "
            "sent and all that is known of it; “maille device erase” erases it from the database, the envelopes and "
            "the archive, and leaves only a digest by which it is erased again should a backup be restored. What was "
            "published already points at nobody, and stays. “maille device leave” stops sending and erases nothing; "
            "“maille device hide”, which stays on your device, keeps nothing around your home. With the key lost, "
            "nothing ties these data to you any more: ask whoever runs this collector, or your data protection "
            "authority."
        ),
    }

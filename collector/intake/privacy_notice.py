"""The privacy notice that a device accepts when it enrols, in both languages, under one version."""

VERSION = "2026-11"

TEXT = {
    "fr": (
        "Votre appareil envoie des relevés de couverture mobile : heure, position, réseau, signal, état du service et "
        "résultats des mesures. Ni numéro de téléphone, ni IMEI, ni IMSI, ni compte, ni adresse électronique ; votre "
        "adresse IP n'est pas conservée. Les relevés sont liés à une clé créée sur votre appareil et servent à établir "
        "où la couverture annoncée n'est pas rendue. Rien n'est publié là où moins de 5 appareils de volontaires ont "
        "mesuré. Votre clé vous permet de demander l'accès à vos relevés et leur effacement."
    ),
    "en": (
        "Your device sends readings of mobile coverage: time, position, network, signal, state of service and results "
        "of measurements. No phone number, IMEI, IMSI, account or e-mail address; your IP address is not kept. "
        "Readings are tied to a key made on your device and serve to establish where declared coverage is not "
        "delivered. Nothing is published where fewer than 5 volunteers' devices measured. Your key lets you ask for "
        "access to your readings and for their erasure."
    ),
}
"""Language → text."""

"""The privacy notice that a device accepts when it enrols, in both languages, under one version."""

VERSION = "2026-11"

TEXT = {
    "fr": (
        "Votre appareil envoie des relevés de couverture mobile : heure, position, réseau, signal, état du service et "
        "résultats des mesures. Ni numéro de téléphone, ni IMEI, ni IMSI, ni compte, ni adresse électronique ; votre "
        "adresse IP n'est pas conservée. Les relevés sont liés à une clé créée sur votre appareil et servent à établir "
        "où la couverture annoncée n'est pas rendue. Rien n'est publié là où moins de 5 appareils de volontaires ont "
        "mesuré. Pour accéder à vos relevés ou les faire effacer, adressez-vous à qui gère ce collecteur, en nommant "
        "l'empreinte de la clé de votre appareil, que montre « maille device show »."
    ),
    "en": (
        "Your device sends readings of mobile coverage: time, position, network, signal, state of service and results "
        "of measurements. No phone number, IMEI, IMSI, account or e-mail address; your IP address is not kept. "
        "Readings are tied to a key made on your device and serve to establish where declared coverage is not "
        "delivered. Nothing is published where fewer than 5 volunteers' devices measured. To see your readings or to "
        "have them erased, ask whoever runs this collector, naming the thumbprint of your device's key, which "
        "“maille device show” tells."
    ),
}
"""Language → text."""

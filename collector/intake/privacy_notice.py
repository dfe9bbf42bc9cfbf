"""The privacy notice that a device accepts when it enrols, in both languages, under one version."""

VERSION = "2026-11-24"

TEXT = {
    "fr": (
        "Ce que votre appareil envoie : des relevés de couverture mobile, avec l'heure, la position, l'opérateur et la "
        "cellule, le signal, l'état du service, les résultats des mesures de débit et de latence, le modèle de "
        "l'appareil. La voix et les SMS ne sont pas mesurés : aucun appel, message, contact ni contenu n'est lu. Ni "
        "numéro de téléphone, ni IMEI, ni IMSI, ni compte, ni adresse électronique ; votre adresse IP n'est pas "
        "conservée.\n\n"
        "Ce que ce collecteur conserve : les relevés tels que votre appareil les a signés, la clé publique créée sur "
        "votre appareil, à laquelle ils sont liés, la date de l'enrôlement, et de chaque transfert mesuré ce que le "
        "serveur en a vu (appareil, octets, durée). Ils servent à établir où la couverture annoncée n'est pas rendue. "
        "Rien n'est publié là où moins de 5 appareils de volontaires ont mesuré.\n\n"
        "Combien de temps : le programme n'efface rien de lui-même ; les relevés restent jusqu'à ce que qui gère ce "
        "collecteur les efface.\n\n"
        "Pour partir : « maille device leave » ; dès lors votre appareil n'envoie plus rien ici. Pour accéder à vos "
        "relevés ou les faire effacer, adressez-vous à qui gère ce collecteur, en nommant l'empreinte de la clé de "
        "votre appareil, que montre « maille device show ». Pour que rien ne soit gardé autour de chez vous : "
        "« maille device hide », qui reste sur votre appareil."
    ),
    "en": (
        "What your device sends: readings of mobile coverage, with time, position, operator and cell, signal, state of "
        "service, results of throughput and latency measurements, and the device's model. Voice and SMS are not "
        "measured: no call, message, contact or content is read. No phone number, IMEI, IMSI, account or e-mail "
        "address; your IP address is not kept.\n\n"
        "What this collector keeps: the readings as your device signed them, the public key made on your device, to "
        "which they are tied, the date of enrolment, and of each measured transfer what the server saw of it (device, "
        "bytes, duration). They serve to establish where declared coverage is not delivered. Nothing is published "
        "where fewer than 5 volunteers' devices measured.\n\n"
        "For how long: the program erases nothing by itself; readings stay until whoever runs this collector erases "
        "them.\n\n"
        "To leave: “maille device leave”; from then on your device sends nothing here. To see your readings or to have "
        "them erased, ask whoever runs this collector, naming the thumbprint of your device's key, which “maille "
        "device show” tells. To have nothing kept around your home: “maille device hide”, which stays on your device."
    ),
}
"""Language → text."""

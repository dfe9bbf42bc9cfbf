"""The text that goes with a device's copy of its data, in both languages."""

README = """\
Copie des données de votre appareil (RGPD, articles 15 et 20)
=============================================================

device.json       Ce que le collecteur sait de l'appareil : ses clés publiques, leurs dates, son niveau de confiance,
                  l'équipe qui l'a invité, la version de la notice acceptée.
samples.ndjson    Vos relevés, un par ligne (JSON), tels qu'ils sont enregistrés. Aux champs que l'appareil a envoyés
                  s'ajoutent : device (la clé), received_at (réception), tier, h3_cell (maille H3 de niveau 10), flags
                  (règles de vraisemblance déclenchées), excluded (une de ces règles retire la voix du relevé),
                  measured_month, line_sha256 et envelope_sha256.
witnesses.ndjson  Ce que le serveur a vu de chaque transfert mesuré : date, sens, octets, durée, réseau d'origine (ASN).
envelopes/        Ce que l'appareil a envoyé, octet pour octet (.ndjson.gz, que tout programme décompresse), avec sa
                  signature et le reçu signé du collecteur (.json).

Les champs sont décrits dans docs/protocol.md du projet Maille. Aucune adresse IP, aucun numéro, aucun compte : il n'y
en a pas. Pour tout faire effacer : maille device erase.


Copy of your device's data (GDPR, articles 15 and 20)
=====================================================

device.json       What the collector knows of the device: its public keys, their dates, its tier, the team that invited
                  it, the version of the notice that was accepted.
samples.ndjson    Your samples, one a line (JSON), as they are stored. Beside the fields that the device sent: device
                  (the key), received_at, tier, h3_cell (H3 index at resolution 10), flags (plausibility rules that
                  fired), excluded (one of these rules takes the sample's vote away), measured_month, line_sha256 and
                  envelope_sha256.
witnesses.ndjson  What the server saw of each measured transfer: date, direction, bytes, duration, network (ASN).
envelopes/        What the device sent, byte for byte (.ndjson.gz, which any program decompresses), with its signature
                  and the collector's signed receipt (.json).

The fields are described in docs/protocol.md of the Maille project. No IP address, no number, no account: there is none.
To have all of it erased: maille device erase.
"""

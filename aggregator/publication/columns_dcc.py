"""Columns of the points of interest as the dispositif de couverture ciblée writes them, then the evidence."""

from aggregator.publication.described import Column, Table, count, number, text


def _operator(plmn: str, name: str) -> Column:
    return Column(
        name=plmn,
        kind="integer",
        en=f"1 where {name} lacks in the zone (contradicted, to be checked, or not declared); 0 where nothing is "
        f"reported, where its service was found in the point's hexagon, or where a decided point nearby obliges it",
        fr=f"1 si {name} manque dans la zone (contredit, à vérifier, ou non déclaré) ; 0 si rien n’est signalé, si son "
        f"service est constaté dans l’hexagone du point, ou si un point déjà décidé l’y oblige à proximité",
        required=True,
        least=0,
        most=1,
    )


_ORDER = "only an arrêté says it: always NA here", "seul un arrêté le dit : toujours NA ici"

DCC = Table(
    name="dcc_poi",
    en="one row per point of interest, in the columns of Arcep's DCC files, then the evidence; NA where there is "
    "nothing",
    fr="une ligne par point d’intérêt, dans les colonnes des fichiers DCC de l’Arcep, puis les preuves ; NA s’il "
    "n’y a rien",
    key=("id_point",),
    files=("dcc_poi.csv",),
    columns=(
        Column(name="id_point", kind="string", en="id of the point", fr="identifiant du point", required=True),
        text("num_arrete", *_ORDER),
        text("date_publication_arrete", *_ORDER),
        text("id_dossier", "id of the candidate zone", "identifiant de la zone candidate"),
        text("nom_dossier", "name of the candidate zone", "nom de la zone candidate"),
        text("nb_sites_dossier", *_ORDER),
        text("code_insee", "INSEE code of the commune", "code INSEE de la commune"),
        text("nom_commune", "name of the commune, in capitals", "nom de la commune, en capitales"),
        text("departement", "name of the département", "nom du département"),
        text("insee_dep", "INSEE code of the département", "code INSEE du département"),
        text("region", "name of the région", "nom de la région"),
        number("x_lambert_93", "easting, EPSG:2154", "abscisse, EPSG:2154", unit="m", required=True),
        number("y_lambert_93", "northing, EPSG:2154", "ordonnée, EPSG:2154", unit="m", required=True),
        _operator("20801", "Orange"),
        _operator("20810", "SFR"),
        _operator("20815", "Free Mobile"),
        _operator("20820", "Bouygues Telecom"),
        text("origine_zone", "who proposed the zone (our wording)", "qui a proposé la zone (formulation de Maille)"),
        text(
            "origine_coordonnees",
            "what the point stands on (our wording)",
            "ce sur quoi le point est placé (formulation de Maille)",
        ),
        text("num_zone_arrete", *_ORDER),
        text("nom_point_arrete", "name of the place", "nom du lieu"),
        text("identifiant_site", *_ORDER),
        text("lien_arrete", *_ORDER),
        text("type_point", "kind of point", "sorte de point"),
        count("rang_zone", "rank of the zone", "rang de la zone", required=True),
        text("technologie", "technology of the zones", "technologie des zones"),
        text("seuil", "threshold of the zones: service, or Mbit/s", "seuil des zones : service, ou Mbit/s"),
        text("operateurs_concernes", "PLMNs with a 1, apart by a space", "PLMN marqués 1, séparés par une espace"),
        count("habitants_zone", "inhabitants of the zone", "habitants de la zone", unit="people"),
        count(
            "demande_estimee_ponderee",
            "evidenced part of the zone's unmet demand: weighted, not a number of people",
            "part étayée de la demande non satisfaite de la zone : pondérée, pas un nombre d’habitants",
        ),
        count(
            "hexagones_contredits_ou_a_confirmer",
            "hexagons contradicted for some operator",
            "hexagones contredits ou à confirmer pour un opérateur",
        ),
        count(
            "hexagones_a_verifier",
            "hexagons to be checked for some operator, contradicted for none",
            "hexagones à vérifier pour un opérateur, contredits pour aucun",
        ),
        text("origine_preuve", "who measured", "qui a mesuré"),
        text(
            "classe_preuve",
            "evidence class: A, B, or C, to be measured first",
            "classe de preuve : A, B, ou C, à mesurer d’abord",
            *("A", "B", "C"),
        ),
        count("telephones", "devices behind the verdicts", "appareils derrière les verdicts"),
        count("journees_telephone", "pairs of a device and a day", "couples d’un appareil et d’un jour"),
        text("premier_mois", "month of the first test", "mois du premier test"),
        text("dernier_mois", "month of the last test", "mois du dernier test"),
        number(
            "latitude", "latitude of the point, WGS 84", "latitude du point, WGS 84", unit="deg", least=-90, most=90
        ),
        number(
            "longitude",
            "longitude of the point, WGS 84",
            "longitude du point, WGS 84",
            unit="deg",
            least=-180,
            most=180,
        ),
        count(
            "site_le_plus_proche_m",
            "from the point to the next site in service",
            "du point au site en service le plus proche",
            unit="m",
        ),
        count(
            "site_annonce_le_plus_proche_m",
            "from the point to the next site announced",
            "du point au site annoncé le plus proche",
            unit="m",
        ),
        count(
            "site_le_plus_proche_zone_m",
            "from the zone's centre to the next site in service",
            "du centre de la zone au site en service le plus proche",
            unit="m",
        ),
        count(
            "site_annonce_le_plus_proche_zone_m",
            "from the zone's centre to the next site announced",
            "du centre de la zone au site annoncé le plus proche",
            unit="m",
        ),
        count("dcc_a_proximite", "points of the scheme in the disc", "points du dispositif dans le disque"),
        text("dossier_pdf", "file of the zone's dossier", "fichier du dossier de la zone"),
        text("modele_demande", "id of the estimate of demand", "modèle de demande"),
        text("publication", "id of the release", "identifiant de la publication"),
        text("avertissement", "what has to be known of the whole release", "ce qu’il faut savoir de la publication"),
    ),
)

"""Name and region of each département of metropolitan France, as the DCC files write them (capital letters).

Code officiel géographique, INSEE.
"""

import re

_BY_REGION = {
    "AUVERGNE-RHÔNE-ALPES": (
        "01 AIN; 03 ALLIER; 07 ARDÈCHE; 15 CANTAL; 26 DRÔME; 38 ISÈRE; 42 LOIRE; 43 HAUTE-LOIRE; "
        "63 PUY-DE-DÔME; 69 RHÔNE; 73 SAVOIE; 74 HAUTE-SAVOIE"
    ),
    "BOURGOGNE-FRANCHE-COMTÉ": (
        "21 CÔTE-D'OR; 25 DOUBS; 39 JURA; 58 NIÈVRE; 70 HAUTE-SAÔNE; 71 SAÔNE-ET-LOIRE; 89 YONNE; 90 "
        "TERRITOIRE DE BELFORT"
    ),
    "BRETAGNE": "22 CÔTES-D'ARMOR; 29 FINISTÈRE; 35 ILLE-ET-VILAINE; 56 MORBIHAN",
    "CENTRE-VAL DE LOIRE": "18 CHER; 28 EURE-ET-LOIR; 36 INDRE; 37 INDRE-ET-LOIRE; 41 LOIR-ET-CHER; 45 LOIRET",
    "CORSE": "2A CORSE-DU-SUD; 2B HAUTE-CORSE",
    "GRAND EST": (
        "08 ARDENNES; 10 AUBE; 51 MARNE; 52 HAUTE-MARNE; 54 MEURTHE-ET-MOSELLE; 55 MEUSE; 57 MOSELLE; "
        "67 BAS-RHIN; 68 HAUT-RHIN; 88 VOSGES"
    ),
    "HAUTS-DE-FRANCE": "02 AISNE; 59 NORD; 60 OISE; 62 PAS-DE-CALAIS; 80 SOMME",
    "ÎLE-DE-FRANCE": (
        "75 PARIS; 77 SEINE-ET-MARNE; 78 YVELINES; 91 ESSONNE; 92 HAUTS-DE-SEINE; 93 SEINE-SAINT-DENIS; 94 "
        "VAL-DE-MARNE; 95 VAL-D'OISE"
    ),
    "NORMANDIE": "14 CALVADOS; 27 EURE; 50 MANCHE; 61 ORNE; 76 SEINE-MARITIME",
    "NOUVELLE-AQUITAINE": (
        "16 CHARENTE; 17 CHARENTE-MARITIME; 19 CORRÈZE; 23 CREUSE; 24 DORDOGNE; 33 GIRONDE; 40 LANDES; 47 "
        "LOT-ET-GARONNE; 64 PYRÉNÉES-ATLANTIQUES; 79 DEUX-SÈVRES; 86 VIENNE; 87 HAUTE-VIENNE"
    ),
    "OCCITANIE": (
        "09 ARIÈGE; 11 AUDE; 12 AVEYRON; 30 GARD; 31 HAUTE-GARONNE; 32 GERS; 34 HÉRAULT; 46 LOT; 48 LOZÈRE; "
        "65 HAUTES-PYRÉNÉES; 66 PYRÉNÉES-ORIENTALES; 81 TARN; 82 TARN-ET-GARONNE"
    ),
    "PAYS DE LA LOIRE": "44 LOIRE-ATLANTIQUE; 49 MAINE-ET-LOIRE; 53 MAYENNE; 72 SARTHE; 85 VENDÉE",
    "PROVENCE-ALPES-CÔTE D'AZUR": (
        "04 ALPES-DE-HAUTE-PROVENCE; 05 HAUTES-ALPES; 06 ALPES-MARITIMES; 13 BOUCHES-DU-RHÔNE; 83 VAR; 84 VAUCLUSE"
    ),
}

DEPARTEMENTS = {
    code: (name, region)
    for region, members in _BY_REGION.items()
    for code, name in (member.split(" ", 1) for member in members.split("; "))
}
"""INSEE code → name, region."""

_SMALL = ("de", "du", "d", "et", "la")


def departement_text(code: str) -> str:
    """``Côte-d’Or (21), Bourgogne-Franche-Comté``; the code alone where it is not of metropolitan France."""
    if code not in DEPARTEMENTS:
        return code
    name, region = DEPARTEMENTS[code]
    return f"{in_lower_case(name)} ({code}), {in_lower_case(region)}"


def in_lower_case(name: str) -> str:
    """``SAÔNE-ET-LOIRE`` as ``Saône-et-Loire``."""
    words = re.split(r"([-\s']+)", name.lower())
    small = [word if word in _SMALL else word.capitalize() for word in words]
    return "".join([words[0].capitalize(), *small[1:]]).replace("'", "’")

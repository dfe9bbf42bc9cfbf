"""Dossiers: what a PDF says is what the release's tables say, on every machine, whatever names and notes hold."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from h3.api import basic_int as h3
from pypdf import PdfReader

from aggregator.evidence.claims import read_claims
from aggregator.judgement.basis import record_basis
from aggregator.proposals.decisions import Decision, decide
from aggregator.proposals.parameters import ZoneParameters
from aggregator.publication.dossiers.declared import declared_of, declared_rows, percent
from aggregator.publication.dossiers.maps import beside
from aggregator.publication.origin import Origin, write_origin
from aggregator.publication.release import publish
from client_sdk.messages import use_language

Build = Callable[[Path, pd.DataFrame], Path]
ODD = "Decize-l’Œuf #set [x] $a_b$ *c* <d> @e \\f ~ // g"
NOTE = '#panic("x") = titre $x^2$ *gras* _souligné_ <label> @ref `code` \\ #[x] /* y */ " & é œ € — 字'
SET_ASIDE = "58-881f9498d1"
MERGED = "58-881f94b123"
OPERATORS = {"20801": "Orange", "20815": "Free Mobile", "20820": "Bouygues Telecom"}


@pytest.fixture(scope="module", autouse=True)
def in_english() -> Iterator[None]:
    """Dossiers are French whatever the language of the person who publishes."""
    use_language("en")
    yield
    use_language("en")


@cache
def text_of(file: Path) -> str:
    """The text of a PDF, spaces of any kind as one, without hyphens that only split words."""
    pages = [page.extract_text() for page in PdfReader(file).pages]
    return plain(" ".join(pages))


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\u00ad", "").replace("\u202f", " ").replace("\u00a0", " "))


def counted(number: int) -> str:
    """A count as people read it."""
    return f"{'environ ' if number > 20 else ''}{number:,}".replace(",", " ")


def squeezed(text: str) -> str:
    """Without any space: lines of a PDF may end anywhere."""
    return re.sub(r"[\s\u00ad-]+", "", text)


@pytest.fixture(scope="module")
def field(build_data: Build, ledger: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with odd names, antennas, a map of three levels, and what a team decided."""
    data = build_data(tmp_path_factory.mktemp("dossiers") / "data", ledger)
    communes = gpd.read_parquet(data / "territory/communes.parquet")
    communes["name"] = communes["name"].replace("Decize", ODD)
    communes.to_parquet(data / "territory/communes.parquet", index=False)
    cells = h3.grid_disk(h3.latlng_to_cell(46.76, 3.47, 8), 40)
    shares = {("20801", "TBC"): 0.5, ("20801", "BC"): 0.25, ("20820", "CL"): 0.001}
    claims = [
        {"h3_r8": cell, "operator": operator, "technology": "4G", "usage": "data", "level": level}
        | {"declared_share": share, "accessible_share": None, "bounded": False}
        for (operator, level), share in shares.items()
        for cell in cells
    ]
    table = pd.DataFrame(claims).astype({"accessible_share": "float64"})
    table.to_parquet(data / "claims/claims.parquet", index=False)
    place = gpd.points_from_xy([3.48, 3.4801, 3.50], [46.75, 46.75, 46.70])
    sites = gpd.GeoDataFrame({"operator": ["20801", "20820", "20815"], "site_id": ["1", "2", "3"]}, geometry=place)
    sites = sites.assign(has_2g=False, has_3g=False, has_4g=[True, True, False], has_5g=False).set_crs(4326)
    sites.to_parquet(data / "territory/sites.parquet", index=False)
    sites.iloc[2:].assign(has_4g=True).to_parquet(data / "territory/planned-sites.parquet", index=False)
    record_basis(data, pd.Timestamp(ledger["day"].max()).date(), 365)
    return data


@pytest.fixture(scope="module")
def public(field: Path) -> Path:
    return publish(field)


@pytest.fixture(scope="module")
def team(field: Path, public: Path) -> Path:
    """The team's release: it keeps its first zone, set another place aside, and merged one that lies apart."""
    first = gpd.read_file(public / "zones.gpkg", layer="zones").iloc[0]
    at = {"name": str(first["name"]), "latitude": float(first["latitude"]), "longitude": float(first["longitude"])}
    answer = "Orange : étude <en cours>"
    kept = Decision(zone_id=str(first["zone_id"]), decision="kept", note=NOTE, operator_answer=answer, **at)
    decide(field, kept)
    away = {"latitude": 46.84, "longitude": 3.45, "name": "Saint-Léger"}
    decide(field, Decision(zone_id=SET_ASIDE, decision="set-aside", reason="site annoncé à #Decize", **away))
    host = str(gpd.read_file(public / "zones.gpkg", layer="zones")["zone_id"].iloc[1])
    apart = {"latitude": 46.7136, "longitude": 3.3547, "name": "Dornes"}
    decide(field, Decision(zone_id=MERGED, decision="merged", into=host, **apart))
    return publish(field, audience="team")


def zones_in(release: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(release / "zones.gpkg", layer="zones")


def test_there_is_a_dossier_for_each_zone_and_a_summary_for_each_departement(public: Path) -> None:
    zones = zones_in(public)
    assert len(zones) >= 2
    files = {file.name for file in (public / "dossiers").iterdir()}
    assert files == {f"{zone}.pdf" for zone in zones["zone_id"]} | {"departement-58.pdf"}
    listed = {one["path"] for one in json.loads((public / "manifest.json").read_text())["files"]}
    assert {f"dossiers/{name}" for name in files} <= listed


def test_a_dossier_says_what_the_tables_say(public: Path) -> None:
    points = gpd.read_file(public / "zones.gpkg", layer="points")
    for zone in zones_in(public).to_dict("records"):
        file = public / "dossiers" / f"{zone['zone_id']}.pdf"
        text, tight = text_of(file), squeezed(text_of(file))
        assert len(PdfReader(file).pages) in (2, 3, 4)
        assert squeezed(zone["name"]) in tight
        assert f"{zone['zone_id']}, rang {zone['rank']} sur" in text
        assert public.name in text
        assert "données jusqu’au 13 juin 2026" in text
        assert squeezed(f"Communes : {zone['communes']}. Département : Nièvre (58), Bourgogne-Franche-Comté.") in tight
        assert f"Habitants de la zone {zone['people']:,.0f}".replace(",", " ") in text
        if zone["devices"]:
            assert f"Téléphones {counted(zone['devices'])}" in text
            assert f"{counted(zone['device_days'])} journées-téléphone distinctes, " in text
            assert f"Hexagones mesurés : {zone['hexagons']} ; " in text
        else:
            assert "Aucun hexagone mesuré." in text
        if zone["contradicted"]:
            assert f"dans {zone['contradicted']}, la carte d’un opérateur au moins est contredite" in text
        assert bool(zone["suspected"]) == ("une carte est seulement mise en doute" in text)
        whole, evidenced = (f"{zone[name]:,.0f}".replace(",", " ") for name in ("unmet_people", "evidenced_people"))
        assert f"Demande non satisfaite estimée à {whole}, dont {evidenced} étayés" in text
        assert f"à {zone['nearest_site_m'] / 1000:.1f}".replace(".", ",").removesuffix(",0") in text
        for point in points[points["zone_id"] == zone["zone_id"]].to_dict("records"):
            for name, decimals in (("x_lambert_93", 1), ("y_lambert_93", 1), ("latitude", 6), ("longitude", 6)):
                assert f"{point[name]:.{decimals}f}".replace(".", ",") in text
            assert squeezed(f"{point['commune_name']} ({point['insee_com']})") in tight
            asked = [name for code, name in OPERATORS.items() if point.get(f"op_{code}") == 1]
            assert asked
            assert squeezed(f"{', '.join(asked)} {point['x_lambert_93']:.1f}".replace(".", ",")) in tight


def test_no_line_begins_with_a_sign_that_belongs_to_the_one_before(public: Path) -> None:
    for file in (public / "dossiers").iterdir():
        raw = "".join(page.extract_text() for page in PdfReader(file).pages)
        assert "\u202f%" in raw
        assert re.findall(r"[\w)][ \n][:;?!»%](?=\s)", raw) == []
        assert re.findall(r"«[ \n]|\d[ \n]km", raw) == []


def test_counts_by_operator_are_those_of_the_zone_and_its_sentences_are_the_releases(public: Path) -> None:
    zone = zones_in(public).iloc[0]
    file = public / "dossiers" / f"{zone['zone_id']}.pdf"
    tight = squeezed(text_of(file))
    columns = ["contradicted strong", "contradicted moderate", "suspected", "confirmed", "unclaimed_service"]
    for operator, verdicts in json.loads(zone["verdicts"]).items():
        counts = [sum(verdicts.values()), *(verdicts.get(name, 0) for name in [*columns, "insufficient"])]
        assert squeezed(OPERATORS[operator] + "".join(map(str, counts))) in tight
    hexagons = gpd.read_parquet(public / "hexagons.parquet")
    against = hexagons[hexagons["verdict"].isin(["contradicted", "suspected"]) & (hexagons["threshold"] == "service")]
    against = against[(against["technology"] == "4G") & (against["operator"] == "20801")]
    quoted = [h for h, words in zip(against["h3"], against["sentence_fr"], strict=True) if squeezed(words) in tight]
    assert 1 <= len(quoted) <= 4
    assert all(f"(hexagone{h})" in tight for h in quoted)


def test_the_declared_share_of_a_zone_is_that_of_its_hexagons(public: Path) -> None:
    """Orange declares half of every hexagon very well covered and a quarter well; Bouygues a thousandth."""
    for zone in zones_in(public).to_dict("records"):
        text = text_of(public / "dossiers" / f"{zone['zone_id']}.pdf")
        table = text[text.index("Ce que les opérateurs déclarent") :]
        without = json.loads(zone["undeclared"])
        assert {name for name, share in without.items() if share >= 0.25} <= {
            name[3:] for name in zone if name.startswith("op_") and zone[name] == 1
        }
        assert without["20801"] == 0, "three quarters of each hexagon are declared"
        assert "Orange 75 % 50 % 25 % 0 % 25 % 0 % 3e trimestre 2026" in table
        nothing = percent(without["20820"])
        assert f"Bouygues Telecom < 1 % 0 % 0 % < 1 % > 99 % {nothing} trimestre inconnu" in plain(table)


def test_a_share_is_not_rounded_up_to_what_makes_an_operator_lack(public: Path) -> None:
    declared = declared_of(read_claims(public.parents[1] / "claims"), [], "4G")
    outline = zones_in(public).geometry.iloc[0]
    shares = (0.2496, 0.25, 0.004)
    rows = [declared_rows(declared, outline, ["20801"], {"20801": share})["declared"][0] for share in shares]
    assert [plain(row[-2]) for row in rows] == ["24 %", "25 %", "< 1 %"]
    assert declared_rows(declared, outline, ["20801"], {})["declared"][0][-2] == "—"
    assert len({len(row) for row in rows}) == 1


def test_antennas_are_told_by_place_and_operator(public: Path) -> None:
    zone = zones_in(public).iloc[0]
    assert zone["nearest_site_operators"] == "20801 20820"
    text = text_of(public / "dossiers" / f"{zone['zone_id']}.pdf")
    assert "km (Orange, Bouygues Telecom) ; site annoncé le plus proche à" in text
    assert "OB" in text, "the mast's operators, on the map"
    assert "listes de l’Arcep non importées" in text


@pytest.mark.parametrize("audience", ["public", "team"])
def test_odd_names_come_out_as_they_are_written(audience: str, request: pytest.FixtureRequest) -> None:
    release = request.getfixturevalue(audience)
    named = [file for file in (release / "dossiers").iterdir() if squeezed(ODD) in squeezed(text_of(file))]
    assert len(named) >= 2
    titles = {file.stem: str(PdfReader(file).metadata.title) for file in named}
    zones = zones_in(release)
    own = zones.loc[zones["name"] == ODD, "zone_id"].tolist()
    assert own
    assert [titles[zone_id] for zone_id in own] == [f"Zone candidate {zone_id}, {ODD}" for zone_id in own]


def test_the_teams_words_are_set_as_they_are_and_stay_with_the_team(team: Path, public: Path) -> None:
    zone = next(one for one in zones_in(team).to_dict("records") if one["decision"] == "kept" and not one["merged"])
    dossier = squeezed(text_of(team / "dossiers" / f"{zone['zone_id']}.pdf"))
    summary = squeezed(text_of(team / "dossiers" / "departement-58.pdf"))
    for text in (dossier, summary):
        assert squeezed(NOTE) in text
        assert squeezed("Orange : étude <en cours>") in text
        assert "gardée" in text
    assert squeezed("écartée Motif : site annoncé à #Decize") in summary
    assert SET_ASIDE.replace("-", "") in summary
    told = [squeezed(text_of(file)) for file in (public / "dossiers").iterdir()]
    assert not any("Décision" in text or "étude" in text or "#panic" in text for text in told)


def test_a_merged_zone_that_lies_apart_is_one_zone_of_two_discs_everywhere(team: Path) -> None:
    layer = zones_in(team)
    assert set(layer.geom_type) == {"MultiPolygon"}
    (zone,) = layer[layer["merged"] == MERGED].to_dict("records")
    assert (zone["name"], zone["decision"]) == ("Lucenay-lès-Aix + Dornes", "kept")
    assert len(zone["geometry"].geoms) == 2
    for file in (team / "zones.geojson", team / "map/zones.geojson"):
        shapes = gpd.read_file(file).set_index("zone_id").to_crs(2154).geometry
        assert shapes[zone["zone_id"]].area == pytest.approx(zone["geometry"].area, rel=0.001)
    text = text_of(team / "dossiers" / f"{zone['zone_id']}.pdf")
    assert f"Étendue : {zone['geometry'].area / 1e6:.1f} km²".replace(".", ",") in text
    assert "gardée" in text
    assert "aucune à ce jour" not in text
    assert f"Hexagones mesurés : {zone['hexagons']} ; " in text


def test_every_page_of_the_team_says_so_and_no_public_one_does(team: Path, public: Path) -> None:
    for release, marked in ((team, True), (public, False)):
        for file in (release / "dossiers").iterdir():
            for page in PdfReader(file).pages:
                assert ("Réservé à l’équipe-projet" in plain(page.extract_text())) is marked


def test_the_summary_has_the_ranked_list_and_class_c_apart(public: Path) -> None:
    zones = zones_in(public).sort_values("rank")
    text = text_of(public / "dossiers" / "departement-58.pdf")
    assert f"Zones proposées {len(zones)}" in text
    places = [text.replace(" ", "").index(zone) for zone in zones["zone_id"]]
    assert places == sorted(places)
    later = zones[zones["evidence_class"] == "C"]
    assert ("À mesurer d’abord (classe C)" in text) is bool(len(later))
    assert "20 par kilomètre de route principale" in text
    own = gpd.read_parquet(public / "hexagons.parquet")
    own = own[~own["remainder"] & (own["technology"] == "4G") & (own["threshold"] == "service")]
    assert f"Hexagones mesurés {own['h3'].nunique()} " in text
    for zone in zones.to_dict("records"):
        kind = "par mesures" if zone["share_strong"] >= zone["share_unclaimed"] else "par absence de déclaration"
        named = squeezed(
            f"{zone['zone_id']} {zone['evidence_class']}{f', {kind}' if zone['evidence_class'] == 'A' else ''}"
        )
        assert named in squeezed(text)
    assert f"{len(PdfReader(public / 'dossiers/departement-58.pdf').pages)}" in "234"


def test_the_summary_counts_tests_as_the_observatory_does(public: Path) -> None:
    table = pd.read_csv(public / "observatory.csv", dtype={"code": "str"})
    own = table[(table["kind"] == "departement") & (table["code"] == "58") & (table["technology"] == "4G")]
    crowd, survey = (int(own.loc[own["indicator"] == f"tests_{who}", "value"].sum()) for who in ("crowd", "survey"))
    assert crowd > 20
    text = text_of(public / "dossiers" / "departement-58.pdf")
    shown = f"{(crowd + 2) // 5 * 5:,}".replace(",", " ")
    assert f"Tests ≈ {shown} de volontaires, 4G" in text
    assert ("d’équipes de terrain" in text) is (survey > 0)


def test_no_letter_stands_under_the_number_of_a_point() -> None:
    numbered = [{"text": "1", "x": 20.0, "y": 20.0}, {"text": "2", "x": 20.0, "y": 16.2}]
    signs = beside({"a": (20.0, 20.0), "b": (60.0, 60.0), "c": (23.8, 20.0)}, numbered)
    assert (signs[1]["x"], signs[1]["y"]) == (60.0, 60.0)
    drawn = [*numbered, *signs]
    for number, one in enumerate(drawn):
        for other in drawn[:number]:
            assert max(abs(one["x"] - other["x"]), abs(one["y"] - other["y"])) > 3.5
    for sign, (x, y) in zip(signs, ((20.0, 20.0), (60.0, 60.0), (23.8, 20.0)), strict=True):
        assert max(abs(sign["x"] - x), abs(sign["y"] - y)) <= 4.0, "still in its hexagon"


def test_a_departement_without_a_zone_has_a_summary_that_says_so_and_that_its_data_are_made_up(
    build_data: Build, ledger: pd.DataFrame, tmp_path: Path
) -> None:
    data = build_data(tmp_path / "data", ledger)
    write_origin(data, Origin(synthetic=True, label={"fr": "INVENTÉ : rien n’est vrai.", "en": "INVENTED"}))
    release = publish(data, zones=ZoneParameters(count=0))
    assert [file.name for file in (release / "dossiers").iterdir()] == ["departement-58.pdf"]
    text = text_of(release / "dossiers/departement-58.pdf")
    assert "Zones proposées 0 aucune" in text
    assert "Aucune zone n’est proposée dans ce département" in text
    assert "Cela ne veut pas dire que tout y est couvert" in text
    pages = PdfReader(release / "dossiers/departement-58.pdf").pages
    assert all("INVENTÉ : rien n’est vrai." in plain(page.extract_text()) for page in pages)


def test_the_bytes_depend_neither_on_the_language_nor_on_the_run(field: Path, public: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(field, data, ignore=shutil.ignore_patterns("*releases", "publication", "decisions.csv"))
    use_language("fr")
    again = publish(data)
    use_language("en")
    assert again.name == public.name
    made = [{file.name: file.read_bytes() for file in (one / "dossiers").iterdir()} for one in (public, again)]
    assert len(made[0]) >= 3
    assert made[0] == made[1]


def test_screen_readers_and_archives_can_use_a_dossier(public: Path) -> None:
    for file in (public / "dossiers").iterdir():
        reader = PdfReader(file)
        root = reader.trailer["/Root"]
        assert root["/Lang"] == "fr-FR"
        assert root["/MarkInfo"]["/Marked"]
        assert root["/ViewerPreferences"]["/DisplayDocTitle"]
        assert reader.metadata is not None
        assert reader.metadata.title
        assert str(reader.metadata["/CreationDate"]).startswith("D:20260613")
        described = root["/Metadata"].get_object().get_data().decode()
        assert "<pdfaid:part>2</pdfaid:part>" in described
        assert "<pdfuaid:part>1</pdfuaid:part>" in described
        fonts = {
            str(font.get_object()["/BaseFont"]).partition("+")[2]
            for page in reader.pages
            for font in page["/Resources"]["/Font"].values()
        }
        assert all(name.startswith(("LibertinusSerif", "DejaVuSans", "LastResort")) for name in fonts)


def test_destinations_whose_format_is_not_public_are_named(public: Path) -> None:
    for file in (public / "dossiers").iterdir():
        assert "Le format d’import de la plateforme France Mobile n’est pas public" in text_of(file)
        assert "zones de plus de 50 km² (95 %)" in text_of(file)

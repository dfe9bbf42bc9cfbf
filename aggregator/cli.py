"""The commands of a project team: territory, coverage, aggregate, zones, publish, serve, demo.

What a command needs is imported when it runs: `maille --help` stays fast. Errors are raised, and told by ``maille``.
"""

import typer

from aggregator.commands import inputs, releases, results, zones
from aggregator.commands.breach import breach
from aggregator.commands.calibrate import calibrate
from aggregator.commands.corridors import corridors
from aggregator.commands.coverage import coverage
from aggregator.commands.demonstration import demo
from aggregator.commands.missions import missions
from aggregator.commands.serve import serve
from client_sdk.messages import tr

commands = typer.Typer(no_args_is_help=True)
commands.add_typer(inputs.territory, name="territory")
commands.add_typer(coverage, name="coverage")
commands.add_typer(calibrate, name="calibrate")
commands.add_typer(missions, name="missions")
commands.command(help=tr("Turn the archive into verdicts.", "Tirer les verdicts de l’archive."))(results.aggregate)
commands.add_typer(zones.commands, name="zones", help=tr("Propose candidate zones.", "Proposer des zones candidates."))
commands.command(help=tr("Follow roads and railways.", "Suivre routes et voies ferrées."))(corridors)
commands.command(
    help=tr(
        "Hold a field team's success rate over an area against what is asked of operators.",
        "Comparer le taux de réussite d’une équipe de terrain sur une zone à ce qui est demandé aux opérateurs.",
    )
)(breach)
commands.command(help=tr("Write a release.", "Écrire une publication."))(results.publish)
commands.add_typer(
    releases.commands,
    name="release",
    help=tr("Use a release elsewhere.", "Utiliser une publication ailleurs."),
)
commands.command(help=tr("Serve the releases: read API and map.", "Servir les publications : API et carte."))(serve)
commands.command(
    help=tr(
        "Run the whole path on a real territory, with synthetic phones, and serve the map.",
        "Dérouler toute la chaîne sur un territoire réel, avec des téléphones synthétiques, et servir la carte.",
    )
)(demo)

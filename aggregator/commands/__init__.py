"""The commands of a project team, one file per part of its work; ``aggregator.cli`` joins them."""

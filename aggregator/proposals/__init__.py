"""From verdicts to candidate zones: where people seem to lack the service that is declared."""

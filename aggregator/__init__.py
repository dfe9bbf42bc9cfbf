"""From the archive to verdicts, candidate zones and immutable releases: evidence, judgement, proposals, publication."""

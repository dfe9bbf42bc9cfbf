"""From the archive to a release: evidence, judgement, proposals, publication, in that order."""

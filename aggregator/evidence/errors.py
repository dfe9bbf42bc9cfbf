"""Errors of the evidence room."""

from client_sdk.errors import MailleError


class EvidenceError(MailleError):
    """A file of evidence (claims, communes, sites, archive) that cannot be read as what it should be."""

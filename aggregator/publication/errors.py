"""Errors of the publication room."""

from client_sdk.errors import MailleError


class PublicationError(MailleError):
    """A release that cannot be made from what is there; the message names the file or value, and what is expected."""

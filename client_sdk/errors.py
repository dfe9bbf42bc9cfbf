"""The exceptions shared by all three packages; they know nothing of HTTP.

MailleError
├── SampleError        a field of a sample breaks its bounds, or a law between fields
├── DeviceKeyError     a key or a key file that cannot be used
├── EnvelopeError      an envelope that must not be opened; ``rule`` says why
├── ReceiptError       an answer that is not a receipt of the pinned collector
└── CollectorError     the collector could not be reached, or refused
"""

import json


class MailleError(Exception):
    """Root of every error that Maille raises on purpose; its text is meant for the person at the keyboard."""


class SampleError(MailleError, ValueError):
    """A field holds a value outside what :mod:`client_sdk.sample` states.

    Attributes:
        field: wire name of the field.
        expected: what was expected, in words.
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: got {_shortened(value)}, expected {expected}")
        self.field = field
        self.expected = expected


class DeviceKeyError(MailleError):
    """A key that is not an Ed25519 key, or a key file that cannot be read or written."""


class EnvelopeError(MailleError):
    """An envelope that must not be opened.

    Attributes:
        rule: stable id of the rule that refused it, as listed in ``docs/protocol.md``.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class ReceiptError(MailleError):
    """What came back is not a receipt for this envelope signed by the pinned collector."""


class CollectorError(MailleError):
    """The collector could not be reached, or refused.

    Attributes:
        status: HTTP status, or None where no answer came.
        retry_after_s: seconds the collector asked to wait, where it did.
        rule: stable id of the rule that refused, as listed in ``docs/protocol.md``, where the collector named one.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        retry_after_s: float | None = None,
        rule: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.rule = rule


def _shortened(value: object) -> str:
    """A value for a person: ``nothing`` for None, text in quotes, the rest as JSON spells it, all of it printable."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"“{_cut(value)}”"
    return _cut(json.dumps(value, ensure_ascii=False, skipkeys=True, default=repr))


def _cut(text: str) -> str:
    """At most 60 characters, those that do not print as escapes of JSON."""
    shown = "".join(character if character.isprintable() else _escaped(character) for character in text[:61])
    return shown if len(shown) <= 60 else shown[:59] + "…"


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    return "".join(f"\\u{unit}" for unit in units)

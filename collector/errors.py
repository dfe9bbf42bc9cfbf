"""The exceptions of the collector, which know nothing of HTTP, and the one table that gives each rule its status.

MailleError
├── SettingsError          a setting that cannot be used
├── MigrationError         a database that this version cannot work with
└── RefusedError           a request refused; ``rule`` says why
    ├── EnrolmentError     a device that may not enrol so
    ├── DeviceError        a device that is unknown or revoked
    ├── RequestError       a request that cannot be read, whatever it holds
    └── BusyError          not now: try again after ``retry_after_s``

Envelopes and signatures are refused by ``EnvelopeError`` and ``JwsError`` of the client's package, with a ``rule`` too.
"""

from typing import NamedTuple

from client_sdk.errors import MailleError


class SettingsError(MailleError):
    """A setting that cannot be used; the message names it."""


class MigrationError(MailleError):
    """The database is not at the revision of this version; the message says what to run."""


class RefusedError(MailleError):
    """A request refused.

    Attributes:
        rule: key of :data:`PROBLEMS`.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class EnrolmentError(RefusedError):
    """An enrolment that is malformed, addressed to another collector, or carries a useless invitation."""


class DeviceError(RefusedError):
    """A device that is not enrolled here, or no longer welcome."""


class RequestError(RefusedError):
    """A request whose head or body cannot be read."""


class BusyError(RefusedError):
    """The collector cannot do it now.

    Attributes:
        retry_after_s: whole seconds to wait before the next try.
    """

    def __init__(self, rule: str, message: str, retry_after_s: int) -> None:
        super().__init__(rule, message)
        self.retry_after_s = retry_after_s


class Problem(NamedTuple):
    """How a rule is told over HTTP (RFC 9457)."""

    status: int
    title: str


PROBLEMS: dict[str, Problem] = {
    # the request itself
    "http-malformed": Problem(400, "The request is not HTTP as it should be"),
    "body-incomplete": Problem(400, "The body ended too early"),
    "body-timeout": Problem(408, "The body took too long"),
    "body-size": Problem(413, "The body is too large"),
    "content-type": Problem(415, "The content type is not the expected one"),
    "content-encoding": Problem(415, "A content encoding is not accepted"),
    "signature-missing": Problem(400, "The signature header is missing or repeated"),
    "not-found": Problem(404, "There is nothing here"),
    "method-not-allowed": Problem(405, "This method is not offered here"),
    "internal": Problem(500, "The collector failed"),
    "storage-unavailable": Problem(503, "The database cannot be reached now"),
    "storage-full": Problem(507, "The collector's disk is full"),
    "rate-network": Problem(429, "Too many requests from this network"),
    "rate-device": Problem(429, "Too many samples or envelopes from this device"),
    "intake-busy": Problem(503, "Too many envelopes are waiting"),
    # signatures
    "jws-malformed": Problem(400, "The signature cannot be read"),
    "jws-algorithm": Problem(400, "The signature's algorithm is not accepted"),
    "jws-type": Problem(400, "The signature is of another type"),
    "jws-critical": Problem(400, "The signature's critical header is not the expected one"),
    "jws-header": Problem(400, "The signature's header is not the expected one"),
    "jws-unknown-key": Problem(401, "The device is not enrolled here"),
    "jws-signature": Problem(403, "The signature does not match"),
    "device-revoked": Problem(401, "The device is no longer enrolled here"),
    "device-replaced": Problem(401, "The device has a newer key"),
    # envelopes
    "envelope-size": Problem(413, "The envelope is too large"),
    "envelope-text-size": Problem(413, "The envelope holds too much text"),
    "envelope-gzip": Problem(400, "The envelope is not one gzip stream"),
    "envelope-lines": Problem(400, "The envelope does not hold 1 to 500 samples"),
    # enrolment
    "enrolment-payload": Problem(400, "The enrolment cannot be read"),
    "enrolment-key": Problem(400, "The enrolment's key cannot be used"),
    "enrolment-collector": Problem(403, "The enrolment is for another collector"),
    "enrolment-privacy-notice": Problem(409, "Another privacy notice applies"),
    "enrolment-invitation": Problem(403, "The invitation cannot be used"),
    # requests of a device about itself
    "device-request": Problem(400, "The device's request cannot be used"),
    "rotation-key": Problem(400, "The new key cannot be used"),
    "rate-enrolment": Problem(429, "Too many new devices from this network"),
    # measurement
    "measurement-protocol": Problem(400, "The measuring protocol is not followed"),
    "measurement-request": Problem(400, "The request for a measurement cannot be used"),
    "measurement-token": Problem(401, "The measurement token is missing, wrong or out of date"),
    "measurement-busy": Problem(503, "Too many measurements are running"),
}
"""Rule → status and title. Each rule that refuses a request stands here, and nowhere else has a status."""

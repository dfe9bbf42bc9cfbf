"""``typ`` of the statements that a device and its collector sign besides envelopes and receipts.

A signature made for one purpose must be worth nothing for another, so both ends check the same name.
"""

ENROLMENT = "maille-enrolment"
MEASUREMENT_REQUEST = "maille-measurement"
MEASUREMENT_TOKEN = "maille-measurement-token"
FLAGS_REQUEST = "maille-flags-request"

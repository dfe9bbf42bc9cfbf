"""``typ`` of the statements that a device and its collector sign besides envelopes and receipts.

A signature made for one purpose must be worth nothing for another, so both ends check the same name.
"""

ENROLMENT = "maille-enrolment"
MEASUREMENT_REQUEST = "maille-measurement"
MEASUREMENT_TOKEN = "maille-measurement-token"
FLAGS_REQUEST = "maille-flags-request"
CONTRIBUTIONS = "maille-contributions"
ROTATION = "maille-rotation"
ROTATION_PROOF = "maille-rotation-proof"
KEY_ROTATION = "maille-key-rotation"
ACCESS = "maille-access"
ERASURE = "maille-erasure"
ERASURE_RECEIPT = "maille-erasure-receipt"

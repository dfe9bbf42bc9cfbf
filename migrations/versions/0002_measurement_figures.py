"""Figures of the full measuring method, what a survey declares, and the format of Network Survey's logs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ADDED = (
    ("vehicle", sa.String(64)),
    ("equipment", sa.String(64)),
    ("scheduled", sa.Boolean()),
    ("accuracy_kind", sa.String(10)),
    ("service_reject_cause", sa.BigInteger()),
    ("signal_age_ms", sa.BigInteger()),
    ("test_path", sa.String(6)),
    ("test_tls", sa.Boolean()),
    ("test_streams", sa.BigInteger()),
    ("test_calibration", sa.Boolean()),
    ("ip_family", sa.String(4)),
    ("download_whole_bps", sa.Double()),
    ("download_ramp_ms", sa.Double()),
    ("download_stop", sa.String(8)),
    ("download_stability", sa.Double()),
    ("download_confidence", sa.String(6)),
    ("download_would_stop_ms", sa.Double()),
    ("download_would_stop_bps", sa.Double()),
    ("download_buckets", sa.String(512)),
    ("download_interface_bytes", sa.BigInteger()),
    ("upload_whole_bps", sa.Double()),
    ("upload_ramp_ms", sa.Double()),
    ("upload_stop", sa.String(8)),
    ("upload_stability", sa.Double()),
    ("upload_confidence", sa.String(6)),
    ("upload_would_stop_ms", sa.Double()),
    ("upload_would_stop_bps", sa.Double()),
    ("upload_buckets", sa.String(512)),
    ("upload_interface_bytes", sa.BigInteger()),
    ("rtt_download_median_ms", sa.Double()),
    ("rtt_upload_median_ms", sa.Double()),
)


def upgrade() -> None:
    with op.batch_alter_table("samples") as samples:
        samples.alter_column("import_format", type_=sa.String(14), existing_type=sa.String(9), existing_nullable=True)
        for name, kind in ADDED:
            samples.add_column(sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    """Drop the figures; rows of the newer log format go back to none."""
    op.execute("UPDATE samples SET import_format = NULL WHERE length(import_format) > 9")
    with op.batch_alter_table("samples") as samples:
        for name, _ in reversed(ADDED):
            samples.drop_column(name)
        samples.alter_column("import_format", type_=sa.String(9), existing_type=sa.String(14), existing_nullable=True)

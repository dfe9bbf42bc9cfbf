"""Devices, invitations, envelopes and samples; on PostgreSQL also the position as PostGIS geometry.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "invitations",
        sa.Column("code_sha256", sa.String(64), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code_sha256", name="pk_invitations"),
    )
    op.create_table(
        "devices",
        sa.Column("thumbprint", sa.String(43), nullable=False),
        sa.Column("public_key", sa.String(43), nullable=False),
        sa.Column("tier", sa.String(10), nullable=False),
        sa.Column("privacy_notice_version", sa.String(16), nullable=False),
        sa.Column("invitation", sa.String(64), nullable=True),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("thumbprint", name="pk_devices"),
        sa.ForeignKeyConstraint(["invitation"], ["invitations.code_sha256"], name="fk_devices_invitation"),
    )
    op.create_table(
        "envelopes",
        sa.Column("device", sa.String(43), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device", "sha256", name="pk_envelopes"),
        sa.ForeignKeyConstraint(["device"], ["devices.thumbprint"], name="fk_envelopes_device"),
    )
    op.create_table(
        "samples",
        sa.Column("device", sa.String(43), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("client", sa.String(64), nullable=True),
        sa.Column("campaign", sa.String(64), nullable=True),
        sa.Column("import_format", sa.String(9), nullable=True),
        sa.Column("import_sha256", sa.String(64), nullable=True),
        sa.Column("device_model", sa.String(64), nullable=True),
        sa.Column("device_os", sa.String(64), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("altitude_m", sa.Double(), nullable=True),
        sa.Column("speed_mps", sa.Double(), nullable=True),
        sa.Column("position_age_ms", sa.BigInteger(), nullable=True),
        sa.Column("position_source", sa.String(7), nullable=True),
        sa.Column("position_mock", sa.Boolean(), nullable=True),
        sa.Column("context", sa.String(7), nullable=False),
        sa.Column("antenna", sa.String(8), nullable=True),
        sa.Column("sim_plmn", sa.String(6), nullable=True),
        sa.Column("serving_plmn", sa.String(6), nullable=True),
        sa.Column("roaming", sa.Boolean(), nullable=True),
        sa.Column("service_state", sa.String(11), nullable=False),
        sa.Column("service_evidence", sa.String(6), nullable=True),
        sa.Column("service_polls", sa.BigInteger(), nullable=True),
        sa.Column("rat", sa.String(4), nullable=True),
        sa.Column("nr_mode", sa.String(3), nullable=True),
        sa.Column("gsm_rssi_dbm", sa.Double(), nullable=True),
        sa.Column("umts_rscp_dbm", sa.Double(), nullable=True),
        sa.Column("umts_ecno_db", sa.Double(), nullable=True),
        sa.Column("lte_rsrp_dbm", sa.Double(), nullable=True),
        sa.Column("lte_rsrq_db", sa.Double(), nullable=True),
        sa.Column("lte_sinr_db", sa.Double(), nullable=True),
        sa.Column("lte_rssi_dbm", sa.Double(), nullable=True),
        sa.Column("nr_ss_rsrp_dbm", sa.Double(), nullable=True),
        sa.Column("nr_ss_rsrq_db", sa.Double(), nullable=True),
        sa.Column("nr_ss_sinr_db", sa.Double(), nullable=True),
        sa.Column("lte_eci", sa.BigInteger(), nullable=True),
        sa.Column("lte_tac", sa.BigInteger(), nullable=True),
        sa.Column("lte_pci", sa.BigInteger(), nullable=True),
        sa.Column("lte_earfcn", sa.BigInteger(), nullable=True),
        sa.Column("nr_nci", sa.BigInteger(), nullable=True),
        sa.Column("nr_tac", sa.BigInteger(), nullable=True),
        sa.Column("nr_pci", sa.BigInteger(), nullable=True),
        sa.Column("nr_arfcn", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(9), nullable=True),
        sa.Column("test_engine", sa.String(64), nullable=True),
        sa.Column("test_server", sa.String(64), nullable=True),
        sa.Column("test_id", sa.String(64), nullable=True),
        sa.Column("download_bps", sa.Double(), nullable=True),
        sa.Column("download_bytes", sa.BigInteger(), nullable=True),
        sa.Column("download_duration_ms", sa.Double(), nullable=True),
        sa.Column("download_lower_bound", sa.Boolean(), nullable=True),
        sa.Column("upload_bps", sa.Double(), nullable=True),
        sa.Column("upload_bytes", sa.BigInteger(), nullable=True),
        sa.Column("upload_duration_ms", sa.Double(), nullable=True),
        sa.Column("upload_lower_bound", sa.Boolean(), nullable=True),
        sa.Column("rtt_median_ms", sa.Double(), nullable=True),
        sa.Column("rtt_min_ms", sa.Double(), nullable=True),
        sa.Column("rtt_p95_ms", sa.Double(), nullable=True),
        sa.Column("rtt_jitter_ms", sa.Double(), nullable=True),
        sa.Column("rtt_sent", sa.BigInteger(), nullable=True),
        sa.Column("rtt_lost", sa.BigInteger(), nullable=True),
        sa.Column("rtt_protocol", sa.String(9), nullable=True),
        sa.Column("web_loaded_5s", sa.Boolean(), nullable=True),
        sa.Column("web_loaded_10s", sa.Boolean(), nullable=True),
        sa.Column("web_duration_ms", sa.Double(), nullable=True),
        sa.Column("observed_download_bps", sa.Double(), nullable=True),
        sa.Column("observed_upload_bps", sa.Double(), nullable=True),
        sa.Column("envelope_sha256", sa.String(64), nullable=False),
        sa.Column("line_sha256", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tier", sa.String(10), nullable=False),
        sa.Column("measured_month", sa.CHAR(7), nullable=False),
        sa.Column("h3_cell", sa.BigInteger(), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("excluded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("device", "id", name="pk_samples"),
        sa.ForeignKeyConstraint(
            ["device", "envelope_sha256"], ["envelopes.device", "envelopes.sha256"], name="fk_samples_device"
        ),
    )
    op.create_index("ix_samples_measured_month", "samples", ["measured_month", "measured_at"])
    op.create_index("ix_samples_h3_cell", "samples", ["h3_cell"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
        op.execute(
            "ALTER TABLE samples ADD COLUMN position geometry(Point,4326) "
            "GENERATED ALWAYS AS (ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED"
        )
        op.execute("CREATE INDEX ix_samples_position ON samples USING gist (position)")


def downgrade() -> None:
    """Drop our tables; the extension stays, since others may use it."""
    for table in ("samples", "envelopes", "devices", "invitations"):
        op.drop_table(table)

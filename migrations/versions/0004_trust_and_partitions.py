"""Key rotation, revocation from a date, erasures; on PostgreSQL samples are partitioned by the month of their id.

Samples no longer refer to their envelope by a foreign key: envelopes may be kept for a shorter time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invitations") as invitations:
        invitations.add_column(sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("devices") as devices:
        devices.add_column(sa.Column("origin", sa.String(43), nullable=True))
        devices.add_column(sa.Column("key_created_at", sa.DateTime(timezone=True), nullable=True))
        devices.add_column(sa.Column("revoked_from", sa.DateTime(timezone=True), nullable=True))
        devices.add_column(sa.Column("unjudged", sa.Boolean(), nullable=True))
    op.execute("UPDATE devices SET origin = thumbprint, unjudged = true")
    with op.batch_alter_table("devices") as devices:
        devices.alter_column("origin", nullable=False, existing_type=sa.String(43))
        devices.alter_column("unjudged", nullable=False, existing_type=sa.Boolean())
    op.create_index("ix_devices_origin", "devices", ["origin"])
    with op.batch_alter_table("witnesses") as witnesses:
        witnesses.add_column(sa.Column("asn", sa.BigInteger(), nullable=True))
    op.create_table(
        "erasures",
        sa.Column("thumbprint_sha256", sa.String(64), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        sa.Column("envelopes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("thumbprint_sha256", name="pk_erasures"),
    )
    op.create_table(
        "month_revisions",
        sa.Column("measured_month", sa.CHAR(7), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("measured_month", name="pk_month_revisions"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE samples DROP CONSTRAINT fk_samples_device")
        # bounds of the partitions are compared byte by byte, whatever the database's collation
        op.execute('ALTER TABLE samples ALTER COLUMN id TYPE varchar(36) COLLATE "C"')
        _rebuild("PARTITION BY RANGE (id)", "CREATE TABLE samples_default PARTITION OF samples DEFAULT")
    else:
        with op.batch_alter_table("samples") as samples:
            samples.drop_constraint("fk_samples_device", type_="foreignkey")


def downgrade() -> None:
    """One table again, each sample tied to its envelope; samples whose envelope is gone go too."""
    op.execute(
        "DELETE FROM samples WHERE NOT EXISTS (SELECT 1 FROM envelopes "
        "WHERE envelopes.device = samples.device AND envelopes.sha256 = samples.envelope_sha256)"
    )
    if op.get_bind().dialect.name == "postgresql":
        _rebuild("", "")
        op.execute("ALTER TABLE samples ALTER COLUMN id TYPE varchar(36)")
    with op.batch_alter_table("samples") as samples:
        samples.create_foreign_key(
            "fk_samples_device", "envelopes", ["device", "envelope_sha256"], ["device", "sha256"]
        )
    op.drop_table("month_revisions")
    op.drop_table("erasures")
    with op.batch_alter_table("witnesses") as witnesses:
        witnesses.drop_column("asn")
    op.drop_index("ix_devices_origin", "devices")
    with op.batch_alter_table("devices") as devices:
        for name in ("unjudged", "revoked_from", "key_created_at", "origin"):
            devices.drop_column(name)
    with op.batch_alter_table("invitations") as invitations:
        invitations.drop_column("revoked_at")


def _rebuild(form: str, then: str) -> None:
    """Make the table of samples anew in another form, and move every row."""
    columns = sa.inspect(op.get_bind()).get_columns("samples")
    names = ", ".join(column["name"] for column in columns if not column.get("computed"))
    op.execute("ALTER TABLE samples RENAME TO samples_before")
    op.execute("ALTER TABLE samples_before RENAME CONSTRAINT pk_samples TO pk_samples_before")
    for index in ("measured_month", "h3_cell", "position"):
        op.execute(f"DROP INDEX ix_samples_{index}")
    op.execute(f"CREATE TABLE samples (LIKE samples_before INCLUDING GENERATED) {form}")
    op.execute("ALTER TABLE samples ADD CONSTRAINT pk_samples PRIMARY KEY (device, id)")
    if then:
        op.execute(then)
    op.execute(f"INSERT INTO samples ({names}) SELECT {names} FROM samples_before")
    op.execute("DROP TABLE samples_before")
    op.create_index("ix_samples_measured_month", "samples", ["measured_month", "measured_at"])
    op.create_index("ix_samples_h3_cell", "samples", ["h3_cell"])
    op.execute("CREATE INDEX ix_samples_position ON samples USING gist (position)")

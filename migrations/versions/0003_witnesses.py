"""What the server saw of each transfer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "witnesses",
        sa.Column("device", sa.String(43), nullable=False),
        sa.Column("test_id", sa.String(64), nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("device", "test_id", "direction", name="pk_witnesses"),
        sa.ForeignKeyConstraint(["device"], ["devices.thumbprint"], name="fk_witnesses_device"),
    )


def downgrade() -> None:
    op.drop_table("witnesses")

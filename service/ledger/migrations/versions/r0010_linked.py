"""Records are also found by the reports they are linked to, not only by those they name."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NOTED = (
    "INSERT INTO mentions (force, key, kind, ref) "
    "SELECT r.force, 'log:' || l.value, 'record', r.ref FROM records AS r, "
)
_LINKED = {
    "sqlite": "json_each(r.state, '$.linked_to') AS l WHERE true ON CONFLICT DO NOTHING",
    "postgresql": "json_array_elements_text(r.state::json -> 'linked_to') AS l(value) "
    "WHERE true ON CONFLICT DO NOTHING",
}


def upgrade() -> None:
    """Note what was left out of every link that its record's own words do not give."""
    op.execute(_NOTED + _LINKED[op.get_bind().dialect.name])

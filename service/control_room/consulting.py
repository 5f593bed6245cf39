"""Opening a report, or giving it away, is logged before it is shown: who, when, which, and why."""

from fastapi import Request
from msgspec.structs import replace

from service.alerts.actors import ActorRole
from service.control_room.gate import gate_of
from service.control_room.rights import View, deny
from service.control_room.viewers import Special, Viewer
from service.ledger.consulted import Look, Purpose

PURPOSES = {
    ActorRole.AUDITOR: Purpose.AUDIT,
    ActorRole.REGISTRAR: Purpose.ASSURANCE,
    ActorRole.PUBLIC_PROTECTION: Purpose.SAFEGUARDING,
}
"""Why somebody of a role looks, where they say nothing else; other roles see to the recording."""


async def consult(
    request: Request,
    viewer: Viewer,
    force: str,
    ref: str,
    needs: frozenset[Special],
    *,
    purpose: Purpose | None = None,
    recipient: str = "",
    view: View = View.REPORT,
) -> None:
    """Log that a report is opened or, to a ``recipient`` (an opaque id), disclosed. A page that renews
    itself is one consultation, not hundreds.

    ``needs``: the named rights that it asks for (``viewers.needed``). Raises ``Problem`` (403), logged
    as well, where the viewer may not read it. [DPA 2018 s.62]
    """
    if not viewer.may_read(force, needs):
        await deny(request, viewer, view, "not a report for you", force, ref)
    gate = gate_of(request)
    usual = (PURPOSES[role] for role in viewer.actor.roles if role in PURPOSES)
    look = replace(
        gate.look(viewer, view, force, ref),
        purpose=purpose or next(usual, Purpose.RECORDING),
        look=Look.DISCLOSURE if recipient else Look.CONSULTATION,
        recipient=recipient,
    )
    if not gate.noted_lately(look):
        await gate.looked([look])

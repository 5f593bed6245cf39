"""``recount serve``: API and board over the shared ledger; stateless, any number of them.

Workers tick and the relay gives numbers; what is sent or done here is a turn like any other.
"""

from collections.abc import Callable

from service.control_room.app import make_app
from service.hosts.embedded import make_desk
from service.hosts.incoming import Incoming
from service.hosts.serving import LOOPBACK, bind, serve
from service.ledger.opening import Ledger
from service.settings import Settings


def run_serve(settings: Settings, ledger: Ledger, port: int, tell: Callable[[str], None]) -> int:
    """Serve until told to stop; the exit code. ``tell`` is given the URL once it answers."""
    mappings = dict.fromkeys(named.rpartition("/")[0] for named in settings.topics.values())
    incoming = Incoming(settings, tuple(mappings), frozenset(settings.topics.values()))
    desk = make_desk(settings, ledger, incoming)
    with bind(LOOPBACK, port) as bound:
        return serve(make_app(desk), desk, (), bound, tell)

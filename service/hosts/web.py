"""``recount serve``: API and board over the shared ledger; stateless, any number of them.

Workers tick and the relay gives numbers; what is sent or done here is a turn like any other.
"""

from collections.abc import Callable

from service.control_room.app import make_app
from service.control_room.binding import check_binding
from service.control_room.gate import Gate
from service.control_room.page_routes import PAGES
from service.hosts.agreeing import agree_in_time
from service.hosts.embedded import PARTS, make_desk, wall_clock
from service.hosts.health import served
from service.hosts.housekeeping import keep_house
from service.hosts.incoming import Incoming
from service.hosts.serving import EXIT_DONE, bind, keep_agreed, serve, with_link
from service.hosts.stopped import told_to_stop
from service.ledger.active import parts_of
from service.ledger.opening import Ledger
from service.settings import Settings


def run_serve(
    settings: Settings, ledger: Ledger, host: str, port: int, tell: Callable[[str], None]
) -> int:
    """Serve until told to stop; the exit code. ``tell`` is given the URL once it answers."""
    check_binding(settings, host)
    mappings = dict.fromkeys(named.rpartition("/")[0] for named in settings.topics.values())
    incoming = Incoming(settings, tuple(mappings), frozenset(settings.topics.values()))
    gate = Gate(settings, ledger, wall_clock)
    with bind(host, port) as bound, served(settings, *PARTS) as health:
        health.watch(ledger)
        with told_to_stop() as ended:
            if not agree_in_time(ledger, parts_of(incoming.rulebook), ended, health):
                return EXIT_DONE
        desk = make_desk(settings, ledger, incoming, health.counted)
        app, told = make_app(desk, gate, PAGES), with_link(gate, (), tell)
        loops = (lambda: keep_house(desk), lambda: keep_agreed(desk))
        return serve(app, desk, loops, bound, told, health)

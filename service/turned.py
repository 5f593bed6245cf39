"""What turns count, for whoever runs them."""

from service import metrics
from service.effects import Tick
from service.metrics import Counted
from service.turn import Batch, Turned


class TurnsCounted:
    """The turns of one process."""

    def __init__(self, counted: Counted) -> None:
        self._forces = counted.forces
        self._seconds = counted.histogram(metrics.TURN)
        self._inputs = counted.histogram(metrics.TURN_INPUTS)
        self._again = counted.counter(metrics.TURN_AGAIN)
        self._alerts = counted.counter(metrics.ALERTS)
        self._dead = counted.counter(metrics.DEAD_LETTERS)

    def add(self, batch: Batch, turned: Turned, seconds: float) -> None:
        """A turn was committed."""
        tick = not batch.dead and all(isinstance(each, Tick) for each in batch.inputs)
        self._seconds.labels("tick" if tick else "batch").observe(seconds)
        if not tick:
            self._inputs.observe(len(batch.inputs) + len(batch.dead))
        if turned.attempts > 1:
            self._again.labels("held").inc(turned.attempts - 1)
        for each in turned.events:
            quiet = "yes" if each.quiet else "no"
            force = self._forces.label(each.force)
            self._alerts.labels(force, str(each.type), str(each.grade or ""), quiet).inc()
        for letter in batch.dead:
            self._dead.labels(letter.source, letter.reason).inc()

    def failed(self) -> None:
        """The database was gone; the turn is run again."""
        self._again.labels("database").inc()

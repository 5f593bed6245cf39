"""Why a running service ends: each names what is wrong and the remedy."""


class WorkerStopped(Exception):
    """The worker must not begin, or not go on."""


class BrokerUnreachable(Exception):
    """No broker answered, or it refused."""

"""What the suite consists of: the one list of services and their processes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """A service by its name in folders and files, and the processes that serve it."""

    name: str
    processes: tuple[str, ...]

    @property
    def package(self) -> str:
        return f"crm_{self.name.replace('-', '_')}"

    @property
    def prefix(self) -> str:
        """What the names of its variables begin with."""
        return f"{self.package.upper()}_"


SERVICES = (
    Service("contacts", ("api", "consumer", "relay", "worker")),
    Service("sales", ("api", "consumer", "relay")),
    Service("service-desk", ("api", "consumer", "relay", "worker")),
    Service("campaigns", ("api", "consumer", "relay", "worker")),
    Service("analytics", ("api", "consumer", "worker")),
    Service("gateway", ("api", "relay")),
)
GATEWAY = SERVICES[-1]
# These watch over one process that serves; its pid is the one that counts.
WATCHING = frozenset({"gateway/api"})

"""`@subscribe`: makes a method of a service's Consumer the reaction to other services' events."""

from collections.abc import Callable
from typing import Any, TypeVar

from nameko.extensions import register_entrypoint

from crm_chassis.consuming.intake import Intake
from crm_chassis.consuming.reactions import Order, Plan, Reactions
from crm_chassis.consuming.retry import Retries

LATEST, EACH = Order.LATEST, Order.EACH
# Where a container's configuration holds what its subscriptions share.
RETRIES = "crm_retries"
Method = TypeVar("Method", bound=Callable[..., None])


def subscribe(
    *patterns: str, order: Order = LATEST, batch: int = 1, inbox: bool = True
) -> Callable[[Method], Method]:
    """Let the method react to events whose types match one of the patterns of a topic exchange.

    The method is called with the transaction and the event, with `batch` over 1 with a list of up
    to so many: those that came within 20 ms, or within 200 ms after the last list, all in one
    transaction. Its name is the queue's: `contacts_changed` of sales takes from
    `sales.contacts-changed`. `order` see there. It may be called again after a conflict, and has no
    effect but through the transaction.

    A reaction that announces events takes them one by one: what a batch announces is caused by the
    first of it. `inbox=False` is for a method whose own insert is keyed by the event's id and takes
    no harm from the same event twice.

    What it raises puts the event off to the next retry tier. `Undecodable` sends it to the dead
    letters at once; a database that is away only makes it wait.
    """
    plan = Plan(patterns, order, batch, inbox)

    def declare(method: Method) -> Method:
        def worker(container: Any, name: str) -> Reactions:
            retries: Retries = container.config[RETRIES]
            react = getattr(container.service_cls(), name)
            return Reactions(plan, container.service_name, name, react, retries)

        register_entrypoint(method, Intake(worker))
        return method

    return declare

"""A relay process for tests: of the service and with the lease that it is told."""

import sys

from crm_chassis.relay import publisher
from crm_chassis.relay.relay import run
from crm_chassis.settings import ServiceSettings


class Settings(ServiceSettings, service="probe"):
    pass


if __name__ == "__main__":
    mongodb_uri, database, rabbitmq_uri, address, lease, patience = sys.argv[1:]
    publisher.CONNECTION_OPTIONS["blocked_connection_timeout"] = float(patience)
    settings = Settings(
        mongodb_uri=mongodb_uri,
        mongodb_database=database,
        rabbitmq_uri=rabbitmq_uri,
        metrics_address=address,
    )
    run(settings, lease_seconds=float(lease))
    strangers = {"eventlet", "grpc", "mongoengine", "nameko", "kombu"} & sys.modules.keys()
    assert not strangers, strangers

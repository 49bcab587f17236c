"""The processes of the service desk; `python -m crm_service_desk --help` lists them."""

from crm_chassis.main import run

if __name__ == "__main__":
    run("crm_service_desk", "api", "consumer", "relay", "worker")

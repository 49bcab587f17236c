"""The processes of the contacts service; `python -m crm_contacts --help` lists them."""

from crm_chassis.main import run

if __name__ == "__main__":
    run("crm_contacts", "api", "consumer", "relay", "worker")

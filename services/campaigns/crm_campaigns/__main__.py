"""The processes of the campaigns service; `python -m crm_campaigns --help` lists them."""

from crm_chassis.main import run

if __name__ == "__main__":
    run("crm_campaigns", "api", "consumer", "relay", "worker")

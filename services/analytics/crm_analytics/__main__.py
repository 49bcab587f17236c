"""The processes of the analytics service; `python -m crm_analytics --help` lists them."""

from crm_chassis.main import run

if __name__ == "__main__":
    run("crm_analytics", "api", "consumer", "worker")

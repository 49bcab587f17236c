"""The processes of the sales service; `python -m crm_sales --help` lists them."""

from crm_chassis.main import run

if __name__ == "__main__":
    run("crm_sales", "api", "consumer", "relay")

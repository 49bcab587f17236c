"""What is inside of an image: its layers, files and settings, whichever builder made it."""

import hashlib
import json
import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployment.programs import call

# How each builder writes an image into a file.
SAVES = {
    "docker": ["docker", "save", "--output", "{file}", "{name}"],
    "buildah": ["buildah", "push", "--quiet", "{name}", "docker-archive:{file}:{name}"],
    "podman": ["podman", "save", "--quiet", "--output", "{file}", "{name}"],
}


@dataclass(frozen=True)
class Entry:
    """A file of a layer: its path, and what is compared of it."""

    path: str
    facts: tuple[Any, ...]


@dataclass(frozen=True)
class Image:
    """An image in a file."""

    file: Path
    config: dict[str, Any]
    layers: list[str]

    @property
    def diff_ids(self) -> list[str]:
        """What identifies the layers, the base's first."""
        return list(self.config["rootfs"]["diff_ids"])

    def size(self, first: int) -> int:
        """The bytes of the layers from that one on."""
        with tarfile.open(self.file) as archive:
            return sum(_member(archive, name).size for name in self.layers[first:])

    def entries(self, first: int) -> Iterator[Entry]:
        """The files of the layers from that one on."""
        with tarfile.open(self.file) as archive:
            for name in self.layers[first:]:
                source = archive.extractfile(_member(archive, name))
                assert source is not None
                with source, tarfile.open(fileobj=source) as layer:
                    yield from (_entry(layer, one) for one in layer)


def saved(builder: str, name: str, folder: Path) -> Image:
    """The image of that name, from the builder's store."""
    file = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:12]}.tar"
    file.unlink(missing_ok=True)
    call([part.format(file=file, name=name) for part in SAVES[builder]])
    with tarfile.open(file) as archive:
        manifest = _json(archive, "manifest.json")[0]
        return Image(file, _json(archive, manifest["Config"]), manifest["Layers"])


def _member(archive: tarfile.TarFile, name: str) -> tarfile.TarInfo:
    """A member, also where the same layer was written down once and named twice."""
    member = archive.getmember(name)
    if not member.issym():
        return member
    return archive.getmember(posixpath.normpath(f"{posixpath.dirname(name)}/{member.linkname}"))


def _json(archive: tarfile.TarFile, name: str) -> Any:
    source = archive.extractfile(name)
    assert source is not None
    return json.load(source)


def _entry(layer: tarfile.TarFile, one: tarfile.TarInfo) -> Entry:
    content = layer.extractfile(one) if one.isfile() else None
    digest = hashlib.sha256(content.read()).hexdigest() if content else one.linkname
    return Entry(one.name.strip("/"), (one.type, oct(one.mode), one.uid, one.gid, digest))

"""The files of a backup: BSON of each collection, compressed, and a manifest of all."""

import gzip
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from bson import decode_file_iter, json_util
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

FORMAT = 1
MANIFEST = "manifest.json"
RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
# More costs twice the time for a tenth of the room.
_LEVEL = 3
_PIECE = 1024 * 1024


class BackupError(Exception):
    """What an operator is told when a backup cannot be made or restored."""


@dataclass(frozen=True)
class Part:
    """One collection of a backup; `sha256` is that of its file as it lies there."""

    database: str
    collection: str
    options: Mapping[str, Any]
    indexes: list[Mapping[str, Any]]
    documents: int
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.database}.{self.collection}"

    def path(self, folder: Path) -> Path:
        """Its file in the folder of the backup."""
        return folder / file_of(self.database, self.collection)


@dataclass(frozen=True)
class Manifest:
    """What a backup has, and as of when: it is written last, so a backup without one is none."""

    moment: str
    parts: list[Part]

    def write(self, folder: Path) -> None:
        """Write it to the folder of the backup."""
        told = {"format": FORMAT, "moment": self.moment, "parts": [asdict(p) for p in self.parts]}
        (folder / MANIFEST).write_text(json_util.dumps(told, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest in the folder.

        Raises:
            BackupError: there is none that this release can read.
        """
        try:
            told = json_util.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BackupError(f"{folder} is no backup, or one that was not finished.") from None
        if told["format"] != FORMAT:
            raise BackupError(f"{folder} is of format {told['format']}, not {FORMAT}.")
        return cls(told["moment"], [Part(**part) for part in told["parts"]])


def file_of(database: str, collection: str) -> str:
    """Where the documents of a collection are, below the folder of the backup."""
    return f"{database}/{collection}.bson.gz"


def write_documents(path: Path, documents: Iterable[RawBSONDocument]) -> tuple[int, int]:
    """Write documents one after the other; gives how many there were and their size."""
    count = size = 0
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("xb") as file, gzip.GzipFile("", "wb", _LEVEL, file, 0) as packed:
        for document in documents:
            packed.write(document.raw)
            count, size = count + 1, size + len(document.raw)
    return count, size


def read_documents(path: Path) -> Iterator[RawBSONDocument]:
    """The documents of a file, one after the other."""
    with gzip.open(path, "rb") as packed:
        yield from decode_file_iter(cast("BinaryIO", packed), RAW)


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()

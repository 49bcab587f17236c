"""Where a stack keeps what: every path below its run directory."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
# What a stack keeps in its run directory. The draft of a file has its name after a dot.
KEPT = frozenset(
    [
        "demo-is-loaded",
        "env",
        "lock",
        "logs",
        "mailbox",
        "mongod",
        "pids",
        "ports",
        "prometheus",
        "rabbitmq",
        "secrets",
        "supervisor",
    ]
)


class StackError(Exception):
    """What a person is told when a command of the stack cannot do what it promises."""


@dataclass(frozen=True)
class Layout:
    """The run directory of one stack."""

    folder: Path

    @property
    def ports(self) -> Path:
        return self.folder / "ports.json"

    @property
    def env(self) -> Path:
        return self.folder / "env"

    @property
    def pids(self) -> Path:
        return self.folder / "pids"

    @property
    def mailbox(self) -> Path:
        return self.folder / "mailbox"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @property
    def api_key(self) -> Path:
        return self.secrets / "api-key"

    @property
    def mongod(self) -> Path:
        return self.folder / "mongod"

    @property
    def rabbitmq(self) -> Path:
        return self.folder / "rabbitmq"

    @property
    def prometheus(self) -> Path:
        return self.folder / "prometheus"

    @property
    def demo_is_loaded(self) -> Path:
        return self.folder / "demo-is-loaded"

    @property
    def backups(self) -> Path:
        """Outlives a reset: it is no data of the stack any more."""
        return self.folder / "backups"

    @property
    def supervisor(self) -> Path:
        return self.folder / "supervisor"

    def log(self, process: str) -> Path:
        """The log of a process by its name in `pids`."""
        return self.logs / f"{process.replace('/', '-')}.log"

    def kept(self) -> list[Path]:
        """What a stack made here, of all that is here."""
        found = self.folder.iterdir()
        return [path for path in found if path.name.removeprefix(".").split(".")[0] in KEPT]

    def create(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for folder in (self.mailbox, self.logs, self.secrets, self.mongod, self.supervisor):
            folder.mkdir(exist_ok=True)


def layout_from_environment() -> Layout:
    """The run directory that `CRM_RUN_DIR` names, `.run` of the project without it.

    An empty name is none: the project's own folder is never one.
    """
    return Layout((ROOT / (os.environ.get("CRM_RUN_DIR") or ".run")).resolve())


def replace_file(path: Path, text: str, mode: int = 0o644) -> None:
    """Write `path` so that a reader sees the old or the new text, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=mode)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)

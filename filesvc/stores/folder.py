"""Stored files in a folder: the bytes are made durable first, then their name."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from filesvc.models import File
from filesvc.stores.places import FILES, PREVIEWS, Readable, Stored
from security.kept_threads import KeptThreads
from security.running_digest import LARGE_BYTES
from security.upload import STAGING, StagedUpload

_durable_folders: set[Path] = set()
_writing = KeptThreads("writing")


class Folder:
    """A store on a file system of this machine (`filesvc.stores.Store`)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def prepare(self) -> None:
        """Make its folders, private to this user."""
        for name in (FILES, PREVIEWS):
            (self._root / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    def place_of(self, kind: str, file_id: uuid.UUID, ending: str = "") -> str:
        """The fan-out is the end of the id: the start of a UUIDv7 is the clock."""
        return f"{kind}/{file_id.hex[-2:]}/{file_id.hex}{ending}"

    def path_of(self, place: str) -> Path:
        """Where that is."""
        return self._root / place

    def begin_to_take(self, staged: StagedUpload) -> None:
        """What is large goes to the disk while the scanner reads it: a sixth of the whole time.

        Small ones would pay for the handing over (both measured).
        """
        if staged.size_bytes >= LARGE_BYTES:
            with contextlib.suppress(RuntimeError):  # no thread to be had: then `take` does it all
                staged.written_out = _writing.submit(_write_out, staged.path)

    def take(self, staged: StagedUpload, place: str, give_up_at: float) -> None:
        """Durable first, then named, then the name durable.

        A failed fsync is not tried again: the kernel may have dropped the pages it could not
        write. Nothing here can be given up half-way, so `give_up_at` is not asked.
        """
        target = self.path_of(place)
        if staged.written_out is not None and not staged.written_out.cancel():
            staged.written_out.result()
        os.fsync(staged.descriptor)
        make_durable_folder(target.parent)
        staged.path = staged.path.rename(target)
        sync_folder(target.parent)
        # Only now: until here the bytes go with the staged upload, whatever their name is.
        staged.is_promoted = True

    def put(self, place: str, content: bytes) -> None:
        """Whole and durable before it has its name."""
        staged, target = self._root / STAGING / uuid.uuid4().hex, self.path_of(place)
        try:
            _write_durably(staged, content)
            make_durable_folder(target.parent)
            staged.rename(target)
            sync_folder(target.parent)
        finally:
            staged.unlink(missing_ok=True)

    def open(self, place: str, size_bytes: int) -> BinaryIO:
        """The kept file itself."""
        try:
            return self.path_of(place).open("rb")
        except FileNotFoundError:
            self._check_presence()
            raise

    def open_span(self, place: str, first: int, length_bytes: int) -> tuple[Readable, int]:
        """The kept file itself, read up to `first`."""
        source: BinaryIO = self.path_of(place).open("rb")
        size_bytes = source.seek(0, os.SEEK_END)
        source.seek(first)
        return source, size_bytes

    def delete(self, place: str) -> None:
        """Unlink it."""
        self.path_of(place).unlink(missing_ok=True)

    def remove(self, stored: Stored) -> bool:
        """Unlink it; only one of several at once does."""
        try:
            self.path_of(stored.place).unlink()
        except FileNotFoundError:
            return False
        return True

    def places_of(self, kind: str, file_id: uuid.UUID) -> list[str]:
        """Everything in the folder of the id that begins with it and a dot."""
        folder = self.path_of(self.place_of(kind, file_id)).parent
        return [self._place(path) for path in folder.glob(f"{file_id.hex}.*")]

    def list(self, kind: str) -> Iterator[Stored]:
        """Folder by folder."""
        for folder in sorted(self.path_of(kind).glob("*")):
            if folder.is_dir():
                yield from self.list_folder(folder)

    def list_unfinished(self) -> Iterator[Stored]:
        """Nothing: what is under way lies in staging."""
        return iter(())

    def list_folder(self, folder: Path) -> Iterator[Stored]:
        """The files in it; a rename sets the time of change, not of writing."""
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                told = path.stat()
                if path.is_file():
                    yield Stored(self._place(path), told.st_size, told.st_ctime)

    def find_lacking(self, files: Iterable[File]) -> Iterator[File]:
        """Each is looked at. A store that is not there at all is no finding about its files."""
        self._check_presence()
        for file in files:
            path = self.path_of(self.place_of(FILES, file.id))
            if not path.exists() or path.stat().st_size != file.size_bytes:
                yield file

    def probe(self) -> None:
        """Nothing: staging is on the same file system."""

    def _check_presence(self) -> None:
        """Without its folder, a store is not mounted here, and none of its files is gone."""
        if not self.path_of(FILES).is_dir():
            raise OSError(errno.ENODEV, FILES)

    def _place(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def make_durable_folder(folder: Path) -> None:
    """Found is not enough: whoever made it may not have come to make its name durable."""
    if folder in _durable_folders and folder.is_dir():
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)
    _durable_folders.add(folder)


def sync_folder(folder: Path) -> None:
    """A rename is durable only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_out(path: Path) -> None:
    """By a descriptor of its own: of a failed write each one is told once, and `take` has to hear.

    Raises OSError; a failed flush of the disk is told only here. Of an upload that was refused
    the file is gone.
    """
    with contextlib.suppress(FileNotFoundError), path.open("rb") as source:
        os.fsync(source.fileno())


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with contextlib.closing(os.fdopen(descriptor, "wb")) as target:
        target.write(content)
        target.flush()
        os.fsync(descriptor)

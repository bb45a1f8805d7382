"""Windows' documented rules for files, as a double in front of what Python asks of this system's
files.

`windows()` holds in this process what Windows refuses or does otherwise: a file that is open cannot
be removed, renamed or replaced; a folder cannot be opened, nor one removed that a process works in;
``fsync`` needs a writable handle; ``rename`` replaces nothing; names that differ by case are one;
some names are reserved; there are no modes but read-only; text is written in Windows-1252 with
``\\r\\n`` unless said otherwise; the system's folders know no XDG; what only POSIX has is missing
for the package. Which files are open, also by libraries and by processes started from here, is read
from /proc.

What SQLite, DuckDB or Arrow themselves create, remove or replace goes past the double, and locks
are those of this system.
"""

# ruff: noqa: PTH100, PTH116, PTH118, PTH208
from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import platformdirs

__all__ = ["Windows", "windows"]

_HELD = "The process cannot access the file because it is being used by another process"
_DENIED = "Access is denied"
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|COM[1-9]|LPT[1-9])(?:\..*)?", re.I)
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$')
_JUNCTION = 0xA0000003
"""``IO_REPARSE_TAG_MOUNT_POINT``."""
_POSIX_MODULES = {"fcntl", "grp", "pwd", "resource", "termios", "pty"}
_MISSING = {
    "os": {
        *(
            "O_CLOEXEC",
            "O_DIRECTORY",
            "O_NOFOLLOW",
            "O_NONBLOCK",
            "fchmod",
            "fchown",
            "fork",
            "geteuid",
            "getpgid",
        ),
        *("getuid", "killpg", "mkfifo", "mknod", "setsid", "statvfs", "sync", "uname", "wait"),
    },
    "signal": {"SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "alarm", "pause", "setitimer"},
}
_OTHERWISE = {"name": "nt", "linesep": "\r\n", "O_BINARY": 0}


class _Seen(ModuleType):
    """A module as the package sees it on Windows."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__)
        self._real = real

    def __getattr__(self, name: str) -> Any:
        if name in _MISSING[self.__name__]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} on Windows")
        return (
            _OTHERWISE[name]
            if self.__name__ == "os" and name in _OTHERWISE
            else getattr(self._real, name)
        )


class _Text(io.TextIOWrapper):
    """A text file that is written with ``\\r\\n`` and read with ``\\n``."""

    def write(self, words: str, /) -> int:
        super().write(words.replace("\n", "\r\n"))
        return len(words)


class Windows:
    """The calls as Windows answers them; `local` is the user's folder for the data of programs."""

    def __init__(self, local: Path) -> None:
        self.local = local
        self.junctions: set[str] = set()
        self._names = (
            "open",
            "fsync",
            "unlink",
            "remove",
            "rename",
            "replace",
            "rmdir",
            "mkdir",
            "stat",
            "lstat",
            "fstat",
            "chmod",
            "scandir",
            "listdir",
        )
        self._real = SimpleNamespace(**{name: getattr(os, name) for name in self._names})
        self._real_io, self._real_run, self._real_import = (
            io.open,
            subprocess.run,
            builtins.__import__,
        )

    def make_junction(self, path: Path, target: Path) -> None:
        """Make a folder that is another one, which no call of POSIX takes for a link."""
        path.symlink_to(target, target_is_directory=True)
        self.junctions.add(os.path.abspath(path))

    # Files

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        path = self._fold(path, creates=bool(flags & os.O_CREAT))
        if self._is_folder(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return self._real.open(path, flags, mode, dir_fd=dir_fd)

    def open_file(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if "b" not in mode:
            encoding = "cp1252" if encoding in (None, "locale") else encoding
        if not isinstance(file, int) and opener is None:
            file = self._fold(file, creates=mode[0] in "wax")
        if "b" not in mode and newline is None and mode.strip("t") != "r":
            binary = self._real_io(
                file, f"{mode.replace('t', '')}b", closefd=closefd, opener=opener
            )
            return _Text(binary, encoding, errors, line_buffering=buffering == 1)
        return self._real_io(file, mode, buffering, encoding, errors, newline, closefd, opener)

    def fsync(self, handle: Any) -> None:
        import fcntl  # here, since a test that needs none of this is collected on Windows itself

        number = handle if isinstance(handle, int) else handle.fileno()
        if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        self._real.fsync(number)

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        path = self._fold(path)
        self._refuse_held(path)
        if self._is_read_only(path):
            raise PermissionError(errno.EACCES, _DENIED, path)
        self._real.unlink(path, dir_fd=dir_fd)

    remove = unlink

    def rename(
        self, old: Any, new: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        old, new = self._fold(old), os.fspath(new)
        found = self._fold(new, creates=True)
        if self._find(found) is not None and found != old:
            raise FileExistsError(
                errno.EEXIST, "Cannot create a file when that file already exists", old, None, new
            )
        self._refuse_held(old)
        self._real.rename(old, new)

    def replace(
        self, old: Any, new: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        old, new = self._fold(old), self._fold(new, creates=True)
        self._refuse_held(old)
        if self._is_folder(new) or self._is_read_only(new):
            raise PermissionError(errno.EACCES, _DENIED, old, None, new)
        self._refuse_held(new)
        self._real.replace(old, new)

    def rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        path = self._fold(path)
        if path in self.junctions:
            self._real.unlink(path)
            return
        self._refuse_held(path)
        self._real.rmdir(path, dir_fd=dir_fd)

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self._real.mkdir(self._fold(path, creates=True), mode, dir_fd=dir_fd)

    def chmod(self, path: Any, mode: int, **options: Any) -> None:
        path = self._fold(path)
        if not self._is_folder(path):
            self._real.chmod(path, 0o666 if mode & stat.S_IWUSR else 0o444)

    def stat(self, path: Any, **options: Any) -> Any:
        found = self._real.stat(path if isinstance(path, int) else self._fold(path), **options)
        return self._describe(found, "" if options.get("follow_symlinks", True) else path)

    def lstat(self, path: Any, **options: Any) -> Any:
        return self._describe(self._real.lstat(self._fold(path), **options), path)

    def fstat(self, handle: int) -> Any:
        return self._describe(self._real.fstat(handle))

    def scandir(self, path: Any = ".") -> Any:
        return _Scan(self, self._real.scandir(path if isinstance(path, int) else self._fold(path)))

    def listdir(self, path: Any = ".") -> list[str]:
        return self._real.listdir(path if isinstance(path, int) else self._fold(path))

    def _describe(self, found: os.stat_result, path: Any = "") -> Any:
        """Give a file's facts without owner and modes, except read-only."""
        kind, modes = stat.S_IFMT(found.st_mode), 0o666 if found.st_mode & stat.S_IWUSR else 0o444
        facts = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
        facts |= {
            "st_uid": 0,
            "st_gid": 0,
            "st_mode": kind | (modes if kind != stat.S_IFDIR else 0o777),
        }
        if path != "" and os.path.abspath(os.fspath(path)) in self.junctions:
            facts |= {"st_mode": stat.S_IFDIR | 0o777, "st_reparse_tag": _JUNCTION}
        return SimpleNamespace(**facts)

    def _fold(self, path: Any, *, creates: bool = False) -> str:
        """Find the name under which a file is stored, whatever its case; refuse names that none can
        be created under."""
        path = os.fsdecode(path)
        if self._find(path) is not None:
            return path
        folder, name = os.path.split(path)
        if folder and self._find(folder) is None:
            folder = self._fold(folder)
            path = os.path.join(folder, name)
            if self._find(path) is not None:
                return path
        with contextlib.suppress(OSError):
            for other in self._real.listdir(folder or "."):
                if other.casefold() == name.casefold():
                    return os.path.join(folder, other)
        if creates and _RESERVED.fullmatch(name):
            raise FileNotFoundError(errno.ENOENT, "The system cannot find the path specified", path)
        if creates and _FORBIDDEN.search(name):
            raise OSError(
                errno.EINVAL,
                "The filename, directory name, or volume label syntax is incorrect",
                path,
            )
        return path

    def _find(self, path: str) -> os.stat_result | None:
        try:
            return self._real.lstat(path)
        except (OSError, ValueError):
            return None

    def _is_folder(self, path: str) -> bool:
        return (found := self._find(path)) is not None and stat.S_ISDIR(found.st_mode)

    def _is_read_only(self, path: str) -> bool:
        return (found := self._find(path)) is not None and not found.st_mode & stat.S_IWUSR

    def _refuse_held(self, path: str) -> None:
        found = self._find(path)
        if found is not None and (found.st_dev, found.st_ino) in self._list_held():
            raise PermissionError(errno.EACCES, _HELD, path)

    def _list_held(self) -> Iterator[tuple[int, int]]:
        """List the files that are open here and in processes started from here, and the folders
        they work in."""
        for process in _list_processes(os.getpid()):
            places = [f"/proc/{process}/cwd"]
            with contextlib.suppress(OSError):
                places += [
                    f"/proc/{process}/fd/{number}" for number in os.listdir(f"/proc/{process}/fd")
                ]
            for place in places:
                with contextlib.suppress(OSError):
                    found = self._real.stat(place)
                    yield found.st_dev, found.st_ino

    # What the package sees of Python

    def run(self, command: Any, *rest: Any, **options: Any) -> Any:
        """Run a command; one that is a text is split as the started program does it, by double
        quotes."""
        if isinstance(command, str) and not options.get("shell"):
            command = [
                word.replace('"', "") for word in re.findall(r'(?:[^\s"]|"[^"]*")+', command)
            ]
        return self._real_run(command, *rest, **options)

    def import_module(self, name: str, globals: Any = None, *rest: Any, **options: Any) -> Any:
        """Import a module; into the package none that Windows lacks."""
        if not str((globals or {}).get("__name__")).startswith("opp_analytics"):
            return self._real_import(name, globals, *rest, **options)
        if name in _POSIX_MODULES:
            raise ModuleNotFoundError(f"No module named {name!r} on Windows")
        return _see(self._real_import(name, globals, *rest, **options))

    def patches(self) -> Iterator[Any]:
        """List what to put in place of the calls."""
        for name in self._names:
            yield patch.object(os, name, getattr(self, name))
        for module in (io, builtins):
            yield patch.object(module, "open", self.open_file)
        yield patch.object(builtins, "__import__", self.import_module)
        yield patch.object(subprocess, "run", self.run)
        # By descriptors of folders, which Windows does not open.
        yield patch.object(shutil, "_use_fd_functions", False)
        if hasattr(shutil, "_rmtree_impl"):  # what Python 3.14 has chosen by it on import
            yield patch.object(shutil, "_rmtree_impl", vars(shutil)["_rmtree_unsafe"])
        own = self.local / "opp-analytics" / "opp-analytics"
        yield patch.object(platformdirs, "user_cache_dir", lambda app: str(own / "Cache"))
        yield patch.object(platformdirs, "user_state_dir", lambda app: str(own))
        yield patch.dict(os.environ, LOCALAPPDATA=str(self.local))


class _Scan:
    """Entries of a folder, of which a junction is a folder and not a link."""

    def __init__(self, system: Windows, found: Any) -> None:
        self._system, self._found = system, found

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> _Scan:
        return self

    def __next__(self) -> Any:
        entry = next(self._found)
        if os.path.abspath(entry.path) not in self._system.junctions:
            return entry
        return SimpleNamespace(
            name=entry.name,
            path=entry.path,
            is_dir=lambda **_: True,
            is_file=lambda **_: False,
            is_symlink=lambda: False,
            is_junction=lambda: True,
            stat=lambda **options: os.stat(entry.path, **options),
        )

    def close(self) -> None:
        """Close the folder."""
        self._found.close()


def _list_processes(process: int) -> Iterator[int]:
    """List a process and all that it started."""
    yield process
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{process}/task"):
            for child in Path(f"/proc/{process}/task/{task}/children").read_bytes().split():
                yield from _list_processes(int(child))


def _see(module: Any) -> Any:
    return _Seen(module) if module is os or module is signal else module


def _list_package() -> list[ModuleType]:
    return [
        module for name, module in list(sys.modules.items()) if name.startswith("opp_analytics")
    ]


@contextlib.contextmanager
def windows(local: Path) -> Iterator[Windows]:
    """Let this process ask Windows instead of its own system."""
    system = Windows(local)
    with contextlib.ExitStack() as stack:
        for module in _list_package():
            for name in _MISSING.keys() & vars(module).keys():
                setattr(module, name, _see(vars(module)[name]))
        for each in system.patches():
            stack.enter_context(each)
        try:
            yield system
        finally:
            for module in _list_package():
                for name in _MISSING.keys() & vars(module).keys():
                    setattr(module, name, getattr(vars(module)[name], "_real", vars(module)[name]))

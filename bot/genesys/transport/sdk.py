"""Imports the Genesys SDK without its side effects on this process and the user's home.

Importing it creates its ``Configuration``, which reads ``~/.genesyscloudpython/config`` (it could move the API's
host, or log requests to a file) and starts two threads that watch that folder. During the import it finds a temporary
home whose configuration says ``live_reload_config = false``.

All of the SDK takes about 190 MB and two seconds, nearly all of it for thousands of generated models and calls. The
bot sends requests through the SDK's client and reads the answers as JSON, so it doesn't import those.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


PACKAGE = "PureCloudPlatformClientV2"


class _AnotherHome(MetaPathFinder):
    """Gives the SDK's configuration module, and nothing else in the process, another home directory."""

    def __init__(self, home: str) -> None:
        self._home = home

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != f"{PACKAGE}.configuration":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_then_move(module: ModuleType) -> None:
                run(module)
                vars(module)["expanduser"] = lambda _: self._home

            vars(spec.loader)["exec_module"] = run_then_move
        return spec


@contextmanager
def _another_home() -> Iterator[None]:
    with TemporaryDirectory(prefix="record-bot-") as home:
        folder = Path(home, ".genesyscloudpython")
        folder.mkdir()
        Path(folder, "config").write_text("[general]\nlive_reload_config = false\n", encoding="utf-8")
        finder = _AnotherHome(home)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)


class _Hollow(Loader):
    """Makes a module with nothing in it."""

    @override
    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python make it."""

    @override
    def exec_module(self, module: ModuleType) -> None:
        """Run none of its code."""


class _WithoutModels(MetaPathFinder):
    """Finds the SDK's package and its models empty, and everything else of it as it is."""

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in {PACKAGE, f"{PACKAGE}.models"}:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = _Hollow()
        return spec


@contextmanager
def _without_models() -> Iterator[None]:
    """Import only what sends requests, in a copy of our own: other importers of the SDK get all of it."""
    if PACKAGE in sys.modules:
        yield
        return
    finder = _WithoutModels()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name == PACKAGE or name.startswith(f"{PACKAGE}.")]:
            del sys.modules[name]


with _another_home(), _without_models(), warnings.catch_warnings():
    # its generated code has escapes that newer Pythons warn of when they compile it
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", SyntaxWarning)
    from PureCloudPlatformClientV2.abstract_http_client import AbstractHttpClient
    from PureCloudPlatformClientV2.api_client import ApiClient
    from PureCloudPlatformClientV2.configuration import Configuration
    from PureCloudPlatformClientV2.purecloud_region_hosts import PureCloudRegionHosts
    from PureCloudPlatformClientV2.rest import ApiException, RESTResponse

    Configuration()  # its only one, created while it sees the temporary home

__all__ = ["AbstractHttpClient", "ApiClient", "ApiException", "PureCloudRegionHosts", "RESTResponse"]

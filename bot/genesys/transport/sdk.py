"""The Genesys SDK: its API classes build the requests, and the answers stay JSON.

Creating the SDK's ``Configuration`` reads ``~/.genesyscloudpython/config`` (it could move the API's host, or log
requests to a file) and starts two threads that watch that folder. Here it finds a temporary folder, whose
configuration says ``live_reload_config = false``.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from typing_extensions import override

EXPORT = re.compile(r"^from \.(\S+) import (\w+)$", re.MULTILINE)


def lazy_package(name: str) -> None:
    """Register a package under its name without running its ``__init__``, whose exports are found on first use."""
    if name in sys.modules:
        return
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed", name=name)
    package = module_from_spec(spec)
    exports = {found: module for module, found in EXPORT.findall(Path(spec.origin).read_text(encoding="utf-8"))}

    def load(attribute: str) -> object:
        if attribute not in exports:
            raise AttributeError(f"{name} has no {attribute}", name=attribute, obj=package)
        value: object = getattr(import_module(f"{name}.{exports[attribute]}"), attribute)
        setattr(package, attribute, value)
        return value

    vars(package)["__getattr__"] = load
    sys.modules[name] = package


PACKAGE = "PureCloudPlatformClientV2"
for _package in (PACKAGE, f"{PACKAGE}.models", f"{PACKAGE}.apis"):
    lazy_package(_package)

import PureCloudPlatformClientV2 as sdk  # noqa: E402, N813  after it is lazy
from PureCloudPlatformClientV2 import configuration  # noqa: E402
from PureCloudPlatformClientV2.abstract_http_client import AbstractHttpClient  # noqa: E402
from PureCloudPlatformClientV2.api_client import ApiClient  # noqa: E402
from PureCloudPlatformClientV2.apis.conversations_api import ConversationsApi  # noqa: E402  large; none waits for it
from PureCloudPlatformClientV2.purecloud_region_hosts import PureCloudRegionHosts  # noqa: E402
from PureCloudPlatformClientV2.rest import ApiException, RESTResponse  # noqa: E402

__all__ = [
    "AbstractHttpClient",
    "ApiException",
    "ConversationsApi",
    "JsonApiClient",
    "PureCloudRegionHosts",
    "RESTResponse",
    "sdk",
]


def _configure() -> None:
    """Create the only ``Configuration`` of this process without the user's own settings of the SDK."""
    expanduser = configuration.expanduser
    with TemporaryDirectory(prefix="record-bot-") as home:
        folder = Path(home, ".genesyscloudpython")
        folder.mkdir()
        Path(folder, "config").write_text("[general]\nlive_reload_config = false\n", encoding="utf-8")
        configuration.expanduser = lambda _: home  # not $HOME: other threads may read that
        try:
            configuration.Configuration()
        finally:
            configuration.expanduser = expanduser


_configure()


class JsonApiClient(ApiClient):  # type: ignore[misc]  # the SDK has no types
    """Leaves an answer as it is: the SDK's models fail on nulls, and rewrite words that they don't know."""

    @override
    def call_api(
        self,
        resource_path: str,
        method: str,
        path_params: dict[str, str] | None = None,
        *arguments: Any,
        response_type: object = None,
        **more: Any,
    ) -> Any:
        """Call for no model, and quote ids whole: the SDK leaves the slashes in them."""
        del response_type
        for name, value in (path_params or {}).items():
            resource_path = resource_path.replace(f"{{{name}}}", quote(str(value), safe=""))
        return super().call_api(resource_path, method, None, *arguments, **more)

"""Makes packages of the Genesys SDK lazy: a class is imported when it is first asked for (PEP 562).

Each of the SDK's packages imports all of its modules, 88 API classes and 6,650 models, which takes seconds and 190 MB.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path

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

"""Builds a kustomization, as far as ours go; ``kubectl kustomize`` builds the same but for the digests in names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Object = dict[str, Any]
KNOWN = {"apiVersion", "kind", "resources", "configMapGenerator", "labels", "namespace", "images"}
NAMESPACED_NOT = {"Namespace"}


def built(directory: Path) -> list[Object]:
    """Return all objects. Raise ValueError for what this doesn't know, and OSError for a file that is missing."""
    found: Object = yaml.safe_load((directory / "kustomization.yaml").read_text())
    if unknown := found.keys() - KNOWN:
        raise ValueError(f"{directory}: unknown {sorted(unknown)}")
    objects = [one for resource in found.get("resources", ()) for one in _resource(directory / resource)]
    objects += [_config_map(directory, generator) for generator in found.get("configMapGenerator", ())]
    for one in objects:
        for labels in found.get("labels", ()):
            one["metadata"].setdefault("labels", {}).update(labels["pairs"])
        if "namespace" in found and one["kind"] not in NAMESPACED_NOT:
            one["metadata"]["namespace"] = found["namespace"]
        for image in found.get("images", ()):
            _retag(one, image)
    return objects


def unlisted(directory: Path) -> set[str]:
    """Return the files beside a kustomization that it doesn't name."""
    found: Object = yaml.safe_load((directory / "kustomization.yaml").read_text())
    listed = {"kustomization.yaml", *found.get("resources", ())}
    for generator in found.get("configMapGenerator", ()):
        listed |= {*generator.get("files", ()), *generator.get("envs", ())}
    return {one.name for one in directory.iterdir()} - listed


def containers(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def _resource(path: Path) -> Iterator[Object]:
    if path.is_dir():
        yield from built(path)
    else:
        yield from yaml.safe_load_all(path.read_text())


def _config_map(directory: Path, generator: Object) -> Object:
    data = {file: (directory / file).read_text() for file in generator.get("files", ())}
    for file in generator.get("envs", ()):
        lines = [line for line in (directory / file).read_text().splitlines() if line and not line.startswith("#")]
        data |= {name: value for name, _, value in (line.partition("=") for line in lines)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data}


def _retag(one: Object, image: Object) -> None:
    pod = one.get("spec", {}).get("template", {}).get("spec")
    for container in containers(pod) if pod else ():
        name, _, tag = container["image"].rpartition(":")
        if name == image["name"]:
            container["image"] = f"{image.get('newName', name)}:{image.get('newTag', tag)}"

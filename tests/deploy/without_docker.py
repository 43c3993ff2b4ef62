"""Runs the Dockerfile's own instructions where there is no container engine: in plain root file systems, by chroot.

``python -m tests.deploy.without_docker PLACE`` as root on Debian with debootstrap. It makes one clean Debian with
Python in PLACE/base, copies it for each stage, runs every ENV, WORKDIR, COPY and RUN there as written, and leaves what
would be the image in PLACE/image. Then it tries the image out between the simulators: read-only but for /data, as the
image's user, without any privilege. It can't try what only an engine does: the real base image, layers, the schedule
of HEALTHCHECK, networks.
"""

from __future__ import annotations

import argparse
import asyncio
import fnmatch
import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.dockerfile import Stage, read_dockerfile

ROOT = Path(__file__).parents[2]
SUITE = "trixie"
PACKAGES = "ca-certificates,python3,python3-venv"
FETCHING = ("PIP_", "SSL_", "REQUESTS_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""What the machine's settings for fetching packages begin with: they go along while building, never into the image."""

PATH = "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"
UNPRIVILEGED = "--reuid 10001 --regid 10001 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"


@dataclass
class Build:
    """One stage in a root file system of its own."""

    root: Path
    stages: dict[str, Path]
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"}
    )
    arguments: dict[str, str] = field(default_factory=dict)
    directory: str = "/"

    def run(self, stage: Stage) -> None:
        for one in stage.instructions:
            match one.word:
                case "ENV":
                    self.environment |= {name: self._expanded(value) for name, value in one.pairs.items()}
                case "ARG":
                    self.arguments |= one.pairs
                case "WORKDIR":
                    self.directory = one.text
                    (self.root / one.text.lstrip("/")).mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(one.text)
                case "RUN":
                    print(f"RUN {one.text}", flush=True)  # noqa: T201  a program's output
                    self._chroot(one.text)
                case _:
                    pass  # what only describes the image

    def _expanded(self, value: str) -> str:
        return value.replace("$PATH", self.environment["PATH"])

    def _copy(self, text: str) -> None:
        words = text.split()
        source = ROOT
        if words[0].startswith("--from="):
            source = self.stages[words.pop(0).removeprefix("--from=")]
        *what, target = words
        into = self.root / str(Path(self.directory) / target).lstrip("/")
        for one in what:
            found = source / one.lstrip("/")
            if found.is_dir():
                shutil.copytree(found, into, symlinks=True, dirs_exist_ok=True, ignore=_ignored)
            else:
                shutil.copy2(found, into / found.name if target.endswith("/") else into)

    def _chroot(self, command: str) -> None:
        fetching = {name: value for name, value in os.environ.items() if name.upper().startswith(FETCHING)}
        inside = f"cd {shlex.quote(self.directory)} && {command}"
        binds = [f"mount --bind {one} {shlex.quote(str(self.root))}{one}" for one in ("/dev", "/proc", "/etc/ssl")]
        binds += [f"cp /etc/resolv.conf {shlex.quote(str(self.root))}/etc/resolv.conf"]
        outside = " && ".join([*binds, f"exec chroot {shlex.quote(str(self.root))} /bin/sh -c {shlex.quote(inside)}"])
        subprocess.run(
            ["unshare", "--mount", "/bin/sh", "-c", outside],
            check=True,
            env=fetching | self.arguments | self.environment,
        )


def _ignored(_directory: str, names: list[str]) -> set[str]:
    return {name for name in names if fnmatch.fnmatch(name, "__pycache__")}


def base(place: Path) -> Path:
    """Return a clean Debian with Python, made with debootstrap where it is not there yet."""
    root = place / "base"
    if not (root / "usr/bin/python3").exists():
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(root)], check=True)
    python = root / "usr/local/bin/python"
    python.unlink(missing_ok=True)
    python.symlink_to("/usr/bin/python3")
    return root


def build(place: Path) -> tuple[Path, Build, Stage]:
    """Run every stage; return the image's root file system, and the build and stage that made it."""
    clean, roots = base(place), {}
    _, stages = read_dockerfile(ROOT / "deploy/Dockerfile")
    for stage in stages:
        root = roots[stage.name] = place / (f"stage-{stage.name}" if stage.name else "image")
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run(["cp", "--archive", str(clean), str(root)], check=True)
        made = Build(root, roots)
        made.run(stage)
    return root, made, stage


def in_image(image: Path, data: Path, *command: str) -> list[str]:
    """Return what runs a command in the image as a container does: read-only but for /data, without privileges."""
    root = shlex.quote(str(image))
    inside = shlex.quote(f"cd /data && exec {shlex.join(command)}")
    steps = [
        f"mount --bind {root} {root}",
        f"mount --bind {shlex.quote(str(data))} {root}/data",
        f"mount -o remount,bind,ro {root}",
        f"mount --rbind /dev {root}/dev",
        f"mount -t proc proc {root}/proc",
        f"exec chroot {root} /usr/bin/setpriv {UNPRIVILEGED} /bin/sh -c {inside}",
    ]
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", " && ".join(steps)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", type=Path)
    place: Path = parser.parse_args().place.resolve()
    place.mkdir(parents=True, exist_ok=True)
    image, made, stage = build(place)
    from tests.deploy.trial import Trial  # noqa: PLC0415  it builds on this module

    with tempfile.TemporaryDirectory(dir=place) as data:
        os.chown(data, 10001, 10001)
        asyncio.run(Trial(image, Path(data), made.environment, stage.last("HEALTHCHECK").health).run())


if __name__ == "__main__":
    main()

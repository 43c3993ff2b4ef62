"""A day's activity as a chart. A separate process draws it, so that the bot never loads a plotting library.

This file is also that process's program: figures as JSON on standard input, the PNG on standard output. It imports
nothing from the bot.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys

SECONDS = 60
"""Time limit for drawing; the first time, the library indexes the machine's fonts."""
PRIVATE = ("SLACK_", "PURECLOUD_", "DATABASE_")
"""Settings that the drawing process has no use for."""
SERIES = (
    ("started", "recordings started", "#1f77b4", ""),
    ("denied", "requests denied", "#ffbf4d", "///"),
    ("failed", "requests failed", "#c0392b", "xxx"),
)
"""Key, name, colour and hatching: colour alone would tell too few people the bars apart."""


class NotDrawn(Exception):
    """The chart could not be drawn."""


async def drawn(title: str, hours: dict[str, list[int]]) -> bytes:
    """Return a PNG with the numbers of each hour, stacked. Raise NotDrawn."""
    figures = json.dumps({"title": title, "hours": hours}).encode()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the library must not take this directory's modules for its own
            __file__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment | {"MPLBACKEND": "agg"},
        )
    except OSError as error:
        raise NotDrawn(str(error)) from error
    try:
        async with asyncio.timeout(SECONDS):
            picture, complaint = await process.communicate(figures)
    except TimeoutError as error:
        raise NotDrawn(f"not done after {SECONDS} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode or not picture:
        raise NotDrawn(complaint.decode(errors="replace").strip().rpartition("\n")[2] or f"exit {process.returncode}")
    return picture


def png(title: str, hours: dict[str, list[int]]) -> bytes:
    """Draw, in this process."""
    from matplotlib.figure import Figure  # noqa: PLC0415  only the drawing process pays for it
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    figure = Figure(figsize=(8, 3), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    below = [0] * 24
    for key, name, colour, hatch in SERIES:
        numbers = hours[key]
        if any(numbers):
            axes.bar(range(24), numbers, 0.8, below, label=name, color=colour, hatch=hatch, edgecolor="white")
        below = [one + more for one, more in zip(below, numbers, strict=True)]
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlim(-0.6, 23.6)
    axes.set_xticks(range(0, 24, 2), [f"{hour:02}" for hour in range(0, 24, 2)])
    axes.set_xlabel("hour")
    axes.set_ylim(0, max(below) + 1)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.yaxis.grid(visible=True, color="#dddddd")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, fontsize=8, frameon=False, ncols=len(SERIES)
    )
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


if __name__ == "__main__":
    sys.stdout.buffer.write(png(**json.load(sys.stdin.buffer)))

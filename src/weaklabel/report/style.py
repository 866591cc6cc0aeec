"""One style for all plots, and the writing of PNG files: all of a file or nothing."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from weaklabel.errors import OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
"""Colours of M. Okabe and K. Ito's palette; black and grey are kept for text and for "other"."""
GREY = "#9A9A9A"
INK = "#222222"
DPI = 130
_STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.facecolor": "white",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "white",
    "legend.frameon": False,
    "svg.hashsalt": "weaklabel",
}


def bars(axes: Any, counts: dict[str, int], colours: Sequence[str], total: int, *, room: int = 3) -> None:
    """Draw counts as lines with their number and share; `room` lines at least, so that neighbours look alike."""
    at = np.arange(len(counts))
    axes.barh(at, list(counts.values()), color=colours, height=0.65)
    axes.set_yticks(at, [short(name, 26) for name in counts], fontsize=8.5)
    axes.set_ylim(max(len(counts), room) - 0.4, -0.6)
    axes.set_xlim(0, max([*counts.values(), 1]) * 1.42)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    for i, count in enumerate(counts.values()):
        axes.text(count, i, f"  {count:,} ({share_text(count, total)})", va="center", fontsize=8.5)


def legend_of(figure: Figure, colour: dict[str, str]) -> None:
    """Put the meaning of colours above everything."""
    from matplotlib.patches import Patch

    handles = [Patch(color=c, label=short(name, 26)) for name, c in colour.items()]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(len(handles), 8), fontsize=8.5)


def percent(axes: Any, axis: str, *, top: float) -> None:
    """Make the "x" or "y" axis one of shares from 0 to `top`."""
    from matplotlib.ticker import PercentFormatter

    one = axes.xaxis if axis == "x" else axes.yaxis
    one.set_major_formatter(PercentFormatter(1.0, decimals=0 if top >= 0.05 else 1))
    (axes.set_xlim if axis == "x" else axes.set_ylim)(0, top)


def nothing(axes: Any, why: str) -> None:
    """Say why there is nothing to draw."""
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", color="#6E6E6E")


def share_text(part: int, total: int) -> str:
    """Return a share in words that claim neither none nor all where it is neither.

    Examples
    --------
    >>> share_text(1, 1000), share_text(999, 1000), share_text(1000, 1000)
    ('<1%', '>99%', '100%')
    """
    share = part / max(total, 1)
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def short(text: str, limit: int) -> str:
    """Return text for an axis: one line, cut, with dollars that are no formula.

    Examples
    --------
    >>> short("a long name of a rule", 10)
    'a long na…'
    """
    line = " ".join(str(text).split())
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return line.replace("$", r"\$")


def blues() -> Any:
    """Return the scale of shares, from almost white to deep blue."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("shares", ["#F4F7FA", OKABE_ITO[4], OKABE_ITO[0], "#003A5C"])


@contextmanager
def figure_to(path: str | Path, width: float, height: float) -> Iterator[Figure]:
    """Give a figure to draw on and write it when done: all of it or nothing."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: Any = _STYLE
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        _write(figure, Path(path))


def _write(figure: Figure, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with draft.open("wb") as file:
                figure.savefig(file, format="png")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"can't write a plot: {error.strerror}",
            where=str(path),
            hint="choose a folder that can be written to",
        ) from error

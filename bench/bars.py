"""The bars of the measurements: reports whether each figure meets its bar, and a summary at the end."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bars:
    """The comparisons so far; a line has the name, its figure, the bar, and whether it is met."""

    lines: list[str] = field(default_factory=list)
    missed: int = 0

    def at_least(self, what: str, figure: float, bar: float) -> str:
        """Compare a figure with its lower bar; return `met` or `not met`."""
        return self._told(what, f"{figure:.2f}", f"at least {bar:g}", met=figure >= bar)

    def at_most(self, what: str, figure: float, bar: float) -> str:
        """Compare a figure with its upper bar; return `met` or `not met`."""
        return self._told(what, f"{figure:.2f}", f"at most {bar:g}", met=figure <= bar)

    def _told(self, what: str, figure: str, bar: str, *, met: bool) -> str:
        verdict = "met" if met else "not met"
        self.missed += not met
        self.lines.append(f"{what:44} {figure:>8}   {bar:14} {verdict}")
        return verdict


BARS = Bars()

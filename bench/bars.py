"""The bars of the measurements: whether each figure meets its bar is told beside it, and of all of them at the end."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Bars:
    """What was held against a bar so far; a line says what, its figure, the bar, and whether it is met."""

    lines: list[str] = field(default_factory=list)
    missed: int = 0

    def at_least(self, what: str, figure: float, bar: float) -> str:
        """Hold a figure against a bar that it may not fall below; return `met` or `not met`."""
        return self._told(what, f"{figure:.2f}", f"at least {bar:g}", met=figure >= bar)

    def at_most(self, what: str, figure: float, bar: float) -> str:
        """Hold a figure against a bar that it may not exceed; return `met` or `not met`."""
        return self._told(what, f"{figure:.2f}", f"at most {bar:g}", met=figure <= bar)

    def _told(self, what: str, figure: str, bar: str, *, met: bool) -> str:
        verdict = "met" if met else "not met"
        self.missed += not met
        self.lines.append(f"{what:44} {figure:>8}   {bar:14} {verdict}")
        return verdict


BARS = Bars()

"""Compares what `passerelle assess` says of calls with what the gateway answers when tests make them.

python -m bench.verdicts DIRECTORY --sample 200 --seed 7 -- -n 2 --timeout=120

DIRECTORY holds somebody's tests that use moto's mocks. What stands after `--` goes to pytest, a path as `--name=path`:
pytest looks for its configuration beside every word that may be a path. `assess` judges each call of the sources, then
tests that are chosen at random run with `--passerelle-instead-of-moto`, and each call site (file, line, operation) that
the gateway answered is compared with its verdict; of these a sample is drawn.

- "works" and "works with a documented difference" agree unless the gateway said that it does not offer something: by
  a code of `CODES`, by a message that says "not supported" or the like, or by a status of 500 and more. An error that
  AWS gives too agrees, as NotFound for an id that is wrong on purpose, or for an image or a zone that this cloud does
  not have. These errors are all printed, so that one that is not AWS's can be seen.
- "refused" disagrees if a call succeeds.
- A site that is judged in several ways is compared by the form whose parameters are those of the call. Where forms of
  different verdicts fit, and where the verdict is "unknown", nothing is promised, and nothing compared.

It cannot see: calls in other threads (S3's transfers), presigned URLs that a test opens by itself, calls that the SDK
refuses before they are sent, what a test would have called after it failed, and whether an answer is right: a call that
succeeds agrees.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assess import inputs, sdk
from assess.calls import UNKNOWN, Call
from assess.verdicts import Outcome, judge
from bench import call_sites
from bench.bars import BARS
from pytest_passerelle.calls import UNSUPPORTED

RUNS = frozenset({Outcome.WORKS, Outcome.DIFFERS})
CODES = frozenset({*UNSUPPORTED, "InvalidStorageClass"})  # AWS's own code for classes that are not offered here
SAYS_UNSUPPORTED = re.compile(r"\bnot (?:be )?(?:supported|offered|implemented)\b|\bunsupported\b", re.IGNORECASE)
AGREE, NAMED = 0.98, 0.95  # the bars

Place = tuple[str, int, str, str]  # file, line, service, operation


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one call."""

    status: int
    code: str
    message: str

    @property
    def unsupported(self) -> bool:
        """Tell whether the gateway said that it has no such thing, or failed."""
        return self.status >= 500 or self.code in CODES or bool(SAYS_UNSUPPORTED.search(self.message))

    @property
    def succeeded(self) -> bool:
        """Tell whether the call succeeded; 304 is an error only for the SDK."""
        return self.status < 400


@dataclass(slots=True)
class Site:
    """A call site, what was promised of its calls, and their answers."""

    place: Place
    promised: str  # `works` or `refused`
    answers: list[Answer] = field(default_factory=list)

    @property
    def against(self) -> Answer | None:
        """The first answer that disagrees with the promise."""
        if self.promised == "works":
            return next((one for one in self.answers if one.unsupported), None)
        return next((one for one in self.answers if one.succeeded), None)


@dataclass(slots=True)
class Seen:
    """The call sites that were executed: with a promise, without one, and those that assess did not name."""

    sites: dict[tuple[Place, str], Site] = field(default_factory=dict)
    open: set[Place] = field(default_factory=set)
    unnamed: set[Place] = field(default_factory=set)

    @property
    def places(self) -> set[Place]:
        """All places that were executed."""
        return self.open | self.unnamed | {place for place, _ in self.sites}


def judged(directory: Path) -> dict[Place, list[tuple[Call, Outcome]]]:
    """Return each call of the sources with its verdict, by its place."""
    found: dict[Place, list[tuple[Call, Outcome]]] = {}
    for call in inputs.read([directory], lambda _: None).calls:
        file, _, line = call.where.rpartition(":")
        place = (file, int(line), call.service, call.operation)
        found.setdefault(place, []).append((call, judge(call).outcome))
    return found


def run(directory: Path, notes: Path, options: argparse.Namespace, further: Sequence[str]) -> None:
    """Run tests of the directory on the gateway; what they call is noted in files."""
    words = [sys.executable, "-P", "-m", "pytest", "-p", "bench.call_sites", "--passerelle-instead-of-moto"]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
        call_sites.NOTES: str(notes),
        call_sites.SOURCES: str(directory),
        call_sites.SEED: str(options.seed),
        call_sites.TESTS: str(options.tests),
    }
    # In the directory: pytest looks for a configuration from where it is.
    subprocess.run([*words, "-q", "--tb=no", *further, str(directory)], check=False, env=environment, cwd=directory)


def read(notes: Path) -> Iterator[tuple[Place, Mapping[str, Any], Answer]]:
    """Read what was noted."""
    for file in sorted(notes.glob("*.jsonl")):
        for text in file.read_text(encoding="utf-8").splitlines():
            one = json.loads(text)
            place = (one["file"], one["line"], one["service"], one["operation"])
            yield place, one["params"], Answer(one["status"], one["code"], one["message"])


def fits(form: Any, made: Any) -> bool:
    """Tell whether a call that was made may be one that was read from the source."""
    if isinstance(form, Mapping):
        return isinstance(made, Mapping) and all(name in made and fits(one, made[name]) for name, one in form.items())
    if isinstance(form, list | tuple):
        return isinstance(made, list) and len(made) == len(form) and all(map(fits, form, made))
    return form is UNKNOWN or isinstance(made, Mapping) or form == made


def promise(forms: Sequence[tuple[Call, Outcome]], params: Mapping[str, Any]) -> str:
    """Return what the forms of a site that fit a call promise of it; '' where they do not agree."""
    fitting = [one for one in forms if fits(one[0].params, params)]
    same = [one for one in fitting if one[0].params.keys() == params.keys()]
    outcomes = {outcome for _, outcome in same or fitting or forms}
    if outcomes <= RUNS:
        return "works"
    return "refused" if outcomes == {Outcome.REFUSED} else ""


def compare(forms: Mapping[Place, Sequence[tuple[Call, Outcome]]], notes: Path) -> Seen:
    """Put the answers beside the verdicts."""
    seen = Seen()
    for place, params, answer in read(notes):
        if place not in forms:
            seen.unnamed.add(place)
            continue
        promised = promise(forms[place], sdk.unaliased(place[2], place[3], params))
        if not promised:
            seen.open.add(place)
            continue
        seen.sites.setdefault((place, promised), Site(place, promised)).answers.append(answer)
    return seen


def share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({part / max(whole, 1):.1%})"


def tell(seen: Seen, directory: Path, sample: int, seed: int) -> None:
    """Print the figures, each disagreement, and the codes of the errors that agree."""
    places = seen.places
    named = len(places) - len(seen.unnamed)
    print(f"call sites that were executed: {len(places):,}; assess names the operation of {share(named, len(places))}")
    sites = [site for _, site in sorted(seen.sites.items())]
    chosen = random.Random(seed).sample(sites, min(sample, len(sites)))
    print(f"without a promise, as the verdict is unknown or several fit: {len(seen.open):,}")
    for what, some in ((f"sample (seed {seed})", chosen), ("all", sites)):
        counts = Counter(site.promised for site in some)
        agree = sum(site.against is None for site in some)
        wrong = sum(site.promised == "refused" and site.against is not None for site in some)
        print(f"{what}: {counts['works']:,} judged to work, {counts['refused']:,} judged refused;", end=" ")
        print(f"{share(agree, len(some))} agree; refused and yet succeeded: {wrong}")
    in_sample = {id(site) for site in chosen}
    for site in sites:
        if (answer := site.against) is not None:
            mark = "*" if id(site) in in_sample else " "
            print(f" {mark} {told(site.place, directory)}: {site.promised}, and {answer.status} {answer.code}", end=" ")
            print(answer.message)
    errors = Counter(
        f"{site.place[3]} {answer.status} {answer.code}: {shortened(answer.message)}"
        for site in sites
        for answer in {one for one in site.answers if not one.succeeded}
        if site.promised == "works" and site.against is None
    )
    print("errors of calls that were judged to work, taken for AWS's own:")
    for error, count in errors.most_common():
        print(f"   {count:3} {error}")
    agreed = sum(site.against is None for site in chosen) / max(len(chosen), 1)
    print(f"   {BARS.at_least('the verdict is right', agreed, AGREE)}")
    print(f"   {BARS.at_least('the operation is named', named / max(len(places), 1), NAMED)}")
    for line in BARS.lines:
        print(f"   {line}")


def shortened(message: str) -> str:
    """Return a message without what differs from call to call, and so that it fits on a line."""
    return re.sub(r"[0-9a-f]{8}-?[0-9a-f-]{4,}", "…", message)[:90]


def told(place: Place, directory: Path) -> str:
    """Return a place in words."""
    return f"{Path(place[0]).relative_to(directory)}:{place[1]} {place[2]} {place[3]}"


def split(words: list[str]) -> tuple[list[str], list[str]]:
    """Return our own words, and those for pytest, which stand after `--`."""
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end + 1 :]


def main(words: Iterable[str]) -> None:
    """Judge, run, compare."""
    parser = argparse.ArgumentParser(prog="python -m bench.verdicts", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path, help="tests that use moto's mocks")
    parser.add_argument("--sample", type=int, default=200, help="how many call sites are compared (200)")
    parser.add_argument("--tests", type=int, default=250, help="how many tests are run (250)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of tests and of the sample (1)")
    parser.add_argument("--notes", type=Path, help="folder for what was called; if it exists, nothing is run")
    own, for_pytest = split(list(words))
    options = parser.parse_args(own)
    directory = options.directory.resolve()
    forms = judged(directory)
    counts = Counter(outcome.name.lower() for some in forms.values() for _, outcome in some)
    print("assess: " + ", ".join(f"{count:,} {name}" for name, count in counts.most_common()), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        notes = options.notes or Path(folder)
        if not options.notes or not notes.exists():
            notes.mkdir(parents=True, exist_ok=True)
            run(directory, notes.resolve(), options, for_pytest)
        tell(compare(forms, notes), directory, options.sample, options.seed)


if __name__ == "__main__":
    main(sys.argv[1:])

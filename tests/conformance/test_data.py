"""The scenarios are what they must be: calls that AWS has, with a sentence of its documentation each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jmespath
import pytest

from conformance.expectations import MATCHERS
from conformance.scenario import OWN_ACTIONS, Scenario, ScenarioError, Step, load
from conformance.values import WORDS
from tests.conformance import shapes

CATALOGUE = load()
KNOWN = {"name", "endpoint", "region", "image", "type", "zone"}
OWN_MEMBERS = {
    "fetch": {"Headers", "Body"},
    "presign": {"Url"},
    "presign-post": {"Url", "Fields"},
    "empty-bucket": set(),
}
# What makes something that `--clean` must find by its name or its tag.
MAKES = re.compile(
    r"Create(?!Route$|Tags$|NetworkAclEntry$|LaunchTemplateVersion$)|Run|Allocate|Import|Register|Copy(?!Object)"
)


def all_steps(scenario: Scenario) -> Iterator[Step]:
    for step in CATALOGUE.steps(scenario):
        yield step
        yield from step.undo


EACH = pytest.mark.parametrize("scenario", CATALOGUE.scenarios, ids=lambda one: one.id)


def test_names_are_given_once() -> None:
    names = [one.id for one in CATALOGUE.scenarios]
    assert len(names) == len(set(names))
    assert len(names) > 120
    assert len({step.action for one in CATALOGUE.scenarios for step in one.steps}) > 100


@EACH
def test_calls_exist(scenario: Scenario) -> None:
    for step in all_steps(scenario):
        if step.action not in OWN_ACTIONS:
            shape = shapes.operation(step.service, step.action).input_shape
            assert not list(shapes.unknown_members(step.parameters, shape)), step.action


@EACH
def test_expected_members_exist(scenario: Scenario) -> None:
    for step in all_steps(scenario):
        own = step.action in OWN_ACTIONS
        names = OWN_MEMBERS[step.action] if own else shapes.member_names(step.service, step.action)
        for path in (*step.expect, *step.until):
            found = set(shapes.fields(jmespath.compile(path).parsed))
            assert found <= names | {"ResponseMetadata", "HTTPHeaders"} or "HTTPHeaders" in found or own, (path, step)


@EACH
def test_a_sentence_of_aws_stands_for_it(scenario: Scenario) -> None:
    assert scenario.at.startswith("https://docs.aws.amazon.com/")
    assert len(scenario.says.split()) > 3
    reference = re.search(r"/API_(\w+)\.html$", scenario.at)
    if reference:
        assert shapes.stands(scenario.says, scenario.service, reference[1])
    # What no model has is marked, with the guide and the section where a reader finds it.
    assert bool(scenario.guide) is not bool(reference)
    assert not scenario.guide or re.match(r"\S.* (User Guide|API Reference), \S", scenario.guide)


@pytest.mark.parametrize(
    "quote",
    [
        "The bucket you tried to delete is empty.",
        "bucket you tried to delete is not empty.",
        "BucketNotEmpty: The specified bucket does not exist.",
        "NoSuchBucket: The specified bucket",
    ],
)
def test_a_quote_that_is_not_whole_or_not_there_is_found(quote: str) -> None:
    assert not shapes.stands(quote, "s3", "Error")
    assert shapes.stands("BucketNotEmpty: The bucket you tried to delete is not empty.", "s3", "Error")


@EACH
def test_references_name_what_came_before(scenario: Scenario) -> None:
    known = set(KNOWN)
    for step in CATALOGUE.steps(scenario):
        assert references(step.parameters) | references(step.signed) <= known
        known |= {step.saved_as} - {""}
        assert references([one.parameters for one in step.undo]) | references(step.expect) <= known


def references(value: Any) -> set[str]:
    return {found.split(".")[0].split("[")[0] for found in re.findall(r"\$\{([^}]+)\}", repr(value))}


@EACH
def test_what_is_made_is_named_and_taken_back(scenario: Scenario) -> None:
    for step in CATALOGUE.steps(scenario):
        if step.service in {"ec2", "s3"} and MAKES.match(step.action):
            text = repr(step.parameters)
            assert "${name}" in text or "$tags" in text, step.action
            if step.service == "ec2" or step.action == "CreateBucket":
                assert step.undo or step.errors, step.action
        assert not (step.undo and step.until), "each look would be undone"


@EACH
def test_words_are_known(scenario: Scenario) -> None:
    for step in all_steps(scenario):
        written = set(re.findall(r"'(\$[a-z0-9-]+)'", repr((step.parameters, step.expect, step.until))))
        assert written <= WORDS.keys() | MATCHERS.keys() | {"$times", "$more"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[{name: a, says: b, at: c, steps: [{ListBuckets: {}, HeadBucket: {}}]}]", "a step is one call"),
        ("[{name: a, says: b, at: c, steps: [{expect: {}}]}]", "not none"),
        ("[{name: a, says: b, at: c, wrong: d, steps: []}]", "wrong is not known"),
        ("[{name: a, says: b, at: c, given: [moon], steps: []}]", "has no moon"),
    ],
)
def test_a_file_that_is_written_wrongly_is_told(tmp_path: Any, text: str, why: str) -> None:
    (tmp_path / "given.yaml").write_text("{}")
    (tmp_path / "a.yaml").write_text(f"{{service: s3, capability: x, scenarios: {text}}}")
    with pytest.raises(ScenarioError, match=why):
        load(tmp_path)

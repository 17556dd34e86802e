"""The mapping of ids: what is learned is what is sent, and goes back to what was recorded."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recording.replay.differences import Difference, Kind, Outcome, differences
from recording.replay.names import Names
from recording.replay.normal import normal, teach

PREFIXES = ("i", "vol", "vpc", "eipalloc", "vpc-cidr-assoc", "sg")
ids = st.builds(lambda prefix, tail: f"{prefix}-{tail:017x}", st.sampled_from(PREFIXES), st.integers(0, 16**17 - 1))


@st.composite
def mappings(draw: st.DrawFn) -> dict[str, str]:
    """Draw ids of the recording, each with another endpoint's id of the same sort."""
    recorded = draw(st.lists(ids, unique=True, min_size=1, max_size=8))
    tails = draw(st.lists(st.integers(0, 16**17 - 1), unique=True, min_size=len(recorded), max_size=len(recorded)))
    return {one: f"{one.rpartition('-')[0]}-{tail:017x}" for one, tail in zip(recorded, tails, strict=True)}


def learned(mapping: dict[str, str]) -> Names:
    names = Names()
    for recorded, there in mapping.items():
        teach({"Id": recorded}, {"Id": there}, names)
    return names


@given(mappings())
def test_an_id_goes_there_and_back(mapping: dict[str, str]) -> None:
    names = learned(mapping)
    for recorded, there in mapping.items():
        assert names.sent(recorded) == there
        assert names.recorded(names.sent(recorded)) == recorded
        arn = f"arn:aws:ec2:us-east-1:111122223333:thing/{recorded}"
        assert names.sent(arn).endswith(there)
        assert names.recorded(names.sent(arn)) == arn
    document = json.dumps({"Resource": list(mapping)})
    assert names.sent(document) == json.dumps({"Resource": list(mapping.values())})


@given(mappings(), st.randoms(use_true_random=False))
def test_answers_of_any_order_are_the_recorded_one(mapping: dict[str, str], random: Any) -> None:
    """A listing in another order, of things that have names, teaches the same and is no difference."""
    recorded = [{"VolumeId": one, "Tags": [{"Key": "Name", "Value": f"n{n}"}]} for n, one in enumerate(mapping)]
    there = [{**one, "VolumeId": mapping[str(one["VolumeId"])]} for one in recorded]
    random.shuffle(there)
    names = Names()
    teach({"Volumes": recorded}, {"Volumes": there}, names)
    assert {one: names.sent(one) for one in mapping} == mapping
    a, b = Outcome(200, "", {"Volumes": recorded}), Outcome(200, "", normal({"Volumes": there}, names))
    assert list(differences("ec2 DescribeVolumes", a, b)) == []


@given(ids, ids)
def test_what_the_command_chose_is_the_same_everywhere(chosen: str, other: str) -> None:
    """A bucket that is called `tour-0123abcd` looks like an id."""
    names = Names()
    names.give({"Bucket": chosen})
    teach({"Name": chosen}, {"Name": other}, names)
    assert names.sent(chosen) == chosen
    assert names.recorded(chosen) == chosen


@given(ids)
def test_an_id_that_was_never_learned_is_told_by_its_sort(unknown: str) -> None:
    names = Names()
    assert names.recorded(unknown) == f"<{unknown.rpartition('-')[0]}>"
    a, b = (Outcome(200, "", {"Id": one}) for one in (unknown, names.recorded(unknown)))
    assert list(differences("ec2 X", a, b)) == []


def test_an_id_that_did_not_come_is_lost_with_its_reason() -> None:
    names = Names()
    names.lose({"VpcId": "vpc-12345678"}, "call 1 failed")
    assert names.why_lost({"VpcIds": ["vpc-12345678"]}) == "it names vpc-12345678: call 1 failed"
    assert names.why_lost({"VpcIds": ["vpc-87654321"]}) == ""


def test_times_and_what_an_endpoint_chooses_are_no_difference() -> None:
    answers = (
        {"At": "2026-01-01T00:00:00+00:00", "MacAddress": "02:00:00:00:00:01", "Account": "111122223333"},
        {"At": "2027-02-03T04:05:06.000Z", "MacAddress": "02:00:00:00:00:02", "Account": "444455556666"},
    )
    a, b = (Outcome(200, "", normal(one, Names())) for one in answers)
    assert list(differences("ec2 X", a, b)) == []


def test_each_sort_of_difference_is_told() -> None:
    def found(a: Outcome, b: Outcome, passing: bool = False) -> list[Difference]:
        return list(differences("ec2 X", a, b, passing))

    fine = Outcome(200, "", {"Size": 1, "State": "pending", "Tags": [{"Key": "a"}]})
    assert found(fine, fine) == []
    assert found(fine, Outcome(400, "Bad", {})) == [Difference("ec2 X", Kind.ERROR, "", "200 OK", "400 Bad")]
    assert found(Outcome(400, "Bad", {}), Outcome(404, "Worse", {})) == [
        Difference("ec2 X", Kind.STATUS, "", "400", "404"),
        Difference("ec2 X", Kind.ERROR, "", "Bad", "Worse"),
    ]
    other = Outcome(200, "", {"Size": 2, "State": "running", "Tags": [{"Key": "a"}, {"Key": "b"}]})
    assert found(fine, other) == [
        Difference("ec2 X", Kind.VALUE, "Size", "1", "2"),
        Difference("ec2 X", Kind.VALUE, "State", "pending", "running"),
        Difference("ec2 X", Kind.ITEMS, "Tags[]", "1", "2"),
    ]
    assert [one.path for one in found(fine, other, passing=True)] == ["Size", "Tags[]"]
    without = Outcome(200, "", {"Size": 1, "State": "pending"})
    assert [one.kind for one in found(fine, without)] == [Kind.MEMBER]
    one, two = (Outcome(200, "", {"Body": {"$bytes": 3, "sha256": digest}}) for digest in "xy")
    assert [difference.path for difference in found(one, two)] == ["Body"]

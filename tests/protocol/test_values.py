"""Values of parameters: what is declared as refused is refused, with AWS's code, before any cloud is asked."""

from __future__ import annotations

from typing import Any

import pytest

from shim.app import FRONTENDS, SERVICES
from shim.operator.coverage import actions
from shim.protocol.coverage import shape_at
from shim.protocol.service import Service
from shim.protocol.values import but, only, refused, with_examples
from tests.security.door import Door
from tests.security.requests import code_of, signed, wire

DECLARED = [
    pytest.param(frontend.service, name, path, value, id=f"{frontend.service.name}:{name} {path}={value}")
    for frontend in FRONTENDS.values()
    for name in sorted(frontend.service.handlers)
    for path, values in frontend.service.operations[name].values.items()
    for value in values.examples
]


def nested(shape: Any, path: str, value: Any) -> dict[str, Any]:
    """Build the parameters in which a value stands at a path, one item in each list on its way."""
    name, _, rest = path.partition(".")
    member = shape.members[name]
    is_list = member.type_name == "list"
    inner = nested(member.member if is_list else member, rest, value) if rest else value
    return {name: [inner] if is_list else inner}


@pytest.mark.parametrize(("service", "name", "path", "value"), DECLARED)
def test_a_declared_value_is_refused_through_the_door(service: Service, name: str, path: str, value: Any) -> None:
    declared, door = service.operations[name].values[path], Door()
    params = nested(service.model.operation_model(name).input_shape, path, value) | dict(declared.where)
    request = signed(wire(service, name, **params))
    answer = door.knock(request.method, request.url, request.headers, request.body)
    (record,) = door.records
    general = "NotImplemented" if service.name == "s3" else "UnsupportedOperation"
    assert code_of(answer.body) == record.code == (declared.code or general)
    assert 400 <= answer.status < 500 or answer.status == 501
    assert record.refused
    assert not door.touched


def test_the_table_is_of_some_size_and_every_rule_has_an_example() -> None:
    rules = [one.values for one in actions(SERVICES) if one.values]
    assert sum(map(len, rules)) > 20
    for service in SERVICES:
        for name in service.handlers:
            for path, values in service.operations[name].values.items():
                assert values.examples, f"{name} {path}"
                assert not any(map(values.takes, values.examples))


def test_lists_are_looked_through_and_empty_texts_are_not_refused() -> None:
    rules = {"A.B": only("x"), "C": but(True)}
    assert refused({"A": [{"B": "x"}, {"B": ""}, {}], "C": False}, rules) is None
    assert refused({"A": [{"B": "x"}, {"B": "y"}]}, rules) == ("A.B", "y")
    assert refused({"C": True}, rules) == ("C", True)


def test_a_rule_may_hold_only_beside_a_value_of_another_parameter() -> None:
    rules = {"A": only(1, where={"B": "x"})}
    assert refused({"A": 2, "B": "x"}, rules) == ("A", 2)
    assert refused({"A": 2, "B": "y"}, rules) is refused({"A": 2}, rules) is None
    assert rules["A"].shown() == "only `1` where `B` is `x`"


def test_a_value_that_aws_does_not_have_is_an_error_at_import() -> None:
    shape = shape_at(FRONTENDS["ec2"].service.model.operation_model("RunInstances").input_shape, "Placement.Tenancy")
    assert with_examples(only("default"), shape).examples == ("dedicated", "host")
    with pytest.raises(LookupError):
        with_examples(only("defualt"), shape)


def test_a_rule_is_written_for_people() -> None:
    assert only(False).shown() == "only `false`"
    assert but("a", "b").shown() == "not `a`, `b`"

"""Values of parameters: what is declared as refused is refused, with AWS's code, before any cloud is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shim.app import FRONTENDS, SERVICES
from shim.operator.coverage import actions
from shim.protocol.coverage import shape_at
from shim.protocol.service import Service
from shim.protocol.values import OTHER_ACCOUNT, Values, but, depends, only, refused, with_examples
from tests.security.door import Door
from tests.security.requests import code_of, signed, wire

DECLARED = [
    pytest.param(frontend.service, name, path, rule, value, id=f"{frontend.service.name}:{name} {path}={value}")
    for frontend in FRONTENDS.values()
    for name in sorted(frontend.service.handlers)
    for path, rules in frontend.service.operations[name].values.items()
    for rule in rules
    for value in rule.examples
]


def nested(shape: Any, path: str, value: Any, beside: Mapping[str, Any]) -> dict[str, Any]:
    """Build the parameters in which a value stands at a path beside others, one item in each list on its way."""
    name, _, rest = path.partition(".")
    member = shape.members[name]
    is_list = member.type_name == "list"
    inner = nested(member.member if is_list else member, rest, value, beside) if rest else value
    also = {} if rest else {other: one for other, one in beside.items() if one is not None}
    return {name: [inner] if is_list else inner, **also}


@pytest.mark.parametrize(("service", "name", "path", "declared", "value"), DECLARED)
def test_a_declared_value_is_refused_through_the_door(
    service: Service, name: str, path: str, declared: Values, value: Any
) -> None:
    door = Door()
    params = nested(service.model.operation_model(name).input_shape, path, value, declared.where)
    request = signed(wire(service, name, **params))
    answer = door.knock(request.method, request.url, request.headers, request.body)
    (record,) = door.records
    general = "NotImplemented" if service.name == "s3" else "UnsupportedOperation"
    assert record.code == (declared.code or general)
    assert code_of(answer.body) == record.code or request.method == "HEAD"  # whose answer has no body
    assert 400 <= answer.status < 500 or answer.status == 501
    assert record.refused
    assert not door.touched


def test_the_table_is_of_some_size_and_every_rule_has_an_example() -> None:
    rules = [one.values for one in actions(SERVICES) if one.values]
    assert sum(map(len, rules)) > 20
    for service in SERVICES:
        for name in service.handlers:
            for path, given in service.operations[name].values.items():
                for rule in given:
                    assert rule.examples or rule.when, f"{name} {path}"
                    assert not any(map(rule.takes, rule.examples))


def test_lists_are_looked_through_and_empty_texts_are_not_refused() -> None:
    rules = {"A.B": (only("x"),), "C": (but(True),)}
    assert refused({"A": [{"B": "x"}, {"B": ""}, {}], "C": False}, rules) is None
    assert refused({"A": [{"B": "x"}, {"B": "y"}]}, rules) == ("A.B", "y", only("x"))
    assert refused({"C": True}, rules) == ("C", True, but(True))


def test_a_rule_may_hold_only_beside_a_value_of_another_parameter() -> None:
    rule = only(1, where={"B": "x"})
    rules = {"A": (rule,)}
    assert refused({"A": 2, "B": "x"}, rules) == ("A", 2, rule)
    assert refused({"A": 2, "B": "y"}, rules) is refused({"A": 2}, rules) is None
    assert rule.shown() == "only `1` where `B` is `x`"


def test_a_parameter_may_have_several_rules() -> None:
    first, second = only(1, where={"B": "x"}), only(where={"B": "y"}, code="NotHere", message="Not with y.")
    rules = {"A": (first, second)}
    assert refused({"A": 1, "B": "x"}, rules) is refused({"A": 2, "B": "z"}, rules) is None
    assert refused({"A": 2, "B": "x"}, rules) == ("A", 2, first)
    assert refused({"A": 1, "B": "y"}, rules) == ("A", 1, second)
    assert second.shown() == "none where `B` is `y`"


def test_a_rule_may_name_all_accounts_except_the_callers() -> None:
    rules = {"A": (but(OTHER_ACCOUNT),)}
    for value in ("self", "nobody", "111111111111", "", "1234567890123"):
        assert refused({"A": ["self", value]}, rules, "111111111111") is None
    assert refused({"A": ["self", "222222222222"]}, rules, "111111111111") == ("A", "222222222222", rules["A"][0])
    assert rules["A"][0].shown() == "not the ids of other accounts"


def test_a_rule_may_hold_only_where_a_member_of_the_same_structure_is_not_given() -> None:
    rule = only(True, where={"B": None})
    rules = {"L.A": (rule,)}
    assert refused({"L": [{"A": True}, {"A": False, "B": "x"}], "B": "x"}, rules) is None
    assert refused({"L": [{"A": False, "B": "x"}, {"A": False}], "B": "x"}, rules) == ("L.A", False, rule)
    assert refused({"L": [{"A": False, "B": ""}]}, rules) == ("L.A", False, rule)
    assert rule.shown() == "only `true` where `B` is not given"


def test_a_rule_may_name_values_that_depend_on_more_than_the_request() -> None:
    """The table refuses none of them: the action does, which sees the condition."""
    some, every = depends("x", when="there is a key"), depends(when="it is allowed")
    assert refused({"A": ["x", "y"], "B": {}}, {"A": (some,), "B": (every,)}) is None
    assert [some.depends(value) for value in ("x", "y")] == [True, False]
    assert every.depends({})
    assert not only("x").depends("x")
    assert (some.shown(), every.shown()) == ("`x` where there is a key", "all where it is allowed")


def test_a_value_that_aws_does_not_have_is_an_error_at_import() -> None:
    shape = shape_at(FRONTENDS["ec2"].service.model.operation_model("RunInstances").input_shape, "Placement.Tenancy")
    assert with_examples(only("default"), shape).examples == ("dedicated", "host")
    with pytest.raises(LookupError):
        with_examples(only("defualt"), shape)


def test_a_condition_on_a_parameter_that_aws_does_not_have_is_an_error_at_import() -> None:
    service = Service("ec2")
    rule = only(True, where={"NetworkInterfaceld": None})
    register = service.action(
        supports="NetworkInterfaces.DeleteOnTermination", values={"NetworkInterfaces.DeleteOnTermination": rule}
    )

    async def run_instances(call: Any, req: Any) -> None:
        """Do nothing."""

    with pytest.raises(LookupError, match=r"NetworkInterfaces\.NetworkInterfaceld"):
        register(run_instances)


def test_a_network_interface_that_exists_outlives_its_instance() -> None:
    unsupported = FRONTENDS["ec2"].service.operations["RunInstances"].unsupported
    assert (
        unsupported({"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "DeleteOnTermination": False}]}, "") is None
    )
    error = unsupported({"NetworkInterfaces": [{"DeviceIndex": 0, "DeleteOnTermination": False}]}, "")
    assert error is not None
    assert (error.code, error.refused) == ("UnsupportedOperation", "NetworkInterfaces.DeleteOnTermination")


@pytest.mark.parametrize("algorithm", ["MD5", "SHA512", "XXHASH64", "XXHASH3", "XXHASH128"])
def test_multipart_objects_have_no_checksum_that_their_parts_do_not_give(algorithm: str) -> None:
    operations = FRONTENDS["s3"].service.operations
    for kind in ({}, {"ChecksumType": "FULL_OBJECT"}):
        error = operations["CreateMultipartUpload"].unsupported({"ChecksumAlgorithm": algorithm, **kind}, "")
        assert error is not None
        assert (error.code, error.status) == ("NotImplemented", 501)
    error = operations["CompleteMultipartUpload"].unsupported({f"Checksum{algorithm}": "AA=="}, "")
    assert error is not None
    assert (error.code, error.status) == ("NotImplemented", 501)


def test_a_rule_is_written_for_people() -> None:
    assert only(False).shown() == "only `false`"
    assert but("a", "b").shown() == "not `a`, `b`"

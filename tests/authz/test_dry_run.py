"""DryRun answers only what is certain without asking OpenStack."""

import pytest

from shim.app import FRONTENDS
from shim.authz.dry_run import dry_run

EC2 = FRONTENDS["ec2"].service


@pytest.mark.parametrize(
    ("operation", "roles", "code"),
    [
        ("RunInstances", {"member", "reader"}, "DryRunOperation"),
        ("RunInstances", {"admin"}, "DryRunOperation"),
        ("RunInstances", {"reader"}, "UnsupportedOperation"),
        ("RunInstances", {"auditor"}, "UnsupportedOperation"),
        ("RunInstances", set(), "UnsupportedOperation"),
        ("ImportKeyPair", {"reader"}, "DryRunOperation"),
        ("ImportKeyPair", {"auditor"}, "UnsupportedOperation"),
        ("DescribeInstances", {"reader"}, "DryRunOperation"),
        ("DescribeInstances", {"auditor"}, "UnsupportedOperation"),
    ],
)
def test_a_dry_run_says_what_the_roles_make_sure(operation: str, roles: set[str], code: str) -> None:
    assert dry_run(EC2.operations[operation], roles).code == code


def test_no_dry_run_claims_that_a_request_is_not_allowed() -> None:
    """Only OpenStack's policies can say no."""
    codes = {dry_run(EC2.operations[name], roles).code for name in EC2.handlers for roles in ({"reader"}, {"x"}, set())}
    assert codes == {"DryRunOperation", "UnsupportedOperation"}

"""The decision: signed requests are allowed, unsigned ones only for operations that are open to anyone."""

from shim.authz.decision import authorise
from shim.authz.principal import ANONYMOUS, Principal, Proof

SIGNER = Principal(Proof.SIGNATURE, "AKID", "u1", "p1", "123456789012")


def test_a_signer_goes_on() -> None:
    decision = authorise(SIGNER, "s3:GetObject", "arn:aws:s3:::b/k")
    assert decision.allowed
    assert "OpenStack" in decision.reason


def test_a_stranger_may_do_what_is_open_to_anyone() -> None:
    assert authorise(ANONYMOUS, "sts:AssumeRoleWithWebIdentity", "*", open_to_anyone=True).allowed
    refused = authorise(ANONYMOUS, "s3:GetObject", "arn:aws:s3:::b/k")
    assert not refused.allowed
    assert "s3:GetObject on arn:aws:s3:::b/k" in refused.reason

"""Any request is parsed or refused with AWS's error; none makes the parser fail."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shim.errors import AwsError
from shim.protocol.message import Address, Head, Request
from shim.protocol.service import Service
from tests.protocol.test_refusals import EC2, S3

NAMES = st.sampled_from(
    [
        "Filter.1.Name",
        "Filter.1.Value.1",
        "InstanceId",
        "InstanceId.1",
        "Filter",
        "MaxResults",
        "DryRun",
        "X",
        ".",
        "a..b",
    ]
)
ANY = st.text(max_size=8)


@given(pairs=st.lists(st.tuples(st.one_of(NAMES, ANY), ANY), max_size=6))
@settings(derandomize=True, deadline=None, database=None)
def test_any_form_is_parsed_or_refused(pairs: list[tuple[str, str]]) -> None:
    request = Request(Head("POST", b"/", b"", ()), form=(("Action", "DescribeInstances"), *pairs))
    refused_or_fine(EC2, "DescribeInstances", request, b"")


HEADERS = st.sampled_from(
    [
        "range",
        "x-amz-meta-a",
        "if-modified-since",
        "content-length",
        "expires",
        "x-amz-acl",
        "content-encoding",
        "x-amz-object-lock-retain-until-date",
    ]
)


@given(
    headers=st.lists(st.tuples(HEADERS, st.text(st.characters(max_codepoint=255), max_size=10)), max_size=4),
    query=st.lists(st.tuples(st.sampled_from(["partNumber", "versionId", "response-expires", "x-amz-meta-x"]), ANY)),
    body=st.binary(max_size=30),
)
@settings(derandomize=True, deadline=None, database=None)
def test_any_request_to_s3_is_parsed_or_refused(
    headers: list[tuple[str, str]], query: list[tuple[str, str]], body: bytes
) -> None:
    raw = "&".join(f"{name}={value}" for name, value in query).encode("utf-8", "surrogatepass")
    request = Request(Head("PUT", b"/b/k", raw, tuple(headers)), Address("b", "k"))
    for name in ("PutObject", "GetObject", "PutBucketAcl", "CompleteMultipartUpload"):
        refused_or_fine(S3, name, request, body)


def refused_or_fine(service: Service, name: str, request: Request, body: bytes) -> None:
    """Whatever comes, the answer is parameters or a 4xx/501 that can be sent."""
    error = None
    try:
        service.parse(service.operations[name], request, body)
    except AwsError as refusal:
        error = refusal
    if error is not None:
        assert error.status in (400, 501)
        service.failure(error, request_id="r", request=request)

"""Website endpoints without a cloud: what is answered before OpenStack is asked, and without a registry of names."""

from shim.websites.endpoint import Websites
from tests.conftest import WEBSITES
from tests.security.door import Door


def door() -> Door:
    return Door(made_of=Websites, given={"s3_website_hosts": (WEBSITES,)})


def test_without_a_registry_of_names_nobody_is_let_in() -> None:
    here = door()
    answer = here.knock("GET", f"http://b.{WEBSITES}/", {})
    assert (answer.status, b"<li>Code: AccessDenied</li>" in answer.body) == (403, True)
    assert here.touched == []
    assert here.records[-1].operation == "GetObject"


def test_what_is_no_visit_is_refused_before_the_cloud_is_asked() -> None:
    for method, host, code in (("PUT", f"b.{WEBSITES}", "MethodNotAllowed"), ("GET", WEBSITES, "NoSuchBucket")):
        here = door()
        answer = here.knock(method, f"http://{host}/k", {}, b"body" if method == "PUT" else b"")
        assert f"<li>Code: {code}</li>".encode() in answer.body
        assert (here.touched, here.received) == ([], 0)
    answer = door().knock("PUT", f"http://b.{WEBSITES}/k", {})
    assert b"<li>Method: PUT</li>" in answer.body


def test_other_hosts_are_served_as_ever() -> None:
    answer = door().knock("GET", "http://localhost/b/k", {})
    assert (answer.status, b"<Error><Code>AccessDenied</Code>" in answer.body) == (403, True)

"""Where a website's rules redirect to, without a cloud."""

from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shim.protocol.routing import website
from shim.websites.site import Visit, compiled

INDEX = {"IndexDocument": {"Suffix": "index.html"}}


def visit(key: str, query: str = "") -> Visit:
    return Visit(quote(f"/{key}").encode(), key, query, "http", "b.example:8080")


def location(rules: list[dict[str, Any]], key: str, code: str = "", query: str = "") -> str | None:
    site = compiled({**INDEX, "RoutingRules": rules})
    rule = site.rule(key, code)
    return rule.location(visit(key, query)) if rule else None


@pytest.mark.parametrize(
    ("rule", "key", "wanted"),
    [
        ({"Redirect": {"HostName": "e.org"}}, "a b/ü", "http://e.org/a%20b/%C3%BC"),
        ({"Redirect": {"Protocol": "https"}}, "a", "https://b.example:8080/a"),
        ({"Redirect": {"ReplaceKeyWith": "new page.html"}}, "a", "http://b.example:8080/new%20page.html"),
        ({"Redirect": {"ReplaceKeyPrefixWith": "#!/"}}, "a/?", "http://b.example:8080/#!/a/%3F"),
        (
            {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}},
            "docs/a/docs/b",
            "http://b.example:8080/documents/a/docs/b",
        ),
        ({"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "d/"}}, "docs", None),
        (
            {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": ""}},
            "docs/a",
            "http://b.example:8080/a",
        ),
        ({"Condition": {"HttpErrorCodeReturnedEquals": "404"}, "Redirect": {"HostName": "e.org"}}, "a", None),
    ],
)
def test_a_rule_without_an_error_code_holds_at_once(rule: dict[str, Any], key: str, wanted: str | None) -> None:
    assert location([rule], key) == wanted


def test_a_rule_with_an_error_code_holds_after_that_error_alone() -> None:
    rules = [
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "a/"},
            "Redirect": {"HostName": "a.org"},
        },
        {"Condition": {"HttpErrorCodeReturnedEquals": "404"}, "Redirect": {"HostName": "e.org"}},
        {"Condition": {"KeyPrefixEquals": "x/"}, "Redirect": {"HostName": "x.org"}},
    ]
    assert location(rules, "a/b", "404") == "http://a.org/a/b"
    assert location(rules, "b", "404") == "http://e.org/b"
    assert location(rules, "b", "403") is None
    assert location(rules, "x/404") == "http://x.org/x/404"


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ({"HostName": "e.org"}, "http://e.org/k?q=1&r"),
        ({"ReplaceKeyWith": "k2"}, "http://b.example:8080/k2?q=1&r"),
        ({"ReplaceKeyWith": "k2?own"}, "http://b.example:8080/k2?own"),
        ({"ReplaceKeyPrefixWith": "#!/"}, "http://b.example:8080/#!/k"),
    ],
)
def test_the_query_goes_along_unless_the_rule_has_its_own(to: dict[str, str], wanted: str) -> None:
    assert location([{"Redirect": to}], "k", query="q=1&r") == wanted


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_no_key_leads_to_another_host(key: str, prefix: str) -> None:
    for to in ({"ReplaceKeyPrefixWith": prefix}, {"ReplaceKeyWith": prefix}, {"Protocol": "http"}):
        found = location([{"Redirect": to}], key)
        assert found is not None
        assert urlsplit(found)[:2] == ("http", "b.example:8080")
        assert found.isascii()
        assert found.isprintable()


@pytest.mark.parametrize(
    "kept", [{}, {"IndexDocument": 3}, {**INDEX, "RoutingRules": [{}]}, {**INDEX, "RoutingRules": 3}]
)
def test_what_is_no_website_is_told(kept: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        compiled(kept)


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.web.example", "b"),
        ("www.b.org.web.example:8080", "www.b.org"),
        ("B.Web.Example.", "b"),
        ("web.example:8080", ""),
        ("b.example", None),
        ("xweb.example", None),
        ("", None),
        ("b.web.example" + ".x" * 200, None),
    ],
)
def test_the_first_label_of_a_websites_host_names_the_bucket(host: str, bucket: str | None) -> None:
    assert website(host, ("web.example",)) == bucket
    assert website(host, ()) is None

"""Corners of the models that no operation of EC2, S3 or STS has today: maps in forms and documents, odd scalars."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from shim.errors import AwsError
from shim.protocol.message import Address, Head, Request
from shim.protocol.service import Service
from tests.protocol.requests import raw_form

SHAPES = {
    "Text": {"type": "string"},
    "Short": {"type": "string", "max": 3},
    "Number": {"type": "double"},
    "Bytes": {"type": "blob"},
    "Epoch": {"type": "timestamp", "timestampFormat": "unixTimestamp"},
    "Http": {"type": "timestamp", "timestampFormat": "rfc822"},
    "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Short"}},
    "Names": {"type": "list", "member": {"shape": "Text", "locationName": "Name"}, "max": 2},
    "Deep": {"type": "structure", "members": {"Deeper": {"shape": "Deep"}, "Leaf": {"shape": "Text"}}},
    "In": {
        "type": "structure",
        "members": {
            "Map": {"shape": "Map"},
            "Flat": {"shape": "Map", "flattened": True},
            "Names": {"shape": "Names", "flattened": True},
            "Listed": {"shape": "Names"},
            "Number": {"shape": "Number"},
            "Bytes": {"shape": "Bytes"},
            "Epoch": {"shape": "Epoch"},
            "Http": {"shape": "Http"},
            "Deep": {"shape": "Deep"},
        },
    },
}


def service(protocol: str) -> Service:
    metadata = {"protocol": protocol, "apiVersion": "2020-01-01", "endpointPrefix": "x", "serviceId": "X"}
    metadata["xmlNamespace"] = "urn:x"
    act = {
        "name": "Act",
        "http": {"method": "POST", "requestUri": "/x"},
        "input": {"shape": "In"},
        "output": {"shape": "In"},
    }
    nap = {"name": "Nap", "http": {"method": "POST", "requestUri": "/nap"}}
    return Service("x", model={"metadata": metadata, "operations": {"Act": act, "Nap": nap}, "shapes": SHAPES})


QUERY = service("query")
REST = service("rest-xml")


def parsed(form: str) -> dict[str, Any]:
    return QUERY.operations["Act"].parse(raw_form(f"Action=Act&{form}"), b"")


@pytest.mark.parametrize(
    ("form", "params"),
    [
        ("Map.entry.1.key=a&Map.entry.1.value=b&Map.entry.7.key=c&Map.entry.7.value=d", {"Map": {"a": "b", "c": "d"}}),
        ("Map=", {"Map": {}}),
        ("Flat.1.key=a&Flat.1.value=b", {"Flat": {"a": "b"}}),
        ("Name.1=a&Name.2=b", {"Names": ["a", "b"]}),
        ("Listed.Name.1=a", {"Listed": ["a"]}),
        ("Listed=", {"Listed": []}),
        ("Number=-1.5e3", {"Number": -1500.0}),
        ("Bytes=aGV5", {"Bytes": b"hey"}),
        ("Epoch=0.5", {"Epoch": datetime.fromtimestamp(0.5, UTC)}),
        ("Http=Thu,%2001%20Jan%201970%2000:00:01%20-0000", {"Http": datetime.fromtimestamp(1, UTC)}),
        ("&&Number=1&&", {"Number": 1.0}),
        ("Deep.Deeper.Deeper.Leaf=x", {"Deep": {"Deeper": {"Deeper": {"Leaf": "x"}}}}),
    ],
)
def test_forms(form: str, params: Mapping[str, Any]) -> None:
    assert parsed(form) == params


@pytest.mark.parametrize(
    "form",
    [
        "Map=x",
        "Map.1.key=a",
        "Map.entry.1=a",
        "Map.entry.1.key=a",
        "Map.entry.1.key=a&Map.entry.1.value=b&Map.entry.1.x=c",
        "Map.entry.1.key=a&Map.entry.1.value=long",
        "Listed.1=a",
        "Listed.Name.1=a&Listed.Name.2=b&Listed.Name.3=c",
        "Number.1=2",
        "Number=two",
        "Bytes=a",
        "Epoch=" + "9" * 40,
        "Http=soon",
        "Deep=x",
        "Deep.Leaf=%FF",
        "Deep" + ".Deeper" * 100 + ".Leaf=x",
    ],
)
def test_forms_that_do_not_fit(form: str) -> None:
    with pytest.raises(AwsError) as caught:
        parsed(form)
    assert (caught.value.status, caught.value.code) == (400, "ValidationError")


def test_an_operation_without_parameters_takes_none() -> None:
    operation = QUERY.operations["Nap"]
    assert operation.parse(raw_form("Action=Nap&Version=1"), b"") == {}
    with pytest.raises(AwsError, match=r"parameter A\.B is not recognized"):
        operation.parse(raw_form("Action=Nap&A.B=1"), b"")
    with pytest.raises(LookupError, match="answers nothing"):
        QUERY.reply(operation, {"A": 1}, request_id="r", request=raw_form("Action=Nap"))


def test_a_name_that_the_model_lacks() -> None:
    with pytest.raises(KeyError):
        QUERY.operations["Sleep"]


def document(body: str) -> dict[str, Any]:
    request = Request(Head("POST", b"/x", b"", ()), Address())
    return REST.operations["Act"].parse(request, body.encode())


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ("<Map><entry><key>a</key><value>b</value></entry></Map>", {"Map": {"a": "b"}}),
        ("<Flat><key>a</key><value>b</value></Flat>", {"Flat": {"a": "b"}}),
        ("<Names>a</Names><Names>b</Names>", {"Names": ["a", "b"]}),
        ("<Listed><Name>a</Name></Listed><Listed2/>", None),
        ("<Listed><Nome>a</Nome></Listed>", None),
        ("<Listed><Name>a</Name><Name>a</Name><Name>a</Name></Listed>", None),
        ("<Map><entry><key>a</key></entry></Map>", None),
        ("<Map><entry><key>a</key><value>long</value></entry></Map>", None),
    ],
)
def test_documents(body: str, params: Mapping[str, Any] | None) -> None:
    if params is not None:
        assert document(f"<In>{body}</In>") == params
        return
    with pytest.raises(AwsError) as caught:
        document(f"<In>{body}</In>")
    assert caught.value.code == "MalformedXML"


def test_paths_that_are_not_the_operation() -> None:
    stem = service("rest-xml").model
    words = {"type": "structure", "members": {"Id": {"shape": "Text", "location": "uri", "locationName": "Id"}}}
    act = {"name": "Act", "http": {"method": "GET", "requestUri": "/x/{Id}"}, "input": {"shape": "In"}}
    other = Service(
        "x", model={"metadata": stem.metadata, "operations": {"Act": act}, "shapes": {**SHAPES, "In": words}}
    )
    good, bad = (Request(Head("GET", path, b"", ())) for path in (b"/x/a%2Fb", b"/y/a"))
    assert other.operations["Act"].parse(good, b"") == {"Id": "a/b"}
    with pytest.raises(AwsError, match="InvalidURI"):
        other.operations["Act"].parse(bad, b"")


def test_lists_in_headers_are_quoted() -> None:
    words = {"type": "structure", "members": {"Names": {"shape": "Names", "location": "header", "locationName": "x-n"}}}
    act = {"name": "Act", "http": {"method": "GET", "requestUri": "/"}, "output": {"shape": "In"}}
    model = {"metadata": REST.model.metadata, "operations": {"Act": act}, "shapes": {**SHAPES, "In": words}}
    other = Service("x", model=model)
    reply = other.reply(other.operations["Act"], {"Names": ['a"b', "c,d"]}, request_id="r", request=raw_form(""))
    assert ("x-n", '"a\\"b","c,d"') in reply.headers


def test_answers() -> None:
    result = {
        "Map": {"a": "b"},
        "Flat": {"c": "d"},
        "Names": ["e"],
        "Number": float("-inf"),
        "Bytes": b"hey",
        "Epoch": datetime.fromtimestamp(1.5, UTC),
        "Deep": {"Deeper": {"Leaf": "x"}},
    }
    reply = REST.reply(REST.operations["Act"], result, request_id="r", request=raw_form(""))
    assert reply.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<In xmlns="urn:x"><Map><entry><key>a</key><value>b</value></entry>'
        b"</Map><Flat><key>c</key><value>d</value></Flat><Name>e</Name><Number>-Infinity</Number><Bytes>aGV5</Bytes>"
        b"<Epoch>1.5</Epoch><Deep><Deeper><Leaf>x</Leaf></Deeper></Deep></In>"
    )
    with pytest.raises(TypeError, match="Number: expected a number"):
        REST.reply(REST.operations["Act"], {"Number": "1"}, request_id="r", request=raw_form(""))

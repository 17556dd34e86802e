"""A document that no operation takes is refused where it goes wrong, whatever its size: counted, not timed."""

from __future__ import annotations

from typing import Any

import pytest

from shim.errors import AwsError
from shim.protocol.service import Service
from shim.protocol.xml.read import MalformedError, parse
from shim.protocol.xml.schema import Document, document, tag_of
from tests.protocol.requests import s3

S3 = Service("s3")
SIZE = 2_400_000  # bytes of a hostile document
PIECE = 32 << 10  # what is read at once


def payload(name: str) -> Any:
    """Return the shape of an operation's document, or None."""
    shape = S3.model.operation_model(name).input_shape
    if shape is None:
        return None
    member = shape.serialization.get("payload", "")
    if member:
        found = shape.members[member]
        return found if found.type_name == "structure" else None
    return shape if any(not one.serialization.get("location") for one in shape.members.values()) else None


DOCUMENTS: dict[str, tuple[str, Document]] = {
    name: (tag_of(shape.name, shape), document(tag_of(shape.name, shape), shape))
    for name in S3.operations
    if (shape := payload(name)) is not None
}
DELETE, COMPLETE = ("DeleteObjects", "POST", "/b?delete"), ("CompleteMultipartUpload", "POST", "/b/k?uploadId=u")


def refusal(operation: tuple[str, str, str], body: str) -> MalformedError:
    """Return why the parser refused a document; it answers S3's MalformedXML."""
    name, method, target = operation
    with pytest.raises(AwsError) as caught:
        S3.operations[name].parse(s3(method, target), body.encode())
    assert (caught.value.status, caught.value.code) == (400, "MalformedXML")
    assert caught.value.message.startswith("The XML you provided was not well-formed or did not validate")
    assert isinstance(caught.value.__context__, MalformedError)
    return caught.value.__context__


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_unknown_element_costs_nothing(name: str) -> None:
    tag, schema = DOCUMENTS[name]
    body = f"<{tag}>" + "<a/>" * (SIZE // 4)
    with pytest.raises(MalformedError) as caught:
        parse(body.encode(), schema)
    assert caught.value.visited == 2
    assert caught.value.fed <= PIECE


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_has_a_bound(name: str) -> None:
    tag, schema = DOCUMENTS[name]
    assert 1 < schema.most_elements <= (50_000 if name == "CompleteMultipartUpload" else 20_000)
    for filler in ("<!---->", "<?a?>"):
        with pytest.raises(MalformedError) as caught:
            parse(f"<{tag}>{filler * (schema.most_elements + 1)}".encode(), schema)
        assert caught.value.visited == schema.most_elements + 1


def test_a_deletion_names_a_thousand_keys() -> None:
    key = "<Object><Key>k</Key></Object>"
    found = S3.operations["DeleteObjects"].parse(s3(*DELETE[1:]), f"<Delete>{key * 1000}</Delete>".encode())
    assert len(found["Delete"]["Objects"]) == 1000
    assert refusal(DELETE, f"<Delete>{key * 60_000}</Delete>").visited == 1 + 2 * 1000 + 1


def test_a_completion_names_ten_thousand_parts() -> None:
    part = "<Part><PartNumber>1</PartNumber><ETag>e</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>"
    root = "CompleteMultipartUpload"
    whole = f"<{root}>{part * 10_000}</{root}>"
    found = S3.operations[root].parse(s3(*COMPLETE[1:]), whole.encode())
    assert len(found["MultipartUpload"]["Parts"]) == 10_000
    assert refusal(COMPLETE, f"<{root}>{'<Part/>' * (SIZE // 7)}</{root}>").visited == 1 + 10_000 + 1
    assert refusal(COMPLETE, f"<{root}>{part * 10_001}</{root}>").visited == 1 + 4 * 10_000 + 1


def test_what_stands_twice_is_refused_at_its_second_time() -> None:
    assert refusal(DELETE, "<Delete>" + "<Quiet>true</Quiet>" * (SIZE // 19)).visited == 3
    assert refusal(DELETE, "<Delete><Object>" + "<Key>k</Key>" * (SIZE // 12)).visited == 4


HOSTILE = {
    "depth": ("<Delete>" * (SIZE // 8), 2, 1),
    "text where elements belong": ("<Delete>" + "a" * SIZE, 1, 1),
    "a text without end": ("<Delete><Object><Key>" + "a" * SIZE, 3, 1),
    "a text of references": ("<Delete><Object><Key>" + "&amp;" * (SIZE // 5), 3, 2),
    "a comment without end": ("<Delete><!--" + "a" * SIZE, 1, 3),
    "a tag without end": ("<Delete " + "a" * SIZE, 0, 3),
    "a value without end": ("<Delete a='" + "a" * SIZE, 0, 3),
    "attributes": ("<Delete " + " ".join(f"a{n}=''" for n in range(9)) + "></Delete>", 1, 1),
    "many attributes": ("<Delete " + " ".join(f"a{n}=''" for n in range(SIZE // 10)), 0, 3),
    "namespaces": ("<Delete " + " ".join(f"xmlns:a{n}='u'" for n in range(SIZE // 18)), 0, 3),
    "white space": ("<Delete>" + "\n" * SIZE, 1, 13),
    "an entity": ("<!DOCTYPE d [" + "<!ENTITY a 'b'>" * (SIZE // 15), 0, 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_rest_of_a_hostile_document_is_not_read(name: str) -> None:
    body, visited, pieces = HOSTILE[name]
    error = refusal(DELETE, body)
    assert error.visited == visited
    assert error.fed <= pieces * PIECE


def test_elements_that_repeat_are_counted_apart_from_those_that_do_not() -> None:
    body = "<Delete>" + "<Object><Key>k</Key></Object>" * 1000 + "<Quiet>true</Quiet></Delete>"
    assert S3.operations["DeleteObjects"].parse(s3(*DELETE[1:]), body.encode())["Delete"]["Quiet"] is True
    with_one_more = body.replace("<Quiet>", "<Object><Key>k</Key></Object><Quiet>")
    assert refusal(DELETE, with_one_more).visited == 1 + 2 * 1000 + 1

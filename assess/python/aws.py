"""Sessions, clients, resources, paginators and waiters: what a call on one of them asks of AWS."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any, Final

from botocore import xform_name

from assess import sdk
from assess.python import resources
from assess.python.frames import Arguments, Frame, spread
from assess.python.values import (
    NOT_KNOWN,
    Bound,
    Client,
    Collection,
    Const,
    Listed,
    Mapped,
    Paginator,
    Resource,
    Session,
    Some,
    Waiter,
    const,
    forms,
    is_whole,
    one,
    over,
    text,
    tree,
    with_items,
)
from assess.sites import Sites, site_of

_SESSIONS: Final = frozenset({"Session", "AioSession", "get_session"})
_PACKAGES: Final = ("boto3.", "aioboto3.", "botocore.session.", "aiobotocore.session.", "boto3.session.")
# Methods of a client that ask nothing of AWS.
_LOCAL: Final = frozenset({"close", "can_paginate", "exceptions", "meta", "waiter_names", "get_bucket_region"})
_STUBS: Final = ("mypy_boto3_", "types_boto3_", "types_aioboto3_", "types_aiobotocore_")


class Calls:
    """Notes the calls on what boto3 offers."""

    def __init__(self, sites: Sites) -> None:
        self.sites = sites

    def ask(
        self,
        service: str,
        operation: str,
        asked: Iterable[Mapped],
        node: ast.AST,
        frame: Frame,
        *,
        readable: bool = True,
    ) -> None:
        """Note a call with parameters, once for each form that these may have.

        It is not `readable` if the SDK adds parameters of its own.
        """
        for some in asked:
            for form in forms(some):
                complete = form.complete and all(is_whole(value) for _, value in form.items)
                params = {name: tree(value) for name, value in form.items}
                self.sites.add(site_of(frame.path, node), service, operation, params, complete, readable)

    def lose(self, why: str, node: ast.AST, frame: Frame) -> Some:
        """Note a place that could not be followed."""
        self.sites.lose(site_of(frame.path, node), why)
        return NOT_KNOWN

    def external(self, name: str, given: Arguments, node: ast.Call, frame: Frame) -> Some | None:
        """Call a function of boto3 or aioboto3; None where it is none."""
        if not name.startswith(_PACKAGES):
            return None
        last = name.rpartition(".")[2]
        if last in _SESSIONS:
            return frozenset({Session()})
        return self.session(last, given, node, frame)

    def session(self, method: str, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        """Call a method of a session."""
        if method not in ("client", "create_client", "resource"):
            return NOT_KNOWN
        some = given.get(0, "service_name") or NOT_KNOWN
        found: set[Any] = set()
        for value in some:
            service = value.value if isinstance(value, Const) else None
            if service not in sdk.services():
                self.lose(f"the service of {method}() is not known", node, frame)
            elif method != "resource":
                found.add(Client(service))
            elif resources.exists(service):
                found.add(Resource(service, service))
        return frozenset(found) or NOT_KNOWN

    def client(self, client: Client, method: str, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        """Call a method of a client."""
        operation = sdk.methods(client.service).get(method)
        name = text(given.get(0, "x") or NOT_KNOWN)
        transfer = resources.transfer_of(method) if client.service == "s3" else None
        if operation is not None:
            self.ask(client.service, operation, given.named, node, frame)
        elif method in ("get_paginator", "get_waiter"):
            named = text(given.get(0, "operation_name" if method == "get_paginator" else "waiter_name") or NOT_KNOWN)
            if named is None:
                return self.lose(f"the name given to {method}() is not known", node, frame)
            return frozenset({(Paginator if method == "get_paginator" else Waiter)(client.service, named)})
        elif method == "generate_presigned_url":
            self._presigned(client, given, node, frame)
        elif transfer is not None:
            self._transfer(method, resources.parameters(transfer), Mapped(), given, node, frame)
        elif method not in _LOCAL:
            self.lose(
                f"{client.service} has no method {method}" if not name else f"{method}() is not read", node, frame
            )
        return NOT_KNOWN

    def _presigned(self, client: Client, given: Arguments, node: ast.Call, frame: Frame) -> None:
        named = text(given.get(0, "ClientMethod") or NOT_KNOWN)
        operation = sdk.methods(client.service).get(named or "")
        if operation is None:
            self.lose("the method of a presigned URL is not known", node, frame)
            return
        asked = given.get(1, "Params")
        self.ask(client.service, operation, spread(asked) if asked is not None else (Mapped(),), node, frame)

    def _transfer(
        self, method: str, names: list[str], own: Mapped, given: Arguments, node: ast.Call, frame: Frame
    ) -> None:
        values = {name: given.get(place, name) for place, name in enumerate(names)}
        more = values.get("ExtraArgs")
        told = {name: value for name in ("Bucket", "Key", "CopySource") if (value := values.get(name)) is not None}
        for extra in spread(more) if more is not None and more != const(None) else (Mapped(),):
            form = over(with_items(own, told), extra)
            for operation, taken in sdk.transfer(method.partition("_")[0], dict(form.items)):
                self.ask("s3", operation, (Mapped(tuple(taken.items()), form.complete),), node, frame, readable=False)

    def paginate(self, paginator: Paginator, given: Arguments, node: ast.Call, frame: Frame) -> None:
        """Ask for pages: the configuration of a paginator stands for its operation's own parameters."""
        found = sdk.paginated(paginator.service).get(paginator.method)
        if found is None:
            self.lose(f"{paginator.service} has no paginator {paginator.method}", node, frame)
            return
        asked = []
        for form in given.named:
            params = dict(form.items)
            config = one(params.pop("PaginationConfig", frozenset()))
            size = dict(config.items).get("PageSize") if isinstance(config, Mapped) else None
            limit = {found["limit_key"]: size} if size is not None and "limit_key" in found else {}
            asked.append(with_items(Mapped(tuple(params.items()), form.complete), limit))
        self.ask(paginator.service, found["operation"], asked, node, frame)

    def wait(self, service: str, waiter: str, asked: Iterable[Mapped], node: ast.Call, frame: Frame) -> None:
        """Wait: the operation that the waiter polls is asked."""
        operation = sdk.awaited(service).get(xform_name(waiter))
        if operation is None:
            self.lose(f"{service} has no waiter {waiter}", node, frame)
            return
        without = [Mapped(tuple(x for x in form.items if x[0] != "WaiterConfig"), form.complete) for form in asked]
        self.ask(service, operation, without, node, frame)

    def attribute(self, owner: Resource, name: str, node: ast.expr, frame: Frame) -> Some:
        """Return an attribute of a resource; its data are loaded when they are first read."""
        sort, what = resources.attributes(owner.service, owner.name).get(name, ("", None))
        if sort == "identifier":
            return dict(owner.identifiers).get(what, NOT_KNOWN)
        if sort == "collection":
            return frozenset({Collection(owner, name)})
        if sort in ("data", "reference"):
            self._load(owner, node, frame)
        if sort == "reference":
            made = resources.resource(owner, what.resource, [], loaded=bool(what.resource.path))
            many = "[]" in str(what.resource.path)
            return frozenset({Listed((frozenset({made}),), complete=False) if many else made})
        return NOT_KNOWN if sort == "data" else frozenset({Bound(owner, name)})

    def _load(self, owner: Resource, node: ast.AST, frame: Frame) -> None:
        loads = resources.attributes(owner.service, owner.name).get("load")
        if owner.loaded or loads is None:
            return
        sort, what = loads
        if sort == "added":
            self._added(owner, what, (Mapped(),), node, frame)
        else:
            self.ask(owner.service, what.request.operation, (resources.asked(what.request, owner),), node, frame)

    def _added(
        self, owner: Resource, what: tuple[str, str], asked: Iterable[Mapped], node: ast.AST, frame: Frame
    ) -> None:
        operation, members = what
        own: dict[str, Some] = {}
        for member, (_, value) in zip(members.split(), owner.identifiers, strict=False):
            own[member] = frozenset({Listed((value,))}) if member == "Resources" else value
        self.ask(owner.service, operation, [with_items(form, own) for form in asked], node, frame)

    def resource(self, owner: Resource, method: str, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        """Call a method of a resource."""
        sort, what = resources.attributes(owner.service, owner.name).get(method, ("", None))
        if sort == "subresource":
            named = [value for form in given.named for _, value in form.items]
            return frozenset({resources.resource(owner, what.resource, [*given.positional, *named], loaded=False)})
        if sort == "transfer":
            own = [(n.replace("_name", "").capitalize(), value) for n, value in owner.identifiers]
            own = [("Bucket" if owner.name == "Bucket" and n == "Name" else n, value) for n, value in own]
            own = [("Bucket" if n == "" else n, value) for n, value in own]
            self._transfer(method, resources.parameters(what), Mapped(tuple(own)), given, node, frame)
        elif sort == "added":
            self._added(owner, what, given.named, node, frame)
        elif sort == "waiter":
            own_params = dict(resources.asked(what, owner).items)
            self.wait(owner.service, what.waiter_name, [with_items(f, own_params) for f in given.named], node, frame)
        elif sort == "action" and what.request is not None:
            return self._act(owner, what, given, node, frame)
        elif method not in ("get_available_subresources", "meta"):
            self.lose(f"{owner.service} {owner.name} has no method {method}", node, frame)
        return NOT_KNOWN

    def _act(self, owner: Resource, action: Any, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):  # an action forgets the data
            fresh = Resource(owner.service, owner.name, owner.identifiers, loaded=action.name == "load")
            name = node.func.value.id
            frame.names[name] = frozenset(fresh if value == owner else value for value in frame.get(name))
        own = resources.asked(action.request, owner)
        asked = [over(own, form) for form in given.named]
        self.ask(owner.service, action.request.operation, asked, node, frame)
        if action.resource is None:
            return NOT_KNOWN
        made = resources.resource(owner, action.resource, [], loaded=bool(action.resource.path))
        named = {name: value for form in given.named for name, value in form.items}
        told = tuple((name, named.get(_param(action, name), value)) for name, value in made.identifiers)
        made = Resource(made.service, made.name, told, made.loaded)
        paths = [str(x.path) for x in action.resource.identifiers if x.path] + [str(action.resource.path)]
        many = any("[]" in path for path in paths)
        return frozenset({Listed((frozenset({made}),), complete=False) if many else made})

    def collection(self, found: Collection, method: str, given: Arguments, node: ast.Call, frame: Frame) -> Some:
        """Call a method of a collection: choose, or act on all of it.  The call to AWS is made by what iterates."""
        if method in ("all", "filter", "limit", "page_size", "iterator", "pages"):
            named = given.named if method in ("filter", "iterator") else (Mapped(),)
            asked = [over(old, new) for old in found.asked or (Mapped(),) for new in named]
            chosen = frozenset({Collection(found.owner, found.name, tuple(asked))})
            if method == "pages":
                self.iterate(chosen, node, frame)
                return frozenset({Listed((frozenset({Listed((self._item(found),), complete=False)}),), complete=False)})
            return chosen
        model = resources.attributes(found.owner.service, found.owner.name)[found.name][1]
        for action in resources.batch(found.owner.service, model.resource.type):
            if action.name == method:
                self.iterate(frozenset({found}), node, frame)
                each = next(iter(self._item(found)))
                own = dict(resources.asked(action.request, each).items)
                asked = [with_items(form, own) for form in given.named]
                self.ask(found.owner.service, action.request.operation, asked, node, frame)
                return NOT_KNOWN
        return self.lose(f"the collection {found.name} has no method {method}", node, frame)

    def _item(self, found: Collection) -> Some:
        model = resources.attributes(found.owner.service, found.owner.name)[found.name][1]
        return frozenset({resources.resource(found.owner, model.resource, [], loaded=bool(model.resource.path))})

    def iterate(self, some: Some, node: ast.AST, frame: Frame) -> Some:
        """Ask for the resources of a collection, and return what they are."""
        result: Some = frozenset()
        for found in some:
            if isinstance(found, Collection):
                model = resources.attributes(found.owner.service, found.owner.name)[found.name][1]
                own = resources.asked(model.request, found.owner)
                asked = [over(own, form) for form in found.asked or (Mapped(),)]
                self.ask(found.owner.service, model.request.operation, asked, node, frame)
                result |= self._item(found)
        return result


def _param(action: Any, identifier: str) -> str:
    """Return the parameter of a request that becomes an identifier of the resource that it makes."""
    for one_ in action.resource.identifiers:
        if xform_name(one_.target) == identifier and one_.source == "requestParameter":
            return str(one_.path)
    return ""


def annotated(name: str) -> Some | None:
    """Return what an annotation of the type stubs of boto3 names: `mypy_boto3_ec2.client.EC2Client` is a client."""
    first, _, last = name.partition(".")
    stubs = next((one_ for one_ in _STUBS if first.startswith(one_)), None)
    if stubs is None:
        return None
    service = first.removeprefix(stubs).replace("_", "-")
    last = last.rpartition(".")[2]
    if service not in sdk.services():
        return None
    if last.endswith("Client"):
        return frozenset({Client(service)})
    if last.endswith("ServiceResource") and resources.exists(service):
        return frozenset({Resource(service, service)})
    if (found := resources.model(service, last)) is not None:
        return frozenset({Resource(service, last, tuple((x.name, NOT_KNOWN) for x in found.identifiers))})
    return None


# Names of methods that tell of a client even where it is not known that there is one.
TELLING: Final[Mapping[str, str]] = {
    method: service for service in ("sts", "s3", "ec2") for method in sdk.methods(service) if "_" in method
}

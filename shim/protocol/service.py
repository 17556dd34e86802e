"""Service: an AWS service's model and its registered actions; parses requests and writes answers by the model.

>>> ec2 = Service("ec2")
>>> @ec2.action(supports="VolumeIds Filters MaxResults NextToken")
... async def describe_volumes(call, req): ...
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from shim.errors import AwsError
from shim.protocol import ec2, query, restxml
from shim.protocol.coverage import compile_tree, covered_wholly, model_names, paths, shape_at, uncovered
from shim.protocol.message import Reply, Request
from shim.protocol.operation import Dialect, Handler, Operation, Read, RequestedOperation, describe
from shim.protocol.values import Values, beside, refused, with_examples

H = TypeVar("H", bound=Handler)

# To add a protocol, write a module with a DIALECT and add a line here.
PROTOCOLS: Mapping[str, Dialect] = {
    "ec2": ec2.DIALECT,
    "query": query.DIALECT,
    "rest-xml": restxml.DIALECT,
}


class Operations(Mapping[str, Operation]):
    """Every operation of the model by AWS's name; those without an action are compiled when first read."""

    def __init__(self, names: Collection[str], build: Callable[[str], Operation]) -> None:
        self._names = frozenset(names)
        self._build = build
        self._built: dict[str, Operation] = {}

    def __getitem__(self, name: str) -> Operation:
        found = self._built.get(name)
        if found is None:
            if name not in self._names:
                raise KeyError(name)
            found = self._built[name] = self._build(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def put(self, operation: Operation) -> None:
        """Set the operation that has an action."""
        self._built[operation.name] = operation


class Service:
    """One AWS service.  `model` is botocore's name for it where that differs, or a model itself (in tests)."""

    def __init__(self, name: str, *, model: str | Mapping[str, Any] | None = None) -> None:
        self.name = name
        words = model if isinstance(model, Mapping) else Loader().load_service_model(model or name, "service-2")
        self._model = ServiceModel(words, name)
        self.protocol: str = self._model.metadata["protocol"]
        self._dialect = PROTOCOLS[self.protocol]
        # Returns the name of the operation that AWS would run, registered here or not; raises AwsError if there is
        # none.
        self.route: Callable[[Request], str] = self._dialect.router(self._model)
        self._fail = self._dialect.failure(self._model)
        self._names = {xform_name(operation): operation for operation in self._model.operation_names}
        self._handlers: dict[str, Handler] = {}
        self._registered: dict[str, Operation] = {}
        self._requested: dict[str, RequestedOperation] = {}  # what a request for each registered operation asks for
        self._words = model_names(words)
        self._operations = Operations(self._model.operation_names, self._compile)

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Every operation that AWS has."""
        return self._operations

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The registered actions, by AWS's name."""
        return MappingProxyType(self._handlers)

    @property
    def model(self) -> ServiceModel:
        """The model as botocore reads it."""
        return self._model

    def action(
        self,
        *,
        supports: Collection[str] | str = (),
        ignores: Mapping[str, str] | None = None,
        values: Mapping[str, Values | tuple[Values, ...]] | None = None,
        keeps_connection_alive: bool = False,
        anonymous: bool = False,
        ends_with_client: bool = False,
        read: Read | None = None,
        first: Callable[[Mapping[str, Any]], object] | None = None,
    ) -> Callable[[H], H]:
        """Register an async function as the action of its name: `describe_volumes` is DescribeVolumes.

        `supports` are the paths of the parameters that it honours, `ignores` those that it takes and need not act on,
        each with the reason.  `values` are those of which it takes only some values, by one rule or several.
        One that `keeps_connection_alive` may take longer than clients wait, so its 200 is sent before it has ended.
        One that is `anonymous` is open to anyone, unsigned.  One that `ends_with_client` is cancelled when its client
        hangs up, and undoes what it did.  `read` refuses parameters for which no cloud need be asked, and returns what
        the action is given in place of the parameters.  `first` raises AWS's own error for a wrong request, before the
        refusal of what is not supported.
        LookupError for a name, a path or a value that AWS lacks, and for an action written twice.
        """

        def register(handler: H) -> H:
            word = getattr(handler, "__name__", repr(handler))
            name = self._names.get(word)
            if name is None:
                raise LookupError(f"{self.name} has no action {word}")
            if name in self._handlers:
                raise LookupError(f"{name} is written twice")
            operation = self._compile(name, handler, paths(supports), ignores or {}, values or {})
            self._handlers[name] = handler
            self._registered[name] = replace(
                operation,
                keeps_connection_alive=keeps_connection_alive,
                anonymous=anonymous,
                ends_with_client=ends_with_client,
                read=read,
                first=first,
            )
            self._requested[name] = RequestedOperation(name, self._registered[name], None, anonymous)
            self._operations.put(self._registered[name])
            return handler

        return register

    def _compile(
        self,
        name: str,
        handler: Handler | None = None,
        supports: frozenset[str] = frozenset(),
        ignores: Mapping[str, str] = MappingProxyType({}),
        values: Mapping[str, Values | tuple[Values, ...]] = MappingProxyType({}),
    ) -> Operation:
        model = self._model.operation_model(name)
        tree = compile_tree(model.input_shape, {*supports, *ignores, *self._dialect.always(model)})
        rules = {path: _rules(model.input_shape, path, one) for path, one in values.items()}
        # Parameters with any value: a request of these alone needs no walk.
        whole = covered_wholly(tree) - {path.partition(".")[0] for path in rules}
        refuse, refuse_value = self._dialect.unsupported_parameter, self._dialect.unsupported_value

        def unsupported(params: Mapping[str, Any], account: str = "") -> AwsError | None:
            if params.keys() <= whole:
                return None
            if path := uncovered(params, tree):
                error = refuse(path, model)
            elif found := refused(params, rules, account):
                path, value, rule = found
                error = rule.error(path) or refuse_value(path, value, model)
            else:
                return None
            self._words.add(error.refused)  # a path of the model, so its number is bounded
            return error

        return Operation(
            **describe(model),
            handler=handler,
            supports=supports,
            ignores=MappingProxyType(dict(ignores)),
            values=MappingProxyType(rules),
            parse=self._dialect.parser(model),
            parse_head=self._dialect.head_parser(model) if self._dialect.head_parser else None,
            write=self._dialect.writer(model),
            unsupported=unsupported,
        )

    def label(self, refused: str) -> str:
        """Return the name of what was refused as a label of the metrics: a name of the model, or `other`.

        A path through a list of the ec2 protocol contains the client's numbers, so only its first step is used.
        """
        return next((name for name in (refused, refused.partition(".")[0]) if name in self._words), "other")

    @property
    def has_anonymous(self) -> bool:
        """Whether any registered operation may be called unsigned."""
        return any(operation.anonymous for operation in self._registered.values())

    def identify(self, request: Request) -> RequestedOperation:
        """Identify a request's operation.  An error is returned, not raised: only signed requests see it."""
        try:
            name = self.route(request)
        except AwsError as error:
            return RequestedOperation("", None, error)
        return self._requested.get(name) or RequestedOperation(name, None, self._dialect.unsupported_operation(name))

    def parse(self, operation: Operation, request: Request, body: bytes, account: str = "") -> dict[str, Any]:
        """Return the parameters, valid by the model and all of them supported; AwsError names the one that is not.

        `account` is the caller's account id.
        A streaming member (`operation.streaming_input`) is left out: the gateway adds it.
        """
        params = operation.parse(request, body)
        error = operation.unsupported(params, account)
        if error is not None:
            if operation.first is not None:
                operation.first(params)
            raise error
        return params

    def reply(
        self, operation: Operation, result: Mapping[str, Any] | None, *, request_id: str, request: Request
    ) -> Reply:
        """Write an action's result as an answer; LookupError or TypeError if the model does not allow it."""
        return operation.write(result or {}, request_id, request)

    def failure(self, error: AwsError, *, request_id: str, request: Request) -> Reply:
        """Write an error in the service's envelope."""
        return self._fail(error, request_id, request)


def _rules(shape: Any, path: str, values: Values | tuple[Values, ...]) -> tuple[Values, ...]:
    """Return the rules for a parameter with examples; LookupError for names and values that the model lacks."""
    rules = values if isinstance(values, tuple) else (values,)
    for rule in rules:
        for name in rule.where:
            shape_at(shape, beside(path, name))
    return tuple(with_examples(rule, shape_at(shape, path)) for rule in rules)

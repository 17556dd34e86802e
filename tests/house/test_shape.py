"""Rules for the size, the names and the style of source files."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from tests.house.source import files, functions, imports, modules, text, tree

FILE_LINES = 400
FUNCTION_LINES = 50
FOLDER_FILES = 20
EMPTY_NAMES = re.compile(r"(?:^|_)(?:utils?|helpers?|common|base|managers?|misc)(?:_|$)")
EMPTY_CLASSES = ("Manager", "Helper", "Utils", "Base")

# Parts that must be a function of their arguments alone: the clock, the network and the environment are handed to them.
PURE = (
    "shim/protocol/",
    "shim/auth/sigv4.py",
    "shim/auth/sigv2.py",
    "shim/auth/chunked.py",
    "shim/auth/request_signature.py",
)
IMPURE_MODULES = {"os", "time", "socket", "subprocess", "random", "secrets", "httpx", "aiohttp", "requests"}
IMPURE_WORDS = re.compile(r"\b(?:datetime\.(?:now|utcnow|today)|date\.today|open)\(")

# What may read the environment: the command line, and the embedded cloud's own entry point and services.
READS_ENVIRONMENT = ("shim/cli/", "pytest_passerelle/", "adapters/embedded/", "tests/", "bench/")


def under(*starts: str) -> Iterable[Path]:
    """Return the modules whose path begins with one of these."""
    return (path for path in modules() if str(path).startswith(starts))


def test_a_file_fits_on_few_screens() -> None:
    assert not {str(path): n for path in modules() if (n := len(text(path).splitlines())) > FILE_LINES}


def test_a_folder_says_why_it_exists_and_stays_small() -> None:
    folders = {
        path.parent
        for path in under("shim/", "adapters/", "assess/", "recording/", "conformance/", "pytest_passerelle/")
    }
    assert not [str(folder) for folder in folders if not ast.get_docstring(tree(folder / "__init__.py"))]
    sizes = {
        str(folder): sum(path.parent == folder and path.name != "__init__.py" for path in files()) for folder in folders
    }
    assert not {folder: size for folder, size in sizes.items() if size > FOLDER_FILES}


def test_functions_are_short() -> None:
    sizes = {f"{path}:{f.name}": (f.end_lineno or 0) - f.lineno + 1 for path in modules() for f in functions(path)}
    assert not {name: size for name, size in sizes.items() if size > FUNCTION_LINES}


def test_a_module_says_why_it_exists() -> None:
    assert not [str(path) for path in modules() if text(path) and not ast.get_docstring(tree(path))]


def test_names_say_what_things_are() -> None:
    assert not [str(path) for path in modules() if EMPTY_NAMES.search(path.stem)]
    classes = {node.name for path in modules() for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)}
    assert not [name for name in classes if name.endswith(EMPTY_CLASSES)]


def test_pure_parts_are_pure() -> None:
    pure = list(under(*PURE))
    assert len(pure) > len(PURE)
    assert not [str(path) for path in pure if {name.split(".")[0] for name in imports(path)} & IMPURE_MODULES]
    assert not [str(path) for path in pure if IMPURE_WORDS.search(text(path))]


def test_settings_come_as_arguments() -> None:
    reads = [path for path in modules() if re.search(r"\bos\.(?:environ|getenv)\b", text(path))]
    assert not [str(path) for path in reads if not str(path).startswith(READS_ENVIRONMENT)]


def test_tests_use_public_doors() -> None:
    mocks = ("unittest.mock", "mock")
    assert not [str(path) for path in under("tests/") if any(name.startswith(mocks) for name in imports(path))]
    assert not [str(path) for path in under("tests/") if re.search(r"\bmonkeypatch\.setattr\(", text(path))]


def test_calls_side_by_side_go_through_one_module() -> None:
    """Where a bare gather or a group of tasks fails, siblings run on, or nobody recognises the error."""
    bare = re.compile(r"\basyncio\.(?:gather|TaskGroup)\(|from asyncio import [^\n]*\b(?:gather|TaskGroup)\b")
    found = [str(path) for path in under("shim/", "adapters/") if bare.search(text(path))]
    assert found == ["adapters/concurrency.py"]


def test_what_is_absent_is_told_by_one_function() -> None:
    """`absent_is` alone goes on after NOT_FOUND; who else names it classifies faults, or words them."""
    catches = re.compile(r"fault is(?: not)? Fault\.NOT_FOUND")
    found = {str(path) for path in under("shim/", "adapters/") if catches.search(text(path))}
    words_it_anew = {
        "adapters/openstack/keystone/keystone.py",
        "adapters/openstack/swift/swift.py",
        "shim/s3/multipart/multipart.py",
        "shim/s3/objects/copying.py",
        "shim/s3/objects/versions.py",
    }
    assert found <= {"adapters/errors.py"} | words_it_anew


def test_files_name_no_machine() -> None:
    paths = re.compile(r"(?<![\w.])/(?:root|work|Users)/[a-z.]|\.\./shared")
    me = Path("tests/house/test_shape.py")
    written = [path for path in files() if path != me and path.suffix != ".lock"]
    assert not [str(path) for path in written if paths.search(text(path))]


def test_names_are_terms_of_the_field() -> None:
    """Names that a newcomer had to solve, and that were replaced: modules, functions, classes and parameters."""
    riddles = {"announced", "claims", "face", "folded", "foreign", "guesses", "in_time", "kinds", "lasting"}
    riddles |= {"receiving", "sending", "together", "topology", "Topology", "odd_heads", "summing", "timeless"}
    found = {(str(path), name) for path in modules() for name in {path.stem, *declared(path)} if name in riddles}
    assert not found


def declared(path: Path) -> Iterable[str]:
    """Return the names that a module gives to its functions, classes and parameters."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg

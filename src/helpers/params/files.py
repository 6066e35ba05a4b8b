"""Read a params file with its targets and prices, apply overrides, and name every problem at once."""

from __future__ import annotations

import os
import re
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from helpers.core import plain_yaml
from helpers.core.environment import redact
from helpers.core.errors import ParamsError, did_you_mean
from helpers.core.paths import PROJECT
from helpers.params.schema import Params
from helpers.params.targets import Alerts

#: Sections that a params file may keep in a file of their own.
FILES = ("targets", "prices", "alerts", "cost", "publication")
#: Parameters that may name a file; made absolute so that nothing depends on the working directory.
PATHS = (
    ("model", "id"),
    ("model", "prompt"),
    ("samples", "source"),
    ("replay", "predictions"),
    ("baseline", "predictions"),
    ("baseline", "untuned"),
    ("scoring", "embedding_model"),
    ("scoring", "bertscore_model"),
    ("scoring", "nli_model"),
    ("baseline", "zero_shot"),
    ("baseline", "samples"),
    ("reviews",),
    ("load", "trace"),
    ("claims",),
    ("settings", "samples"),
    ("settings", "tried", "predictions"),
    ("quantization", "model"),
    ("quantization", "samples"),
    ("quantization", "variants", "predictions"),
    ("monitoring", "logs"),
)
#: A name or a value that looks like a secret; ``max_new_tokens`` counts, ``deployment.secrets`` holds names.
SECRET = re.compile(r"(^|[._-])(token|secret|passwords?|api_?keys?)$|^hf_", re.IGNORECASE)
#: Problems named of one file, and characters shown of a value in a message.
MOST_PROBLEMS, SHOWN = 20, 80
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = SHOWN


def load_params(source: str | Path, overrides: Sequence[str] = (), *, measuring: bool = False) -> Params:
    """Return the validated parameters of a file, with ``key=value`` overrides applied.

    ``source`` is a path, or the name of a file in ``params/``. A file that ``extends`` another changes what it names:
    sections are merged key by key, anything else is replaced. What is ``measuring`` must not ask a server that
    remembers answers. Raises `ParamsError` with all problems.
    """
    path = find_params(source)
    where = _named(path)
    tree = _whole(path)
    apply_overrides(tree, overrides)
    params = validate(tree, where)
    if measuring and params.serving.cache is not None:
        raise ParamsError(
            f"{where}: 'serving.cache' is for 'serve' and 'app': a remembered answer is no measurement; leave it out, "
            "or give --set serving.cache=null"
        )
    return params


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _whole(path: Path, extended: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the tree of a params file over the one that it extends, every path in it absolute."""
    tree, where = read_yaml(path), _named(path)
    base = tree.pop("extends", None)
    _open_files(tree, path.parent, where)
    _anchor_paths(tree, path.parent)
    if base is None:
        return tree
    if not isinstance(base, str):
        raise ParamsError(f"{where}: 'extends' must name one params file, got {_SHORT.repr(base)}")
    below = (path.parent / base).resolve()
    if not os.path.isfile(below):
        raise ParamsError(f"{where}: 'extends' names {_brief(base)}, which is not there; create it or correct the name")
    if below in (*extended, path):
        raise ParamsError(f"{where}: 'extends' leads back to {_named(below)}; a file cannot extend itself")
    return _merged(_whole(below, (*extended, path)), tree)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }
    return {**below, **both}


def find_params(source: str | Path) -> Path:
    """Return the file a user means by a path, or by the bare name of a file in ``params/``."""
    for path in (Path(source), PROJECT / source, PROJECT / "params" / f"{source}.yaml"):
        if os.path.isfile(path):
            return path.resolve()
    known = sorted(p.stem for p in (PROJECT / "params").glob("*.yaml"))
    hint = did_you_mean(Path(source).stem, known)
    raise ParamsError(f"{_brief(str(source))}: no such parameter file{hint}; known in params/: {', '.join(known)}")


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; errors name the file and the line."""
    try:
        tree = plain_yaml.read(path)
    except (OSError, ValueError) as error:
        raise ParamsError(f"{path.name}: not readable as YAML: {error}") from None
    if not isinstance(tree, dict):
        raise ParamsError(f"{path.name}: expected 'key: value' lines, found {type(tree).__name__}")
    return tree


def apply_overrides(tree: dict[str, Any], overrides: Sequence[str]) -> None:
    """Write ``section.key=value`` (value in YAML) into a parameter tree, in place.

    A section in `FILES` may be given as a file, as in ``targets=FILE``. Refuses anything that looks like a secret.
    """
    problems = []
    for override in overrides:
        dotted, separator, raw = override.partition("=")
        keys = dotted.strip().split(".")
        if not separator or not all(keys):
            problems.append(f"--set {override}: expected key=value, such as samples.n=50")
        elif SECRET.search(dotted.strip()) or SECRET.search(raw.strip()):
            problems.append(f"--set {dotted}=…: secrets come from the environment or .env, never from the command line")
        else:
            try:
                # A dash alone, which YAML takes for a list, is standard input.
                _override(tree, keys, "-" if raw.strip() == "-" else plain_yaml.parse(raw))
            except (ValueError, ParamsError) as error:
                problems.append(f"--set {dotted}: {' '.join(str(error).split())}")
    if problems:
        raise ParamsError(problems)


def validate(tree: Mapping[str, Any], where: str) -> Params:
    """Return `Params` made from a plain tree, or raise `ParamsError` naming every problem in it."""
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems = [f"{where}: {_problem(item)}" for item in found[:MOST_PROBLEMS]]
        more = [f"{where}: and {len(found) - MOST_PROBLEMS} more like these"] if len(found) > MOST_PROBLEMS else []
        raise ParamsError([*problems, *more]) from None


def read_alerts(path: Path) -> Alerts:
    """Return the alert rules of a file of their own, or raise `ParamsError` naming every problem in it."""
    if not path.is_file():
        raise ParamsError(f"{path}: no such file; give one like params/alerts.yaml")
    try:
        return Alerts.model_validate(read_yaml(path))
    except ValidationError as error:
        items = [{**item, "loc": ("alerts", *item["loc"])} for item in error.errors()]
        raise ParamsError(f"{path.name}: {_problem(item)}" for item in items) from None


def given_and_defaulted(params: Params) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return two flat ``{dotted key: value}`` mappings: what a user passed, and what was defaulted."""
    given: dict[str, Any] = {}
    defaulted: dict[str, Any] = {}

    def walk(section: BaseModel, prefix: str, inherited: bool) -> None:
        for name in type(section).model_fields:
            value = getattr(section, name)
            is_given = inherited and name in section.model_fields_set
            if isinstance(value, BaseModel):
                walk(value, f"{prefix}{name}.", is_given)
            else:
                (given if is_given else defaulted)[prefix + name] = value

    walk(params, "", True)
    return given, defaulted


def given_tree(params: Params) -> dict[str, Any]:
    """Return the parameters a user gave as a plain tree, as a params file would hold them."""
    return params.model_dump(mode="json", exclude_unset=True)


def write_params(directory: Path, params: Params) -> None:
    """Write the resolved parameters as ``params.yaml``, so that nothing has to be read from elsewhere again."""
    text = yaml.safe_dump(given_tree(params), sort_keys=False, allow_unicode=True)
    (directory / "params.yaml").write_text(redact(text), encoding="utf-8")


def _override(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    if len(keys) == 1 and keys[0] in FILES and isinstance(value, str):
        value = read_yaml(Path(value).resolve())
    if tuple(keys) in PATHS:
        value = _anchored(value, Path.cwd())
    for key in keys[:-1]:
        below = tree.setdefault(key, {})
        if not isinstance(below, dict):
            raise ParamsError(f"'{key}' holds a single value, it has no '{keys[-1]}'")
        tree = below
    tree[keys[-1]] = value


def _open_files(tree: dict[str, Any], base: Path, where: str) -> None:
    for section in FILES:
        if isinstance(tree.get(section), str):
            path = base / tree[section]
            if not os.path.isfile(path):
                name = _brief(tree[section])
                raise ParamsError(
                    f"{where}: '{section}' names {name}, which is not there; create it or correct the name"
                )
            tree[section] = read_yaml(path)


def _anchor_paths(tree: Any, base: Path, paths: Sequence[tuple[str, ...]] = PATHS) -> None:
    """Make the values at some paths absolute, in place; a list on the way means each of its items."""
    for item in tree if isinstance(tree, list) else [tree]:
        for key, *below in paths:
            if not isinstance(item, dict) or key not in item:
                continue
            if below:
                _anchor_paths(item[key], base, [tuple(below)])
            else:
                item[key] = _anchored(item[key], base)


def _anchored(value: Any, base: Path) -> Any:
    """Return an absolute path where a value means a file; names (``demo``, ``hub:…``) stay as they are."""
    if isinstance(value, list):
        return [_anchored(item, base) for item in value]
    if not isinstance(value, str) or ":" in value:
        return value
    path = Path(os.path.expanduser(value))
    named_as_file = path.suffix[1:].isalpha()  # a version at the end of a model's name is no suffix
    means_a_file = path.is_absolute() or value.startswith(".") or named_as_file or os.path.exists(base / path)
    return os.path.realpath(base / path) if means_a_file else value


def _problem(item: Any) -> str:
    *sections, key = [_brief(str(part)) for part in item["loc"]] or [""]
    section = ".".join(sections)
    under = f" under '{section}'" if section else ""
    if item["type"] == "extra_forbidden":
        return f"unknown key '{key}'{under}{did_you_mean(key, _fields(sections))}"
    if item["type"] == "missing":
        return f"missing key '{key}'{under}"
    where, message = ".".join([*sections, key]), item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error":  # a rule of a whole section, whose content would only repeat the file
        return f"{where}: {message}".lstrip(": ")
    return f"'{where}': {message}, got {_SHORT.repr(item['input'])}"


def _brief(text: str) -> str:
    """Return a text as a message shows it, in one line and not too long."""
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _fields(sections: Sequence[str]) -> list[str]:
    """Return the keys known in the section at a path, to suggest from."""
    model: type[BaseModel] = Params
    for name in sections:
        field = model.model_fields.get(name)
        if field is None:
            continue
        inner = [field.annotation, *get_args(field.annotation)]
        model = next((t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)), model)
    return list(model.model_fields)

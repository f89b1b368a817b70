"""The fingerprint of folding code: when it changes, snapshots and views made by the old code are no longer used.

It sees: the fields of a class with their types and defaults, its folds, and whatever those use by
name in the user's own package: functions, methods, classes, constants, transitively. It does not
see docstrings, comments, layout, or the version of Python.

It cannot see: other packages and their versions; the environment, files and the time; a function
reached only through a container, `getattr` or a string; what a mutable global holds later. Where
no source is to be had (an interactive session) it takes the bytecode, which does differ between
versions of Python. `version=` on the class, and the verifier of views, are for these cases.
"""

from __future__ import annotations

import enum
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

from twofold.messages.folding import folds_of
from twofold.messages.shape import default_of, fields_of
from twofold.messages.syntax import Sources, globals_in, names_in

Subject = type | Callable[..., Any]

_PLAIN = (str, bytes, bool, int, float, complex, Decimal, date, time, timedelta, UUID, type(None), range)


def fingerprint(*subjects: Subject, package: str | None = None) -> str:
    """32 hexadecimal digits that change when the code of *subjects* does.

    Args:
        subjects: classes with `@evolves` methods (their fields and folds count), and functions such as upcasters.
        package: the top-level package whose code counts; of the first subject if None.
    """
    text = "\n".join(sorted(f"{name}: {code}" for name, code in covered(*subjects, package=package)))
    return blake2b(text.encode(errors="backslashreplace"), digest_size=16).hexdigest()


def covered(*subjects: Subject, package: str | None = None) -> frozenset[tuple[str, str]]:
    """What `fingerprint` is made from: pairs of a name and a canonical text.

    A text that starts with `bytecode` had no source.
    """
    walk = _Walk(_Own(package or _top_level(subjects[0].__module__)))
    for subject in subjects:
        if isinstance(subject, type):
            walk.folding_class(subject)
        else:
            walk.value(getattr(subject, "__qualname__", "function"), subject, ())
    return frozenset(walk.found)


class _Own:
    """Tells the user's own modules: those of the package, or in its folder when it is a single file."""

    def __init__(self, package: str) -> None:
        self._package = package
        root = getattr(sys.modules.get(package), "__file__", None)
        self._folder = Path(root).resolve().parent if root else None

    def __contains__(self, module: str | None) -> bool:
        if module is None:
            return False
        if _top_level(module) == self._package:
            return True
        path = getattr(sys.modules.get(module), "__file__", None)
        if self._folder is None or path is None or "site-packages" in path:
            return False
        return "site-packages" not in str(self._folder) and self._folder in Path(path).resolve().parents


class _Walk:
    """Collects what counts, following names from function to function."""

    def __init__(self, own: _Own) -> None:
        self.found: set[tuple[str, str]] = set()
        self._own = own
        self._sources = Sources()
        self._seen: set[Any] = set()

    def folding_class(self, cls: type) -> None:
        """The fields of *cls*, its folds, and how they find their rows."""
        self._fields(cls)
        for fold in folds_of(cls):
            self._function(fold.function, (cls, fold.event))
            for grouping in fold.grouping:
                if grouping is not None:
                    self.value(f"{fold.function.__qualname__} key", grouping, (cls, fold.event))

    def value(self, name: str, value: Any, owners: tuple[type, ...]) -> None:
        """Whatever a name stands for."""
        if isinstance(value, types.FunctionType):
            self._function(value, owners)
        elif isinstance(value, functools.partial):
            self.value(name, value.func, owners)
            self.found.add((name, _plain_text((value.args, value.keywords)) or "partial"))
        elif isinstance(value, types.MethodType):
            self.value(name, value.__func__, (*owners, _class_of(value.__self__)))
        elif hasattr(value, "__wrapped__"):
            self.value(name, value.__wrapped__, owners)
        elif isinstance(value, type):
            self._helper_class(value)
        elif (text := _plain_text(value)) is not None:
            self.found.add((name, text))

    def _function(self, function: types.FunctionType | Callable[..., Any], owners: tuple[type, ...]) -> None:
        if not isinstance(function, types.FunctionType) or function.__module__ not in self._own:
            return
        if (function, owners) in self._seen:
            return
        self._seen.add((function, owners))
        self.found.add((function.__qualname__, self._sources.text_of(function)))
        for name, value in _used_by(function, owners, self._own):
            self.value(name, value, owners)
        if hasattr(function, "__wrapped__"):
            self.value(function.__qualname__, function.__wrapped__, owners)

    def _helper_class(self, cls: type) -> None:
        """A class of the package that the code uses: its fields, its methods and its constants."""
        if cls.__module__ not in self._own or cls in self._seen:
            return
        self._seen.add(cls)
        self._fields(cls)
        for name, member in vars(cls).items():
            for function in _functions_of(member):
                if not function.__code__.co_filename.startswith("<"):
                    self._function(function, (cls,))
            if not name.startswith("__") and (text := _plain_text(member)) is not None:
                self.found.add((f"{cls.__qualname__}.{name}", text))
        for parent in cls.__bases__:
            self._helper_class(parent)

    def _fields(self, cls: type) -> None:
        """The fields of *cls*, and of the object types and enums that they are made of."""
        for field in fields_of(cls):
            default = default_of(cls, field.name)
            text = f"{_type_text(field.type)} = {_default_text(default)}"
            self.found.add((f"{cls.__qualname__}.{field.name}", text))
            if isinstance(default, types.FunctionType):
                self._function(default, ())
            for inner in _classes_in(field.type):
                self._field_class(inner)

    def _field_class(self, cls: type) -> None:
        if cls.__module__ not in self._own or ("fields", cls) in self._seen:
            return
        self._seen.add(("fields", cls))
        if issubclass(cls, enum.Enum):
            self.found.update((f"{cls.__qualname__}.{each.name}", repr(each.value)) for each in cls)
        else:
            self._fields(cls)


# --- what a function uses -----------------------------------------------------------------


def _used_by(function: types.FunctionType, owners: tuple[type, ...], own: _Own) -> Iterator[tuple[str, Any]]:
    """The globals, closed-over values, module attributes and methods of *owners* that *function* names."""
    names, here = names_in(function.__code__), function.__globals__
    used = {name: here[name] for name in globals_in(function.__code__) if name in here}
    places = [used, *_modules_of(names, used, own)]
    for name in sorted(names):
        yield from ((name, place[name]) for place in places if name in place)
        for owner in owners:
            member = inspect.getattr_static(owner, name, None)
            yield from ((name, found) for found in _functions_of(member) or _constant(member))
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    yield from ((name, cell.cell_contents) for name, cell in cells if _is_filled(cell))
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    yield from ((f"{function.__qualname__} default", each) for each in defaults)


def _modules_of(names: set[str], used: dict[str, Any], own: _Own) -> list[dict[str, Any]]:
    """The namespaces of the user's modules among what is *used*, and of those that are named in them."""
    found = [used]
    for each in found:
        modules = [each[name] for name in names if inspect.ismodule(each.get(name))]
        found.extend(
            vars(one) for one in modules if one.__name__ in own and not any(vars(one) is place for place in found)
        )
    return found[1:]


def _functions_of(member: Any) -> tuple[types.FunctionType, ...]:
    """The functions behind a class member: itself, or those of a property, class method or cached property."""
    if isinstance(member, types.FunctionType):
        return (member,)
    if isinstance(member, property):
        candidates = [member.fget, member.fset]
    else:
        candidates = [getattr(member, "__func__", None), getattr(member, "func", None)]
    return tuple(each for each in candidates if isinstance(each, types.FunctionType))


def _constant(member: Any) -> tuple[Any, ...]:
    return () if member is None or _plain_text(member) is None else (member,)


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _class_of(value: Any) -> type:
    return value if isinstance(value, type) else type(value)


def _top_level(module: str) -> str:
    return module.partition(".")[0]


# --- values and types as text -------------------------------------------------------------


def _plain_text(value: Any) -> str | None:
    """*value* as text that is the same in every process; None when that cannot be promised."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name} {value.value!r}"
    if isinstance(value, _PLAIN):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, Mapping):
        return _joined(value, (part for pair in value.items() for part in pair))
    if isinstance(value, list | tuple):
        return _joined(value, value)
    if isinstance(value, set | frozenset):
        texts = [_plain_text(each) for each in value]
        return None if None in texts else f"{type(value).__name__} {sorted(filter(None, texts))}"
    return None


def _joined(value: Any, parts: Any) -> str | None:
    texts = [_plain_text(part) for part in parts]
    return None if None in texts else f"{type(value).__name__} {texts}"


def _default_text(default: Any) -> str:
    text = _plain_text(default)
    return text if text is not None else str(getattr(default, "__qualname__", type(default).__qualname__))


def _type_text(annotation: Any) -> str:
    """A type as text: without modules, and the same for `X | None` as for `Optional[X]`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " | ".join(sorted(map(_type_text, arguments)))
    if origin is Annotated:
        return f"{_type_text(arguments[0])} {annotation.__metadata__!r}"
    if origin is not None:
        return f"{getattr(origin, '__qualname__', origin)}[{', '.join(map(_type_text, arguments))}]"
    return annotation.__qualname__ if isinstance(annotation, type) else repr(annotation)


def _classes_in(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type):
        yield annotation
    for argument in get_args(annotation):
        yield from _classes_in(argument)

"""Looking a class up in a registry, among those of one kind."""

from __future__ import annotations

from typing import Any

from mmengine.registry import Registry


def registered_class(registry: Registry, type_: Any, base: type, what: str, plural: str) -> type:
    """Find the class that a config's ``type`` names.

    Args:
        registry (Registry): Where to look.
        type_ (str | type): The config's ``type``: a registered name, or a class.
        base (type): What the class must be a subclass of.
        what (str): What it is, for the message.
        plural (str): The same in the plural.

    Returns:
        type: The class.

    Raises:
        ValueError: If there is none; the message lists the known ones.
    """
    class_ = registry.get(type_) if isinstance(type_, str) else type_
    if isinstance(class_, type) and issubclass(class_, base):
        return class_
    known = sorted(
        name
        for name, known_class in registry.module_dict.items()
        if isinstance(known_class, type) and issubclass(known_class, base)
    )
    raise ValueError(f'Unknown {what} `type={type_!r}`. Known {plural}: {", ".join(known)}.')

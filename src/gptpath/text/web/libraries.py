"""The optional libraries of the web sources, imported when they are first needed."""

import importlib
from types import ModuleType

from gptpath.errors import ConfigError


def web_library(name: str) -> ModuleType:
    """Import a module of the extra `web`; ConfigError that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"sources of kind webtext and warc need the library {name.partition('.')[0]} "
            f"({error}); install it by: pip install 'gptpath[web]'"
        ) from None

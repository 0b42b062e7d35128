"""What a file is made from besides its own text, as a hash."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

from sqlpipe.load.facts import Settings
from sqlpipe.load.texts import Texts


def _hash(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


@dataclass
class Surroundings:
    """Hashes what files depend on: defaults of their folders; for templates also variables, macros and environment."""

    texts: Texts
    settings: Settings
    macros: Sequence[str]
    variables: Mapping[str, object]
    environ: Mapping[str, str]
    _by_folder: dict[str, str] = field(default_factory=dict)

    def hash(self, path: str, templated: bool, environment: Sequence[str], modules: Sequence[str]) -> str:  # noqa: FBT001
        """The hash for a file that is a template or not, asks for these variables and imports these files."""
        folder = path.rpartition("/")[0]
        if folder not in self._by_folder:
            digests = [each for name, each in self.settings.folders if f"{folder}/".startswith(f"{name.text}/")]
            self._by_folder[folder] = _hash(*digests)
        if not templated and not modules:
            return self._by_folder[folder]
        asked = [f"{name}={self.environ.get(name)}" for name in environment]
        imported = [f"{module}={self.texts.digest(module)}" for module in modules]
        return _hash(self._by_folder[folder], self._of_templates if templated else "", *asked, *imported)

    @cached_property
    def _of_templates(self) -> str:
        macros = [f"{path}={self.texts.digest(path)}" for path in self.macros]
        return _hash(json.dumps(dict(self.variables), sort_keys=True, default=str), *macros)

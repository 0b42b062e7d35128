"""Synthetic projects of any size, the same bytes for the same seed."""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import templates

LEVELS = 4
TOPICS = ("orders", "payments", "visits", "returns", "stock", "prices", "refunds", "baskets", "shipments", "reviews")
LABELS = ("web", "shop", "phone")
ORDER_FILE = "order.txt"

# Parents are drawn from this many neighbours, so that one staging model has about as many descendants at every size.
NEIGHBOURS = 5


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its table, the tables that it reads, and its SQL."""

    schema: str
    table: str
    parents: tuple[str, ...]
    sql: str

    @property
    def name(self) -> str:
        """The table with its schema."""
        return f"{self.schema}.{self.table}"

    @property
    def path(self) -> str:
        """Where the model stands in its project."""
        return model_path(self.name)


def model_path(name: str) -> str:
    """Where the model of a table stands in its project.

    >>> model_path("marts.orders_00001")
    'models/marts/orders_00001.sql'
    """
    return f"models/{name.replace('.', '/')}.sql"


def generate(folder: Path, n: int, seed: int = 1) -> tuple[Model, ...]:
    """Write a project of `n` models to a folder, with their order in `order.txt`.

    Each line of `order.txt` has a table and the tables that it reads; a table stands below those it reads.
    """
    models = compose(n, seed)
    for model in models:
        path = folder / model.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(model.sql, encoding="utf-8", newline="\n")
    settings = "name: bench\n\ndefaults:\n  models: {kind: table}\n"
    (folder / "sqlpipe.yml").write_text(settings, encoding="utf-8", newline="\n")
    order = "".join(f"{' '.join((model.name, *model.parents))}\n" for model in models)
    (folder / ORDER_FILE).write_text(order, encoding="utf-8", newline="\n")
    return models


def read_order(folder: Path) -> dict[str, tuple[str, ...]]:
    """The tables of a generated project and what each of them reads, in the order in which they can be built."""
    lines = (folder / ORDER_FILE).read_text(encoding="utf-8").splitlines()
    return {name: tuple(parents) for name, *parents in (line.split() for line in lines)}


def append_column(sql: str, column: str) -> str:
    """The SQL of a staging model with one more column at the end."""
    head, final, tail = sql.rpartition("\nfrom ")
    return f"{head},\n    1 as {column}{final}{tail}"


def compose(n: int, seed: int) -> tuple[Model, ...]:
    """The models of a project: a tenth sources, a fifth staging, half intermediate in levels, the rest marts."""
    if n < 10:
        raise ValueError("a project has at least 10 models")
    rng = random.Random(seed)
    names = [f"{TOPICS[index % len(TOPICS)]}_{index + 1:05d}" for index in range(n)]
    take = iter(names)
    sources = [_source(next(take), rng) for _ in range(n // 10)]
    staging = [_staging(next(take), parent, rng) for parent in _nearest(sources, n // 5)]
    layers = [staging]
    for size in _split(n // 2, LEVELS):
        layers.append([_intermediate(next(take), layers, index / size, rng) for index in range(size)])
    marts_size = n - len(sources) - sum(map(len, layers))
    marts = [_mart(next(take), layers, index / marts_size, rng) for index in range(marts_size)]
    return (*sources, *(model for layer in layers for model in layer), *marts)


def _split(total: int, parts: int) -> list[int]:
    return [total // parts + (part < total % parts) for part in range(parts)]


def _nearest(models: Sequence[Model], size: int) -> Iterator[Model]:
    return (models[index * len(models) // size] for index in range(size))


def _source(topic: str, rng: random.Random) -> Model:
    return Model("sources", topic, (), templates.source(rng, LABELS))


def _staging(topic: str, parent: Model, rng: random.Random) -> Model:
    return Model("staging", topic, (parent.name,), templates.staging(rng, parent.name))


def _intermediate(topic: str, layers: Sequence[Sequence[Model]], place: float, rng: random.Random) -> Model:
    parents = _draw(layers, place, rng.choices((1, 2, 3), (45, 40, 15))[0], rng)
    return Model("intermediate", topic, parents, templates.intermediate(rng, parents))


def _mart(topic: str, layers: Sequence[Sequence[Model]], place: float, rng: random.Random) -> Model:
    parents = _draw(layers, place, rng.choices((1, 2, 3), (30, 40, 30))[0], rng)
    return Model("marts", topic, parents, templates.mart(rng, parents))


def _draw(layers: Sequence[Sequence[Model]], place: float, count: int, rng: random.Random) -> tuple[str, ...]:
    """Parents near a place (0 to 1): the first from the layer just below, further ones from any layer."""
    drawn = [_neighbour(layers[-1], place, rng)]
    drawn += [_neighbour(rng.choice(layers), place, rng) for _ in range(count - 1)]
    return tuple(dict.fromkeys(model.name for model in drawn))


def _neighbour(layer: Sequence[Model], place: float, rng: random.Random) -> Model:
    index = int(place * len(layer)) + rng.randrange(NEIGHBOURS) - NEIGHBOURS // 2
    return layer[min(max(index, 0), len(layer) - 1)]


def main() -> None:
    """Write a project from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-n", type=int, default=1000, help="how many models (1000)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    generate(arguments.folder, arguments.n, arguments.seed)


if __name__ == "__main__":
    main()

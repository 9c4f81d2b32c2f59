"""An experiment: the ensembles of a configuration, their batches and key columns.

Standard library alone, because the workflow uses it too.
"""

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from barren import columns
from barren.physics.ensembles import BadInput, Ensemble, grouped
from barren.physics.families import FAMILIES
from barren.physics.observables import Observable
from barren.physics.own_circuits import OwnCircuit

NOTEBOOK = "notebook"


@dataclass(frozen=True)
class Experiment:
    """What a checked configuration asks for."""

    config: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Experiment":
        """The experiment of an experiment.json."""
        return cls(json.loads(path.read_text()))

    @cached_property
    def ensembles(self) -> tuple[Ensemble, ...]:
        """All ensembles, in the order of the file; BadInput if two are one."""
        found: dict[str, Ensemble] = {}
        for entry in self.config["ensembles"]:
            for ensemble in self._cross(entry):
                ensemble.check()
                if ensemble.name in found:
                    told = f"ensembles: {ensemble.name} is named twice"
                    other = found[ensemble.name]
                    if ensemble != other and ensemble.keys() == other.keys():
                        told += "; list all its parameters in one entry"
                    raise BadInput(told)
                found[ensemble.name] = ensemble
        return tuple(found.values())

    def of_widths(
        self, some: Sequence[int], kind: type[Ensemble] = Ensemble
    ) -> dict[str, Any]:
        """The part of the configuration about the ensembles of some widths."""
        entries = [
            {**entry, columns.WIDTH: of}
            for entry in self.config["ensembles"]
            if issubclass(FAMILIES[entry["family"]], kind)
            and (of := [width for width in entry[columns.WIDTH] if width in some])
        ]
        shared = {key: self.config[key] for key in ("symbol", columns.OBSERVABLE)}
        return {**shared, "ensembles": entries}

    def _cross(self, entry: Mapping[str, Any]) -> Iterable[Ensemble]:
        family = FAMILIES[entry["family"]]
        common = {
            columns.SYMBOL_LAYER: self.config["symbol"]["layer"],
            columns.SYMBOL_QUBIT: self.config["symbol"]["qubit"],
            columns.OBSERVABLE: self.config[columns.OBSERVABLE],
        }
        lists: dict[str, Sequence[Any]] = {
            key: [of] for key, of in common.items() if key in family.gradient_keys
        }
        lists |= family.crossed({k: of for k, of in entry.items() if k != "family"})
        for values in itertools.product(*lists.values()):
            keys = dict(zip(lists, values, strict=True))
            if columns.SIGMA in keys:  # a number of one kind has one name
                keys[columns.SIGMA] = float(keys[columns.SIGMA])
            text = Observable.parse(keys[columns.OBSERVABLE]).text
            yield family.of_keys(keys | {columns.OBSERVABLE: text})

    @cached_property
    def sampled(self) -> tuple[Ensemble, ...]:
        """The ensembles that are sampled; wider ones are predicted alone."""
        limit = self.config["max_sampled_width"]
        return tuple(e for e in self.ensembles if e.width <= limit)

    @property
    def points(self) -> int:
        """Ensembles that are sampled, for each symbol that is asked for, at most."""
        return sum(ensemble.most_asked for ensemble in self.sampled)

    @cached_property
    def own_circuits(self) -> dict[str, OwnCircuit]:
        """The circuits of one's own, by program, whether sampled or not.

        With all the parameters that any ensemble of them asks for.
        """
        found: dict[str, OwnCircuit] = {}
        for ensemble in self.ensembles:
            if isinstance(ensemble, OwnCircuit):
                first = found.setdefault(ensemble.program, ensemble)
                names = dict.fromkeys((*first.parameters, *ensemble.parameters))
                found[ensemble.program] = replace(first, parameters=tuple(names))
        return found

    @property
    def functions(self) -> list[str]:
        """The files with the functions that make circuits of one's own."""
        circuits = self.own_circuits.values()
        return sorted({of.source.rpartition(":")[0] for of in circuits})

    @cached_property
    def programs(self) -> dict[str, Ensemble]:
        """The sampled programs, each with one of its ensembles."""
        found: dict[str, Ensemble] = {}
        for ensemble in self.sampled:
            found.setdefault(ensemble.program, ensemble)
        return found

    @cached_property
    def batches(self) -> list[tuple[int, int]]:
        """First and last sample of each batch."""
        samples, size = self.config["samples"], self.config["batch_size"]
        return [(n, min(n + size, samples) - 1) for n in range(0, samples, size)]

    @cached_property
    def displayed(self) -> list[Ensemble]:
        """The ensembles of which a circuit is drawn."""
        members = grouped(self.ensembles, lambda of: type(of))
        return [shown for of in members for shown in of.displayed(members[of])]

    @cached_property
    def key_columns(self) -> list[str]:
        """The columns that say which ensemble a row of a table belongs to.

        The keys that any ensemble has; of the further ones those that are named, and
        the symbol's place where it is not the first.
        """
        found = dict.fromkeys(itertools.chain(*(e.keys() for e in self.ensembles)))
        named = {key for entry in self.config["ensembles"] for key in entry}
        named |= {f"symbol_{key}" for key, at in self.config["symbol"].items() if at}
        own = [k for k in found if k not in {*columns.KEYS, *columns.FURTHER_KEYS}]
        further = [k for k in columns.FURTHER_KEYS if k in named | {columns.PARAMETER}]
        order = [*columns.KEYS, *own, *further]
        return [key for key in order if key in found]

    @property
    def setting(self) -> str:
        """What was sampled, in a sentence for captions."""
        config = self.config
        entries = []
        for entry in config["ensembles"]:
            lists = "; ".join(
                f"{key.replace('_', ' ')} "
                + ", ".join(map(str, of if isinstance(of, list) else [of]))
                for key, of in entry.items()
                if key != "family"
            )
            entries.append(f"{FAMILIES[entry['family']].title}: {lists}")
        symbol, sampled = config["symbol"], widths(self.sampled)
        drawn = "No circuits"
        if sampled:
            part = sampled[-1] < widths(self.ensembles)[-1]
            reach = f" up to width {sampled[-1]}" * part
            circuits = f"{config['samples']} circuits per ensemble"
            drawn = f"{circuits}{reach}, seed {config['seed']}"
        named = any(columns.SYMBOL_LAYER in of.gradient_keys for of in self.ensembles)
        place = f" and symbol on layer {symbol['layer']}, qubit {symbol['qubit']}"
        return (
            f"{drawn}, observable {config[columns.OBSERVABLE]}{place * named} "
            f"unless varied ({'. '.join(entries)})."
        )

    @cached_property
    def skips(self) -> dict[str, int]:
        """Uniform draws before the circuits of each program, in the notebook's stream.

        Each family starts with the one circuit that is displayed, which has no theta;
        its skip is under the family's name.
        """
        skips: dict[str, int] = {}
        if self.config["stream"] != NOTEBOOK:
            return skips
        skip, family = 0, None
        for program, ensemble in self.programs.items():
            if type(ensemble) is not family:
                family = type(ensemble)
                skips[family.family] = skip
                skip += len(family.displayed([])[0].notebook)
            skips[program] = skip
            skip += self.config["samples"] * (len(ensemble.notebook) + 1)
        for ensemble in self.ensembles:  # those of which none is sampled
            skips.setdefault(ensemble.family, skip)
        return skips


def widths(ensembles: Iterable[Ensemble]) -> list[int]:
    """The widths of the ensembles, each once, in ascending order."""
    return sorted({ensemble.width for ensemble in ensembles})

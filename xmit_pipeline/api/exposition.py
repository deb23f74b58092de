"""Figures as Prometheus text (exposition format 0.0.4): names, help, labels, numbers. It knows no figure itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(slots=True)
class Exposition:
    """The lines so far; one family a call, all its samples together, as the format wants."""

    lines: list[str] = field(default_factory=list[str])

    def family(
        self, name: str, kind: str, told: str, samples: Iterable[tuple[Mapping[str, str], float]]
    ) -> None:
        """A counter or gauge with one number for each set of labels."""
        self._head(name, kind, told)
        self.lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]

    def single(self, name: str, told: str, value: float | None) -> None:
        """A gauge without labels; left out where there is no number."""
        self.family(name, "gauge", told, [] if value is None else [({}, value)])

    def by(self, name: str, told: str, label: str, values: Mapping[str, float]) -> None:
        """A gauge over the values of one label."""
        self.family(name, "gauge", told, [({label: key}, value) for key, value in values.items()])

    def histogram(
        self,
        name: str,
        told: str,
        bounds: Iterable[float],
        samples: Iterable[tuple[Mapping[str, str], list[int], float]],
    ) -> None:
        """For each set of labels: how many up to each bound, the last of all, and their sum."""
        self._head(name, "histogram", told)
        edges = [*map(str, bounds), "+Inf"]
        for labels, cumulated, total in samples:
            for edge, count in zip(edges, cumulated, strict=True):
                self.lines.append(f"{name}_bucket{_labels({**labels, 'le': edge})} {count}")
            self.lines.append(f"{name}_sum{_labels(labels)} {_number(total)}")
            self.lines.append(f"{name}_count{_labels(labels)} {cumulated[-1]}")

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def _head(self, name: str, kind: str, told: str) -> None:
        self.lines += [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))

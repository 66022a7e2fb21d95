"""`compact`: a smaller model with the same outputs, without the units and edges that change nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from netsparse.errors import InvalidOption, unknown_name
from netsparse.generators.convolutional import in_a_row
from netsparse.nn.dead_units import Plan, Stage, plan
from netsparse.nn.layer import SparseLayer, shallow_copy
from netsparse.nn.model import SparseModel
from netsparse.nn.models import SparseMLP
from netsparse.nn.smaller import selecting, smaller_graph, smaller_head, smaller_layer, smaller_norm
from netsparse.nn.vgg import VGG
from netsparse.typing import UnitIds

INPUTS = ("selected", "all")


@dataclass(frozen=True, repr=False, eq=False)
class CompactResult:
    """A compacted model beside what it was.

    Parameters
    ----------
    model : SparseModel
        Of the same class, over a smaller network; shares nothing with the original.
    kept : tuple of int arrays
        For each level, the units of the original that are left, in their order: unit i of the compact model's level was
        unit kept[level][i]. Level 0 are the inputs, of a VGG the channels of an image.
    table : DataFrame
        One row per layer: layer, and before and after n_in, n_out, n_edges and n_pairs (n_in n_out, the multiplications
        that dense hardware does for each input or position), the latter in columns without a suffix; n_in_used, the
        source units left that have an edge: all that an unrolled convolution has to lay out.
    n_parameters_before : int
        Parameters of the original; those of the compact model are `n_parameters`.
    """

    model: SparseModel
    kept: tuple[UnitIds, ...]
    table: pd.DataFrame
    n_parameters_before: int

    @property
    def n_parameters(self) -> int:
        """Parameters of the compact model."""
        return _n_parameters(self.model)

    @property
    def n_edges(self) -> int:
        """Edges of the compact model."""
        return int(self.table["n_edges"].sum())

    @property
    def n_edges_before(self) -> int:
        """Edges of the original."""
        return int(self.table["n_edges_before"].sum())

    @property
    def dense_share(self) -> float:
        """Pairs of the compact model over those of the original, all layers together: what dense storage shrinks to."""
        return float(self.table["n_pairs"].sum() / self.table["n_pairs_before"].sum())

    def __repr__(self) -> str:
        edges = f"{self.n_edges:,} of {self.n_edges_before:,} edges"
        units = "-".join(str(len(ids)) for ids in self.kept)
        return f"CompactResult({units} units, {edges}, {self.dense_share:.3g} of the pairs)"

    def _repr_html_(self) -> str:
        return self.table.to_html(index=False)


def compact(model: SparseModel, *, inputs: str = "selected") -> CompactResult:
    """Return a smaller model with the same outputs: without dead units, zero vectors and edges of weight 0.

    A unit goes that nobody reads, and one that no edge enters: it is a constant, f(bias) or relu(batch norm of 0), and
    what it sends is added to the biases above, or taken from the running means of a batch normalisation. Both go on
    until nothing is left to do. A dense head reads fewer units.

    Parameters
    ----------
    model : SparseMLP or VGG
        Trained, left as it is. Batch normalisation is taken in evaluation mode: the outputs are the same there.
    inputs : {"selected", "all"}
        "selected": an MLP's first layer selects the inputs that are read (`SelectingLinear`), so that its zero vectors
        go, too. "all": they stay source units without edges, and the first layer is an ordinary `SparseLinear`.
        Channels of an image stay in either case.

    Returns
    -------
    CompactResult
        The model, what it has kept, and its size before and after. It takes the same inputs as the original.

    Raises
    ------
    InvalidOption, UnknownName
        For something that is neither an SparseMLP nor a VGG, batch normalisation without running means, and for another
        choice of `inputs`.

    Notes
    -----
    Outputs agree up to rounding: biases that constants were added to are rounded once more, dense heads and dense
    convolutions add up in blocks that begin elsewhere, and "auto" may choose another kernel for a smaller layer. Tested
    to 1e-5 in float32 and 1e-12 in float64, relative and absolute. Where neither happens (no constant but 0, one and
    the same kernel on the edges, head=None) they are the same bit for bit. Training would go on in another way than
    that of the original: constants do not learn any more.

    What cannot go: a constant other than 0 in front of a convolution, unless all its edges are at places of the patch
    that never lie on padding (the middle one of 3 x 3), because at the border the zeros of the padding are seen instead
    of it; places of a patch without edges, which are no units of a level (`table` counts those that are left); one unit
    of every level, where all could go.

    Compacting what is compact changes nothing.

    Examples
    --------
    >>> from netsparse.generators import layered
    >>> model = SparseMLP(layered([64, 100, 100], density=0.01, rng=0), n_classes=10, rng=0)
    >>> small = compact(model)
    >>> small
    CompactResult(27-34-41 units, 92 of 164 edges, 0.141 of the pairs)
    >>> x = torch.rand(8, 64)
    >>> torch.allclose(small.model(x), model(x), atol=1e-6)
    True
    """
    if inputs not in INPUTS:
        raise unknown_name("inputs", inputs, INPUTS)
    if isinstance(model, SparseMLP):
        stages = [_linear_stage(layer, np.arange(layer.n_in)) for layer in model.sparse_layers()]
        head = None if model.head is None else model.head.weight.detach().double().numpy(force=True)
        found = plan(stages, head, all_inputs=inputs == "all")
        small = _smaller_mlp(model, found)
    elif isinstance(model, VGG):
        stages = _vgg_stages(model)
        found = plan(stages, None, all_inputs=True)
        small = _smaller_vgg(model, found, stages)
    else:
        raise InvalidOption("model", type(model).__name__, "an SparseMLP or a VGG", "compact(result.model)")
    small.train(model.training)
    return CompactResult(small, found.kept, _table(model, small), _n_parameters(model))


# what the plan sees ---------------------------------------------------------------------------------------------------


def _linear_stage(layer: SparseLayer, below: UnitIds) -> Stage:
    bias = np.zeros(layer.n_out) if layer.bias is None else layer.bias.detach().double().numpy(force=True)

    def constants(shift: np.ndarray) -> np.ndarray:
        z = bias + shift
        if layer.slope is None:
            return z
        with np.errstate(invalid="ignore"):  # 0 times infinity, of units that have edges as well
            return np.where(z > 0, z, layer.slope * z)

    return Stage(layer.graph, layer.edge_weights(), below, np.ones(layer.n_in, dtype=bool), constants)


def _vgg_stages(model: VGG) -> list[Stage]:
    layers, stages = model.sparse_layers(), []
    places = model.shape[0], *(layer.n_out for layer in layers)
    for k, layer in enumerate(layers):
        below = np.repeat(np.arange(places[k]), layer.n_in // places[k])
        if k < len(model.norms):
            constants = _constants_of_norm(model.norms[k])
            stages.append(Stage(layer.graph, layer.edge_weights(), below, _inside(layer), constants))
        else:
            stages.append(_linear_stage(layer, below))
    return stages


def _constants_of_norm(norm: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return what relu(batch norm) of a constant gives in evaluation mode, as torch itself computes it."""
    if norm.running_mean is None or norm.running_var is None:
        given, expected = "batch normalisation by the batch at hand", "one with running means, as after training"
        raise InvalidOption("model", given, expected, f"{type(norm).__name__}(n, track_running_stats=True)")

    @torch.no_grad()
    def constants(shift: np.ndarray) -> np.ndarray:
        mean = norm.running_mean
        x = torch.tensor(shift, dtype=mean.dtype, device=mean.device)[None]
        y = nn.functional.batch_norm(x, mean, norm.running_var, norm.weight, norm.bias, training=False, eps=norm.eps)
        return nn.functional.relu(y)[0].double().numpy(force=True)

    return constants


def _inside(layer: Any) -> np.ndarray:
    """Tell which source units of a convolution never lie on padding, whatever the size of the image."""
    (height, width), (above, left) = layer.kernel_size, layer.padding
    row, column = np.divmod(np.arange(layer.n_in) % (height * width), width)
    return (row >= above) & (row < height - above) & (column >= left) & (column < width - left)


# what is built --------------------------------------------------------------------------------------------------------


def _smaller_mlp(model: SparseMLP, found: Plan) -> SparseMLP:
    layers = [
        smaller_layer(layer, smaller_graph(layer.graph, edges, *around), edges, around[1], shift)
        for layer, edges, around, shift in zip(
            model.sparse_layers(), found.edges, pairwise(found.kept), found.shifts, strict=True
        )
    ]
    n_inputs = model.sparse_layers()[0].n_in
    if len(found.kept[0]) < n_inputs:
        layers[0] = selecting(layers[0], found.kept[0], n_inputs)
    small = _emptied(model, layers)
    if model.head is not None:
        small.head = smaller_head(model.head, found.kept[-1], found.read_by_head, found.head_shift)  # type: ignore[arg-type]
    return small


def _smaller_vgg(model: VGG, found: Plan, stages: list[Stage]) -> VGG:
    layers: list[SparseLayer] = []
    for k, (layer, stage) in enumerate(zip(model.sparse_layers(), stages, strict=True)):
        sources = np.flatnonzero(np.isin(stage.below, found.kept[k]))
        graph = smaller_graph(layer.graph, found.edges[k], sources, found.kept[k + 1])
        layers.append(smaller_layer(layer, graph, found.edges[k], found.kept[k + 1], found.shifts[k]))
    small = _emptied(model, layers)
    small.norms = nn.ModuleList(
        smaller_norm(norm, ids, shift)  # type: ignore[arg-type]
        for norm, ids, shift in zip(model.norms, found.kept[1:], found.shifts, strict=False)
    )
    small.joints = tuple(in_a_row(below.n_out, above.n_in) for below, above in pairwise(layers))
    return small


def _emptied(model: Any, layers: list[SparseLayer]) -> Any:
    """Return a model of the same class with other sparse layers, and a normalisation of its own."""
    small = shallow_copy(model)
    small.normalize = copy.deepcopy(model.normalize)
    small.layers = nn.ModuleList(layers)
    return small


def _table(before: SparseModel, after: SparseModel) -> pd.DataFrame:
    rows = [
        {
            "layer": k,
            "n_in_before": old.n_in,
            "n_in": new.n_in,
            "n_in_used": int(np.count_nonzero(new.graph.fan_out)),
            "n_out_before": old.n_out,
            "n_out": new.n_out,
            "n_edges_before": old.graph.n_edges,
            "n_edges": new.graph.n_edges,
            "n_pairs_before": old.n_in * old.n_out,
            "n_pairs": new.n_in * new.n_out,
        }
        for k, (old, new) in enumerate(zip(before.sparse_layers(), after.sparse_layers(), strict=True))
    ]
    return pd.DataFrame(rows)


def _n_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())

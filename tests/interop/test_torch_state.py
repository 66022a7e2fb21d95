"""State dicts, in memory and in files of torch and safetensors: the same network as from the model itself."""

from __future__ import annotations

import collections
import pickle

import pytest
import torch
import zoo
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations, prune

from netsparse.errors import InvalidFile, InvalidNetwork, InvalidOption, InvalidSize, NetsparseError
from netsparse.graph import SparseNetwork
from netsparse.interop import from_torch
from netsparse.interop.torch_state import read_torch
from netsparse.nn import SparseLinear, SparseMLP
from netsparse.train.checkpoint import save_model


def convolutional():
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {
            "features": nn.Sequential(
                nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, groups=4), nn.LayerNorm((4, 2, 2))
            ),
            "classifier": nn.Sequential(nn.Linear(16, 7), nn.Dropout(), nn.Linear(7, 5)),
        }
    )
    with torch.no_grad():
        model["classifier"][0].weight *= torch.rand(7, 16) < 0.4
    return model


def pruned():
    model = convolutional()
    prune.random_unstructured(model["features"][0], "weight", amount=0.5)
    prune.l1_unstructured(model["classifier"][2], "weight", amount=0.25)
    return model


MODELS = {
    "mlp": lambda: nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3)),
    "one layer": lambda: nn.Linear(3, 2),
    "many layers": lambda: nn.Sequential(*(nn.Linear(3, 3) for _ in range(12)), nn.Linear(3, 2)),
    "convolutional": convolutional,
    "pruned": pruned,
    "bfloat16": lambda: convolutional().to(torch.bfloat16),
    "half": lambda: convolutional().half(),
}


def equal(found, expected):
    assert found[0] == expected[0]
    assert [row.dtype for row in found[1]] == [row.dtype for row in expected[1]]
    assert [row.tolist() for row in found[1]] == [row.tolist() for row in expected[1]]


@pytest.mark.parametrize("include_head", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_the_state_dict_is_read_as_the_model(name, include_head, tmp_path):
    model = MODELS[name]()
    if name == "one layer" and not include_head:
        with pytest.raises(InvalidNetwork, match="no linear layer and no convolution below the head"):
            from_torch(model.state_dict(), include_head=False)
        return
    expected = from_torch(model, include_head=include_head)
    state = model.state_dict()
    equal(from_torch(state, include_head=include_head), expected)
    torch.save(state, tmp_path / "model.pt")
    equal(read_torch(tmp_path / "model.pt", include_head=include_head), expected)
    save_file({key: tensor.contiguous() for key, tensor in state.items()}, tmp_path / "model.safetensors")
    equal(read_torch(tmp_path / "model.safetensors", include_head=include_head), expected)


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model"])
def test_checkpoints_are_unwrapped(wrapper, tmp_path):
    model = MODELS["mlp"]()
    checkpoint = {"epoch": 3, "optimizer": {"state": {}}, wrapper: model.state_dict()}
    equal(from_torch(checkpoint), from_torch(model))
    torch.save({"model": checkpoint}, tmp_path / "a")
    equal(read_torch(tmp_path / "a"), from_torch(model))


def test_sparse_layers_are_read_from_their_wiring():
    network = zoo.NETWORKS["three layers"]
    model = SparseMLP(network, 4, rng=0)
    with torch.no_grad():
        model.layers[0].weight[0] = 0.0  # an edge that is exactly zero stays an edge
    equal(from_torch(model.state_dict(), n_in=9), from_torch(model))
    equal(from_torch(model.state_dict(), n_in=9, include_head=False), from_torch(model, include_head=False))
    assert from_torch(model.state_dict(), n_in=20)[0].sizes == (20, *network.sizes[1:], 4)
    with pytest.raises(InvalidNetwork, match=r"layer 'layers\.0': given indices without a number of inputs"):
        from_torch(model.state_dict())
    dense_below = nn.Sequential(nn.Linear(5, 9), SparseLinear(network.layers[0]))
    equal(from_torch(dense_below.state_dict()), from_torch(dense_below))
    with pytest.raises(NetsparseError, match="n_in - 1 = 2"):
        from_torch(SparseLinear(zoo.GRAPHS["complete"]).state_dict(), n_in=3)
    narrow = collections.OrderedDict(nn.Linear(5, 3).state_dict())
    state = {f"0.{key}": value for key, value in narrow.items()}
    state |= {f"1.{key}": value for key, value in SparseLinear(zoo.GRAPHS["complete"]).state_dict().items()}
    with pytest.raises(InvalidNetwork, match="layer '1': given input 3 after a layer of 3 outputs"):
        from_torch(state)
    behind = nn.Sequential(nn.Conv2d(1, 4, 3), SparseLinear(zoo.GRAPHS["complete"]))
    with pytest.raises(InvalidNetwork, match="without a number of inputs after a convolution"):
        from_torch(behind.state_dict())


def test_our_own_files_know_their_sizes_and_order(tmp_path):
    # sizes under which the head would fit below the layers too: only the file's own entry tells
    model = SparseMLP(SparseNetwork([zoo.GRAPHS["cycle"], zoo.GRAPHS["complete square"]]), 5, rng=0)
    save_model(model, tmp_path / "model.safetensors")
    equal(read_torch(tmp_path / "model.safetensors"), from_torch(model))
    equal(read_torch(tmp_path / "model.safetensors", include_head=False), from_torch(model, include_head=False))
    isolated = SparseNetwork([zoo.GRAPHS["one edge among isolated units"]])
    save_model(SparseMLP(isolated, head=None, rng=0), tmp_path / "model.safetensors")
    assert read_torch(tmp_path / "model.safetensors")[0] == isolated
    with pytest.raises(InvalidFile, match="n_in - 1 = 2"):
        read_torch(tmp_path / "model.safetensors", n_in=3)


@pytest.mark.parametrize(("groups", "works"), [(1, True), (4, True), (2, False)])
def test_groups_are_not_in_a_state_dict(groups, works):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3, groups=groups))
    if works:
        equal(from_torch(model.state_dict()), from_torch(model))
        return
    with pytest.raises(InvalidNetwork, match="layer '1': given 2 input channels after a layer of 4 channels"):
        from_torch(model.state_dict())


def test_given_inputs_are_checked():
    state = MODELS["mlp"]().state_dict()
    assert from_torch(state, n_in=6)[0].sizes == (6, 5, 3)
    with pytest.raises(InvalidOption, match="n_in: given 7 for a first layer of 6 inputs"):
        from_torch(state, n_in=7)
    with pytest.raises(InvalidOption, match="n_in: given 7 for a first layer of 2 inputs"):
        from_torch(torch.eye(2), n_in=7)
    with pytest.raises(InvalidSize, match="n_in: given 0"):
        from_torch(state, n_in=0)


WHOLE = nn.Linear(2, 2).state_dict()
BAD_STATES = {
    "nothing": ({}, "no linear layer and no convolution"),
    "no tensors": ({"a": 1}, "no linear layer and no convolution"),
    "one axis": ({"weight": torch.ones(3)}, "no linear layer and no convolution"),
    "attention": (nn.MultiheadAttention(4, 2).state_dict(), r"tensor 'in_proj_weight': given shape \(12, 4\)"),
    "a recurrent layer": (nn.LSTM(2, 3).state_dict(), "tensor 'weight_ih_l0'"),
    "parametrized": (parametrizations.weight_norm(nn.Linear(3, 2)).state_dict(), "try from_torch\\(model\\)"),
    "spectral norm by the older hook": (
        nn.utils.spectral_norm(nn.Linear(3, 2)).state_dict(),
        "try from_torch\\(model\\)",
    ),
    "weight norm by the older hook": (
        {"weight_g": torch.ones(2, 1), "weight_v": torch.ones(2, 3)},
        "try from_torch\\(model\\)",
    ),
    "a position embedding": (WHOLE | {"pos": torch.ones(2, 2)}, "tensor 'pos': given shape"),
    "a mask that does not fit": (
        {"weight_orig": torch.ones(2, 2), "weight_mask": torch.ones(2)},
        "layer '': given a weight_mask",
    ),
    "half a wiring": ({"weight": torch.ones(3), "indptr": torch.ones(3)}, "no linear layer"),
    "layers apart": ({"0.weight": torch.ones(2, 3), "1.weight": torch.ones(2, 3)}, "3 inputs after a layer of 2"),
}


@pytest.mark.parametrize("name", BAD_STATES)
def test_states_that_are_no_network(name, tmp_path):
    state, words = BAD_STATES[name]
    with pytest.raises(InvalidNetwork, match=words) as caught:
        from_torch(state)
    assert "\n" not in str(caught.value)
    torch.save(state, tmp_path / "a.pt")
    with pytest.raises(InvalidFile, match="torch file '") as caught:
        read_torch(tmp_path / "a.pt")
    assert "\n" not in str(caught.value)


# files ---------------------------------------------------------------------------------------------------------------


class Bomb:
    """What runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (f"open({str(self.path)!r}, 'w').close()",)


def written(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_files_that_are_not_there_or_not_whole(name, tmp_path):
    path = tmp_path / name
    with pytest.raises(InvalidFile, match="no such file") as caught:
        read_torch(path)
    assert isinstance(caught.value, FileNotFoundError)
    (tmp_path / "folder.safetensors").mkdir()
    for bad in (tmp_path, tmp_path / "folder.safetensors"):
        with pytest.raises(InvalidFile, match="given a folder"):
            read_torch(bad)
    if name == "a.pt":
        torch.save(WHOLE, path)
    else:
        save_file(WHOLE, path)
    content = path.read_bytes()
    for damaged in (b"", b"PK", b"garbage" * 50, content[: len(content) // 2], content[:-1]):
        with pytest.raises(InvalidFile) as caught:
            read_torch(written(path, damaged))
        assert "\n" not in str(caught.value)
        assert "damaged" in str(caught.value)


def test_nothing_is_unpickled(tmp_path):
    torch.save(nn.Sequential(nn.Linear(2, 2)), tmp_path / "whole.pt")
    with pytest.raises(
        InvalidFile, match=r"a pickled torch\.nn\.modules.*; try torch\.save\(model\.state_dict"
    ) as caught:
        read_torch(tmp_path / "whole.pt")
    assert "\n" not in str(caught.value)
    mark = tmp_path / "ran"
    torch.save({"weight": torch.ones(2, 2), "x": Bomb(mark)}, tmp_path / "bomb.pt")
    written(tmp_path / "plain.pt", pickle.dumps(Bomb(mark)))
    for name in ("bomb.pt", "plain.pt"):
        with pytest.raises(InvalidFile, match=r"which would run code of the file|no file of torch"):
            read_torch(tmp_path / name)
    assert not mark.exists()


def test_a_list_and_a_bare_tensor(tmp_path):
    torch.save([torch.ones(2, 2)], tmp_path / "a")
    with pytest.raises(InvalidFile, match="an object of type list, expected a mapping"):
        read_torch(tmp_path / "a")
    torch.save(torch.eye(2), tmp_path / "a")
    assert read_torch(tmp_path / "a")[0].n_edges == 2
    torch.save({"0.weight": torch.eye(2).to_sparse_coo()}, tmp_path / "a")
    assert read_torch(tmp_path / "a")[0].n_edges == 2


def test_a_small_file_asks_for_no_large_memory(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"0.weight": torch.ones(1, 1).expand(10**5, 10**5)}, path)
    assert path.stat().st_size < 5000
    with pytest.raises(InvalidFile, match=r"given 40,000,000,000 bytes for '0\.weight' in a file of") as caught:
        read_torch(path)
    assert "\n" not in str(caught.value)
    rows = torch.sparse_coo_tensor(torch.tensor([[0], [0]]), torch.ones(1), (2**50, 3), check_invariants=True)
    torch.save({"0.weight": rows}, path)
    with pytest.raises(InvalidFile, match="layers that do not fit into memory"):
        read_torch(path)
    torch.save({"0.weight": torch.ones(1, 1).expand(5, 5)}, path)
    assert read_torch(path)[0].n_edges == 25


@pytest.mark.parametrize("settings", ["[]", "{}", '{"sizes": []}', "no JSON", '{"sizes": ["x"]}'])
def test_our_entry_in_a_foreign_hand(settings, tmp_path):
    save_file(WHOLE, tmp_path / "a.safetensors", metadata={"netsparse": settings})
    with pytest.raises(InvalidFile, match="a damaged or foreign file") as caught:
        read_torch(tmp_path / "a.safetensors")
    assert "\n" not in str(caught.value)


def chain(sizes):
    """Weights of linear layers, by name, that fit in the order of the mapping."""
    return {f"{name}.weight": torch.randn(n_out, n_in) for name, (n_in, n_out) in sizes.items()}


@pytest.mark.parametrize(
    "sizes",
    [
        {"fc2": (3, 4), "fc10": (4, 5)},
        {"z.0": (3, 4), "z.2": (4, 5), "a": (5, 2)},
        {"block1.z": (3, 4), "block1.a": (4, 5), "block2.z": (5, 6), "block2.a": (6, 3)},
        {"z": (3, 4), "m.0.z": (4, 5), "m.0.a.1": (5, 6), "m.1.q": (6, 7), "a": (7, 8)},
    ],
)
def test_safetensors_in_the_one_order_that_fits(sizes, tmp_path):
    state = chain(sizes)
    save_file(state, tmp_path / "a.safetensors")
    equal(read_torch(tmp_path / "a.safetensors"), from_torch(state))


def test_safetensors_in_several_orders_or_in_none(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(chain({"body.0": (5, 5), "head": (5, 5)}), path)
    with pytest.raises(InvalidFile, match=r"fit with 'body\.0' before 'head' and the other way round"):
        read_torch(path)
    save_file(chain({"body.0": (5, 4), "head": (3, 2)}), path)
    with pytest.raises(InvalidFile, match="3 inputs after a layer of 4 outputs"):
        read_torch(path)
    cycle = {f"{'abcdefghijklmnop'[k]}z": (k, k + 1) for k in range(1, 16)} | {"zz": (99, 98)}
    save_file(chain(cycle), path)  # no order at all, found without trying 16! of them
    with pytest.raises(InvalidFile, match="inputs after a layer of"):
        read_torch(path)
    knot = dict.fromkeys("abcdefgh", (2, 2)) | {"z": (3, 5)}
    save_file(chain(knot), path)  # 8! dead ends: the search gives up
    with pytest.raises(InvalidFile, match="too many orders to try"):
        read_torch(path)

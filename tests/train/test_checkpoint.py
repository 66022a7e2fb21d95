"""Models on disk: same bytes for the same model, topology inside, one clear line for a bad file."""

import json

import pytest
import torch
from safetensors.torch import save, save_file

import netsparse as ns
from netsparse import errors
from netsparse.nn import KERNELS, SparseMLP
from netsparse.train import load_model, save_model


def model(**options):
    return SparseMLP(ns.generators.layered([12, 20, 15], density=0.3, rng=0), rng=0, **{"n_classes": 4, **options})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bias": False},
        {"activation": "leaky_relu"},
        {"activation": "all_relu"},
        {"activation": "all_relu", "head": None, "n_classes": None},
        {"activation": -0.25},
        {"head": None, "n_classes": None},
        {"normalization": (0.3, 0.4)},
    ],
)
def test_round_trip(tmp_path, options):
    before = model(**options)
    save_model(before, tmp_path / "m.safetensors")
    after = load_model(tmp_path / "m.safetensors")
    x = torch.rand(5, 12)
    torch.testing.assert_close(after(x), before(x), rtol=0, atol=0)
    assert after.network == before.network
    assert [layer.slope for layer in after.layers] == [layer.slope for layer in before.layers]


def test_a_model_of_a_backend_that_is_not_here_is_computed_by_another(tmp_path, monkeypatch):
    before = model(backend="torch_csr")
    save_model(before, tmp_path / "m.safetensors")
    expected = before(torch.ones(2, 12))
    monkeypatch.setattr(KERNELS["torch_csr"], "why_not", lambda *_: "it is elsewhere", raising=False)
    after = load_model(tmp_path / "m.safetensors")
    assert {layer.backend for layer in after.layers} == {"auto"}
    torch.testing.assert_close(after(torch.ones(2, 12)), expected)


def test_dense_network_round_trip(tmp_path):
    before = SparseMLP(ns.generators.layered([6, 5], density=1.0, generator="complete", rng=0), n_classes=2, rng=0)
    save_model(before, tmp_path / "m.safetensors")
    assert load_model(tmp_path / "m.safetensors").sparse_layers()[0].kernel == "dense"


def test_dtype_is_kept(tmp_path):
    save_model(model().double(), tmp_path / "m.safetensors")
    assert load_model(tmp_path / "m.safetensors").sparse_layers()[0].weight.dtype == torch.float64


def test_files_can_be_read_by_others_and_folders_must_exist(tmp_path):
    save_model(model(), tmp_path / "m.safetensors")
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "m.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
    with pytest.raises(errors.NotWritable, match="No such file or directory"):
        save_model(model(), tmp_path / "missing" / "m.safetensors")


def test_same_model_same_bytes(tmp_path):
    for name in "abc":
        save_model(model(), tmp_path / name)
    assert len({(tmp_path / name).read_bytes() for name in "abc"}) == 1


def test_nothing_temporary_is_left(tmp_path):
    save_model(model(), tmp_path / "m.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_bad_files_are_one_clear_line(tmp_path):
    whole = tmp_path / "m.safetensors"
    save_model(model(), whole)
    (tmp_path / "short").write_bytes(whole.read_bytes()[:-10])
    (tmp_path / "text").write_text("not a model")
    (tmp_path / "empty").write_bytes(b"")
    save_file({"weight": torch.ones(3)}, tmp_path / "foreign")
    newer = save(model().state_dict(), metadata={"netsparse": json.dumps({"format": 99})})
    (tmp_path / "newer").write_bytes(newer)
    for name in ("newer", "short", "text", "empty", "foreign", "absent"):
        with pytest.raises(errors.InvalidFile, match=name) as caught:
            load_model(tmp_path / name)
        assert "\n" not in str(caught.value)

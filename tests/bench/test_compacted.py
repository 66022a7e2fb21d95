"""The table of compaction: dense twins compute what the model does, the models are left alone."""

import numpy as np
import pytest
import torch

import netsparse as ns
from netsparse.bench.compacted import compaction_table, dense_twin
from netsparse.generators.convolutional import vgg
from netsparse.nn import VGG, SparseMLP
from netsparse.nn.compact import compact

MODELS = {
    "mlp": lambda: SparseMLP(ns.generators.layered([64, 50, 40], density=0.02, rng=0), 10, rng=0),
    "no head": lambda: SparseMLP(
        ns.generators.layered([64, 50, 10], density=0.02, rng=0), head=None, activation=0.1, rng=0
    ),
    "vgg": lambda: VGG(vgg(11, density=0.02, width=0.125, shape=(1, 8, 8), rng=0), shape=(1, 8, 8), rng=0),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_dense_twin_computes_what_the_model_does(make):
    model = make().eval()
    x = torch.rand(6, 64)
    for each in (model, compact(model).model):
        torch.testing.assert_close(dense_twin(each)(x), each(x), rtol=1e-4, atol=1e-5)


def test_the_table():
    models = {name: make().train() for name, make in MODELS.items()}
    before = {name: [t.clone() for t in model.state_dict().values()] for name, model in models.items()}
    table = compaction_table(models, batch=4, rounds=1)
    assert table["model"].tolist() == list(models)
    assert (table["n_edges"] <= table["n_edges_before"]).all()
    times = table[["ms_before", "ms", "ms_dense_before", "ms_dense"]].to_numpy()
    assert (times > 0).all()
    np.testing.assert_allclose(table["speedup_dense"], times[:, 2] / times[:, 3])
    for name, model in models.items():
        assert model.training
        assert all(torch.equal(a, b) for a, b in zip(before[name], model.state_dict().values(), strict=True))

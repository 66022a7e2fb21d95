"""Inputs normalised and transposed in one pass: the same bits as the plain way, for every shape, stride and type."""

import pytest
import torch

from netsparse.native import native_library
from netsparse.nn import columns
from netsparse.nn.columns import normalized_columns


@pytest.fixture(params=["compiled", "plain"], autouse=True)
def way(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setattr(columns, "_compiled", lambda dtype: None)
    elif native_library("inputs") is None:
        pytest.skip("no compiled code here")
    return request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [1, 5, 16, 100, 333])
@pytest.mark.parametrize("batch", [0, 1, 3, 16, 17, 129])
def test_equals_the_plain_way_bit_for_bit(dtype, n, batch):
    mean, std = torch.tensor(0.3, dtype=dtype), torch.tensor(0.7, dtype=dtype)
    wide = torch.rand(batch, n + 5, dtype=dtype)
    views = [wide[:, :n].contiguous(), wide[:, 2 : 2 + n], torch.rand(n, batch, dtype=dtype).t()]
    for x in (*views, wide[:1, :n].expand(batch, n), torch._neg_view(views[0])):
        y = normalized_columns(x, mean, std)
        assert torch.equal(y, (x - mean) / std)
        assert y.t().is_contiguous()


def test_its_gradient():
    x = torch.rand(5, 7, dtype=torch.float64, requires_grad=True)
    mean, std = torch.tensor(0.3, dtype=torch.float64), torch.tensor(0.7, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: normalized_columns(x, mean, std), x)
    assert torch.autograd.gradgradcheck(lambda x: normalized_columns(x, mean, std) ** 2, x)


def test_what_is_not_finite_comes_through():
    x = torch.tensor([[float("nan"), float("inf"), -float("inf"), 1.0]])
    y = normalized_columns(x, torch.tensor(0.0), torch.tensor(1.0))
    assert torch.equal(y.nan_to_num(7.0, 8.0, 9.0), torch.tensor([[7.0, 8.0, 9.0, 1.0]]))


@pytest.mark.parametrize("dtype", [torch.int64, torch.float64, torch.bfloat16])
def test_other_types_are_promoted_as_torch_does(dtype):
    x = torch.ones(3, 4, dtype=dtype)
    mean, std = torch.tensor(0.5), torch.tensor(2.0)
    assert torch.equal(normalized_columns(x, mean, std), (x - mean) / std)

"""Sparse layers and models in PyTorch; the first floor that imports torch."""

from netsparse.nn.activation import ACTIVATIONS
from netsparse.nn.compact import CompactResult, compact
from netsparse.nn.conv import SparseConv2d
from netsparse.nn.device import as_device
from netsparse.nn.gradients import PairGradients
from netsparse.nn.init import INITS, he_dense, he_sparse
from netsparse.nn.kernels import KERNELS
from netsparse.nn.layer import SparseLayer
from netsparse.nn.linear import SparseLinear
from netsparse.nn.model import SparseModel
from netsparse.nn.models import SparseMLP
from netsparse.nn.normalize import Normalize
from netsparse.nn.optimizer import carried, carry_state
from netsparse.nn.recording import recorded_gradients
from netsparse.nn.vgg import VGG

__all__ = [
    "ACTIVATIONS",
    "INITS",
    "KERNELS",
    "VGG",
    "CompactResult",
    "Normalize",
    "PairGradients",
    "SparseConv2d",
    "SparseLayer",
    "SparseLinear",
    "SparseMLP",
    "SparseModel",
    "as_device",
    "carried",
    "carry_state",
    "compact",
    "he_dense",
    "he_sparse",
    "recorded_gradients",
]

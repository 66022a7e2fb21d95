"""Data sets as frozen arrays: digits, MNIST, Fashion-MNIST, CIFAR-10, and any folder of IDX or npz files."""

from netsparse.datasets.dataset import Dataset
from netsparse.datasets.idx import read_idx
from netsparse.datasets.loader import READERS, load
from netsparse.datasets.locate import data_folder
from netsparse.datasets.manifest import SOURCES, Source

__all__ = ["READERS", "SOURCES", "Dataset", "Source", "data_folder", "load", "read_idx"]

"""PyTorch: curvlinops and nngeometry on the Fisher matrix of a classifier, float32, no compiler.

With the cross-entropy loss the generalised Gauss-Newton matrix is the Fisher matrix under the model's own
distribution, averaged over the batch. Results are returned in the layout of `inputs.flatten`.
"""

from __future__ import annotations

import inputs
import numpy as np
import torch
from curvlinops import GGNLinearOperator
from inputs import Contender
from nngeometry.layercollection import LayerCollection
from nngeometry.metrics import FIM
from nngeometry.object import PMatDiag, PMatImplicit, PVector
from torch.utils.data import DataLoader, TensorDataset


def _model() -> torch.nn.Sequential:
    modules: list[torch.nn.Module] = []
    for weight, bias in inputs.mlp_weights():
        linear = torch.nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T))
            linear.bias.copy_(torch.from_numpy(bias))
        modules += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*modules[:-1])


def _vector(seed: int) -> list[torch.Tensor]:
    return [
        t for w, b in inputs.mlp_vector(seed) for t in (torch.from_numpy(w.T.copy()), torch.from_numpy(b))
    ]


def _flatten(tensors: list[torch.Tensor]) -> np.ndarray:
    arrays = [t.detach().numpy() for t in tensors]
    return inputs.flatten([(w.T, b) for w, b in zip(arrays[::2], arrays[1::2], strict=True)])


def curvlinops_mv() -> Contender:
    """F v by `GGNLinearOperator`, built once."""
    model = _model()
    x = torch.from_numpy(inputs.mlp_data())
    y = torch.zeros(inputs.MLP_BATCH, dtype=torch.long)  # the loss has the same Hessian for any label
    parameters = [p for p in model.parameters() if p.requires_grad]
    loss = torch.nn.CrossEntropyLoss(reduction="mean")
    operator = GGNLinearOperator(model, loss, parameters, [(x, y)], check_deterministic=False)
    return Contender(_vector, lambda v: operator @ v, lambda tensors: _flatten(list(tensors)))


def _loader() -> DataLoader:
    data = TensorDataset(torch.from_numpy(inputs.mlp_data()), torch.zeros(inputs.MLP_BATCH, dtype=torch.long))
    return DataLoader(data, batch_size=inputs.MLP_BATCH)


def nngeometry_mv() -> Contender:
    """F v by the implicit representation of nngeometry, built once."""
    model = _model()
    matrix = FIM(model=model, loader=_loader(), representation=PMatImplicit, variant="classif_logits")
    collection = LayerCollection.from_model(model)
    names = list(collection.layers)

    def load(seed: int) -> PVector:
        v = _vector(seed)
        return PVector(collection, dict_repr={n: (v[2 * i], v[2 * i + 1]) for i, n in enumerate(names)})

    def read(vector: PVector) -> np.ndarray:
        parts = vector.to_dict()
        return _flatten([t for name in names for t in parts[name]])

    return Contender(load, matrix.mv, read)


def nngeometry_diagonal() -> Contender:
    """The Fisher diagonal by nngeometry. Does not depend on the seed: the network is fixed."""
    model, loader = _model(), _loader()
    collection = LayerCollection.from_model(model)

    def diagonal(_: None) -> torch.Tensor:
        matrix = FIM(
            model=model,
            loader=loader,
            representation=PMatDiag,
            variant="classif_logits",
            layer_collection=collection,
        )
        return matrix.get_diag()

    def read(values: torch.Tensor) -> np.ndarray:
        parts = PVector(collection, vector_repr=values).to_dict()
        return _flatten([t for name in collection.layers for t in parts[name]])

    return Contender(lambda seed: None, diagonal, read)

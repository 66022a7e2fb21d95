"""`netsparse train`: training alone, with the same network defaults as `netsparse run`."""

from __future__ import annotations

from pathlib import Path

from netsparse.cli import options


def train(
    data: options.Data = "digits",
    widths: options.Widths = "1000,1000,1000",
    density: options.Density = "0.01",
    generator: options.Generator = "erdos_renyi",
    allocation: options.Allocation = "uniform",
    rule: options.Rule = "set",
    fraction: options.Fraction = "0.3",
    epochs: options.Epochs = "50",
    batch_size: options.BatchSize = "128",
    optimizer: options.Optimizer = "sgd",
    lr: options.LearningRate = None,
    weight_decay: options.WeightDecay = "5e-4",
    validation: options.Validation = None,
    device: options.Device = "cpu",
    threads: options.Threads = "1",
    seed: options.Seed = "0",
    out: options.Out = Path("runs"),
    name: options.Name = None,
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Train a sparse network, rewiring it between epochs.

    The run folder holds config.json, provenance.json, history.csv, timing.csv, model.safetensors (last epoch) and
    best.safetensors (best on validation).
    """
    import pandas as pd

    from netsparse.cli.job import at_best_validation, train_into
    from netsparse.cli.show import print_summary
    from netsparse.cli.start import run_path
    from netsparse.datasets import load
    from netsparse.nn import as_device
    from netsparse.train import RunFolder, TrainConfig

    config = TrainConfig.checked(
        data=data, widths=options.parse_widths(widths), density=density, generator=generator,
        allocation=allocation, rule=rule, fraction=fraction, epochs=epochs, batch_size=batch_size,
        optimizer=optimizer, lr=lr, weight_decay=weight_decay, validation=validation, threads=threads, seed=seed,
    )  # fmt: skip
    as_device(device)
    path = run_path(out, name, config)
    dataset = load(config.data, data_dir=data_dir)
    network = config.network(dataset)
    result = train_into(RunFolder(path), config, network, dataset, device=device)
    row = {
        "run": config.rule,
        "edges": result.network.n_edges,
        "sparsity": result.network.sparsity,
        "test_accuracy": result.test_accuracy,
        **at_best_validation(result),
        "seconds_per_epoch": float(result.timing["train_seconds"].median()),
    }
    print_summary(pd.DataFrame([row]), path, as_json=json)

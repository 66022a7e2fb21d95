"""`netsparse run`: the whole idea in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsparse.cli import options


def run(
    data: options.Data = "digits",
    widths: options.Widths = "1000,1000,1000",
    density: options.Density = "0.01",
    generator: options.Generator = "erdos_renyi",
    allocation: options.Allocation = "uniform",
    rule: options.Rule = "set",
    rule_option: options.RuleOption = None,
    fraction: options.Fraction = None,
    epochs: options.Epochs = "50",
    batch_size: options.BatchSize = "128",
    optimizer: options.Optimizer = "sgd",
    lr: options.LearningRate = None,
    weight_decay: options.WeightDecay = "5e-4",
    validation: options.Validation = None,
    compare: Annotated[
        str,
        typer.Option(
            help="Also train and overlay: static (same start, no rewiring), dense (every edge), static,dense, or none."
        ),
    ] = "static",
    trials: Annotated[str, typer.Option(metavar="NUMBER", help="Trials of percolation and of link removal.")] = "10",
    device: options.Device = "cpu",
    threads: options.Threads = "1",
    seed: options.Seed = "0",
    out: options.Out = Path("runs"),
    name: options.Name = None,
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Generate a sparse network, train it while its topology adapts, measure, percolate, remove links, export.

    Everything lands in one new folder: settings, tables, models,
    network.graphml and figures; every comparison has its tables and models
    in compare/NAME/.
    """
    from netsparse.cli.config import RunConfig
    from netsparse.cli.figures import export
    from netsparse.cli.job import COMPARISONS, parse_comparisons, study
    from netsparse.cli.named_options import parse_options
    from netsparse.cli.show import print_summary, say
    from netsparse.cli.start import checked, run_path
    from netsparse.datasets import load
    from netsparse.interop import write_graphml
    from netsparse.nn import as_device
    from netsparse.train import RunFolder

    config = checked(
        RunConfig,
        {
            "data": data, "widths": options.parse_widths(widths), "density": density, "generator": generator,
            "allocation": allocation, "rule": rule, "rule_options": parse_options("rule", rule, rule_option or ()),
            "fraction": fraction, "epochs": epochs, "batch_size": batch_size, "optimizer": optimizer, "lr": lr,
            "weight_decay": weight_decay, "validation": validation, "threads": threads, "seed": seed,
            "compare": parse_comparisons(compare, rule), "trials": trials,
        },
    )  # fmt: skip
    as_device(device)
    path = run_path(out, name, config)
    dataset = load(config.data, data_dir=data_dir)
    configs = {config.rule: config} | {other: COMPARISONS[other](config) for other in config.compare}
    networks = {run: each.network(dataset) for run, each in configs.items()}
    folder = RunFolder(path)
    main = study(config.rule, folder, config, networks.pop(config.rule), dataset, device=device, say=say)
    write_graphml(main.result.network, path / "network.graphml", weights=main.result.weights)
    outcomes = [main]
    for each, network in networks.items():
        export(folder, outcomes, dataset)  # the main run is whole before a comparison starts
        place = RunFolder(path / "compare" / each)
        outcomes.append(study(each, place, configs[each], network, dataset, device=device, say=say))
    table = export(folder, outcomes, dataset)
    print_summary(table, path, as_json=json)

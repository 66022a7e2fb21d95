"""`netsparse train`: training alone, with the same network defaults as `netsparse run`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import typer

from netsparse.cli import options
from netsparse.errors import InvalidOption

NEVER = 1e6  # seconds
TYPED_AS = {"rule_options": "rule_option", "objective_options": "objective_option"}
OF_THE_MODEL = ("widths", "head", "allocation")
"""What a VGG has otherwise where nothing is typed."""
POLICY = {"every_minutes": "checkpoint_minutes", "every_epochs": "checkpoint_epochs", "keep": "keep"}


def train(
    context: typer.Context,
    data: options.Data = "digits",
    n_train: options.TrainingImages = None,
    augment: options.Augment = "none",
    model: options.Model = "mlp",
    widths: options.Widths = "1000,1000,1000",
    width: options.Width = "1",
    head: options.Head = "dense",
    density: options.Density = "0.01",
    generator: options.Generator = "erdos_renyi",
    allocation: options.Allocation = "uniform",
    rule: options.Rule = "set",
    rule_option: options.RuleOption = None,
    fraction: options.Fraction = None,
    every: options.Every = None,
    objective: options.ObjectiveName = "natural",
    objective_option: options.ObjectiveOption = None,
    eps: options.Eps = None,
    beta: options.Beta = None,
    attack_steps: options.AttackSteps = None,
    step_size: options.StepSize = None,
    epochs: options.Epochs = "50",
    batch_size: options.BatchSize = "128",
    accumulate: options.Accumulate = "1",
    optimizer: options.Optimizer = "sgd",
    lr: options.LearningRate = None,
    lr_schedule: options.LearningRateSchedule = "linear",
    weight_decay: options.WeightDecay = "5e-4",
    validation: options.Validation = None,
    init: options.Init = "he_sparse",
    activation: options.Activation = "relu",
    backend: options.Backend = "auto",
    precision: options.Precision = "float32",
    device: options.Device = "cpu",
    threads: options.Threads = "1",
    seed: options.Seed = "0",
    resume: options.Resume = None,
    checkpoint_minutes: options.CheckpointMinutes = "5",
    checkpoint_epochs: options.CheckpointEpochs = None,
    keep: options.Keep = "2",
    tensorboard: options.Board = False,
    lost_after: options.LostAfter = "10",
    out: options.Out = Path("runs"),
    name: options.Name = None,
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Train a sparse network, rewiring it between epochs or steps.

    The run folder holds config.json, provenance.json, history.csv, timing.csv, topology.csv (what the rule changed),
    model.safetensors (last epoch), best.safetensors (best on validation) and checkpoints, from which --resume goes on
    with a run that was cut off.
    Started by 'torchrun --nproc-per-node 2 -m netsparse train ...', several processes train one network together.
    """
    import pandas as pd

    from netsparse.cli.job import at_best_validation, idle_rule, train_into, unused_budget
    from netsparse.cli.named_options import parse_options
    from netsparse.cli.resumed import check_beside, read_begun, warnings_in_one_line
    from netsparse.cli.show import print_summary, say
    from netsparse.cli.start import checked, run_path
    from netsparse.datasets import load
    from netsparse.nn import SparseModel
    from netsparse.train import RunFolder, TensorBoard, TrainConfig
    from netsparse.train.precision import named_precision
    from netsparse.train.processes import world
    from netsparse.train.resume import Checkpoints

    minutes = options.parse_minutes("lost-after", lost_after, example=10)
    if minutes == 0.0:
        raise InvalidOption("lost-after", lost_after, "minutes above 0, or none", "--lost-after 10")
    with world(timeout=NEVER if minutes is None else min(60.0 * minutes, NEVER)) as ranks:
        settings = {
            "data": data, "n_train": n_train, "augment": augment, "model": model,
            "widths": options.parse_widths(widths), "width": width, "head": head, "density": density,
            "generator": generator, "allocation": allocation, "rule": rule,
            "rule_options": parse_options("rule", rule, rule_option or ()), "fraction": fraction, "every": every,
            "objective": objective, "objective_options": parse_options("objective", objective, objective_option or ()),
            "eps": eps, "beta": beta, "attack_steps": attack_steps, "step_size": step_size, "epochs": epochs,
            "batch_size": batch_size, "accumulate": accumulate, "optimizer": optimizer, "lr": lr,
            "lr_schedule": lr_schedule, "weight_decay": weight_decay, "validation": validation, "init": init,
            "activation": activation, "backend": backend, "precision": precision, "threads": threads, "seed": seed,
        }  # fmt: skip
        policy = Checkpoints(
            every_minutes=options.parse_minutes("checkpoint-minutes", checkpoint_minutes, example=5),
            every_epochs=None
            if checkpoint_epochs is None
            else options.parse_whole("checkpoint-epochs", checkpoint_epochs, least=1, example=1),
            keep=options.parse_whole("keep", keep, least=1, example=2),
        )
        if resume is None:
            untyped = [option for option in OF_THE_MODEL if not _is_typed(context, option)]
            config = checked(TrainConfig, {option: settings[option] for option in settings if option not in untyped})
            path, earlier = run_path(out, name, config, is_new=ranks.is_first), []
        else:
            begun, path = read_begun(resume), resume
            everything = {**settings, "device": device, "out": out, "name": name}
            typed = {option for option in everything if _is_typed(context, TYPED_AS.get(option, option))}
            check_beside(begun, {option: everything[option] for option in everything if option in typed - {"data"}})
            data = data if "data" in typed else begun.config.data  # the same may lie elsewhere now; fit compares it
            config, device, data_dir, earlier = begun.config, begun.device, data_dir or begun.data_dir, begun.earlier
            untyped = [name for name, option in POLICY.items() if not _is_typed(context, option)]
            policy = replace(policy, **{name: v for name, v in begun.checkpoints.items() if name in untyped})
        named_precision(config.precision, ranks.device(device))
        board = [TensorBoard(path / "tensorboard")] if tensorboard else []
        dataset = config.chosen(ranks.after_first(lambda: load(data, data_dir=data_dir)))
        network = config.built(dataset)
        missing = unused_budget(config, network.network if isinstance(network, SparseModel) else network)
        if missing is not None and ranks.is_first:
            say(f"netsparse: {missing}")
        is_begun = resume is not None or not ranks.is_first
        with warnings_in_one_line():
            result = train_into(
                ranks.after_first(lambda: RunFolder.existing(path) if is_begun else RunFolder(path)),
                config,
                network,
                dataset,
                device=device,
                checkpoint=policy,
                resume=resume is not None,
                ranks=ranks,
                callbacks=board,
                started={
                    "checkpoints": asdict(policy),
                    **({} if data_dir is None else {"data_dir": str(data_dir.absolute())}),
                },
                earlier=earlier,
            )
        if ranks.is_first:
            row = {
                "run": config.rule,
                "edges": result.network.n_edges,
                "sparsity": result.network.sparsity,
                "test_accuracy": result.test_accuracy,
                **at_best_validation(result),
                "seconds_per_epoch": float(result.timing["train_seconds"].median()),
            }
            print_summary(pd.DataFrame([row]), path, as_json=json)
            idle = idle_rule(config, result)
            if idle is not None:
                say(f"netsparse: {idle}")


def _is_typed(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"

"""`netsparse attack`: the accuracy of trained networks on images that are changed so that they err."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netsparse.cli import options
from netsparse.cli.robustness import Data, Runs

Names = Annotated[str, typer.Option("--attack", metavar="NAMES", help="Attacks, separated by commas.")]
Eps = Annotated[
    str,
    typer.Option(
        metavar="NUMBERS",
        help="How far an image may be changed, as in 0.1,0.2 or 2/255,8/255; 0, the clean images, is always there.",
    ),
]
Steps = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="Steps of pgd, margin and transfer (default 50), queries of square (1000)."),
]
StepSize = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Length of a step, as in 2/255; default 2.5 eps / steps.")
]
Restarts = Annotated[
    str, typer.Option(metavar="NUMBER", help="An image counts as right if the model is right on it after each of them.")
]
Norm = Annotated[
    str, typer.Option(help="linf: eps is the most that a pixel changes by; l2: the Euclidean length of the change.")
]
Engine = Annotated[str, typer.Option(help="Who computes pgd and fgsm: netsparse, or foolbox for a second opinion.")]
Source = Annotated[
    Path | None, typer.Option(metavar="RUN", help="For transfer: the run whose model the images are made on.")
]
Certify = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Also prove, without any attack, for how many images nothing within eps makes the model err: interval, "
        "lipschitz or best (either of both).",
    ),
]
Samples = Annotated[
    str | None, typer.Option("--n-samples", metavar="NUMBER", help="Only the first so many test images.")
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Write attack.csv, attack.json and attack.png into this new folder."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON instead of a table.")]


def attack(
    runs: Runs,
    attack: Names = "pgd",
    eps: Eps = "0.1,0.2,0.3",
    steps: Steps = None,
    step_size: StepSize = None,
    restarts: Restarts = "1",
    norm: Norm = "linf",
    engine: Engine = "netsparse",
    source: Source = None,
    certify: Certify = None,
    n_samples: Samples = None,
    data: Data = None,
    data_dir: options.DataDir = None,
    device: options.Device = "cpu",
    seed: options.Seed = "0",
    out: Out = None,
    json: Json = False,
) -> None:
    """Change test images so that trained networks err, and count those still right.

    Attacks, all within eps of the image and within [0, 1]:
    pgd: projected gradient ascent from random starts
    fgsm: one step up the gradient
    square: random squares, by the logits alone, no gradient
    margin: pgd on the largest other logit minus the label's; finds more on networks trained with trades
    transfer: pgd on the network of --source, tried on this one
    uniform, gaussian: noise
    auto: AutoAttack, where the package autoattack is installed

    The accuracy under an attack is an upper bound of what is robust, the
    certified one a lower bound. The gap is the clean accuracy minus that at
    the largest eps.

    Several runs stand in one table and one figure. The same seed gives the
    same bytes. A file that exists is never touched.

    Example: netsparse attack runs/natural runs/trades --eps 0.1,0.2 --restarts 10
    """
    from netsparse.cli.attack_figures import attack_figure
    from netsparse.cli.attacked import (
        as_records,
        attacked,
        chosen_attacks,
        chosen_certificates,
        parse_eps,
        print_attacked,
        record,
    )
    from netsparse.cli.pictures import save
    from netsparse.cli.show import say
    from netsparse.cli.trained import read_model, read_runs
    from netsparse.train.run_folder import RunFolder, check_free

    radii = parse_eps(eps)
    attacks = chosen_attacks(
        attack, norm=norm, engine=engine, steps=steps, step_size=step_size, restarts=restarts, source=source
    )
    methods = chosen_certificates(certify)
    n = None if n_samples is None else options.parse_whole("n-samples", n_samples, least=1, example=1000)
    number = options.parse_whole("seed", seed, least=0, example=0)
    if out is not None:
        check_free(out)
    trained = read_runs(runs, data=data, data_dir=data_dir, device=device)
    other = None if source is None else read_model(source, device=device)
    table = attacked(trained, attacks, methods, radii, norm=norm, n_samples=n, source=other, seed=number)
    if out is not None:
        folder = RunFolder(out)
        asked = {
            "attacks": attacks, "certify": methods, "eps": list(radii), "norm": norm, "n_samples": n, "device": device,
            "data": [run.dataset.name for run in trained], "source": source, "runs": {r.name: r.path for r in trained},
        }  # fmt: skip
        folder.write_json("attack.json", record(asked, seed=number))
        folder.write_table("attack.csv", table)
        save(attack_figure(table, {1 / run.dataset.n_classes for run in trained}), out / "attack.png")
        say(f"table, figure and settings are in {out}")
    if json:
        typer.echo(as_records(table), nl=False)
    else:
        print_attacked(table, radii)

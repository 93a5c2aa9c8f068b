"""The detector that comes with the package: ``python -m pretraining MANIFEST --work FOLDER``.

Corpus, networks of the folds, figures with sources held out, ablation, robustness, detector, model
card. Each step is kept in the work folder and not done again while what it was made of, and the
recipe, stay the same. The folder holds faces and landmarks: guard it so, and remove it.
"""

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from featurize.errors import FeaturizeError
from models.detector import Detector
from models.errors import ModelsError
from pretraining import calibration, recipe, variant
from pretraining.ablation import VARIANTS, ablation, ablation_videos, applies
from pretraining.corpus import Place, make_corpus
from pretraining.figures import all_figures
from pretraining.folds import source_folds
from pretraining.held_out import held_out
from pretraining.keeping import Kept, fingerprint
from pretraining.model_card import data_facts, detector_facts, model_card
from pretraining.networks import make_networks, network_of_datasets, network_to_ship, with_networks
from pretraining.robustness import N_CLIPS, robustness
from pretraining.tables import table_text, wide
from pretraining.variant import FULL

CARD = "MODEL_CARD.md"
DETECTOR = "detector.skops"
N_FOLDS = 6
"""In how many parts sources are held out where each by itself would take too long: with
manipulations held out, and for the ablation."""


def main(
    manifest: Annotated[
        Path,
        typer.Argument(help="Authentic clips and fakes: path, label, group, method, dataset."),
    ],
    work: Annotated[Path, typer.Option(help="Folder for all that is made on the way.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder of the detector and its card.")
    ] = Path("models/pretrained"),
    rounds: Annotated[int, typer.Option(help="Worlds of each clip.")] = 3,
    clips: Annotated[int, typer.Option(help="Clips that are degraded for robustness.")] = N_CLIPS,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one per core.")] = -1,
) -> None:
    """Make the detector that comes with the package, and measure it."""
    place = Place(manifest, work, jobs)
    work.mkdir(parents=True, exist_ok=True)
    try:
        table = make_corpus(place, rounds)
        make_networks(place, table)
        table = with_networks(place, table)
        facts = _measured(place, table, clips)
        detector = FULL.fitted(table, recipe.SEED)
    except (FeaturizeError, ModelsError) as error:
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from error
    out.mkdir(parents=True, exist_ok=True)
    command = f"make pretrained CLIPS={manifest.name} ROUNDS={rounds}"
    _write(detector, facts | {"command": command}, place, table, out)
    network = network_to_ship(place, table)
    if network is not None:
        typer.echo(
            f"The detector goes with {network}, which is not the network of this package: put it "
            "into featurize/networks, and its sha256 into featurize/assets.py."
        )


def _measured(place: Place, table: pd.DataFrame, n_clips: int) -> dict[str, object]:
    """Figures, ablation and robustness, each kept."""
    code = (Path(module.__file__) for module in (recipe, variant, calibration))
    kept = Kept(place.work / "measured", fingerprint(table, *code))
    parts, seed = source_folds(table, N_FOLDS), recipe.SEED
    detectors = kept.folder("detectors")

    videos = kept.table(
        "sources held out",
        lambda: held_out(table, seed=seed, n_jobs=place.n_jobs, keep=detectors).videos,
    )
    unseen = kept.table(
        "manipulations held out",
        lambda: (
            held_out(table, parts=parts, manipulations=True, seed=seed, n_jobs=place.n_jobs).videos
        ),
    )
    figures = all_figures(videos, unseen, seed)
    typer.echo(table_text(wide(figures["real_fakes"])))
    told = {
        one.name: kept.table(
            one.name, lambda one=one: ablation_videos(table, one, parts, seed, place.n_jobs)
        )
        for one in VARIANTS
        if applies(one, table)
    }
    rows = ablation(told, seed)
    typer.echo(table_text(rows))
    hardened = kept.facts(
        f"robustness of {n_clips} clips",
        lambda: robustness(
            table,
            detectors,
            place.work / "films",
            store=place.store,
            n_clips=n_clips,
            n_jobs=place.n_jobs,
            seed=seed,
            networks=network_of_datasets(place, table),
        ),
    )
    typer.echo(table_text(hardened["degradations"]))
    return {"figures": figures, "ablation": rows, "robustness": hardened}


def _write(
    detector: Detector, facts: dict[str, object], place: Place, table: pd.DataFrame, out: Path
) -> None:
    """Write the detector and its card, and the figures as JSON into the work folder."""
    detector.save(out / DETECTOR)
    facts |= {
        "data": data_facts(pd.read_csv(place.manifest), table),
        "detector": detector_facts(detector, out / DETECTOR),
    }
    told = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
    (place.work / "figures.json").write_text(told, encoding="utf-8")
    (out / CARD).write_text(model_card(facts), encoding="utf-8")
    typer.echo(f"{out / DETECTOR} and {out / CARD} are written.")


if __name__ == "__main__":
    typer.run(main)

#!/usr/bin/env python3
"""Ship the weights of a finished run: weights, settings, figures and a card in pianoalign/weights.

usage: python workflow/ship_weights.py results/weights/runs/RUN [--name NAME] [--as-align MAPS]
       python workflow/ship_weights.py results/weights/runs/RUN --name NAME --card-only

The card's rows come from the run's errors. With --as-align the weights that ship are also judged
as `pianoalign align` decodes: with a price of moving found from the file, and with confidence.json,
which `workflow/calibrate.py` makes; its figures are kept in metrics.json. With --card-only, too,
`--sets` judges only some sets so and keeps the figures of the others, for a change of decoding that
concerns no others.
"""

import argparse, json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pianoalign.datasets import evaluation_segments, experiment_corpus, feature_store
from pianoalign.datasets import segment_image
from pianoalign.decoding import ALIGNER_WALK, decode, Heard
from pianoalign.files import repo_root, write_json
from pianoalign.judging import errors_on_sets
from pianoalign.metrics import onset_errors, remove_shift, summarise
from pianoalign.network import NetworkSettings, parameter_count, predict
from pianoalign.notes import N_PITCHES
from pianoalign.preprocessing import piano_roll
from pianoalign.report.tables import Runs, training_of
from pianoalign.runs import load_network, read_errors, save_weights, write_npz
from pianoalign.tool.confidence import load_confidence
from pianoalign.tool.refining import KEY_ONSETS, load_refiner

TITLES = {
    "maps": "# Weights of the shipped aligner\n\n"
    "`pianoalign align` uses these unless it is told otherwise.",
    "base": "# Weights of tier maps: the paper's CRNN at half its width\n\n"
    "The base run of Tables 1 to 6 in tier `maps`; `pianoalign align --weights base` uses them, "
    "with the paper's decoding.",
    "free": "# Weights for any use\n\n"
    "Trained only on material that anyone may use for any purpose; "
    "`pianoalign align --weights free` uses them.",
    "blind": "# Weights of tier maps: the paper's CRNN without MIDI, at half its width\n\n"
    "The blind row of Table 1 in tier `maps`, which hears the recording and does not see the "
    "notes; `pianoalign align --weights blind` uses them.",
}
CARD = """\
{title} One network, {parameters:,} parameters ({size}), stored as float16.

**Licence: {licence}**{terms}. {source}

**Training.** {training} All settings: `config.json`. Made by

```
{command}
python workflow/ship_weights.py results/{tier}/runs/{run}{options}
```

{second_look}\
**Results**, share of notes within a tolerance after jitter as published, in percent, with the \
95 % interval over recordings. {sets} *paper*: threshold, blocks and matching as in §2.3{high}. \
*Shift removed*: less each recording's median, since labels of recordings are early or late as a \
whole. The labels of the Disklaviers are off note by note as well ([Real pianos]\
(../../../nbs/tool/13_real_pianos.ipynb) measures by how much): figures there say more about \
labels than about networks.

| set | method | ≤ 10 ms | ≤ 25 ms | ≤ 50 ms | median, ms | ≤ 10 ms, shift removed \
| recordings | notes |
|---|---|---|---|---|---:|---|---:|---:|
{rows}

**Limits.** Piano only. Without DTW, notes that are more than half a second off are not found. \
{limits}
"""

OF_THE_RECORDINGS = ", that of the recordings they were trained on; not that of the code"
MAPS_BY = "V. Emiya, R. Badeau, B. David, IEEE TASLP 18 (6), 2010"
MAPS_TERMS = f"{MAPS_BY}; CC BY-NC-SA 2.0 FR, whose terms allow a later version"
SET_TEST = (
    "`test`: ENSTDkCl, a Disklavier with close microphones; `valid`: ENSTDkAm, the same from afar"
)
SET_UNSEEN = "`unseen`: AkPnCGdD, a sampled piano kept out of training whole"
SET_RECORDINGS = "`recordings`: six performances of the demo corpus, on a sampled piano"
VARIED = "with rooms, equalisers, detuning and noise imitated"
FREE_CORPUS = "python corpus/free/make_free.py --soundfonts FONTS --out"

CORPORA = {
    "demo": dict(
        licence="CC BY-NC-SA 4.0",
        tier="demo",
        command="make reproduce",
        source="Trained on the 54 recordings of the demo corpus (`corpus/README.md`): performances "
        "of the ASAP data set on two sampled pianos and an additive one.",
        sets="Pianos of the three sets were not trained on: `valid` and `test`, twelve pieces "
        "each, and `recordings`, six performances against a metronome, are three voicings of "
        "another sampled piano.",
        limits="Training was short and heard few instruments, none of them recorded with "
        "microphones: on a real piano expect fewer notes to be found, and quiet ones and dense "
        "passages to stay near their given times.",
    ),
    "maps": dict(
        licence="CC BY-NC-SA 4.0",
        tier="maps",
        command="make reproduce TIER=maps CORPUS=MAPS",
        source="Trained on the six sampled pianos of MAPS that are at hand "
        f"({MAPS_TERMS}), 150 recordings as Ogg Vorbis at 16 kHz.",
        sets=f"{SET_TEST}; {SET_RECORDINGS} that was not trained on.",
        limits="Minutes of training at half the paper's width, for comparison with its tables; "
        "the weights `maps` are the ones made for aligning files.",
    ),
    "maps+demo": dict(
        licence="CC BY-NC-SA 4.0",
        tier="weights",
        command="pianoalign train crnn_onsets --tier weights --corpus-root MAPS",
        source=f"Trained on five of the seven sampled pianos of MAPS ({MAPS_TERMS}), 124 "
        "recordings as Ogg Vorbis at 16 kHz, and on the 54 training recordings of the demo corpus "
        f"(`corpus/README.md`), {VARIED}.",
        sets=f"{SET_TEST}; {SET_UNSEEN}; {SET_RECORDINGS} kept out as well.",
        limits="It has heard no piano through a microphone in training. What the sostenuto pedal "
        "holds, prepared or badly tuned pianos, and other instruments were never heard.",
    ),
    "maps+demo+free": dict(
        licence="CC BY-NC-SA 4.0",
        tier="weights",
        command=f"{FREE_CORPUS} corpus/free\n"
        "pianoalign train crnn_onsets_3 --tier weights --corpus-root MAPS",
        source=f"Trained on five of the seven sampled pianos of MAPS ({MAPS_TERMS}), 124 "
        "recordings as Ogg Vorbis at 16 kHz, on the 54 training recordings of the demo corpus "
        "(`corpus/README.md`), and on the training recordings of the free corpus "
        f"(`corpus/free/README.md`) less those played by MuseScore General, {VARIED}.",
        sets=f"{SET_TEST}; {SET_UNSEEN}; {SET_RECORDINGS} kept out as well (`free` has heard it).",
        limits="It has heard no piano through a microphone in training. What the sostenuto pedal "
        "holds, prepared or badly tuned pianos, and other instruments were hardly heard.",
    ),
    "free": dict(
        licence="Apache-2.0",
        tier="free",
        terms=", that of the code",
        command=f"{FREE_CORPUS} FREE\npianoalign train crnn_onsets --tier free --corpus-root FREE",
        source="That is possible because nobody else's terms are in them: trained on the free "
        "corpus (`corpus/free/README.md`), some two and a half hours of invented performances. "
        "Half are of scores whose music is in the public domain and whose files, as they come with "
        "music21, claim no rights; half are generated. The sound is from FluidR3 and MuseScore "
        f"General (both MIT licence) and from an additive piano of our own, {VARIED}. The data "
        "sets named below, which are under CC BY-NC-SA, served to measure it; its settings are "
        "those of `maps` with what [What helps](../../../nbs/tool/17_what_helps.ipynb) found to "
        "help, and both were found with their help.",
        sets="`test`: ENSTDkCl, a Disklavier of MAPS "
        f"({MAPS_BY}) with close microphones; `valid`: ENSTDkAm, the same from afar; `unseen`: "
        "AkPnCGdD, a sampled piano of MAPS; `recordings`: six performances of the demo corpus, on "
        "MuseScore General's grand, **which was heard in training** (its music was not); "
        "`own valid`: the free corpus's validation, other works, timbres that were heard.",
        limits="It has heard neither a pianist nor a piano through a microphone in training. Some "
        "harpsichords, guitars and mallets of a sound font were heard, but nothing was measured "
        "on them.",
    ),
}
NAMES = {
    "unaligned": "unaligned",
    "dtw_crnn": "DTW + CRNN, paper",
    "crnn": "CRNN, paper",
    "crnn_high_resolution": "CRNN, high resolution",
}
AS_ALIGN = "as `align` decodes"
LOOSER = {
    "mixed": "Three examples in ten drift, or have chords that move as one, by up to 250 ms.",
    "wide": "Six examples in ten drift, have chords that move as one, or notes that go further, by "
    "up to 400 ms.",
}


def figures(pieces: dict) -> dict:
    "The summary of a set, raw and less each recording's shift."
    return dict(raw=summarise(pieces), free=summarise(remove_shift(pieces)[0]))


def row(set_name: str, method: str, raw: dict, free: dict) -> str:
    "A line of the card's table."

    def share(values, ms):
        key = f"within_{ms}_pct"
        return f"{values[key]:.1f} [{values[key + '_lo']:.1f}, {values[key + '_hi']:.1f}]"

    cells = (
        set_name,
        method,
        *(share(raw, ms) for ms in (10, 25, 50)),
        f"{raw['median_ms']:.1f}",
        share(free, 10),
        raw["pieces"],
        f"{raw['notes']:,}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def rows(errors: dict, others: dict, other_name: str, as_align: dict):  # yields lines
    "The card's table: each set, each method, other weights beside it, and the aligner's decoding."
    sizes = lambda pieces: {p: len(e) for p, e in pieces.items()}
    for s in sorted({s for s, _ in errors}):
        for method, words in NAMES.items():
            if (s, method) not in errors:
                continue
            yield row(s, words, **figures(errors[s, method]))
            beside = others.get((s, method))
            if method != "unaligned" and beside and sizes(beside) == sizes(errors[s, method]):
                yield row(s, f"{words} (`{other_name}`)", **figures(beside))
        if s in as_align:
            yield row(s, f"CRNN, {AS_ALIGN}", **as_align[s])


def segments_on_maps(experiment, maps_root, cache, recordings_root=None, only=None):
    "MAPS's sets (and the demo corpus's recordings) as segments, all or some; their spectrograms."
    data = replace(experiment.data, corpus="maps", held_out="AkPnCGdD")
    corpus = experiment_corpus(data, maps_root, recordings_root)
    corpus = [r for r in corpus if r.split != "train"]
    unknown = sorted(set(only or ()) - {r.split for r in corpus})
    if unknown:
        raise SystemExit(f"no recording here is of the set {unknown[0]}; name others with --sets")
    corpus = [r for r in corpus if not only or r.split in only]
    splits = sorted({r.split for r in corpus})
    sets = {s: evaluation_segments([r for r in corpus if r.split == s], data) for s in splits}
    return sets, feature_store(corpus, experiment.audio, cache, True)


def judge_on_maps(run: Path, network, experiment, maps_root, cache):
    "Errors of a finished run on MAPS, with its own settings of notes and jitter."
    sets, features = segments_on_maps(experiment, maps_root, cache)
    errors, _, _ = errors_on_sets(network, experiment, sets, features, progress=True)
    (run / "maps").mkdir(exist_ok=True)
    write_npz(run / "maps" / "errors.npz", {k: v.astype(np.float32) for k, v in errors.items()})


def judge_as_align(folder: Path, maps_root, cache, only: list | None = None) -> dict:
    """Set -> figures: how the weights that ship do when their answers are decoded as `align` does.
    Of some sets only, or of all."""
    network, experiment = load_network(folder)
    model, refiner, fps = load_confidence(folder), load_refiner(folder), experiment.audio.fps
    corpus = repo_root() / "corpus"
    sets, features = segments_on_maps(experiment, maps_root, cache, corpus, only)
    found = {}
    for name, segments in sets.items():
        errors = {}
        for segment in segments:
            image = segment_image(segment, features, experiment.audio)
            roll = piano_roll(segment.loose, len(image), fps)
            answer, onsets = predict(network, image, roll)
            heard = Heard.of(answer, onsets[:, :N_PITCHES], fps)
            if refiner:
                asked = refiner.for_labels(segment.recording.id)
                heard = asked.refined(segment.loose, heard, image)
            notes = decode(segment.loose, heard, fps, ALIGNER_WALK, image, model).notes
            errors.setdefault(segment.recording.id, []).append(
                onset_errors(segment.reference, notes)
            )
        found[name] = figures({r: np.concatenate(parts) for r, parts in errors.items()})
        print(f"{name}: {found[name]['raw']['within_10_pct']:.1f} % within 10 ms", flush=True)
    return found


def all_errors(run: Path) -> dict:  # (set, method) -> piece -> errors
    "A run's errors; where it was judged on MAPS as well, its own validation is `own valid`."
    own = read_errors(run)
    if not (run / "maps" / "errors.npz").exists():
        return own
    renamed = {("own valid" if s == "valid" else s, m): pieces for (s, m), pieces in own.items()}
    return read_errors(run / "maps") | renamed


def before(run: Path, experiment) -> list:  # of (name, steps, minutes), the first one first
    "The runs that this one goes on from."
    start, out = experiment.training.init_from, []
    while start:
        metrics = json.loads((run.parent / start / "metrics.json").read_text("utf-8"))
        minutes = metrics["seconds_trained"] / 60
        out.insert(0, (start.rsplit("-", 1)[0], metrics["steps_trained"], minutes))
        settings = json.loads((run.parent / start / "config.json").read_text("utf-8"))["experiment"]
        start = settings["training"].get("init_from", "")
    return out


def training_words(run: Path, experiment, metrics: dict, remark: str) -> str:
    "How the network was trained, in sentences."
    t, data, steps = experiment.training, experiment.data, metrics["steps_trained"]
    hours = steps * t.batch * t.crop_s / 3600
    said = [
        f"{steps:,} steps of {t.batch} crops of {t.crop_s:g} s ({hours:.1f} hours of crops), "
        f"{metrics['seconds_trained'] / 60:.1f} minutes on one CPU core, seed {t.seed}. "
        f"Jitter as published, up to {1000 * data.max_jitter_s:.0f} ms."
    ]
    if data.training_jitter in LOOSER:
        said.append(LOOSER[data.training_jitter])
    if data.step_removed:
        said.append(
            "MAPS's labels are freed of their step ([Datasets](../../../nbs/31_datasets.ipynb))."
        )
    earlier = ", ".join(
        f"the first {steps:,} steps ({minutes:.0f} minutes) were those of `{name}`"
        for name, steps, minutes in before(run, experiment)
    )
    if earlier:
        said.append(
            f"All that is so of the last stage: {earlier}, whose settings and figures stand beside "
            "it in `results/`."
        )
    return " ".join(said + ([remark] if remark else []))


def second_look_words(folder: Path, name: str) -> str:
    "What the refiner of these weights has learned from, in a paragraph; empty without one."
    refiner = load_refiner(folder)
    if refiner is None:
        return ""
    made = refiner.made
    corpora = ", ".join(
        f"{of['recordings']} recordings of `{corpus}` ({of['examples']:,} views)"
        for corpus, of in made["corpora"].items()
    )
    given = "--maps MAPS --free FREE" if "maps" in made["corpora"] else "--free FREE"
    return (
        "**Second look.** `refiner.safetensors` looks once more at each peak that a note may take "
        "([A second look at each peak](../../../nbs/tool/22_refining.ipynb)). It has learned from "
        f"views of peaks in {made['times']} minutes each of {corpora}, one as it is and the others "
        "in imitated rooms, and knows as onsets what `--onsets` calls "
        f"{' and '.join(made['onsets'])}: "
        f"{made['steps']:,} steps, seed {made['seed']}, {made['processor_seconds'] / 60:.0f} "
        f"minutes of one CPU core in all. Made by `python workflow/train_refiner.py {name} "
        f"{given} --steps {made['steps']}`, FREE being made with `--recordings 80`.\n\n"
    )


def card(options, network, experiment, metrics: dict) -> str:
    "The text of README.md."
    run, settings = options.run, experiment.network
    folder = repo_root() / "pianoalign" / "weights" / options.name
    name, _, other = (options.beside or "").partition("=")
    others = all_errors(Path(other)) if other else {}
    widths = lambda s: (s.filters, s.dense, s.hidden)
    paper = widths(settings) == widths(NetworkSettings())
    size = "the paper's CRNN" if paper else "a smaller CRNN than the paper's"
    high = ""
    if settings.onset_head:
        size += ", with a second head for onsets"
        high = "; *high resolution*: peaks of the onset head, at the price of the tables"
    as_align = metrics.get("as_align", {})
    if as_align:
        high += (
            f"; *{AS_ALIGN}*: the same peaks, looked at once more, at a price found from the file; "
            "a note whose peak is not believed does not jump. That is what a user gets"
        )
    refiner = load_refiner(folder)
    if as_align and refiner and KEY_ONSETS in refiner.learned:
        high += (
            " with `--onsets keys` on the three sets of MAPS, whose labels say when keys strike, "
            "and without it on the recordings"
        )
    said = [
        "" if options.name == "maps" else f" --name {options.name}",
        " --judge-on maps=MAPS" if (run / "maps").exists() else "",
        f" --beside {name}=results/{other.split('results/')[-1]}" if other else "",
        " --as-align MAPS" if as_align else "",
    ]
    return CARD.format(
        **{"terms": OF_THE_RECORDINGS} | CORPORA[experiment.data.corpus],
        title=TITLES[options.name],
        parameters=parameter_count(network),
        size=size,
        training=training_words(run, experiment, metrics, options.remark),
        second_look=second_look_words(folder, options.name),
        run=experiment.folder_name,
        options="".join(said),
        high=high,
        rows="\n".join(rows(all_errors(run), others, name, as_align)),
    )


def read_options():
    "The command line, checked."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("run", type=Path, help="a finished run folder")
    add("--name", choices=TITLES, default="maps", help="of the folder in pianoalign/weights")
    add("--remark", default="", help="a sentence for the card about how this run was made")
    add(
        "--beside",
        metavar="NAME=RUN",
        help="rows of other weights that ship, from their run folder: for sets that both have",
    )
    add("--judge-on", metavar="maps=FOLDER", help="judge the run on MAPS too")
    add("--as-align", metavar="FOLDER", help="judge as `align` decodes, on MAPS in this folder")
    add(
        "--sets",
        nargs="+",
        help="with --as-align and --card-only: judge these alone, keep the others' figures",
    )
    add("--card-only", action="store_true", help="the weights are those that ship already")
    add(
        "--cache",
        type=Path,
        default=repo_root() / ".cache" / "features",
        help="where spectrograms are kept",
    )
    options = parser.parse_args()
    if options.beside and "=" not in options.beside:
        parser.error("--beside: give NAME=RUN")
    if options.judge_on and not options.judge_on.startswith("maps="):
        parser.error("--judge-on: give maps=FOLDER")
    if options.judge_on and options.card_only:
        parser.error("--judge-on needs the run's own weights; leave --card-only out")
    if options.sets and not (options.as_align and options.card_only):
        parser.error("--sets keeps figures of weights that ship: give --as-align and --card-only")
    return options


def main():
    options = read_options()
    run, folder = options.run, repo_root() / "pianoalign" / "weights" / options.name
    network, experiment = load_network(folder if options.card_only else run)
    metrics = json.loads((run / "metrics.json").read_text("utf-8"))
    trained = training_of(Runs(run.resolve().parent.parent), experiment.name)
    metrics["epochs"] = round(float(trained["epochs"]), 3)  # older runs do not say it themselves
    if options.judge_on:
        maps_root = Path(options.judge_on.removeprefix("maps="))
        judge_on_maps(run, network, experiment, maps_root, options.cache)
    if not options.card_only:
        save_weights(network, experiment, folder, half=True, step=metrics["steps_trained"])
    if (run / "maps").exists():
        metrics["sets"] = {}
        for (s, method), pieces in sorted(all_errors(run).items()):
            metrics["sets"].setdefault(s, {})[method] = summarise(pieces)
    kept = {}
    if options.sets or (options.card_only and not options.as_align):
        kept = json.loads((folder / "metrics.json").read_text("utf-8")).get("as_align", {})
    if options.as_align:
        maps_root = Path(options.as_align)
        kept |= judge_as_align(folder, maps_root, options.cache, options.sets)
    if kept:
        metrics["as_align"] = kept
    write_json(folder / "metrics.json", metrics)
    (folder / "README.md").write_text(card(options, network, experiment, metrics), "utf-8")
    print(f"{folder} holds the weights of {experiment.folder_name}")


if __name__ == "__main__":
    main()

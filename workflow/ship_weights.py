#!/usr/bin/env python3
"""Put the weights of a finished run into the package, with the card that says what they are.

usage: python workflow/ship_weights.py results/weights/runs/crnn_onsets_3-HASH
       python workflow/ship_weights.py results/maps/runs/crnn-HASH --name base
       python workflow/ship_weights.py results/free/runs/crnn_onsets-HASH --name free --judge-on maps=MAPS
--judge-on judges the run on MAPS as well (kept in the run folder, for --name without it later): ENSTDkCl as `test`, ENSTDkAm as `valid`, AkPnCGdD as `unseen`.
Writes pianoalign/weights/NAME/{weights.safetensors, config.json, metrics.json, README.md}; each figure of the card is worked out from the run's errors.
"""

import argparse, json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pianoalign.datasets import evaluation_segments, experiment_corpus, feature_store
from pianoalign.network import NetworkSettings, parameter_count
from pianoalign.files import repo_root
from pianoalign.metrics import remove_shift, summarise
from pianoalign.judging import evaluate
from pianoalign.runs import load_network, read_errors, save_weights, write_npz
from pianoalign.files import write_json

TITLES = {
    "maps": "# Weights of the shipped aligner\n\n`pianoalign align` uses these unless it is told otherwise.",
    "base": "# Weights of the paper's experiment: CRNN\n\nThe base run of Tables 1 to 6 in tier `maps`; `pianoalign align --weights base` uses them, with the paper's decoding.",
    "free": "# Weights for any use\n\nTrained only on material that anyone may use for any purpose; `pianoalign align --weights free` uses them.",
    "blind": "# Weights of the paper's experiment: CRNN without MIDI\n\nThe blind row of Table 1 in tier `maps`, which hears the recording and does not see the notes; `pianoalign align --weights blind` uses them.",
}
CARD = """{title} One network, {parameters:,} parameters ({size}), stored as float16.

**Licence: {licence}**{terms}. {source}

**Training.** {steps:,} steps of {batch} crops of {crop_s:g} s ({hours:.1f} hours of crops), {minutes:.1f} minutes on one CPU core, seed {seed}. Jitter as published, up to {jitter_ms:.0f} ms.{remark} All settings: `config.json`. Made by

```
{command}
python workflow/ship_weights.py results/{tier}/runs/{run}{more}{elsewhere}{beside}
```

**Results**, share of notes within a tolerance after jitter as published, in percent, with the 95 % interval over recordings. {sets} *paper*: threshold, blocks and matching as in §2.3{high}. *Shift removed*: less each recording's median, since labels of recordings are early or late as a whole. The labels of the Disklaviers are off note by note as well (chapter 6.5 measures by how much): figures there say more about labels than about networks.

| set | recordings | notes | method | ≤ 10 ms | ≤ 25 ms | ≤ 50 ms | median, ms | ≤ 10 ms, shift removed |
|---|---:|---:|---|---|---|---|---:|---|
{rows}

**Limits.** Piano only. Without DTW, notes that are more than half a second off are not found. {limits}
"""

CORPORA = {
    "demo": dict(
        licence="CC BY-NC-SA 4.0",
        tier="demo",
        command="make reproduce",
        source="Trained on the 54 recordings of the demo corpus (`corpus/README.md`): performances of the ASAP data set on two sampled pianos and an additive one.",
        sets="Pianos of the three sets were not trained on: `valid` and `test`, twelve pieces each, and `recordings`, six performances against a metronome, are three voicings of another sampled piano.",
        limits="Training was short and heard few instruments, none of them recorded with microphones: on a real piano expect fewer notes to be found, and quiet ones and dense passages to stay near their given times.",
    ),
    "maps": dict(
        licence="CC BY-NC-SA 4.0",
        tier="maps",
        command="make reproduce TIER=maps CORPUS=MAPS",
        source="Trained on the six sampled pianos of MAPS that are at hand (V. Emiya, R. Badeau, B. David, IEEE TASLP 18 (6), 2010; CC BY-NC-SA 2.0 FR, whose terms allow a later version), 150 recordings as Ogg Vorbis at 16 kHz.",
        sets="`test`: ENSTDkCl, a Disklavier with close microphones; `valid`: ENSTDkAm, the same from afar; `recordings`: six performances of the demo corpus, on a sampled piano that was not trained on.",
        limits="Minutes of training at half the paper's width, for comparison with its tables; the weights `maps` are the ones made for aligning files.",
    ),
    "maps+demo": dict(
        licence="CC BY-NC-SA 4.0",
        tier="weights",
        command="pianoalign train crnn_onsets --tier weights --corpus-root MAPS",
        source="Trained on five of the seven sampled pianos of MAPS (V. Emiya, R. Badeau, B. David, IEEE TASLP 18 (6), 2010; CC BY-NC-SA 2.0 FR, whose terms allow a later version), 124 recordings as Ogg Vorbis at 16 kHz, and on the 54 training recordings of the demo corpus (`corpus/README.md`), with rooms, equalisers, detuning and noise imitated.",
        sets="`test`: ENSTDkCl, a Disklavier with close microphones; `valid`: ENSTDkAm, the same from afar; `unseen`: AkPnCGdD, a sampled piano kept out of training whole; `recordings`: six performances of the demo corpus, on a sampled piano kept out as well.",
        limits="It has heard no piano through a microphone in training. What the sostenuto pedal holds, prepared or badly tuned pianos, and other instruments were never heard.",
    ),
    "maps+demo+free": dict(
        licence="CC BY-NC-SA 4.0",
        tier="weights",
        command="python corpus/free/make_free.py --soundfonts FONTS --out corpus/free\npianoalign train crnn_onsets_3 --tier weights --corpus-root MAPS",
        source="Trained on five of the seven sampled pianos of MAPS (V. Emiya, R. Badeau, B. David, IEEE TASLP 18 (6), 2010; CC BY-NC-SA 2.0 FR, whose terms allow a later version), 124 recordings as Ogg Vorbis at 16 kHz, on the 54 training recordings of the demo corpus (`corpus/README.md`), and on the training recordings of the free corpus (`corpus/free/README.md`) less those played by MuseScore General, with rooms, equalisers, detuning and noise imitated.",
        sets="`test`: ENSTDkCl, a Disklavier with close microphones; `valid`: ENSTDkAm, the same from afar; `unseen`: AkPnCGdD, a sampled piano kept out of training whole; `recordings`: six performances of the demo corpus, on a sampled piano kept out as well (`free` has heard it).",
        limits="It has heard no piano through a microphone in training. What the sostenuto pedal holds, prepared or badly tuned pianos, and other instruments were hardly heard.",
    ),
    "free": dict(
        licence="Apache-2.0",
        tier="free",
        terms=", that of the code",
        command="python corpus/free/make_free.py --soundfonts FONTS --out FREE\npianoalign train crnn_onsets --tier free --corpus-root FREE",
        source="That is possible because nobody else's terms are in them: trained on the free corpus (`corpus/free/README.md`), some two and a half hours of invented performances. Half are of scores whose music is in the public domain and whose files, as they come with music21, claim no rights; half are generated. The sound is from FluidR3 and MuseScore General (both MIT licence) and from an additive piano of our own, with rooms, equalisers, detuning and noise imitated. The data sets named below, which are under CC BY-NC-SA, served to measure it; its settings are those of `maps` with what chapter 6.9 found to help, and both were found with their help.",
        sets="`test`: ENSTDkCl, a Disklavier of MAPS (V. Emiya, R. Badeau, B. David, IEEE TASLP 18 (6), 2010) with close microphones; `valid`: ENSTDkAm, the same from afar; `unseen`: AkPnCGdD, a sampled piano of MAPS; `recordings`: six performances of the demo corpus, on MuseScore General's grand, **which was heard in training** (its music was not); `own valid`: the free corpus's validation, other works, timbres that were heard.",
        limits="It has heard neither a pianist nor a piano through a microphone in training. Some harpsichords, guitars and mallets of a sound font were heard, but nothing was measured on them.",
    ),
}
NAMES = {
    "unaligned": "unaligned",
    "dtw_crnn": "DTW + CRNN, paper",
    "crnn": "CRNN, paper",
    "crnn_high_resolution": "CRNN, high resolution",
}


def row(set_name, method, pieces, of=""):
    raw, free = summarise(pieces), summarise(remove_shift(pieces)[0])
    share = lambda v, w: (
        f"{v[f'within_{w}_pct']:.1f} [{v[f'within_{w}_pct_lo']:.1f}, {v[f'within_{w}_pct_hi']:.1f}]"
    )
    return f"| {set_name} | {len(pieces)} | {raw['notes']:,} | {NAMES[method]}{of} | {share(raw, 10)} | {share(raw, 25)} | {share(raw, 50)} | {raw['median_ms']:.1f} | {share(free, 10)} |"


def judge_on_maps(run, network, experiment, root, cache):
    "Errors of a finished run on MAPS, with its own settings of notes and jitter: kept beside its own errors."
    data = replace(experiment.data, corpus="maps", held_out="AkPnCGdD")
    corpus = [r for r in experiment_corpus(data, root) if r.split != "train"]
    sets = {
        s: evaluation_segments([r for r in corpus if r.split == s], data)
        for s in ("test", "valid", "unseen")
    }
    errors, _, _ = evaluate(
        network,
        experiment,
        sets,
        feature_store(corpus, experiment.audio, cache, True),
        progress=True,
    )
    (run / "maps").mkdir(exist_ok=True)
    write_npz(run / "maps" / "errors.npz", {k: v.astype(np.float32) for k, v in errors.items()})


def all_errors(run):
    "(set, method) -> piece -> errors; where the run was judged on MAPS as well, its own validation is `own valid`."
    own = read_errors(run)
    if not (run / "maps" / "errors.npz").exists():
        return own
    return read_errors(run / "maps") | {
        ("own valid" if s == "valid" else s, m): pieces for (s, m), pieces in own.items()
    }


def before(run, experiment):
    "Names, steps and minutes of the runs that this one goes on from, the first one first."
    start, out = experiment.training.init_from, []
    while start:
        m = json.loads((run.parent / start / "metrics.json").read_text())
        out.insert(0, (start.rsplit("-", 1)[0], m["steps_trained"], m["seconds_trained"] / 60))
        start = json.loads((run.parent / start / "config.json").read_text())["experiment"][
            "training"
        ].get("init_from", "")
    return out


LOOSER = {
    "mixed": "Three examples in ten drift, or have chords that move as one, by up to 250 ms.",
    "wide": "Six examples in ten drift, have chords that move as one, or notes that go further, by up to 400 ms.",
}


def widths(settings):
    return settings.filters, settings.dense, settings.hidden


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a finished run folder")
    parser.add_argument(
        "--name", choices=TITLES, default="maps", help="of the folder in pianoalign/weights"
    )
    parser.add_argument(
        "--remark", default="", help="a sentence for the card about how this run was made"
    )
    parser.add_argument(
        "--beside",
        metavar="NAME=RUN",
        help="rows of other weights that ship, from their run folder: for sets that both were judged on",
    )
    parser.add_argument("--judge-on", metavar="maps=FOLDER", help="judge the run on MAPS too")
    parser.add_argument(
        "--cache",
        type=Path,
        default=repo_root() / ".cache" / "features",
        help="where spectrograms are kept",
    )
    arguments = parser.parse_args()
    run = arguments.run
    if arguments.beside and "=" not in arguments.beside:
        parser.error("--beside: give NAME=RUN")
    if arguments.judge_on and not arguments.judge_on.startswith("maps="):
        parser.error("--judge-on: give maps=FOLDER")
    network, experiment = load_network(run)
    if arguments.judge_on:
        judge_on_maps(
            run,
            network,
            experiment,
            Path(arguments.judge_on.removeprefix("maps=")),
            arguments.cache,
        )
    metrics = json.loads((run / "metrics.json").read_text())
    folder = repo_root() / "pianoalign" / "weights" / arguments.name
    save_weights(network, experiment, folder, half=True, step=metrics["steps_trained"])
    t, errors, earlier = experiment.training, all_errors(run), before(run, experiment)
    if (run / "maps").exists():
        metrics["sets"] = {
            s: {m: summarise(pieces) for (of, m), pieces in errors.items() if of == s}
            for s in sorted({s for s, _ in errors})
        }
    write_json(folder / "metrics.json", metrics)
    name, _, other = (arguments.beside or "").partition("=")
    others, notes_of = (
        all_errors(Path(other)) if other else {},
        lambda pieces: {p: len(e) for p, e in pieces.items()},
    )
    rows = []
    for s, m in ((s, m) for s in sorted({s for s, _ in errors}) for m in NAMES if (s, m) in errors):
        rows.append(row(s, m, errors[s, m]))
        if (
            m != "unaligned"
            and (s, m) in others
            and notes_of(others[s, m]) == notes_of(errors[s, m])
        ):
            rows.append(row(s, m, others[s, m], f" (`{name}`)"))
    rows = "\n".join(rows)
    (folder / "README.md").write_text(
        CARD.format(
            **{"terms": ", that of the recordings they were trained on; not that of the code"}
            | CORPORA[experiment.data.corpus],
            beside=f" --beside {name}=results/{other.split('results/')[-1]}" if other else "",
            elsewhere=" --judge-on maps=MAPS" if (run / "maps").exists() else "",
            title=TITLES[arguments.name],
            run=experiment.folder_name,
            more="" if arguments.name == "maps" else f" --name {arguments.name}",
            size=(
                "the paper's CRNN"
                if widths(experiment.network) == widths(NetworkSettings())
                else "a smaller CRNN than the paper's"
            )
            + (", with a second head for onsets" if experiment.network.onset_head else ""),
            high="; *high resolution*: peaks of the onset head"
            if experiment.network.onset_head
            else "",
            parameters=parameter_count(network),
            steps=metrics["steps_trained"],
            batch=t.batch,
            crop_s=t.crop_s,
            seed=t.seed,
            rows=rows,
            hours=metrics["steps_trained"] * t.batch * t.crop_s / 3600,
            minutes=metrics["seconds_trained"] / 60,
            jitter_ms=1000 * experiment.data.max_jitter_s,
            remark=(
                " " + LOOSER[experiment.data.training_jitter]
                if experiment.data.training_jitter in LOOSER
                else ""
            )
            + (
                " MAPS's labels are freed of their step (chapter 3.1)."
                if experiment.data.step_removed
                else ""
            )
            + (
                " All that is so of the last stage: "
                + ", ".join(
                    f"the first {steps:,} steps ({minutes:.0f} minutes) were those of `{name}`"
                    for name, steps, minutes in earlier
                )
                + ", whose settings and figures stand beside it in `results/`."
                if earlier
                else ""
            )
            + (" " + arguments.remark if arguments.remark else ""),
        )
    )
    print(f"{folder} holds the weights of {experiment.folder_name}")


if __name__ == "__main__":
    main()

"What chapter 3.2 cannot show: whole runs, interrupted runs, other corpora."

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from pianoalign.datasets import DataSettings, experiment_corpus, load_corpus
from pianoalign.network import CRNN, NetworkSettings
from pianoalign.files import InputError
from pianoalign.notes import Notes
from pianoalign.midi import write_midi
from pianoalign.report.plots import synthesise
from pianoalign.experiments import Experiment, load_plan, TrainingSettings
from pianoalign.runs import (
    RunFolder,
    find_run,
    load_network,
    read_errors,
    run_to_start_from,
    save_weights,
    shipped_run,
)
from pianoalign.training import Examples, Run, drawn_ahead, train

ROOT = Path(__file__).resolve().parent.parent
TOY = Experiment(
    "toy",
    network=NetworkSettings(filters=(4, 4, 8), dense=8, hidden=8),
    training=TrainingSettings(steps=12, batch=2, crop_s=1.0, prior_bias=True, forget_bias=1.0),
)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    "A folder laid out as MAPS is, with three short toy recordings."
    root = tmp_path_factory.mktemp("maps")
    for k, piano in enumerate(("AkPnBcht", "ENSTDkAm", "ENSTDkCl")):
        rng = np.random.default_rng(k)
        onset_s = 0.3 + 0.21 * np.arange(30) + rng.uniform(0, 0.1, 30)
        notes = Notes.from_arrays(onset_s, onset_s + 0.2, rng.integers(48, 72, 30))
        stem = root / piano / f"MAPS_MUS-toy{k}_{piano}"
        stem.parent.mkdir()
        soundfile.write(f"{stem}.wav", synthesise(notes, 16000), 16000)
        rows = "\n".join(
            f"{a:.6f}\t{b:.6f}\t{p}" for a, b, p in zip(notes.onset_s, notes.offset_s, notes.pitch)
        )
        Path(f"{stem}.txt").write_text("OnsetTime\tOffsetTime\tMidiPitch\n" + rows + "\n")
    return root


def run(experiment, runs, maps, tmp_path, **more):
    torch.set_num_threads(1)
    settings = dict(sets=("valid", "test"), progress=False, device="cpu") | more
    return train(experiment, runs, maps, cache_dir=tmp_path / "features", **settings)


def bytes_of(folder, name):
    return (Path(folder) / name).read_bytes()


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(maps, tmp_path):
    folders = [run(TOY, tmp_path / name, maps, tmp_path) for name in ("a", "b")]
    other = run(
        replace(TOY, training=replace(TOY.training, seed=1)), tmp_path / "a", maps, tmp_path
    )
    for name in ("errors.npz", "figure3.npz", "checkpoint/weights.safetensors"):
        assert bytes_of(folders[0], name) == bytes_of(folders[1], name)
    assert bytes_of(folders[0], "checkpoint/weights.safetensors") != bytes_of(
        other, "checkpoint/weights.safetensors"
    )
    errors = read_errors(folders[0])
    assert set(errors) == {
        (s, m) for s in ("valid", "test") for m in ("unaligned", "crnn", "crnn_rank")
    }
    assert all(len(e) == 30 for pieces in errors.values() for e in pieces.values())
    assert (
        not list((folders[0] / "checkpoint").glob("state*"))
        and not (folders[0] / "progress.json").exists()
    )


def test_killed_run_goes_on_and_ends_as_if_nothing_had_happened(maps, tmp_path):
    slow = replace(TOY, training=replace(TOY.training, steps=40))
    straight = run(slow, tmp_path / "straight", maps, tmp_path)
    state = tmp_path / "killed" / slow.folder_name / "checkpoint" / "state.safetensors"
    code = (
        "import json, os, signal, sys, torch\n"
        "import pianoalign.training as t; torch.set_num_threads(1)\n"
        "from pianoalign.experiments import experiment_from_dict\n"
        "step = t.Run.advance\n"
        "def killed(self, batch=None):\n"
        "    step(self, batch)\n"
        f"    if os.path.exists({str(state)!r}): os.kill(os.getpid(), signal.SIGKILL)\n"
        "t.Run.advance = killed\n"
        "e = experiment_from_dict(json.loads(sys.argv[1]))\n"
        "t.train(e, sys.argv[2], sys.argv[3], cache_dir=sys.argv[4], sets=('valid', 'test'),\n"
        "    progress=False, device='cpu')\n"
    )
    words = [json.dumps(slow.to_dict()), tmp_path / "killed", maps, tmp_path / "features"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)])
    assert done.returncode == -signal.SIGKILL
    assert state.exists() and not (state.parent.parent / "metrics.json").exists(), (
        "the run ended before it could be killed"
    )
    resumed = run(slow, tmp_path / "killed", maps, tmp_path)
    for name in ("errors.npz", "checkpoint/weights.safetensors"):
        assert (resumed / name).read_bytes() == (straight / name).read_bytes()


def test_epochs_stop_early_and_keep_the_best_weights(maps, tmp_path):
    paper = replace(
        TOY,
        training=TrainingSettings(batch=2, epochs=30, min_epochs=2, patience=2, learning_rate=0.3),
    )  # too fast, so that it gets worse
    folder = run(paper, tmp_path / "runs", maps, tmp_path)
    import pandas as pd

    history = pd.read_csv(folder / "history.csv")
    assert history.epoch.iloc[-1] < 30 and (history.epoch == np.arange(1, len(history) + 1)).all()
    assert history.epoch.iloc[-1] - history.epoch[history.valid_loss.idxmin()] == 2
    network, experiment = load_network(folder)
    assert experiment == paper and not network.training


def test_finished_run_is_left_alone_until_the_corpus_changes(maps, tmp_path):
    folder = run(TOY, tmp_path / "runs", maps, tmp_path)
    written = (folder / "metrics.json").stat().st_mtime_ns
    assert (
        run(TOY, tmp_path / "runs", maps, tmp_path) == folder == find_run(tmp_path / "runs", "toy")
    )
    assert (folder / "metrics.json").stat().st_mtime_ns == written
    labels = next((maps / "ENSTDkAm").glob("*.txt"))
    before = labels.read_text()
    try:
        labels.write_text(before.rsplit("\n", 2)[0] + "\n")  # one note less
        run(TOY, tmp_path / "runs", maps, tmp_path)
    finally:
        labels.write_text(before)
    assert (folder / "metrics.json").stat().st_mtime_ns != written


def test_a_run_that_came_without_its_weights_is_trained(maps, tmp_path):
    "As in a clone: figures are committed, weights are not."
    folder = run(TOY, tmp_path / "runs", maps, tmp_path)
    before = (folder / "metrics.json").read_text()
    (folder / "checkpoint" / "weights.safetensors").unlink()
    assert run(TOY, tmp_path / "runs", maps, tmp_path) == folder and load_network(folder)

    def without_time(text):
        return {k: v for k, v in json.loads(text).items() if not k.startswith("seconds_")}

    assert without_time((folder / "metrics.json").read_text()) == without_time(before)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_run_killed_while_it_is_judged_is_judged_and_not_trained_on(
    maps, tmp_path, monkeypatch, early_stopping
):
    "With early stopping the best weights count; they must not be taken for the last ones."
    e = TOY
    if early_stopping:
        e = replace(
            TOY,
            training=TrainingSettings(
                batch=2, epochs=30, min_epochs=2, patience=2, learning_rate=0.3
            ),
        )
    straight = run(e, tmp_path / "straight", maps, tmp_path)

    class Killed(BaseException):
        pass

    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("pianoalign.judging.judge", killed)
        with pytest.raises(Killed):
            run(e, tmp_path / "killed", maps, tmp_path)
    folder = RunFolder(tmp_path / "killed" / e.folder_name)
    assert folder.trained and not folder.finished and folder.state.exists()
    with monkeypatch.context() as patch:
        patch.setattr("pianoalign.training.Run.advance", killed)  # not one step more
        resumed = run(e, tmp_path / "killed", maps, tmp_path)
    for name in ("errors.npz", "checkpoint/weights.safetensors", "history.csv"):
        if name == "history.csv":  # but for the seconds
            a, b = (pd.read_csv(f / name).drop(columns="seconds") for f in (straight, resumed))
            assert a.equals(b)
        else:
            assert bytes_of(straight, name) == bytes_of(resumed, name)
    a, b = (RunFolder(f).read("metrics.json") for f in (straight, resumed))
    assert a["steps_trained"] == b["steps_trained"] and a["sets"] == b["sets"]
    assert not folder.state.exists()


def test_weights_of_an_older_folder_are_judged_too(maps, tmp_path):
    "Folders that were written before checkpoints said how they were trained."
    folder = RunFolder(run(TOY, tmp_path / "runs", maps, tmp_path))
    before = bytes_of(folder.path, "errors.npz")
    config = folder.read("checkpoint/config.json")
    del config["trained"]
    (folder.checkpoint / "config.json").write_text(json.dumps(config))
    folder.forget("metrics.json", "errors.npz")
    run(TOY, tmp_path / "runs", maps, tmp_path)
    assert bytes_of(folder.path, "errors.npz") == before
    told = folder.read("metrics.json")
    assert told["steps_trained"] == 12 and told["recipe"] == "ours" and told["width"] < 0.1


def test_weights_from_another_corpus_do_not_count(maps, tmp_path):
    folder = RunFolder(run(TOY, tmp_path / "runs", maps, tmp_path))
    before = bytes_of(folder.path, "checkpoint/weights.safetensors")
    folder.forget("metrics.json")
    labels = next((maps / "AkPnBcht").glob("*.txt"))
    text = labels.read_text()
    try:
        labels.write_text(text.rsplit("\n", 4)[0] + "\n")  # three notes less
        run(TOY, tmp_path / "runs", maps, tmp_path)
    finally:
        labels.write_text(text)
    assert bytes_of(folder.path, "checkpoint/weights.safetensors") != before


def test_a_run_says_how_it_was_trained(maps, tmp_path):
    folder = RunFolder(run(TOY, tmp_path / "runs", maps, tmp_path))
    told = folder.read("metrics.json")
    assert told["device"] == "cpu" and told["precision"] == "float32" and told["processor"]
    assert 0 < told["seconds_trained"] < 60 and told["epochs"] > 1 and "commit" in told
    assert folder.how_trained() == {
        k: round(v, 1) if k == "epochs" else v
        for k, v in told.items()
        if k in ("width", "epochs", "recipe", "precision", "seconds_trained", "device")
    }


def test_examples_drawn_ahead_are_those_drawn_in_order(maps, tmp_path):
    e = replace(TOY, network=replace(TOY.network, onset_head=True))
    recordings = [r for r in experiment_corpus(e.data, maps) if r.split == "train"]
    features = {r.id: np.random.default_rng(1).normal(size=(800, 88)) for r in recordings}
    examples = Examples(recordings, features, e)
    for workers in (1, 4):
        steps = 3
        for batch in drawn_ahead(examples, 3, 20, workers=workers):
            for ahead, in_order in zip(batch, examples.batch(steps)):
                assert np.array_equal(ahead.numpy(), in_order)
            steps += 1
        assert steps == 20
    early = drawn_ahead(examples, 0, 1000)
    next(early)
    early.close()  # a run that stops early waits for no more than what is being drawn

    def broken(step):
        raise InputError(f"step {step}")

    examples.batch = broken
    with pytest.raises(InputError, match="step 7"):
        next(drawn_ahead(examples, 7, 9))


def test_losses_are_read_once_and_stay_as_they_were(maps, tmp_path):
    recordings = [r for r in experiment_corpus(TOY.data, maps) if r.split == "train"]
    features = {r.id: np.random.default_rng(1).normal(size=(800, 88)) for r in recordings}
    one, other = (Run(TOY, Examples(recordings, features, TOY)) for _ in range(2))
    for _ in range(4):
        one.advance()
        other.advance()
        assert len(other.losses) == other.step  # read at every step
    assert one.losses == other.losses and all(type(x) is float for x in one.losses)


def test_find_run_takes_the_one_that_the_plan_names(tmp_path):
    runs = tmp_path / "demo" / "runs"
    planned = load_plan().experiment("crnn", "demo").folder_name
    with pytest.raises(InputError, match="no finished run of 'crnn'"):
        find_run(runs, "crnn")
    for name in (planned, "crnn-ffffffff", "other-1", "toy-1", "toy-2"):
        (runs / name).mkdir(parents=True)
        (runs / name / "metrics.json").write_text("{}")  # the newest is not the one that is meant
    assert find_run(runs, "crnn").name == planned
    assert find_run(runs, "other").name == "other-1"
    with pytest.raises(InputError, match="toy-1, toy-2"):
        find_run(runs, "toy")
    short = load_plan().experiment("crnn", "demo", "2min").folder_name
    (runs / short).mkdir()
    (runs / short / "metrics.json").write_text("{}")
    assert find_run(runs, "crnn", "2min").name == short and find_run(runs, "crnn").name == planned


def test_run_starts_from_another_and_says_if_it_is_missing(maps, tmp_path):
    second = replace(
        TOY,
        name="second",
        training=replace(TOY.training, init_from="toy", steps=1, learning_rate=1e-9),
    )
    with pytest.raises(InputError, match="no finished run of 'toy'"):
        run(second, tmp_path / "runs", maps, tmp_path)
    first = load_network(run(TOY, tmp_path / "runs", maps, tmp_path))[0]
    near = load_network(run(second, tmp_path / "runs", maps, tmp_path))[0]
    assert (
        torch.allclose(first.output.weight, near.output.weight, atol=1e-6)
        and first.mean == near.mean
    )


def test_a_plan_names_the_very_weights_that_a_run_starts_from():
    plan = load_plan()
    plan.values["runs"]["gru"]["in_tier"] = {
        "demo": {"training": {"init_from": "crnn", "steps": 5}}
    }
    begun = plan.experiment("gru", "demo")
    assert begun.training.init_from == plan.experiment("crnn", "demo").folder_name
    plan.values["runs"]["crnn"]["training"] = {
        "seed": 9
    }  # other weights to start from: another run
    assert plan.experiment("gru", "demo").hash8 != begun.hash8
    plan.values["runs"]["gru"]["in_tier"]["demo"]["training"]["init_from"] = "gru"
    with pytest.raises(InputError, match="cannot start from itself"):
        plan.experiment("gru", "demo")


def test_settings_that_keep_their_default_leave_a_runs_name_alone():
    paper = Experiment("crnn")
    assert paper.changes() == {} and replace(TOY, name="x").changes() == TOY.changes() != {}
    assert replace(paper, data=replace(paper.data, room_s=0.5)).changes() == {
        "data": {"room_s": 0.5}
    }
    assert (
        len(
            {
                paper.hash8,
                replace(paper, name="gru").hash8,
                replace(paper, data=replace(paper.data, room_s=0.5)).hash8,
            }
        )
        == 3
    )


def test_other_rooms_need_log_magnitudes(maps, tmp_path):
    wild = replace(
        TOY, audio=replace(TOY.audio, scale="lin"), data=replace(TOY.data, noise_db=20.0)
    )
    with pytest.raises(InputError, match="take scale 'log'"):
        run(wild, tmp_path / "runs", maps, tmp_path)


def test_free_corpus_beside_others_leaves_out_the_pianos_of_the_tests(maps, tmp_path):
    demo = tmp_path / "demo"
    both = {
        "demo": (demo, ["FluidR3 Yamaha Grand Piano"]),
        "free": (
            demo / "free",
            ["FluidR3 Honky Tonk", "MuseScore General HQ Grand Piano (bank 0, program 0)"],
        ),
    }
    for name, (folder, pianos) in both.items():
        (folder / "midi").mkdir(parents=True)
        rows = [
            dict(id=f"{name}_{k}", split="train", piano=p, title="x", duration_s=2.0)
            for k, p in enumerate(pianos)
        ]
        pd.DataFrame(rows).to_csv(folder / "index.csv", index=False)
        for r in rows:
            write_midi(Notes.from_arrays([0.5], [1.0], [60]), folder / "midi" / f"{r['id']}.mid")
    data = replace(TOY.data, corpus="maps+demo+free")
    ids = [r.id for r in experiment_corpus(data, maps, demo) if r.split == "train"]
    assert {"demo_0", "free_0"} <= set(ids) and "free_1" not in ids
    with pytest.raises(InputError, match="needs the folder of the demo corpus"):
        experiment_corpus(data, maps)
    (demo / "free" / "index.csv").unlink()
    with pytest.raises(InputError, match="make_free.py makes it"):
        experiment_corpus(data, maps, demo)


def test_an_onset_head_may_say_the_place(maps, tmp_path):
    folder = run(
        replace(TOY, network=replace(TOY.network, onset_head=True, onset_place=True)),
        tmp_path / "runs",
        maps,
        tmp_path,
    )
    network, experiment = load_network(folder)
    assert experiment.network.onset_place and network.onset_output.out_features == 176
    assert (
        len(read_errors(folder)["valid", "crnn_high_resolution"]) == 1
        and json.loads((folder / "metrics.json").read_text())["steps_trained"] == 12
    )
    from pianoalign.tool.aligner import open_engine

    with pytest.raises(InputError, match="aligner does not read"):
        open_engine(folder)


def test_a_piano_can_be_held_out(maps, tmp_path):
    pianos = sorted({r.piano for r in load_corpus("maps", maps, ("train",))})
    data = replace(TOY.data, held_out=pianos[0])
    kept = experiment_corpus(data, maps)
    assert {r.piano for r in kept if r.split == "unseen"} == {pianos[0]} and pianos[0] not in {
        r.piano for r in kept if r.split == "train"
    }
    with pytest.raises(InputError, match="has only"):
        experiment_corpus(replace(data, held_out="Steinway"), maps)


def test_budget_ends_a_run(maps, tmp_path):
    folder = run(
        replace(TOY, training=replace(TOY.training, steps=10**6, budget_s=0.5)),
        tmp_path / "runs",
        maps,
        tmp_path,
    )
    metrics = json.loads((folder / "metrics.json").read_text())
    assert 1 <= metrics["steps_trained"] < 10**5 and metrics["seconds_on_the_wall"] >= 0.5
    assert 0 < metrics["seconds_trained"]


@pytest.mark.parametrize(
    "tier, name, says",
    [("dmo", "crnn", "did you mean 'demo'"), ("demo", "crnn_blnd", "did you mean 'crnn_blind'")],
)
def test_an_unknown_tier_or_run_is_answered_by_the_nearest_name(tier, name, says):
    with pytest.raises(InputError, match=says):
        load_plan().experiment(name, tier)


def test_a_network_may_start_from_one_that_hears_no_differences():
    from pianoalign.training import widened

    small, large = (
        CRNN(NetworkSettings(filters=(2, 2, 4), dense=8, hidden=4, difference=d)).eval()
        for d in (False, True)
    )
    large.load_state_dict(widened(small.state_dict(), large.state_dict()))
    image, roll = torch.randn(1, 30, 88), torch.zeros(1, 30, 88)
    with torch.inference_mode():
        assert torch.allclose(small(image, roll), large(image, roll), atol=1e-6)
    with pytest.raises(RuntimeError, match="size mismatch"):
        small.load_state_dict(widened(large.state_dict(), small.state_dict()))


def test_full_disk_leaves_nothing_half_written(maps, tmp_path, monkeypatch):
    import pianoalign.datasets as datasets

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(datasets.np, "save", full)
    with pytest.raises(InputError, match="No space left.*free some space"):
        run(TOY, tmp_path / "runs", maps, tmp_path)
    assert not [p for p in (tmp_path / "features").iterdir()]


def test_printed_tier_is_the_paper_to_its_letter():
    e = load_plan().experiment("crnn", "printed")
    assert e == Experiment("crnn", data=DataSettings(corpus="maps"))
    assert (
        e.training.optimiser,
        e.training.learning_rate,
        e.training.batch,
        e.training.epochs,
        e.training.min_epochs,
    ) == ("adam", 0.001, 8, 200, 50)


def test_a_run_may_belong_to_some_tiers_alone():
    plan = load_plan()
    own = set(plan.names) - set(plan.runs_of("demo"))
    assert own == {"crnn_as_printed", "crnn_onsets_2", "crnn_onsets_3", "recorded_piano"}
    assert (
        "crnn_as_printed" in plan.runs_of("maps")
        and {"crnn_onsets_2", "crnn_onsets_3"} <= set(plan.runs_of("weights"))
        and not own & set(plan.runs_of("smoke"))
    )
    printed, e = plan.experiment("crnn", "printed"), plan.experiment("crnn_as_printed", "maps")
    for section, names in (
        ("network", ("dropout",)),
        (
            "training",
            (
                "optimiser",
                "learning_rate",
                "beta2",
                "weight_decay",
                "clip_norm",
                "schedule",
                "prior_bias",
                "forget_bias",
            ),
        ),
    ):
        for name in names:
            assert getattr(getattr(e, section), name) == getattr(getattr(printed, section), name), (
                name
            )


def test_a_network_of_maps_is_judged_on_the_demo_corpus_and_stays_the_same_run(maps, tmp_path):
    few = replace(TOY, data=replace(TOY.data, per_split=1))
    alone = RunFolder(run(few, tmp_path / "alone", maps, tmp_path))
    demo = dict(sets=("valid", "demo_test"), recordings_root=ROOT / "corpus")
    folder = RunFolder(run(few, tmp_path / "both", maps, tmp_path, **demo))
    first = next(r for r in load_corpus("demo", ROOT / "corpus") if r.split == "test")
    assert list(folder.errors()["demo_test", "crnn"]) == [first.id]
    assert folder.read("config.json")["data"] == alone.read("config.json")["data"]
    weights = "checkpoint/weights.safetensors"
    assert bytes_of(folder.path, weights) == bytes_of(alone.path, weights)
    with pytest.raises(InputError, match="name its folder as well"):
        run(few, tmp_path / "nowhere", maps, tmp_path, sets=("demo_test",))


def test_every_run_of_tier_printed_is_judged_on_late_and_on_exact_labels():
    plan = load_plan()
    sets = {tuple(plan.run(name, "printed")["sets"]) for name in plan.runs_of("printed")}
    assert sets == {("valid", "test", "recordings", "demo_test")}


def test_a_tier_may_say_what_all_its_runs_are_judged_on():
    plan = load_plan()
    everywhere = ["valid", "test", "recordings", "demo_test"]
    assert plan.run("cnn", "maps")["sets"] == everywhere
    assert plan.run("cnn", "demo")["sets"] == ["valid"]
    # what a run says itself comes first
    assert plan.run("crnn_onsets", "maps")["sets"] == ["valid", "test", "recordings"]
    assert plan.experiment("cnn", "maps").data.corpus == "maps"


EARLY = replace(
    TOY,
    training=TrainingSettings(
        batch=2, crop_s=1.0, epochs=3, min_epochs=1, patience=2, learning_rate=0.3
    ),
)


@pytest.mark.parametrize("experiment, pauses", [(TOY, 2), (EARLY, 6)])
def test_a_run_that_pauses_is_judged_and_ends_as_if_it_never_had(
    maps, tmp_path, experiment, pauses
):
    "A pause after each of the first steps, in the middle of epochs and at their ends."
    straight = run(experiment, tmp_path / "straight", maps, tmp_path)
    for k in range(1, pauses + 1):
        folder = RunFolder(run(experiment, tmp_path / "paused", maps, tmp_path, pause_s=1e-9))
        told = folder.read("metrics.json")
        assert not folder.finished and not folder.trained and folder.keeps_figures
        assert told["steps_trained"] == k and told["finished"] is False and folder.state.exists()
        assert 0 < told["weights_of_epoch"] <= told["epochs"]
        with pytest.raises(InputError, match="no finished run of 'toy'"):
            find_run(tmp_path / "paused", "toy")
    again = run(experiment, tmp_path / "paused", maps, tmp_path)
    assert folder.finished and folder.read("metrics.json")["finished"] and not folder.state.exists()
    for name in ("errors.npz", "checkpoint/weights.safetensors"):
        assert bytes_of(straight, name) == bytes_of(again, name)
    for key in ("epochs", "weights_of_epoch", "steps_trained", "sets"):
        assert RunFolder(straight).read("metrics.json")[key] == folder.read("metrics.json")[key]


def test_a_killed_run_is_judged_as_it_stands_and_its_state_stays(maps, tmp_path, monkeypatch):
    "No step more; what a pause has left is replaced by what the next one finds."
    with pytest.raises(InputError, match="no weights to judge: train first"):
        run(EARLY, tmp_path / "runs", maps, tmp_path, pause_s=0)
    step = Run.advance

    def killed(self, batch=None):
        if self.step == 5:
            raise KeyboardInterrupt
        step(self, batch)
        self.save(tmp_path / "runs" / EARLY.folder_name / "checkpoint" / "state.safetensors")

    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", killed)
        with pytest.raises(KeyboardInterrupt):
            run(EARLY, tmp_path / "runs", maps, tmp_path)
    folder = RunFolder(tmp_path / "runs" / EARLY.folder_name)
    state = folder.state.read_bytes()
    assert not folder.judged
    run(EARLY, tmp_path / "runs", maps, tmp_path, pause_s=0)
    told = folder.read("metrics.json")
    assert told["steps_trained"] == 5 and folder.state.read_bytes() == state
    shutil.rmtree(folder.checkpoint)  # as in a clone, to which the state is then given
    folder.checkpoint.mkdir()
    folder.state.write_bytes(state)
    for pause_s, steps in ((0, 5), (1e-9, 6)):
        run(EARLY, tmp_path / "runs", maps, tmp_path, pause_s=pause_s, keep=True)
        assert folder.read("metrics.json")["steps_trained"] == steps
    history = pd.read_csv(folder.path / "history.csv")
    assert list(history.epoch) == list(range(1, int(folder.epochs()) + 1)) and len(history)


def test_weights_that_ship_stand_in_for_a_run_that_came_without_its_own(tmp_path):
    "As in a clone: there are the base run's figures, and its weights are in the package."
    plan = load_plan()
    start = plan.experiment("tempo001", "maps").training.init_from
    kept = ROOT / "results" / "maps" / "runs" / start
    runs = tmp_path / "maps" / "runs"
    (runs / start).mkdir(parents=True)
    for name in ("config.json", "metrics.json", "history.csv"):
        shutil.copy(kept / name, runs / start / name)
    folder, weights = run_to_start_from(runs, start)
    assert folder.path == runs / start and weights == shipped_run(start)
    without, _ = run_to_start_from(tmp_path / "elsewhere", start)
    assert without.epochs() == pytest.approx(folder.epochs(), abs=5e-4)
    base = plan.experiment("crnn", "maps")
    save_weights(CRNN(base.network), base, runs / start / "checkpoint")
    assert run_to_start_from(runs, start)[1] == runs / start  # its own come first


def test_a_row_of_table_6_is_trained_from_the_weights_that_ship(maps, tmp_path):
    "One step of it, where there is no folder of the base run."
    plan = load_plan()
    whole = plan.experiment("tempo001", "maps")
    row = replace(whole, training=replace(whole.training, steps=1, learning_rate=1e-9))
    folder = run(row, tmp_path / "runs", maps, tmp_path, sets=("valid",))
    told = RunFolder(folder).read("metrics.json")
    assert (told["started_from"], told["steps_trained"]) == ("crnn", 2001)
    base = load_network(shipped_run(whole.training.init_from))[0]
    assert torch.allclose(load_network(folder)[0].output.weight, base.output.weight, atol=1e-6)


@pytest.mark.parametrize("figures", [True, False])
def test_weights_that_are_nowhere_have_a_command_that_trains_them(tmp_path, figures):
    runs = tmp_path / "demo" / "runs"
    (runs / "crnn-0123abcd").mkdir(parents=True)
    if figures:
        (runs / "crnn-0123abcd" / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match="`pianoalign train crnn --tier demo` trains it") as told:
        run_to_start_from(runs, "crnn-0123abcd")
    assert ("figures and no weights" in str(told.value)) == figures

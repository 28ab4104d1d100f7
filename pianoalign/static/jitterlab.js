// The jitter laboratory and the blind listening test. Both loosen notes in the browser, as pianoalign.datasets does in Python.

const JITTER_SCALE = 0.34;                           // of the exponential, as a share of the largest deviation

/** One timing deviation from two random numbers in [0, 1): datasets.draw_deviations. */
function deviation(u, v, max, kind) {
  if (kind === 'uniform') return (2 * u - 1) * max;
  return -JITTER_SCALE * max * Math.log(1 - u * (1 - Math.exp(-1 / JITTER_SCALE))) * (v < 0.5 ? -1 : 1);
}
function deviations(n, max, kind, seed) {
  const random = randomNumbers(seed);
  return Float64Array.from({ length: n }, () => { const u = random(); return deviation(u, random(), max, kind); });
}

/** Deal the drawn onsets of each pitch out in the order of the true ones, so that no note overtakes another of its pitch. */
function inPitchOrder(onset, pitch, drawn) {
  const rows = Array.from(onset.keys()), byTrue = [...rows].sort((a, b) => pitch[a] - pitch[b] || onset[a] - onset[b] || a - b);
  const byDrawn = rows.sort((a, b) => pitch[a] - pitch[b] || drawn[a] - drawn[b] || a - b), ordered = new Float64Array(onset.length);
  byTrue.forEach((row, k) => { ordered[row] = drawn[byDrawn[k]]; });
  return ordered;
}

/**
 * A loose version of a layer. The same seed gives each note the same fate at every setting, so that a slider moves notes
 * instead of drawing them anew. Row -1 marks a note that the recording does not have.
 */
function loosen(truth, { max_s, kind, tempo, missing, extra, seed }, duration) {
  const n = truth.size, random = randomNumbers(seed), factor = 1 + tempo, fate = new Float64Array(n), onset = new Float64Array(n), shift = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const [u1, v1, u2, v2] = [random(), random(), random(), random()];
    fate[k] = random();
    const drawn = truth.onset[k] * factor + deviation(u1, v1, max_s, kind);
    onset[k] = Math.max(drawn, Math.min(0, truth.onset[k])); shift[k] = deviation(u2, v2, max_s, kind);
  }
  const placed = inPitchOrder(truth.onset, truth.pitch, onset), end = Float64Array.from(placed, (t, k) => Math.max(truth.end[k] * factor + shift[k], t + 0.03));
  const gone = new Set(Array.from(fate.keys()).sort((a, b) => fate[a] - fate[b]).slice(0, Math.round(missing * n))), notes = [];
  for (let k = 0; k < n; k++) if (!gone.has(k)) notes.push([placed[k], end[k], truth.pitch[k], truth.velocity[k], k]);
  const others = randomNumbers(seed + 7919);
  for (let j = Math.round(extra * n); j > 0; j--) {
    const like = Math.floor(others() * n), t = others() * duration, aside = (1 + Math.floor(others() * 4)) * (others() < 0.5 ? -1 : 1);
    notes.push([t, t + truth.end[like] - truth.onset[like], clamp(truth.pitch[like] + aside, 21, 108), truth.velocity[like], -1]);
  }
  return new Layer({ key: 'unaligned', name: 'Loosened', onset: Float64Array.from(notes, x => x[0]), end: Float64Array.from(notes, x => x[1]), pitch: Uint8Array.from(notes, x => x[2]), velocity: Uint8Array.from(notes, x => x[3]), row: Int32Array.from(notes, x => x[4]) });
}

/** A canvas that fills its box and is drawn again when box or theme changes. `paint(context, width, height)` in CSS pixels. */
class Plot {
  constructor(label, theme, paint) {
    this.canvas = h('canvas', { role: 'img', 'aria-label': label }); this.element = h('div', { class: 'pa-plot' }, this.canvas);
    this.theme = theme; this.paint = paint; this.resizer = new ResizeObserver(() => this.draw()); this.resizer.observe(this.element);
  }
  draw() {
    const ratio = window.devicePixelRatio || 1, { width, height } = this.element.getBoundingClientRect();
    if (width < 10) return;
    this.canvas.width = Math.round(width * ratio); this.canvas.height = Math.round(height * ratio);
    const c = this.canvas.getContext('2d'); c.scale(ratio, ratio); c.fillStyle = this.theme.colour.canvas; c.fillRect(0, 0, width, height);
    c.font = `11px ${this.theme.font}`; this.paint(c, width, height, this.theme.colour);
  }
  close() { this.resizer.disconnect(); }
}

/** Counts of signed errors in bins of equal width around 0: {width_ms, edge_ms, counts}. */
function histogram(errors) {
  const sizes = Float64Array.from(errors, e => Math.abs(1000 * e)).sort(), far = sizes.length ? sizes[Math.min(sizes.length - 1, Math.floor(0.995 * sizes.length))] : 0;
  const edge = [60, 120, 240, 480, 1200, 2400, 6000, 24000].find(e => e >= far) || 60000, half = 30, width = edge / half, counts = new Int32Array(2 * half);
  for (const e of errors) counts[clamp(Math.floor(1000 * e / width) + half, 0, 2 * half - 1)]++;
  return { width_ms: width, edge_ms: edge, counts };
}

function paintHistogram(c, width, height, colour, { counts, edge_ms, width_ms }) {
  const left = 40, right = 12, top = 26, bottom = 34, w = width - left - right, tall = height - top - bottom, x = ms => left + (ms + edge_ms) / (2 * edge_ms) * w;
  const most = Math.max(4, ...counts), step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find(s => most / s <= 4) || 10000;
  c.textBaseline = 'middle'; c.textAlign = 'right';
  for (let k = 0; k <= most; k += step) { const y = top + tall * (1 - k / most); c.fillStyle = colour.line; c.fillRect(left, Math.round(y), w, 1); c.fillStyle = colour.faint; c.fillText(k, left - 5, y); }
  const bar = w / counts.length;
  counts.forEach((n, k) => {
    const middle = (k + 0.5) * width_ms - edge_ms, tallness = n / most * tall;
    c.fillStyle = colour[`e${errorClass(middle / 1000)}`]; c.fillRect(left + k * bar + 0.5, top + tall - tallness, Math.max(1, bar - 1), tallness);
  });
  c.textAlign = 'center';
  for (const [k, ms] of WINDOWS_MS.entries()) {      // the tolerance windows, their names left and right in turn
    if (ms >= edge_ms) continue;
    c.fillStyle = colour.faint; c.globalAlpha = 0.6;
    for (const s of [-ms, ms]) for (let y = top; y < top + tall; y += 6) c.fillRect(Math.round(x(s)), y, 1, 3);
    c.globalAlpha = 1;
    if (edge_ms <= 240 || ms >= 50) c.fillText(`±${ms}`, x(k % 2 ? -ms : ms), top - 10);
  }
  c.fillStyle = colour.ink; c.fillRect(left, top + tall, w, 1);
  for (let k = -2; k <= 2; k++) { const ms = k / 2 * edge_ms; c.fillStyle = colour.faint; c.textAlign = k === 2 ? 'right' : 'center'; c.fillText(ms === 0 ? '0' : signed(ms, 0), x(ms), top + tall + 10); }
  c.textAlign = 'center'; c.fillText('onset error (ms): early on the left, late on the right', left + w / 2, height - 9);
}

const LAB_KEYS = [['Space', 'play, pause'], ['← →', 'playhead by 1 s; with Shift by 0.1 s'], ['Page ↑ ↓', 'pan back, on'], ['+ −', 'zoom in, out'], ['0', 'whole excerpt'], ['L', 'loop what is in view, or no loop'], ['R', 'draw anew'], ['T', 'true notes, loosened notes'], ['S', 'slower'], ['Tab', 'to the sliders, then the arrow keys']];

function renderJitterLab({ model, el }) {
  const { root, fail } = frame(el, 'lab', 'Jitter laboratory');
  let closed = false, close = () => {};
  unpack(model).then(parts => { if (!closed) close = buildJitterLab(root, parts); }).catch(fail);
  return () => { closed = true; close(); };
}

function buildJitterLab(root, { data, layers, picture, player }) {
  const truth = layers[0], settings = { max_s: data.max_jitter_s, kind: data.jitter, tempo: 0, missing: 0, extra: 0, seed: data.seed };
  const items = [{ key: 'unaligned', colour: 'unaligned', visible: true, heard: true }, { layer: truth, key: 'truth', colour: 'truth', visible: true, errors: null, reference: true, outline: true }];
  const bar = soundBar(player, { layers: [{ key: 'unaligned', name: 'Loosened' }, truth], heard: 'unaligned', data, setHeard: key => hear(key) });
  const theme = new Theme(root, () => { roll.themed(); overview.paint(); plot.draw(); });
  const change = changes => { Object.assign(settings, changes); refresh(); }, percent = v => `${v} %`;
  const sliders = {
    max_s: slider('Largest deviation', { min: 0, max: 200, step: 1, value: Math.round(1000 * settings.max_s), text: v => `${v} ms`, change: v => change({ max_s: v / 1000 }) }),
    tempo: slider('Tempo drift', { min: -10, max: 10, step: 0.1, value: 0, text: v => `${signed(v)} %`, change: v => change({ tempo: v / 100 }) }),
    missing: slider('Missing notes', { min: 0, max: 50, step: 1, value: 0, text: percent, change: v => change({ missing: v / 100 }) }),
    extra: slider('Extra notes', { min: 0, max: 50, step: 1, value: 0, text: percent, change: v => change({ extra: v / 100 }) }),
  };
  const kind = chooser('Distribution', { published: 'published', uniform: 'uniform' }, settings.kind, v => change({ kind: v }));
  const seed = h('input', { type: 'number', min: '0', step: '1', value: String(settings.seed), onchange: () => change({ seed: Math.max(0, Math.round(Number(seed.value) || 0)) }) });
  const anew = () => { seed.value = String(settings.seed + 1); change({ seed: settings.seed + 1 }); };
  const helpId = newId('help'), stage = h('div', { class: 'pa-stage', tabindex: '0', role: 'application', 'aria-label': 'Piano roll: loosened notes over the true ones', 'aria-describedby': helpId }), strip = h('div', { class: 'pa-overview' });
  const loopButton = button('Loop what is in view, or no loop (L)', { face: 'loop', text: 'Loop', press: () => toggleLoop(), 'aria-pressed': 'false' });
  const plot = new Plot('Histogram of the onset errors', theme, (c, w, tall, colour) => paintHistogram(c, w, tall, colour, shown)), figures = h('div', { 'aria-live': 'polite' });
  const help = keyHelp(LAB_KEYS, 'Drag to pan, Ctrl and wheel to zoom, drag on the ruler or with Shift to choose a loop.'); help.id = helpId;
  root.append(h('header', {}, h('h3', {}, data.title), h('span', {}, `${data.n_notes} notes, ${data.duration_s.toFixed(1)} s`)),
    h('div', { class: 'pa-sliders' }, Object.values(sliders).map(s => s.element)),
    h('div', { class: 'pa-bar' }, kind.element, h('label', { class: 'pa-field' }, h('span', {}, 'Seed'), seed), button('Draw anew (R)', { text: 'Draw anew', press: anew }),
      h('span', { class: 'pa-space' }), h('div', { class: 'pa-legend', style: 'margin: 0' }, ['up to 10', 'up to 25', 'up to 50', 'over 50'].map((t, k) => h('span', {}, h('i', { class: `pa-swatch pa-e${k}` }), `${t} ms`)))),
    h('div', { class: 'pa-bar', role: 'toolbar', 'aria-label': 'Playback' }, h('div', { class: 'pa-group' }, bar.first), loopButton, bar.fields),
    h('div', { class: 'pa-bar', role: 'group', 'aria-label': 'Levels' }, bar.gains, bar.level),
    h('div', { class: 'pa-main' }, h('div', { class: 'pa-left' }, stage, strip), h('aside', { class: 'pa-side' }, plot.element, figures)), help);
  const roll = new Roll(stage, { duration: data.duration_s, origin: data.origin_s, picture, theme, pitches: pitchRange(layers) }), overview = new Overview(strip, roll);
  roll.byError = true; roll.items = items;
  roll.moved = () => overview.draw(); roll.sought = t => player.seek(t); roll.picked = row => { roll.selected = row; roll.redraw(); };
  roll.looped = loop => { player.set({ loop }); loopButton.setAttribute('aria-pressed', String(!!loop)); overview.draw(); };
  function toggleLoop() { const { t0, t1 } = roll.view; if (roll.loop) roll.setLoop(0, 0); else roll.setLoop(t0, t1); }
  let shown = histogram([]), heardKey = 'unaligned', result = null;
  function hear(key) { heardKey = key; bar.whose.value = key; player.set({ layer: key === 'truth' ? truth : items[0].layer }); }
  function refresh() {
    const layer = loosen(truth, settings, data.duration_s), errors = Float64Array.from(layer.onset, (t, k) => layer.row[k] < 0 ? Infinity : t - truth.onset[layer.row[k]]);
    const real = errors.filter(Number.isFinite);
    Object.assign(items[0], { layer, errors });
    shown = histogram(real); result = real.length ? errorFigures(real) : null;
    tabulate(layer, real); plot.draw(); roll.redraw(); overview.paint();
    if (heardKey === 'unaligned') player.set({ layer });
  }
  function tabulate(layer, real) {
    const row = (name, ours, theirs, unit) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, ours === undefined ? '' : `${ours.toFixed(1)} ${unit}`), data.published ? h('td', {}, `${theirs.toFixed(1)} ${unit}`) : null);
    const p = data.published || {}, r = result || { within_pct: {} };
    figures.replaceChildren(h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, `${real.length} notes with a partner`), h('th', { scope: 'col' }, 'here'), data.published ? h('th', { scope: 'col' }, 'paper') : null)),
      h('tbody', {}, row('mean |error|', r.mean_ms, p.mean_ms, 'ms'), row('median |error|', r.median_ms, p.median_ms, 'ms'), WINDOWS_MS.map(w => row(`within ${w} ms`, r.within_pct[w], p[`within_${w}_pct`], '%')))),
      h('small', {}, `${truth.size - real.length} notes missing, ${layer.size - real.length} extra.${data.published ? ' Paper: its unaligned row of Table 1.' : ''}`));
  }
  const keys = { ' ': () => player.toggle(), ArrowLeft: e => player.seek(player.position - (e.shiftKey ? 0.1 : 1)), ArrowRight: e => player.seek(player.position + (e.shiftKey ? 0.1 : 1)), PageUp: () => roll.pan(-0.5), PageDown: () => roll.pan(0.5),
    '+': () => roll.zoom(1.5, player.position), '=': () => roll.zoom(1.5, player.position), '-': () => roll.zoom(1 / 1.5, player.position), 0: () => roll.show(0, data.duration_s), l: toggleLoop, r: anew, t: () => hear(heardKey === 'truth' ? 'unaligned' : 'truth'), s: () => bar.cycle() };
  const forgetKeys = listenForKeys(root, keys, stage);
  player.changed = () => { bar.update(); tick(); };
  function tick() { const t = player.position; roll.playhead = t; bar.time.textContent = timeText(t + data.origin_s); if (player.playing) roll.follow(t); roll.drawOver(); overview.draw(); }
  let running = requestAnimationFrame(function step() { if (player.playing) tick(); running = requestAnimationFrame(step); });
  player.settings.sound = bar.sound.value = data.has_audio ? 'split' : 'notes'; player.settings.layer = truth;
  player.ready.then(() => { bar.update(); sayFailure(root, player); });
  refresh(); bar.update(); roll.show(0, Math.min(8, data.duration_s));
  root.pianoalign = { data, roll, player, settings, items, sliders, deviations, loosen: s => loosen(truth, { ...settings, ...s }, data.duration_s), ready: player.ready.then(() => true), get histogram() { return shown; }, get figures() { return result; } };
  return () => { forgetKeys(); cancelAnimationFrame(running); player.close(); roll.close(); overview.close(); plot.close(); theme.close(); };
}

// ---------------------------------------------------------------- the listening test: which of the two is aligned?

const LAPSE = 0.02;                                  // share of trials lost to inattention, assumed by the fit
/** Share of correct answers at a displacement: half by guessing, a logistic curve in the logarithm of the size above that. */
const shareCorrect = (size_ms, centre, spread) => 0.5 + (0.5 - LAPSE) / (1 + Math.exp(-(Math.log(size_ms) - centre) / spread));
const QUARTER = Math.log(0.25 / (0.5 - LAPSE) / (1 - 0.25 / (0.5 - LAPSE)));               // the curve is at 75 % where its argument is this

/**
 * Where the listener is right three times in four. Likelihood on a grid of thresholds (1 to 400 ms) and spreads, both taken
 * as equally likely beforehand in their logarithm; the median and the middle 95 % of what the answers leave.
 */
function fitThreshold(trials) {
  const counts = new Map();
  for (const { size_ms, correct } of trials) { const c = counts.get(size_ms) || [0, 0]; c[correct ? 0 : 1]++; counts.set(size_ms, c); }
  const thresholds = Array.from({ length: 181 }, (_, i) => Math.log(400) * i / 180), spreads = Array.from({ length: 16 }, (_, i) => 0.12 * (1 / 0.12) ** (i / 15)), grid = [];
  let best = -Infinity;
  for (const t of thresholds) grid.push(spreads.map(s => {
    let sum = 0;
    for (const [size, [right, wrong]] of counts) { const p = shareCorrect(size, t - QUARTER * s, s); sum += right * Math.log(p) + wrong * Math.log(1 - p); }
    best = Math.max(best, sum); return sum;
  }));
  const weight = grid.map(row => row.reduce((a, x) => a + Math.exp(x - best), 0)), total = weight.reduce((a, b) => a + b, 0), quantile = q => {
    let sum = 0;
    for (let i = 0; i < weight.length; i++) { sum += weight[i] / total; if (sum >= q) return Math.exp(thresholds[i]); }
    return 400;
  };
  const bySpread = spreads.map((_, j) => grid.reduce((a, row) => a + Math.exp(row[j] - best), 0)), spread = Math.exp(spreads.reduce((a, s, j) => a + Math.log(s) * bySpread[j], 0) / total);
  return { threshold_ms: quantile(0.5), low_ms: quantile(0.025), high_ms: quantile(0.975), spread, counts: [...counts].sort((a, b) => a[0] - b[0]) };
}

/** The order of trials, without page or sound: constant stimuli in random order, or a staircase (two right: harder, one wrong: easier). */
class Session {
  constructor({ method = 'constant', sizes_ms = [3, 6, 12, 25, 50, 100], repeats = 8, seed = 1, starts = [0], reversals = 10, most = 60 }) {
    Object.assign(this, { method, sizes_ms, repeats, seed, starts, reversals, most, trials: [] });
    this.random = randomNumbers(seed); this.level_ms = 80; this.right = 0; this.turns = 0; this.way = 0;
    this.queue = sizes_ms.flatMap(s => Array(repeats).fill(s));
    for (let i = this.queue.length - 1; i > 0; i--) { const j = Math.floor(this.random() * (i + 1)); [this.queue[i], this.queue[j]] = [this.queue[j], this.queue[i]]; }
  }
  get done() { return this.method === 'constant' ? this.trials.length >= this.queue.length : this.turns >= this.reversals || this.trials.length >= this.most; }
  get progress() { return this.method === 'constant' ? this.trials.length / this.queue.length : Math.max(this.turns / this.reversals, this.trials.length / this.most); }
  next() {
    if (this.done) return null;
    const size_ms = this.method === 'constant' ? this.queue[this.trials.length] : this.level_ms;
    return this.trial = { trial: this.trials.length + 1, size_ms, aligned: this.random() < 0.5 ? 1 : 2, start_s: this.starts[Math.floor(this.random() * this.starts.length)], note_seed: Math.floor(this.random() * 2 ** 31) };
  }
  answer(which, reaction_s = NaN) {
    const correct = which === this.trial.aligned;
    this.trials.push({ ...this.trial, answer: which, correct, reaction_s });
    if (this.method === 'staircase') {
      this.right = correct ? this.right + 1 : 0;
      const way = !correct ? 1 : this.right === 2 ? -1 : 0;
      if (way) {
        if (this.way && way !== this.way) this.turns++;
        this.way = way; this.right = 0; this.level_ms = clamp(this.level_ms * (this.turns < 2 ? 2 : Math.SQRT2) ** way, 1, 200);
      }
    }
    return correct;
  }
  csv(more = {}) {
    const names = ['trial', 'size_ms', 'aligned', 'answer', 'correct', 'reaction_s', 'start_s', 'note_seed', 'method', 'seed', ...Object.keys(more)];
    const line = t => [t.trial, t.size_ms.toFixed(3), t.aligned, t.answer, t.correct ? 1 : 0, Number.isFinite(t.reaction_s) ? t.reaction_s.toFixed(3) : '', t.start_s.toFixed(3), t.note_seed, this.method, this.seed, ...Object.values(more)].join(',');
    return [names.join(','), ...this.trials.map(line)].join('\n') + '\n';
  }
}

/** A listener made of a curve, to try the method on: the estimates of so many sessions. */
function simulate({ threshold_ms, spread = 0.45, lapse = LAPSE, sessions = 100, seed = 1, ...how }) {
  const random = randomNumbers(seed);
  return Array.from({ length: sessions }, (_, k) => {
    const session = new Session({ ...how, seed: seed + 1000 * (k + 1) });
    for (let trial = session.next(); trial; trial = session.next()) {
      const p = 0.5 + (0.5 - lapse) / (1 + Math.exp(-(Math.log(trial.size_ms / threshold_ms) / spread + QUARTER)));
      session.answer(random() < p ? trial.aligned : 3 - trial.aligned);
    }
    const { threshold_ms: found, low_ms, high_ms } = fitThreshold(session.trials);
    return { found_ms: found, low_ms, high_ms, trials: session.trials.length };
  });
}

/** Every note displaced by exactly so much: each early or late by chance, or all late. */
function displace(truth, size_s, kind, seed) {
  const random = randomNumbers(seed), shift = Float64Array.from(truth.onset, () => kind === 'late' || random() < 0.5 ? size_s : -size_s);
  return new Layer({ key: 'displaced', name: '', onset: truth.onset.map((t, k) => t + shift[k]), end: truth.end.map((t, k) => t + shift[k]), pitch: truth.pitch, velocity: truth.velocity });
}
/** Where an excerpt may begin: just before a note, with at least `least` notes in it. */
function excerptStarts(truth, length, duration, least = 4) {
  const fits = [];
  for (const t of truth.starts) {
    const from = Math.max(0, t - 0.2), inside = lowerBound(truth.starts, from + length - 0.15) - lowerBound(truth.starts, from);
    if (from + length <= duration && inside >= least && (!fits.length || from - fits[fits.length - 1] > 0.25)) fits.push(from);
  }
  return fits.length || least === 0 ? fits : excerptStarts(truth, length, duration, least - 1);
}

const WHICH = { each: 'each note early or late', late: 'all notes late' };
const TEST_KEYS = [['Enter', 'begin'], ['1 2', 'the first, the second was aligned'], ['R', 'hear both again'], ['Esc', 'end here and see the result']];

function renderListening({ model, el }) {
  const { root, fail } = frame(el, 'test', 'Listening test: which of the two is aligned?');
  let closed = false, close = () => {};
  unpack(model).then(parts => { if (!closed) close = buildListening(root, parts); }).catch(fail);
  return () => { closed = true; close(); };
}

function buildListening(root, { data, layers, player }) {
  const truth = layers[0], theme = new Theme(root, () => plot?.draw()), body = h('div', {}), help = keyHelp(TEST_KEYS);
  const options = { method: data.method, repeats: data.repeats, kind: data.displacement, voice: data.voice, sound: 'both', feedback: true, seed: data.seed };
  let session = null, plot = null, fit = null, busy = false, began = 0, sources = [], state = 'setup', lamps = [], timers = [], finishedPlaying = 0;
  root.append(h('header', {}, h('h3', {}, data.title), h('span', {}, 'One of two intervals has its notes where they sound; in the other each is displaced.')), body, help);

  function setup() {
    state = 'setup';
    const set = name => v => { options[name] = v; };
    const seed = h('input', { type: 'number', min: '0', step: '1', value: String(options.seed), onchange: () => { options.seed = Math.max(0, Math.round(Number(seed.value) || 0)); } });
    const feedback = h('input', { type: 'checkbox', onchange: () => { options.feedback = feedback.checked; } }); feedback.checked = options.feedback;
    const start = button('Begin (Enter)', { face: 'play', text: 'Begin', press: begin }); start.classList.add('pa-main-action');
    const trial = h('div', { class: 'pa-trial', tabindex: '0' },
      h('p', {}, `You will hear ${data.length_s} s of the recording twice, with notes. In one interval the notes begin exactly where they sound, in the other they do not. Say which one is aligned; guess if you must.`),
      h('div', { class: 'pa-bar', style: 'margin: 0; justify-content: center' },
        chooser('Method', { constant: `fixed sizes (${data.sizes_ms.length * options.repeats} trials)`, staircase: 'staircase (20 to 60 trials)' }, options.method, set('method')).element,
        chooser('Displaced', WHICH, options.kind, set('kind')).element, chooser('Notes as', VOICES, options.voice, set('voice')).element,
        chooser('Hear', { both: SOUNDS.both, split: SOUNDS.split }, options.sound, set('sound')).element,
        h('label', { class: 'pa-field' }, h('span', {}, 'Seed'), seed), h('label', { class: 'pa-field' }, feedback, 'say whether I was right')), start,
      h('p', { class: 'pa-hint' }, 'Use headphones. Nothing leaves this page.'));
    body.replaceChildren(trial); return trial;
  }
  async function begin() {
    await player.ready;
    session = new Session({ method: options.method, sizes_ms: data.sizes_ms, repeats: options.repeats, seed: options.seed, starts: excerptStarts(truth, data.length_s, data.duration_s) });
    if (!session.starts.length) { body.append(h('p', { class: 'pa-error', role: 'alert' }, `The excerpt is shorter than ${data.length_s} s or has no notes.`)); return; }
    fit = null; state = 'running'; ask();
  }
  function ask() {
    if (!session.next()) { finish(); return; }
    const status = h('p', { role: 'status' }, 'Listen …'), progress = h('progress', { max: '1', value: String(session.progress), 'aria-label': 'Progress' });
    lamps = [1, 2].map(k => button(`The ${k === 1 ? 'first' : 'second'} was aligned (${k})`, { text: String(k), press: () => reply(k), disabled: true }));
    lamps.forEach((lamp, k) => lamp.append(h('small', {}, k ? 'second' : 'first')));
    const trial = h('div', { class: 'pa-trial', tabindex: '0', 'aria-label': `Trial ${session.trials.length + 1}` }, progress, h('div', { class: 'pa-lamps', role: 'group', 'aria-label': 'Which was aligned?' }, lamps), status,
      h('div', { class: 'pa-group' }, button('Hear both again (R)', { text: 'Again', press: () => hear() }), button('End here and see the result (Esc)', { text: 'End', press: finish })));
    body.replaceChildren(trial); trial.focus({ preventScroll: true }); trial.pianoStatus = status; hear();
  }
  /** Both intervals as one stereo sound: [left, right]. */
  function sound(trial) {
    const n = Math.round(data.length_s * player.rate), gap = Math.round(0.6 * player.rate), out = [new Float32Array(2 * n + gap), new Float32Array(2 * n + gap)], edge = Math.round(0.01 * player.rate);
    for (const k of [1, 2]) {
      const layer = k === trial.aligned ? truth : displace(truth, trial.size_ms / 1000, options.kind, trial.note_seed);
      const part = new Stream({ ...player.settings, speed: 1, loop: null, layer, sound: player.samples ? options.sound : 'notes', voice: options.voice }, player.samples, player.rate, null, player.duration, trial.start_s).next(n);
      if (!part) continue;
      [part.left, part.right].forEach((channel, side) => {
        for (let j = 0; j < edge; j++) { channel[j] *= j / edge; channel[part.n - 1 - j] *= j / edge; }
        out[side].set(channel, (k - 1) * (n + gap));
      });
    }
    return out;
  }
  async function hear() {
    stop();
    player.context ||= new AudioContext({ sampleRate: player.rate });
    await player.context.resume();
    const trial = session.trial, both = sound(trial), buffer = player.context.createBuffer(2, both[0].length, player.rate), source = player.context.createBufferSource();
    both.forEach((channel, k) => buffer.copyToChannel(channel, k));
    source.buffer = buffer; source.connect(player.context.destination); source.start(player.context.currentTime + 0.15); sources = [source];
    const ms = 1000 * data.length_s, light = (k, on) => lamps[k]?.classList.toggle('pa-lit', on), open = () => { lamps.forEach(l => { l.disabled = false; }); const p = body.querySelector('[role=status]'); if (p) p.textContent = 'Which of the two was aligned?'; began = performance.now(); finishedPlaying++; };
    timers = [[150, () => light(0, true)], [150 + ms, () => light(0, false)], [750 + ms, () => light(1, true)], [750 + 2 * ms, () => { light(1, false); if (lamps[0]?.disabled) open(); }]].map(([t, f]) => setTimeout(f, t));
  }
  function stop() { timers.forEach(clearTimeout); timers = []; for (const s of sources) { try { s.stop(); } catch { /* had ended */ } s.disconnect(); } sources = []; lamps.forEach(l => l.classList.remove('pa-lit')); }
  function reply(which) {
    if (busy || state !== 'running' || lamps[0]?.disabled) return;
    const correct = session.answer(which, (performance.now() - began) / 1000); stop();
    if (!options.feedback) { ask(); return; }
    busy = true; lamps.forEach(l => { l.disabled = true; });
    body.querySelector('[role=status]').textContent = correct ? 'Right.' : `No: it was ${3 - which}.`;
    timers = [setTimeout(() => { busy = false; if (state === 'running') ask(); }, 600)];
  }
  function finish() {
    stop(); busy = false; state = 'result'; lamps = [];
    const again = button('Another round', { text: 'Another round', press: () => { options.seed++; setup().focus(); } });
    if (session.trials.length < 5) { body.replaceChildren(h('div', { class: 'pa-trial' }, h('p', {}, 'Too few answers for a result.'), again)); return; }
    fit = fitThreshold(session.trials); plot?.close();
    plot = new Plot('Share of right answers against the displacement, with the fitted curve', theme, (c, w, tall, colour) => paintListener(c, w, tall, colour, fit));
    const right = session.trials.filter(t => t.correct).length, save = button('Save the answers as CSV', { face: 'save', text: 'Save the answers (CSV)', press: download });
    const ms = x => x < 10 ? x.toFixed(1) : x.toFixed(0), above = WINDOWS_MS.filter(w => w > fit.high_ms), below = WINDOWS_MS.filter(w => w < fit.low_ms), list = x => x.length > 1 ? `${x.slice(0, -1).join(', ')} and ${x[x.length - 1]}` : `${x[0]}`;
    const verdict = [above.length ? `Errors at the edge of the ${list(above)} ms window${above.length > 1 ? 's' : ''} are audible to you here.` : '', below.length ? `You do not reliably hear errors of ${list(below)} ms.` : ''].filter(Boolean).join(' ');
    body.replaceChildren(h('div', { class: 'pa-result' }, plot.element, h('div', {}, h('h4', {}, `Threshold: ${ms(fit.threshold_ms)} ms`), h('p', {}, `95 % interval ${ms(fit.low_ms)} to ${ms(fit.high_ms)} ms; ${right} of ${session.trials.length} answers right. At the threshold three of four answers are right.`), h('p', {}, verdict), h('div', { class: 'pa-bar' }, save, again))));
  }
  const csv = () => session.csv({ displacement: options.kind, voice: options.voice, sound: options.sound, length_s: data.length_s });
  function download() {
    const url = URL.createObjectURL(new Blob([csv()], { type: 'text/csv' })), link = h('a', { href: url, download: `listening_seed${session.seed}.csv` });
    root.append(link); link.click(); link.remove(); setTimeout(() => URL.revokeObjectURL(url), 10000);
  }
  root.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT)$/.test(e.target.tagName)) return;
    const key = e.key.toLowerCase(), act = state === 'setup' ? (key === 'enter' && e.target.tagName !== 'BUTTON' ? begin : null)
      : state === 'running' ? { 1: () => reply(1), 2: () => reply(2), arrowleft: () => reply(1), arrowright: () => reply(2), r: hear, escape: finish }[key] : null;
    if (act) { act(); e.preventDefault(); e.stopPropagation(); }
  });
  setup();
  player.ready.then(() => sayFailure(root, player));
  root.pianoalign = { data, player, options, simulate, fitThreshold, sound: t => sound(t), csv, begin, ready: player.ready.then(() => true), get session() { return session; }, get state() { return state; }, get fit() { return fit; }, get heard() { return finishedPlaying; }, finish };
  return () => { stop(); player.close(); plot?.close(); theme.close(); };
}

function paintListener(c, width, height, colour, fit) {
  const left = 46, right = 14, top = 34, bottom = 38, w = width - left - right, tall = height - top - bottom, low = Math.log(1), high = Math.log(200);
  const x = ms => left + (Math.log(ms) - low) / (high - low) * w, y = share => top + tall * (1 - (share - 0.3) / 0.7);
  c.fillStyle = colour.accent; c.globalAlpha = 0.15; c.fillRect(x(Math.max(1, fit.low_ms)), top, x(Math.min(200, fit.high_ms)) - x(Math.max(1, fit.low_ms)), tall); c.globalAlpha = 1;
  c.textBaseline = 'middle'; c.textAlign = 'right';
  for (const s of [0.5, 0.75, 1]) { c.fillStyle = colour.line; c.fillRect(left, Math.round(y(s)), w, 1); c.fillStyle = colour.faint; c.fillText(`${100 * s} %`, left - 6, y(s)); }
  c.textAlign = 'center';
  for (const ms of WINDOWS_MS) { c.fillStyle = colour.faint; for (let k = top; k < top + tall; k += 6) c.fillRect(Math.round(x(ms)), k, 1, 3); c.fillText(`±${ms}`, x(ms), top - 20); }
  for (const ms of [1, 2, 5, 10, 20, 50, 100, 200]) { c.fillStyle = colour.line; c.fillRect(Math.round(x(ms)), top + tall, 1, 4); c.fillStyle = colour.faint; c.fillText(ms, x(ms), top + tall + 13); }
  c.fillText('displacement (ms)', left + w / 2, height - 9);
  c.fillStyle = colour.ink; c.fillRect(left, top + tall, w, 1);
  c.strokeStyle = colour.crnn; c.lineWidth = 2; c.beginPath();
  for (let k = 0; k <= 120; k++) { const ms = Math.exp(low + (high - low) * k / 120), p = shareCorrect(ms, Math.log(fit.threshold_ms) - QUARTER * fit.spread, fit.spread); c[k ? 'lineTo' : 'moveTo'](x(ms), y(p)); }
  c.stroke();
  for (const [size, [good, bad]] of fit.counts) { c.fillStyle = colour.ink; c.beginPath(); c.arc(x(size), y(Math.max(0.3, good / (good + bad))), 2 + 1.3 * Math.sqrt(good + bad), 0, 7); c.fill(); }
  c.strokeStyle = colour.accent; c.lineWidth = 1.5; c.beginPath(); c.moveTo(x(fit.threshold_ms), top); c.lineTo(x(fit.threshold_ms), top + tall); c.stroke();
}

const pianoalignWidget = {
  render(context) {
    const kind = context.model.get('data').kind;
    return (kind === 'jitter_lab' ? renderJitterLab : kind === 'listening_test' ? renderListening : renderExplorer)(context);
  },
};
export default pianoalignWidget;

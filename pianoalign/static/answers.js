// Pictures that answer a reader: errors that are heard at a click, and a guess beside the result.
// Follows sound.js in the same module; plain JavaScript without a build step.

const BEFORE_S = 0.4, AFTER_S = 0.8;                 // what is heard around an onset

/** A note of the recording and of one layer as two channels; `speed` below 1 slows without lowering. */
function noteSound(data, samples, k, layer, speed) {
  const at = data.place[k], shift = data.layers[layer].onset[k] - data.truth[k];
  const one = new Layer({ onset: Float64Array.of(at + shift), end: Float64Array.of(at + shift + data.length[k]),
    pitch: Uint8Array.of(data.pitch[k]), velocity: Uint8Array.of(data.velocity[k]) });
  const settings = { speed, sound: 'split', voice: 'piano', loop: null, layer: one, recordingGain: 1, notesGain: 1.6 };
  const begin = Math.max(0, at - BEFORE_S), end = Math.min(samples.length / data.rate_hz, at + AFTER_S);
  const stream = new Stream(settings, samples, data.rate_hz, speed === 1 ? null : findAttacks(samples, data.rate_hz), end, begin);
  const left = [], right = [];
  for (let part = stream.next(4096); part; part = stream.next(4096)) { left.push(part.left); right.push(part.right); }
  const whole = parts => { const out = new Float32Array(parts.reduce((n, p) => n + p.length, 0)); let n = 0; for (const p of parts) { out.set(p, n); n += p.length; } return out; };
  return { left: whole(left), right: whole(right), begin, speed };
}

/** Errors as dots; those whose sound is kept play at a click. */
class HeardErrors {
  constructor(root) {
    this.root = root;
    this.data = JSON.parse(root.querySelector('script').textContent);
    this.dots = [...root.querySelectorAll('[data-note]')];
    this.said = root.querySelector('.pa-said');
    this.slow = root.querySelector('input');
    this.note = -1;
    this.dots.forEach((dot, i) => {
      dot.addEventListener('click', () => this.choose(i));
      dot.addEventListener('keydown', e => this.key(e, i));
    });
    root.querySelectorAll('button').forEach(b => b.addEventListener('click', () => this.play(Number(b.dataset.layer))));
    this.slow.addEventListener('change', () => { if (this.note >= 0) this.play(this.layer); });
  }
  async load() {
    if (this.samples) return;
    const bytes = Uint8Array.from(atob(this.data.audio), letter => letter.charCodeAt(0));
    const offline = new OfflineAudioContext(1, 1, this.data.rate_hz);
    this.samples = (await offline.decodeAudioData(bytes.buffer)).getChannelData(0);
  }
  key(event, i) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) { const next = this.dots[(i + by + this.dots.length) % this.dots.length]; this.rove(next); next.focus(); }
    else if (event.key === 'Enter' || event.key === ' ') this.choose(i);
    else return;
    event.preventDefault(); event.stopPropagation();
  }
  rove(dot) { for (const other of this.dots) other.setAttribute('tabindex', other === dot ? '0' : '-1'); }
  choose(i) {
    const dot = this.dots[i];
    this.rove(dot);
    this.note = Number(dot.dataset.note);
    for (const b of this.root.querySelectorAll('button')) b.disabled = false;
    return this.play(Number(dot.dataset.layer));
  }
  describe() {
    const d = this.data, k = this.note, error = layer => Math.round(1000 * (layer.onset[k] - d.truth[k]));
    const each = d.layers.map(l => `${l.name} ${error(l) > 0 ? '+' : error(l) < 0 ? '−' : ''}${Math.abs(error(l))} ms`);
    this.said.textContent = `${pitchName(d.pitch[k])} at ${(d.truth[k] + d.origin_s).toFixed(2)} s: ${each.join(', ')}. Recording left, note right.`;
    for (const dot of this.dots) dot.classList.toggle('pa-chosen', Number(dot.dataset.note) === k && Number(dot.dataset.layer) === this.layer);
    for (const b of this.root.querySelectorAll('button')) b.setAttribute('aria-pressed', String(Number(b.dataset.layer) === this.layer));
  }
  async play(layer) {
    this.layer = layer; this.describe();
    try { await this.load(); } catch { this.said.textContent = 'This browser cannot decode the sound.'; return null; }
    const sound = this.sound = noteSound(this.data, this.samples, this.note, layer, this.slow.checked ? 0.5 : 1);
    this.context = this.context || new AudioContext({ sampleRate: this.data.rate_hz });
    await this.context.resume();
    if (this.source) this.source.stop();
    const buffer = this.context.createBuffer(2, sound.left.length, this.data.rate_hz);
    buffer.copyToChannel(sound.left, 0); buffer.copyToChannel(sound.right, 1);
    this.source = this.context.createBufferSource();
    this.source.buffer = buffer; this.source.connect(this.context.destination); this.source.start();
    return sound;
  }
}

/** The reader's guess, and the result beside it once the reader has asked for it. */
class Guess {
  constructor(root) {
    this.root = root;
    this.data = JSON.parse(root.querySelector('script').textContent);
    this.slider = root.querySelector('input'); this.value = root.querySelector('output');
    this.said = root.querySelector('.pa-said');
    this.slider.addEventListener('input', () => this.move());
    root.querySelector('button').addEventListener('click', () => this.show());
    this.move();
  }
  text(x, unit = this.data.unit) { return `${x.toFixed(this.data.digits)} ${unit}`; }
  put(mark, x) {
    const d = this.data, [left, right] = d.ends_px;
    mark.setAttribute('transform', `translate(${left + (right - left) * clamp((x - d.low) / (d.high - d.low), 0, 1)} 0)`);
  }
  move() { this.value.textContent = this.text(Number(this.slider.value)); this.put(this.root.querySelector('.pa-mine'), Number(this.slider.value)); }
  show() {
    const d = this.data, guess = Number(this.slider.value), apart = d.result - guess, near = 0.5 * 10 ** -d.digits;
    this.slider.disabled = true;
    const mark = this.root.querySelector('.pa-result');
    this.put(mark, d.result); mark.removeAttribute('hidden'); mark.style.display = '';
    const how = Math.abs(apart) < near ? 'exactly your guess' : `${this.text(Math.abs(apart), d.unit === '%' ? 'points' : d.unit)} ${apart > 0 ? 'more' : 'less'} than your guess`;
    this.said.textContent = `The result is ${this.text(d.result)}, ${how}. ${d.because}`;
  }
}

for (const [name, Kind] of [['pa-heard', HeardErrors], ['pa-guess', Guess]])
  for (const root of document.querySelectorAll(`.${name}:not([data-live])`)) { root.dataset.live = ''; root.pianoalign = new Kind(root); }

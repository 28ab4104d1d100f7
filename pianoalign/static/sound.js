// Sound: notes as tables, time-stretching that keeps pitch and attacks, clicks and a plain piano, playback with Web Audio.
// Plain JavaScript without a build step; explorer.js and jitterlab.js follow in the same module.

const asBytes = value => value instanceof Uint8Array ? value
  : value instanceof ArrayBuffer ? new Uint8Array(value)
  : value && value.buffer ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(0);

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const PITCHES = ['C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B'];
const pitchName = pitch => PITCHES[pitch % 12] + (Math.floor(pitch / 12) - 1);
const isBlack = pitch => [1, 3, 6, 8, 10].includes(pitch % 12);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

/** First index of a rising array whose value is not below x. */
function lowerBound(values, x) {
  let low = 0, high = values.length;
  while (low < high) { const middle = (low + high) >> 1; if (values[middle] < x) low = middle + 1; else high = middle; }
  return low;
}

/** Seeded random numbers in [0, 1): mulberry32. */
function randomNumbers(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6D2B79F5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Notes of one layer, with what is needed to find those of a stretch of time by bisection. */
class Layer {
  constructor({ key, name, onset, end, pitch, velocity, row = null }) {
    Object.assign(this, { key, name, onset, end, pitch, velocity, row });
    const n = this.size = onset.length;
    this.order = Uint32Array.from({ length: n }, (_, k) => k).sort((i, j) => onset[i] - onset[j] || pitch[i] - pitch[j]);
    this.starts = Float64Array.from(this.order, k => onset[k]);
    this.latest = new Float64Array(n);               // the latest end of all notes up to here: rising, so it can be bisected
    for (let i = 0, latest = -Infinity; i < n; i++) this.latest[i] = latest = Math.max(latest, end[this.order[i]]);
  }
  rowOf(k) { return this.row ? this.row[k] : k; }    // the row of the table that note k stands for, -1 for none
  /** Range in `order` that holds every note sounding between two times (and some that are silent there). */
  range(from, to) { return [lowerBound(this.latest, from), lowerBound(this.starts, to)]; }
}

/** The layers of a payload: onsets as float64, lengths as float32, then pitch and velocity as bytes. */
function readLayers(data, bytes) {
  const whole = bytes.slice().buffer, n = data.n_notes, m = data.layers.length;
  const pitch = new Uint8Array(whole, 12 * n * m, n), velocity = new Uint8Array(whole, 12 * n * m + n, n);
  const layers = data.layers.map((layer, i) => {
    const onset = new Float64Array(whole, 8 * n * i, n), length = new Float32Array(whole, 8 * n * m + 4 * n * i, n);
    return new Layer({ ...layer, onset, end: Float64Array.from(onset, (t, k) => t + length[k]), pitch, velocity });
  });
  const status = data.status_names.length ? new Uint8Array(whole, 12 * n * m + 2 * n, n) : null;
  return { layers, status };
}

// ---------------------------------------------------------------- slower without lower

/** Where something is struck: steep rises of the energy above the bass, seconds. */
function findAttacks(samples, rate) {
  const block = Math.round(rate / 1000), n = Math.floor(samples.length / block), energy = new Float64Array(n + 1);
  for (let b = 0; b < n; b++) {
    let sum = 1e-9;
    for (let k = Math.max(1, b * block); k < (b + 1) * block; k++) { const d = samples[k] - samples[k - 1]; sum += d * d; }
    energy[b + 1] = energy[b] + sum;
  }
  const rise = new Float64Array(n), attacks = [];
  for (let b = 15; b + 5 < n; b++) rise[b] = Math.log((energy[b + 5] - energy[b]) / 5) - Math.log((energy[b] - energy[b - 15]) / 15);
  for (let b = 21; b < n; b++) {
    if (rise[b] < 0.9) continue;
    let best = true;
    for (let c = Math.max(0, b - 20); best && c <= Math.min(n - 1, b + 20); c++) best = rise[c] < rise[b] || (rise[c] === rise[b] && c >= b);
    if (!best) continue;
    const before = (energy[b - 6] - energy[Math.max(0, b - 21)]) / 15, after = (energy[b + 5] - energy[b]) / 5;
    let first = b - 6;                               // it began where a hundredth of the rise was done
    while (first < b + 4 && energy[first + 1] - energy[first] < 1.5 * before + 0.01 * (after - before)) first++;
    attacks.push((first - 0.5) * block / rate);
  }
  return Float64Array.from(attacks);
}

/**
 * Overlap-add with a search for the best fit (WSOLA). Around an attack the sound runs at its own speed and the attack lands
 * exactly where it belongs, so that slow playback moves no onset; what is stretched is the sound between attacks.
 */
class Stretcher {
  constructor(samples, rate, speed, from, attacks) {
    this.samples = samples; this.speed = speed;
    this.start = Math.round(from * rate);
    this.hop = Math.round(0.02 * rate); this.reach = Math.round(0.012 * rate);
    this.fade = Float32Array.from({ length: this.hop }, (_, j) => 0.5 - 0.5 * Math.cos(Math.PI * (j + 0.5) / this.hop));
    this.attacks = [];                               // [sample in the recording, sample in the slow sound]
    if (attacks) for (let i = lowerBound(attacks, from); i < attacks.length; i++) {
      const at = Math.round(attacks[i] * rate); this.attacks.push([at, (at - this.start) / speed]);
    }
    this.next = 0; this.done = 0; this.centre = this.start; this.rest = new Float32Array(0);
  }
  at(k) { return k >= 0 && k < this.samples.length ? this.samples[k] : 0; }
  likeness(natural, candidate, step) {               // of the next hop, sample by sample
    let cross = 0, power = 1e-9;
    for (let j = 0; j < this.hop; j += step) { const y = this.at(candidate + j); cross += this.at(natural + j) * y; power += y * y; }
    return cross / Math.sqrt(power);
  }
  choose(target, low, high, natural) {
    low = Math.max(low, target - this.reach); high = Math.min(high, target + this.reach);
    if (low > high) return target;
    let best = clamp(target, low, high), value = -Infinity;
    const look = (from, to, by, step) => {
      for (let c = Math.ceil(from); c <= to; c += by) { const v = this.likeness(natural, c - this.hop, step); if (v > value) { value = v; best = c; } }
    };
    look(low, high, 3, 3);
    const near = best; value = -Infinity; look(Math.max(low, near - 3), Math.min(high, near + 3), 1, 1);
    return best;
  }
  frame() {                                          // one more hop of sound
    const out = this.done + this.hop, target = Math.round(this.start + out * this.speed), attacks = this.attacks;
    while (this.next < attacks.length && attacks[this.next][1] < out) this.next++;
    const before = attacks[this.next - 1], after = attacks[this.next];
    const gapBefore = before ? out - before[1] : Infinity, gapAfter = after ? after[1] - out : Infinity;
    let centre;
    if (Math.min(gapBefore, gapAfter) < this.hop) {  // an attack lies within this frame: read at the recording's own speed
      const [at, goal] = gapBefore <= gapAfter ? before : after;
      centre = Math.round(at + out - goal);
    } else {                                         // keep every attack out of the frame
      const low = before ? before[0] + this.hop : -Infinity, high = after ? after[0] - this.hop : Infinity;
      centre = low <= high ? this.choose(clamp(target, low, high), low, high, this.centre) : target;
    }
    const sound = new Float32Array(this.hop);
    for (let j = 0; j < this.hop; j++)
      sound[j] = (1 - this.fade[j]) * this.at(this.centre + j) + this.fade[j] * this.at(centre - this.hop + j);
    this.centre = centre; this.done = out;
    return sound;
  }
  read(n) {
    const out = new Float32Array(n);
    if (this.speed === 1) {
      out.set(this.samples.subarray(clamp(this.start + this.done, 0, this.samples.length), clamp(this.start + this.done + n, 0, this.samples.length)));
      this.done += n; return out;
    }
    let filled = 0;
    while (filled < n) {
      if (!this.rest.length) this.rest = this.frame();
      const take = Math.min(n - filled, this.rest.length);
      out.set(this.rest.subarray(0, take), filled); this.rest = this.rest.subarray(take); filled += take;
    }
    return out;
  }
}

// ---------------------------------------------------------------- notes as sound

/** A click of 12 ms at each onset, into `out`; a later click replaces the tail of the one before. `begin`: seconds at out[0]. */
function addClicks(out, layer, begin, speed, rate, level = 0.4) {
  const length = Math.floor(0.012 * rate), end = begin + out.length * speed / rate;
  let i = lowerBound(layer.starts, begin - (length + 1) * speed / rate), last = NaN;
  for (; i < layer.size && layer.starts[i] < end; i++) {
    const first = Math.round((layer.starts[i] - begin) / speed * rate);
    if (first === last) continue;
    last = first;
    for (let k = Math.max(0, -first); k < length && first + k < out.length; k++)
      out[first + k] = level * Math.sin(2 * Math.PI * 2000 * k / rate) * Math.exp(-k / rate / 0.003);
  }
}

/** The plain additive piano of pianoalign.plots.synthesise: each note begins exactly at its onset. */
function addPiano(out, layer, begin, speed, rate, level = 0.12) {
  const end = begin + out.length * speed / rate, [from, to] = layer.range(begin - 0.35, end);
  for (let i = from; i < to; i++) {
    const k = layer.order[i], pitch = layer.pitch[k], held = (layer.end[k] - layer.onset[k]) / speed;
    const f0 = 440 * 2 ** ((pitch - 69) / 12), ring = 9 * 2 ** (-(pitch - 21) / 16);
    const onset = (layer.onset[k] - begin) / speed * rate;                   // in samples of `out`
    const first = Math.max(0, Math.ceil(onset)), last = Math.min(out.length, Math.floor(onset + Math.min(held + 0.3, 7 * ring) * rate) + 1);
    if (last <= first) continue;
    const t0 = (first - onset) / rate, tone = new Float64Array(last - first);
    for (let h = 1; h <= 12; h++) {
      const f = h * f0 * Math.sqrt(1 + 3e-4 * h * h), fall = (0.7 + 0.3 * h) / ring;
      if (f > 0.45 * rate) break;
      const size = h ** -1.2 * Math.exp(-t0 * fall);
      if (size < 1e-5) continue;
      const w = 2 * Math.PI * f / rate, shrink = Math.exp(-fall / rate), a = 2 * shrink * Math.cos(w), b = shrink * shrink, phase = 2 * Math.PI * f * t0;
      let y2 = size / b * Math.sin(phase - 2 * w), y1 = size / shrink * Math.sin(phase - w);  // a decaying sine follows from its two values before
      for (let j = 0; j < tone.length; j++) { const y = a * y1 - b * y2; tone[j] += y; y2 = y1; y1 = y; }
    }
    const loud = 0.6 * level * (layer.velocity[k] / 64) ** 1.5;
    for (let j = 0; j < tone.length; j++) {
      const t = t0 + j / rate, attack = t < 0.002 ? 0.5 - 0.5 * Math.cos(Math.PI * t / 0.002) : 1;
      out[first + j] += loud * tone[j] * attack * (t > held ? Math.exp(-(t - held) / 0.04) : 1);
    }
  }
}

const SOUNDS = { recording: 'Recording', notes: 'Notes', split: 'Recording left, notes right', both: 'Recording and notes' };
const VOICES = { clicks: 'Clicks', piano: 'Plain piano' };

/** Sound in its order of playing: blocks of stereo samples from `from` on, round the loop if there is one. */
class Stream {
  constructor(settings, samples, rate, attacks, duration, from) {
    Object.assign(this, { settings, samples, rate, attacks, duration });
    this.jump(from);
  }
  jump(to) {
    this.begin = to; this.made = 0;                  // seconds where the stretch of playing began, samples since
    this.stretcher = this.samples ? new Stretcher(this.samples, this.rate, this.settings.speed, to, this.attacks) : null;
  }
  get now() { return this.begin + this.made * this.settings.speed / this.rate; }
  /** At most n samples; fewer at the end of the loop, null at the end of the piece. */
  next(n) {
    const { speed, sound, voice, loop, layer, recordingGain, notesGain } = this.settings, rate = this.rate;
    if (loop && this.now >= loop[1] - 0.5 * speed / rate && this.begin < loop[1]) this.jump(loop[0]);
    const stop = loop && this.begin < loop[1] ? loop[1] : this.duration, begin = this.now;
    n = Math.min(n, Math.round((stop - begin) * rate / speed));
    if (n <= 0) return null;
    const left = new Float32Array(n), right = new Float32Array(n), notes = new Float32Array(n);
    if (sound !== 'notes' && this.stretcher) {
      const heard = this.stretcher.read(n);
      for (let k = 0; k < n; k++) left[k] = recordingGain * heard[k];
    }
    if (sound !== 'recording' && layer) (voice === 'clicks' ? addClicks : addPiano)(notes, layer, begin, speed, rate);
    for (let k = 0; k < n; k++) {
      const note = notesGain * notes[k];
      if (sound === 'split') right[k] = note;
      else { left[k] += note; right[k] = left[k]; }
    }
    if (loop && this.made === 0 && begin === loop[0]) {                      // no click of our own making at the seam
      const fade = Math.min(n, Math.round(0.002 * rate));
      for (let k = 0; k < fade; k++) { left[k] *= k / fade; if (sound !== 'split') right[k] *= k / fade; }
    }
    this.made += n;
    return { left, right, begin, speed, n };
  }
}

const peakOf = samples => { let peak = 0; for (const x of samples) { const a = Math.abs(x); if (a > peak) peak = a; } return peak; };
const decibels = x => x > 0 ? `${(20 * Math.log10(x)).toFixed(1).replace('-', '−')} dB` : '−∞ dB';

/** Plays a Stream in short pieces, each scheduled to the sample; knows at each moment which time of the piece is heard. */
class Player {
  constructor(data, audio) {
    this.rate = data.rate_hz; this.duration = data.duration_s; this.samples = null; this.attacks = null; this.peak = null; this.failure = '';
    this.settings = { speed: 1, sound: audio.length ? 'recording' : 'notes', voice: 'clicks', loop: null, layer: null, recordingGain: 1, notesGain: 1 };
    this.position_s = 0; this.playing = false; this.clipped = false; this.changed = () => {};
    this.ready = audio.length ? this.decode(audio) : Promise.resolve();
  }
  async decode(audio) {
    const offline = new OfflineAudioContext(1, 1, this.rate);                // decoding at the file's own rate moves no sample
    let buffer;
    try { buffer = await offline.decodeAudioData(audio.slice().buffer); }
    catch { this.failure = 'This browser cannot decode the recording, so only the notes can be heard. Make this page with form="wav", or use a newer browser.'; return; }
    this.samples = buffer.getChannelData(0); this.peak = peakOf(this.samples);
  }
  stream(from) {
    if (this.samples && this.settings.speed !== 1 && !this.attacks) this.attacks = findAttacks(this.samples, this.rate);
    return new Stream(this.settings, this.samples, this.rate, this.attacks, this.duration, from);
  }
  /** What would be heard, without a sound card: [left, right] of so many seconds of listening. */
  offline(from, seconds) {
    const n = Math.round(seconds * this.rate), both = [new Float32Array(n), new Float32Array(n)], stream = this.stream(from);
    for (let k = 0; k < n;) {
      const part = stream.next(Math.min(n - k, 4096));
      if (!part) break;
      both[0].set(part.left, k); both[1].set(part.right, k); k += part.n;
    }
    return both;
  }
  get position() {
    if (!this.playing) return this.position_s;
    const late = this.context.outputLatency || this.context.baseLatency || 0, now = this.context.currentTime - late;
    while (this.parts.length > 1 && this.parts[1].at <= now) this.parts.shift();
    const part = this.parts[0];
    if (!part) return this.position_s;
    return this.position_s = part.begin + clamp(now - part.at, 0, part.n / this.rate) * part.speed;
  }
  async play() {
    if (this.playing || this.starting) return;
    this.starting = true;
    try {
      await this.ready;
      if (!this.context) {
        this.context = new AudioContext({ sampleRate: this.rate });
        this.analyser = this.context.createAnalyser(); this.analyser.fftSize = 2048;
        this.analyser.connect(this.context.destination);
      }
      await this.context.resume();
    } finally { this.starting = false; }
    if (this.position_s >= this.duration - 0.01) this.position_s = this.settings.loop ? this.settings.loop[0] : 0;
    this.playing = true; this.begin(this.position_s); this.changed();
  }
  begin(from) {
    this.silence();
    this.current = this.stream(from); this.parts = []; this.sources = []; this.until = this.context.currentTime + 0.04; this.ended = false;
    this.timer = setInterval(() => this.fill(), 50); this.fill();
  }
  fill() {                                           // well ahead, since hidden pages run timers only once a second
    while (!this.ended && this.until < this.context.currentTime + (document.hidden ? 2 : 0.6)) {
      const part = this.current.next(Math.round(0.15 * this.rate));
      if (!part) { this.ended = true; break; }
      if (Math.max(peakOf(part.left), peakOf(part.right)) > 1) this.clipped = true;
      const buffer = this.context.createBuffer(2, part.n, this.rate), source = this.context.createBufferSource();
      buffer.copyToChannel(part.left, 0); buffer.copyToChannel(part.right, 1);
      source.buffer = buffer; source.connect(this.analyser); source.start(this.until);
      source.onended = () => { const k = this.sources.indexOf(source); if (k >= 0) this.sources.splice(k, 1); };
      this.sources.push(source); this.parts.push({ at: this.until, begin: part.begin, n: part.n, speed: part.speed });
      this.until += part.n / this.rate;
    }
    if (this.ended && this.context.currentTime > this.until) { this.pause(); this.position_s = this.duration; this.changed(); }
  }
  silence() {
    clearInterval(this.timer);
    for (const source of this.sources || []) { source.onended = null; source.stop(); source.disconnect(); }
    this.sources = [];
  }
  pause() { if (!this.playing) return; this.position_s = this.position; this.silence(); this.playing = false; this.changed(); }
  toggle() { return this.playing ? this.pause() : this.play(); }
  seek(time) { this.position_s = clamp(time, 0, this.duration); if (this.playing) this.begin(this.position_s); this.changed(); }
  /** Change what is heard; takes effect at once. */
  set(changes) {
    const here = this.position;
    Object.assign(this.settings, changes); this.clipped = false;
    if (this.playing) this.begin(here);
    this.changed();
  }
  close() { this.silence(); this.playing = false; if (this.context) this.context.close(); this.context = null; }
}

// The alignment explorer: a piano roll over the spectrogram, drawn on a canvas, of which only the visible part is touched.

const ICONS = {
  play: '<path d="M4 2.5v11l9-5.5z"/>', pause: '<path d="M4 2.5h3v11H4zM9 2.5h3v11H9z"/>', start: '<path d="M3 3h2v10H3zM13 3v10L5.5 8z"/>',
  loop: '<path d="M11.5 1.5 15 4.5l-3.5 3v-2H5A2.2 2.2 0 0 0 3 8v1H1V8a4.2 4.2 0 0 1 4-4.5h6.5zM4.5 8.5v2H11A2.2 2.2 0 0 0 13 8V7h2v1a4.2 4.2 0 0 1-4 4.5H4.5v2L1 11.5z"/>',
  plus: '<path d="M7 3h2v4h4v2H9v4H7V9H3V7h4z"/>', minus: '<path d="M3 7h10v2H3z"/>', fit: '<path d="M1 4h2v8H1zM13 4h2v8h-2zM4 8l3-3v2h2V5l3 3-3 3V9H7v2z"/>',
  note: '<path d="M6 2v8.3A2.5 2.5 0 1 0 7.5 12.5V5H12V2z"/>', save: '<path d="M7 1h2v6h3l-4 4.5L4 7h3zM2 13h12v2H2z"/>',
};
const icon = name => `<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false" fill="currentColor">${ICONS[name]}</svg>`;

/** An element: attributes, `on…` handlers, and children that are elements or text. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'html') element.innerHTML = value;                     // our own icons only, never text from a payload
    else if (typeof value === 'boolean') element.toggleAttribute(name, value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter(c => c !== null && c !== undefined));
  return element;
}
let counter = 0;
const SERIES = Math.random().toString(36).slice(2, 8);  // each widget of a notebook brings its own copy of this module
const newId = what => `pianoalign-${what}-${SERIES}-${++counter}`;

function chooser(label, options, value, change, name = label) {              // options: {value: text}
  const select = h('select', { 'aria-label': name, onchange: () => change(select.value) }, Object.entries(options).map(([v, text]) => h('option', { value: v }, text)));
  select.value = value;
  return { element: h('label', { class: 'pa-field' }, h('span', {}, label), select), select };
}
function slider(label, { min, max, step, value, text, change }) {
  const output = h('output', {}, text(value)), input = h('input', { type: 'range', 'aria-label': label, min, max, step, value: String(value) });
  const show = () => { output.textContent = text(Number(input.value)); input.setAttribute('aria-valuetext', output.textContent); };
  input.addEventListener('input', () => { show(); change(Number(input.value)); });
  show();
  return { element: h('label', { class: 'pa-field pa-slider' }, h('span', {}, label), input, output), input };
}
function button(label, { face = '', text = '', press, ...more }) {
  return h('button', { type: 'button', class: 'pa-button', 'aria-label': label, title: label, onclick: press, ...more }, ...(face ? [h('span', { html: icon(face), class: 'pa-icon' })] : []), text || null);
}

const timeText = s => {
  const minutes = Math.floor(Math.max(s, 0) / 60), rest = Math.max(s, 0) - 60 * minutes;
  return `${minutes}:${rest.toFixed(2).padStart(5, '0')}`;
};
const signed = (x, digits = 1) => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(digits)}`;
const WINDOWS_MS = [10, 25, 50, 100];                // the tolerances of the paper's tables
/** 0: within 10 ms, 1: within 25, 2: within 50, 3: beyond; edges included, compared in whole microseconds. */
const errorClass = seconds => { const us = Math.round(Math.abs(seconds) * 1e6); return us <= 10000 ? 0 : us <= 25000 ? 1 : us <= 50000 ? 2 : 3; };

function median(values) {
  if (!values.length) return NaN;
  const sorted = Float64Array.from(values).sort(), k = sorted.length >> 1;
  return sorted.length % 2 ? sorted[k] : (sorted[k - 1] + sorted[k]) / 2;
}
/** Median and mean size of errors in ms, and the shares within the windows. */
function errorFigures(errors) {
  const size = Float64Array.from(errors, e => 1000 * Math.abs(e)), share = w => 100 * size.filter(e => Math.round(1000 * e) <= 1000 * w).length / size.length;
  return { notes: size.length, median_ms: median(size), mean_ms: size.reduce((a, b) => a + b, 0) / size.length,
    within_pct: Object.fromEntries(WINDOWS_MS.map(w => [w, share(w)])) };
}

// ---------------------------------------------------------------- colours

/** Colours of the page's theme, read from the custom properties of the style sheet. */
class Theme {
  constructor(root, changed) {
    this.root = root; this.changed = changed; this.read();
    const again = () => { const before = JSON.stringify(this.colour); this.read(); if (JSON.stringify(this.colour) !== before) changed(); };
    this.media = matchMedia('(prefers-color-scheme: dark)'); this.media.addEventListener('change', again);
    this.observer = new MutationObserver(again);
    for (const node of [document.documentElement, document.body])
      this.observer.observe(node, { attributes: true, attributeFilter: ['class', 'data-theme', 'data-jp-theme-light', 'data-mode', 'style'] });
    this.resizer = new ResizeObserver(again); this.resizer.observe(root);    // there may be no style until the widget stands in the page
    this.again = again;
  }
  read() {
    const style = getComputedStyle(this.root), names = ['canvas', 'energy', 'ink', 'faint', 'line', 'accent', 'key-white', 'key-black', 'panel',
      'unaligned', 'dtw', 'crnn', 'high_resolution', 'truth', 'crnn_blind', 'dtw_crnn', 'e0', 'e1', 'e2', 'e3'];
    this.colour = Object.fromEntries(names.map(n => [n, style.getPropertyValue(`--pa-${n}`).trim() || '#888']));
    this.font = style.fontFamily || 'sans-serif';
  }
  close() { this.media.removeEventListener('change', this.again); this.observer.disconnect(); this.resizer.disconnect(); }
}
function rgb(colour) {                               // #rgb or #rrggbb or rgb(…) -> three numbers
  const probe = document.createElement('canvas').getContext('2d'); probe.fillStyle = colour; const text = probe.fillStyle;
  if (text[0] === '#') return [1, 3, 5].map(k => parseInt(text.slice(k, k + 2), 16));
  return text.match(/[\d.]+/g).slice(0, 3).map(Number);
}

// ---------------------------------------------------------------- spectrogram

const TILE = 1024;                                   // columns of a tile

/** The spectrogram as bytes, its coarser versions (each column the loudest of four), and coloured tiles of them. */
class Picture {
  constructor(bytes, bins, fps, lowest) {
    Object.assign(this, { bins, fps, lowest });
    this.levels = [bytes]; this.tiles = new Map();
    while (this.levels[this.levels.length - 1].length / bins > 2 * TILE) {
      const fine = this.levels[this.levels.length - 1], columns = fine.length / bins, coarse = new Uint8Array(Math.ceil(columns / 4) * bins);
      for (let c = 0; c < columns; c++) {
        const from = c * bins, to = (c >> 2) * bins;
        for (let b = 0; b < bins; b++) if (fine[from + b] > coarse[to + b]) coarse[to + b] = fine[from + b];
      }
      this.levels.push(coarse);
    }
  }
  recolour(quiet, loud) {
    const a = rgb(quiet), b = rgb(loud);
    this.palette = Uint32Array.from({ length: 256 }, (_, v) => {
      const x = (v / 255) ** 1.8, [r, g, bl] = a.map((p, i) => Math.round(p + (b[i] - p) * x));
      return (255 << 24 | bl << 16 | g << 8 | r) >>> 0;
    });
    this.tiles.clear();
  }
  tile(level, index) {
    const key = level * 1e6 + index;
    let canvas = this.tiles.get(key);
    if (canvas) { this.tiles.delete(key); this.tiles.set(key, canvas); return canvas; }  // the most recent stands last
    const bytes = this.levels[level], bins = this.bins, first = index * TILE, width = Math.min(TILE, bytes.length / bins - first);
    canvas = document.createElement('canvas'); canvas.width = width; canvas.height = bins;
    const context = canvas.getContext('2d'), image = context.createImageData(width, bins), pixels = new Uint32Array(image.data.buffer);
    for (let c = 0; c < width; c++) for (let b = 0, at = (first + c) * bins; b < bins; b++) pixels[(bins - 1 - b) * width + c] = this.palette[bytes[at + b]];
    context.putImageData(image, 0, 0);
    this.tiles.set(key, canvas);
    if (this.tiles.size > 120) this.tiles.delete(this.tiles.keys().next().value);
    return canvas;
  }
  /** Draw the part between two times into a box of device pixels. `y(pitch)`: its lower edge. */
  draw(context, x, y, from, to, pixelsPerSecond) {
    let level = 0;
    while (level + 1 < this.levels.length && pixelsPerSecond / this.fps * 4 ** level < 0.6) level++;
    const factor = 4 ** level, columns = this.levels[level].length / this.bins, time = c => (c * factor - 0.5) / this.fps;
    const first = clamp(Math.floor((from * this.fps + 0.5) / factor), 0, columns), last = clamp(Math.ceil((to * this.fps + 0.5) / factor) + 1, 0, columns);
    const top = Math.round(y(this.lowest + this.bins)), bottom = Math.round(y(this.lowest));
    context.imageSmoothingEnabled = false;
    for (let t = Math.floor(first / TILE); t * TILE < last; t++) {
      const a = Math.max(first, t * TILE), b = Math.min(last, (t + 1) * TILE), x0 = Math.round(x(time(a))), x1 = Math.round(x(time(b)));
      if (b > a && x1 > x0) context.drawImage(this.tile(level, t), a - t * TILE, 0, b - a, this.bins, x0, top, x1 - x0, bottom - top);
    }
  }
}

// ---------------------------------------------------------------- the roll

const KEYS_WIDTH = 44, RULER_HEIGHT = 22, WAVE_HEIGHT = 38;   // CSS pixels

/** Smallest and largest sample of a recording in blocks of 64, 256, 1024 …, so that a column of pixels looks at a few of them only. */
class Wave {
  constructor(samples, rate) {
    this.samples = samples; this.rate = rate; this.levels = [];
    let low = samples, high = samples, size = 1, factor = 64;
    while (low.length > 1024) {
      const n = Math.ceil(low.length / factor), least = new Float32Array(n), most = new Float32Array(n);
      for (let k = 0; k < n; k++) {
        let a = Infinity, b = -Infinity;
        for (let i = k * factor; i < Math.min((k + 1) * factor, low.length); i++) { a = Math.min(a, low[i]); b = Math.max(b, high[i]); }
        least[k] = a; most[k] = b;
      }
      size *= factor; factor = 4; low = least; high = most;
      this.levels.push({ low, high, size });
    }
    this.peak = peakOf(samples) || 1;
  }
  /** Smallest and largest sample between two times, or null where there is none. */
  range(from, to) {
    const samples = (to - from) * this.rate, level = this.levels.filter(l => l.size <= samples / 2).pop() || { low: this.samples, high: this.samples, size: 1 };
    const first = Math.max(0, Math.floor(from * this.rate / level.size)), last = Math.min(level.low.length, Math.max(first + 1, Math.ceil(to * this.rate / level.size)));
    let a = Infinity, b = -Infinity;
    for (let k = first; k < last; k++) { a = Math.min(a, level.low[k]); b = Math.max(b, level.high[k]); }
    return a <= b ? [a, b] : null;
  }
}

/**
 * Piano roll on two canvases: picture and notes below, playhead and loop above, so that playing draws next to nothing.
 * `items`: [{layer, visible, errors or null, outline}], drawn in this order.
 */
class Roll {
  constructor(host, { duration, origin, picture, theme, pitches }) {
    Object.assign(this, { host, duration, origin, picture, theme });
    this.low = pitches[0]; this.high = pitches[1];
    this.view = { t0: 0, t1: duration, p0: this.low, p1: this.high + 1 };
    this.wave = null; this.items = []; this.byError = false; this.strength = 0.7; this.selected = -1; this.loop = null; this.playhead = 0; this.frames = [];
    this.base = h('canvas', { 'aria-hidden': 'true' }); this.over = h('canvas', { 'aria-hidden': 'true', class: 'pa-over' });
    host.append(this.base, this.over);
    this.resizer = new ResizeObserver(() => this.resize()); this.resizer.observe(host);
    this.moved = () => {}; this.picked = () => {}; this.looped = () => {}; this.sought = () => {};
    this.listen();
    picture?.recolour(theme.colour.canvas, theme.colour.energy);
  }
  resize() {
    const ratio = this.ratio = window.devicePixelRatio || 1, box = this.host.getBoundingClientRect();
    const width = Math.max(2, Math.round(box.width * ratio)), height = Math.max(2, Math.round(box.height * ratio));
    for (const canvas of [this.base, this.over]) { canvas.width = width; canvas.height = height; }
    this.width = width; this.height = height;
    this.draw();
  }
  themed() { this.picture?.recolour(this.theme.colour.canvas, this.theme.colour.energy); this.draw(); }
  get left() { return Math.round(KEYS_WIDTH * this.ratio); }
  get top() { return Math.round(RULER_HEIGHT * this.ratio); }
  get scale() { return (this.width - this.left) / (this.view.t1 - this.view.t0); }          // device pixels a second
  get near() { return this.scale >= 14 * this.ratio; }                                     // can single notes be told apart?
  get floor() { return this.wave ? Math.round(WAVE_HEIGHT * this.ratio) : 0; }              // the lane of the waveform
  get rowHeight() { return (this.height - this.top - this.floor) / (this.view.p1 - this.view.p0); }
  x(time) { return this.left + (time - this.view.t0) * this.scale; }
  y(pitch) { return this.height - this.floor - (pitch - this.view.p0) * this.rowHeight; }   // lower edge of its row
  timeAt(clientX) { const box = this.base.getBoundingClientRect(); return this.view.t0 + ((clientX - box.left) * this.ratio - this.left) / this.scale; }
  pitchAt(clientY) { const box = this.base.getBoundingClientRect(); return this.view.p0 + (this.height - this.floor - (clientY - box.top) * this.ratio) / this.rowHeight; }

  show(t0, t1, p0 = this.view.p0, p1 = this.view.p1) {
    const span = clamp(t1 - t0, 0.05, this.duration), rows = clamp(p1 - p0, 6, this.high + 1 - this.low);
    const a = clamp(t0, 0, this.duration - span), p = clamp(p0, this.low, this.high + 1 - rows);
    this.view = { t0: a, t1: a + span, p0: p, p1: p + rows };
    this.redraw(); this.moved();
  }
  zoom(factor, at = (this.view.t0 + this.view.t1) / 2) { const { t0, t1 } = this.view; this.show(at - (at - t0) / factor, at + (t1 - at) / factor); }
  zoomPitch(factor) { const { t0, t1, p0, p1 } = this.view, m = (p0 + p1) / 2, half = (p1 - p0) / 2 / factor; this.show(t0, t1, m - half, m + half); }
  pan(share) { const { t0, t1 } = this.view, by = share * (t1 - t0); this.show(t0 + by, t1 + by); }
  panPitch(rows) { const { t0, t1, p0, p1 } = this.view; this.show(t0, t1, p0 + rows, p1 + rows); }
  /** Bring a moment into view, with so many seconds around it at most. */
  reveal(time, span = this.view.t1 - this.view.t0, pitch = null) {
    const rows = this.view.p1 - this.view.p0;
    const p0 = pitch === null || (pitch >= this.view.p0 && pitch + 1 <= this.view.p1) ? this.view.p0 : pitch - rows / 2;
    this.show(time - span / 2, time + span / 2, p0, p0 + rows);
  }
  /** While playing: turn the page when the playhead leaves it. */
  follow(time) { const { t0, t1 } = this.view; if (time < t0 || time > t0 + 0.95 * (t1 - t0)) this.show(time - 0.08 * (t1 - t0), time + 0.92 * (t1 - t0)); }

  redraw() { if (!this.asked) this.asked = requestAnimationFrame(() => { this.asked = 0; this.draw(); }); }
  draw() {
    if (!this.width) return;
    const began = performance.now(), c = this.base.getContext('2d', { alpha: false }), colour = this.theme.colour;
    c.fillStyle = colour.canvas; c.fillRect(0, 0, this.width, this.height);
    c.save(); c.beginPath(); c.rect(this.left, this.top, this.width, this.height - this.top - this.floor); c.clip();
    if (this.picture && this.strength > 0) {
      c.globalAlpha = this.strength; this.picture.draw(c, t => this.x(t), p => this.y(p), this.view.t0, this.view.t1, this.scale); c.globalAlpha = 1;
    }
    this.drawGrid(c);
    const lanes = this.items.filter(i => i.visible && !i.outline);
    lanes.forEach((item, k) => this.drawLayer(c, item, k, lanes.length));
    for (const item of this.items) if (item.visible && item.outline && (this.near || !lanes.length)) this.drawLayer(c, item, 0, 1);   // from afar it would hide the others
    this.drawWhiskers(c, lanes);
    c.restore();
    this.drawKeys(c); this.drawWave(c); this.drawRuler(c); this.drawOver();
    this.frames.push(performance.now() - began); if (this.frames.length > 600) this.frames.shift();
  }
  drawGrid(c) {
    c.fillStyle = this.theme.colour.line;
    for (let p = Math.ceil(this.view.p0); p <= this.view.p1; p++)
      if (p % 12 === 0 || (p % 12 === 5 && this.rowHeight > 9 * this.ratio)) { c.globalAlpha = p % 12 ? 0.35 : 0.8; c.fillRect(this.left, Math.round(this.y(p)), this.width, 1); }
    c.globalAlpha = 1;
  }
  drawLayer(c, item, lane, lanes) {
    const { layer, errors } = item, { view, rowHeight, ratio } = this, far = !this.near, split = !item.outline && lanes > 1 && rowHeight >= 3 * lanes * ratio;
    const inset = rowHeight > 12 * ratio ? Math.round(rowHeight * 0.1) : 0, full = rowHeight - 2 * inset;
    const height = Math.max(1, Math.floor(split ? full / lanes : full)), drop = inset + (split ? Math.round(lane * full / lanes) : 0);
    const [from, to] = layer.range(view.t0, view.t1), classes = this.byError && errors && !item.outline ? 4 : 1;
    for (let group = 0; group < classes; group++) {
      c.fillStyle = c.strokeStyle = classes > 1 ? this.theme.colour[`e${group}`] : this.theme.colour[item.colour];
      const bodies = new Path2D(), bars = new Path2D(), painted = far ? new Int32Array(128).fill(-1) : null, bar = Math.max(2, Math.round(3 * ratio));
      c.globalAlpha = 0.85;
      for (let i = from; i < to; i++) {
        const k = layer.order[i], pitch = layer.pitch[k];
        if (layer.end[k] < view.t0 || pitch + 1 < view.p0 || pitch > view.p1 || (classes > 1 && errorClass(errors[k]) !== group)) continue;
        const x0 = Math.round(this.x(layer.onset[k])), x1 = Math.max(x0 + 1, Math.round(this.x(layer.end[k]))), y0 = Math.round(this.y(pitch + 1)) + drop;
        if (far) {                                   // many notes a pixel: paint no pixel twice
          const begin = Math.max(x0, painted[pitch]);
          if (x1 > begin) { c.fillRect(begin, y0, x1 - begin, height); painted[pitch] = x1; }   // quicker than one path of thousands
        } else if (item.outline) { bodies.rect(x0 + 0.5, y0 - 0.5, x1 - x0, height); bars.rect(x0, y0 - Math.round(2 * ratio), Math.max(1, Math.round(1.5 * ratio)), height + Math.round(4 * ratio)); }
        else { bodies.rect(x0, y0, x1 - x0, height); bars.rect(x0, y0, Math.min(bar, Math.max(x1 - x0, bar)), height); }
      }
      if (far) { c.globalAlpha = 1; continue; }
      c.globalAlpha = item.outline ? 0.4 : 0.5;
      if (item.outline) { c.lineWidth = ratio; c.stroke(bodies); } else c.fill(bodies);
      c.globalAlpha = 1; c.fill(bars);
    }
  }
  /** From the reference's onset to that of each layer: how far, and which way. */
  drawWhiskers(c, lanes) {
    const reference = this.items.find(i => i.reference), near = this.scale >= 60 * this.ratio, thick = Math.max(1, Math.round(this.ratio));
    if (!reference) return;
    const base = reference.layer, rowHeight = this.rowHeight;
    for (const [lane, item] of near ? lanes.entries() : []) {
      if (item === reference || !item.errors) continue;
      const { layer } = item, [from, to] = layer.range(this.view.t0, this.view.t1);
      c.fillStyle = this.theme.colour[item.colour];
      for (let i = from; i < to; i++) {
        const k = layer.order[i], row = layer.rowOf(k);
        if (row < 0) continue;
        const a = this.x(base.onset[row]), b = this.x(layer.onset[k]);
        if (Math.abs(a - b) < 3) continue;
        const y = this.y(layer.pitch[k] + 1) + rowHeight * (0.1 + 0.8 * (lane + 0.5) / lanes.length);
        c.fillRect(Math.min(a, b), Math.round(y), Math.abs(a - b), thick);
      }
    }
    if (this.selected >= 0) {
      const k = this.selected, pitch = base.pitch[k], onsets = this.items.filter(i => i.visible || i.reference).flatMap(i => this.find(i.layer, k)).map(t => this.x(t));
      const x0 = Math.min(...onsets) - 7 * this.ratio, x1 = Math.max(...onsets) + 9 * this.ratio;
      c.strokeStyle = this.theme.colour.accent; c.lineWidth = 2 * this.ratio;
      c.strokeRect(x0, this.y(pitch + 1) - 3 * this.ratio, x1 - x0, rowHeight + 6 * this.ratio);
    }
  }
  find(layer, row) { if (!layer.row) return [layer.onset[row]]; const k = layer.row.indexOf(row); return k < 0 ? [] : [layer.onset[k]]; }
  drawKeys(c) {
    const colour = this.theme.colour, { left, ratio, rowHeight } = this;
    c.fillStyle = colour['key-white']; c.fillRect(0, 0, left, this.height);
    for (let p = Math.floor(this.view.p0); p <= this.view.p1; p++) {
      const y1 = Math.round(this.y(p)), y0 = Math.round(this.y(p + 1));
      if (isBlack(p)) { c.fillStyle = colour['key-black']; c.fillRect(0, y0, Math.round(left * 0.58), y1 - y0); }
      else if (p % 12 === 0 || p % 12 === 5) { c.fillStyle = colour.line; c.fillRect(0, y1, left, 1); }
    }
    c.font = `${Math.round(10.5 * ratio)}px ${this.theme.font}`; c.textAlign = 'right'; c.textBaseline = 'middle';
    for (let p = Math.ceil(this.view.p0); p < this.view.p1; p++) {
      const name = p % 12 === 0 || (rowHeight > 15 * ratio && !isBlack(p));
      if (name) { c.fillStyle = colour.faint; c.fillText(pitchName(p), left - 4 * ratio, this.y(p + 0.5)); }
    }
    c.fillStyle = colour.line; c.fillRect(left - 1, 0, 1, this.height);
  }
  /** The recording's waveform in a lane below the keys, as high as its peak. */
  drawWave(c) {
    if (!this.wave) return;
    const { colour } = this.theme, { left, floor, height, width, scale } = this, top = height - floor, middle = top + floor / 2, half = (floor - 6 * this.ratio) / 2 / this.wave.peak;
    c.fillStyle = colour.panel; c.fillRect(0, top, width, floor);
    c.fillStyle = colour.line; c.fillRect(0, top, width, 1);
    c.fillStyle = colour.energy;
    for (let x = left; x < width; x++) {
      const from = this.view.t0 + (x - left) / scale, range = this.wave.range(from, from + 1 / scale);
      if (!range) continue;
      const upper = Math.round(middle - range[1] * half), lower = Math.round(middle - range[0] * half);
      c.fillRect(x, upper, 1, Math.max(1, lower - upper));
    }
  }
  drawRuler(c) {
    const { colour, font } = this.theme, { left, top, ratio } = this;
    c.fillStyle = colour.panel; c.fillRect(0, 0, this.width, top);
    const wanted = 90 * ratio / this.scale, step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find(s => s >= wanted) || 1200;
    c.font = `${Math.round(11 * ratio)}px ${font}`; c.textAlign = 'left'; c.textBaseline = 'middle';
    const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2, from = this.view.t0 + this.origin;
    for (let k = Math.ceil(from / step - 1e-9); k * step <= this.view.t1 + this.origin; k++) {
      const x = Math.round(this.x(k * step - this.origin)), s = k * step + 1e-9;
      c.fillStyle = colour.line; c.fillRect(x, top - 6 * ratio, 1, 6 * ratio);
      c.fillStyle = colour.faint; c.fillText(`${Math.floor(s / 60)}:${(s % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, '0')}`, x + 4 * ratio, top / 2);
    }
    c.fillStyle = colour.line; c.fillRect(0, top - 1, this.width, 1);
    c.fillStyle = colour.panel; c.fillRect(0, 0, left, top - 1);
  }
  drawOver() {
    if (!this.width) return;
    const c = this.over.getContext('2d'), colour = this.theme.colour, { ratio, left, top } = this;
    c.clearRect(0, 0, this.width, this.height);
    c.save(); c.beginPath(); c.rect(left, 0, this.width, this.height); c.clip();
    if (this.loop) {
      const a = this.x(this.loop[0]), b = this.x(this.loop[1]);
      c.fillStyle = colour.accent; c.globalAlpha = 0.13; c.fillRect(a, top, b - a, this.height); c.globalAlpha = 0.9;
      c.fillRect(a, 2 * ratio, b - a, 4 * ratio); c.globalAlpha = 0.7; c.fillRect(Math.round(a), top, ratio, this.height); c.fillRect(Math.round(b), top, ratio, this.height);
    }
    const x = Math.round(this.x(this.playhead));
    c.globalAlpha = 1; c.fillStyle = colour.accent; c.fillRect(x - Math.floor(ratio / 2), top - 5 * ratio, Math.max(1, Math.round(1.5 * ratio)), this.height);
    c.beginPath(); c.moveTo(x - 5 * ratio, top - 9 * ratio); c.lineTo(x + 5 * ratio, top - 9 * ratio); c.lineTo(x, top - 1); c.fill();
    c.restore();
  }
  /** The row of the note at a place, -1 where there is none: of several, the one whose onset is nearest. */
  hit(time, pitch) {
    const near = 7 * this.ratio / this.scale, row = Math.floor(pitch);
    let best = -1, distance = Infinity;
    for (const { layer, visible } of this.items) {
      if (!visible) continue;
      const [from, to] = layer.range(time - near, time + near);
      for (let i = from; i < to; i++) {
        const k = layer.order[i], inside = time >= layer.onset[k] - near && time <= layer.end[k] + near, d = Math.abs(time - layer.onset[k]);
        if (layer.pitch[k] === row && inside && d < distance && layer.rowOf(k) >= 0) { distance = d; best = layer.rowOf(k); }
      }
    }
    return best;
  }
  listen() {                                         // drag: pan; on ruler, waveform or with Shift: loop; click: note; wheel: zoom and pan
    const over = this.over, fingers = new Map();
    let drag = null;
    over.addEventListener('pointerdown', e => {
      if (e.button) return;
      over.setPointerCapture(e.pointerId); fingers.set(e.pointerId, e); this.host.focus({ preventScroll: true });
      const box = over.getBoundingClientRect(), ruler = this.onRuler(e.clientY - box.top);
      drag = { x: e.clientX, y: e.clientY, view: { ...this.view }, time: this.timeAt(e.clientX), kind: ruler || e.shiftKey ? 'loop' : 'pan', ruler, moved: false };
      if (fingers.size === 2) drag = this.pinch([...fingers.values()]);
    });
    over.addEventListener('pointermove', e => {
      if (fingers.has(e.pointerId)) fingers.set(e.pointerId, e);
      if (!drag) { over.style.cursor = this.onRuler(e.clientY - over.getBoundingClientRect().top) || e.shiftKey ? 'col-resize' : 'grab'; return; }
      if (drag.kind === 'pinch') { const [a, b] = [...fingers.values()].map(f => f.clientX); if (fingers.size === 2) this.spread(drag, a, b); return; }
      if (!drag.moved && Math.hypot(e.clientX - drag.x, e.clientY - drag.y) < 4) return;
      drag.moved = true;
      if (drag.kind === 'loop') this.setLoop(drag.time, this.timeAt(e.clientX));
      else {
        const v = drag.view, dt = (e.clientX - drag.x) * this.ratio / this.scale, dp = (e.clientY - drag.y) * this.ratio / this.rowHeight;
        this.show(v.t0 - dt, v.t1 - dt, v.p0 + dp, v.p1 + dp);
      }
    });
    const end = e => {
      fingers.delete(e.pointerId);
      if (drag && e.type === 'pointerup' && !drag.moved && drag.kind !== 'pinch') {
        if (drag.ruler) this.sought(clamp(drag.time, 0, this.duration)); else this.picked(this.hit(drag.time, this.pitchAt(e.clientY)));
      }
      drag = null;
    };
    over.addEventListener('pointerup', end); over.addEventListener('pointercancel', end);
    over.addEventListener('dblclick', e => { const t = this.timeAt(e.clientX); this.sought(clamp(t, 0, this.duration)); });
    over.addEventListener('wheel', e => {
      const focused = this.host.contains(document.activeElement) || document.activeElement === this.host;
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY) || (e.shiftKey && e.deltaY)) { e.preventDefault(); this.pan((e.deltaX || e.deltaY) / 1200); }
      else if (e.ctrlKey || e.metaKey || focused) { e.preventDefault(); this.zoom(Math.exp(-clamp(e.deltaY, -120, 120) / 300), this.timeAt(e.clientX)); }
    }, { passive: false });
  }
  /** Does a height, in CSS pixels, lie on the ruler or on the waveform? Both are for going to a time and for loops. */
  onRuler(y) { return y < RULER_HEIGHT || y > (this.height - this.floor) / this.ratio; }
  pinch([a, b]) { return { kind: 'pinch', times: [this.timeAt(a.clientX), this.timeAt(b.clientX)] }; }
  spread(drag, a, b) {
    const box = this.base.getBoundingClientRect(), at = x => ((x - box.left) * this.ratio - this.left) / (this.width - this.left), [s, t] = drag.times;
    if (Math.abs(at(b) - at(a)) < 0.02) return;
    const span = (t - s) / (at(b) - at(a)); if (span > 0) this.show(s - at(a) * span, s + (1 - at(a)) * span);
  }
  setLoop(a, b) {
    const from = clamp(Math.min(a, b), 0, this.duration), to = clamp(Math.max(a, b), 0, this.duration);
    this.loop = to - from >= 0.05 ? [from, to] : null; this.drawOver(); this.looped(this.loop);
  }
  close() { this.resizer.disconnect(); cancelAnimationFrame(this.asked); }
}

/** The whole piece in a strip: spectrogram, the worst error of each pixel, the part in view. Drag to go there. */
class Overview {
  constructor(host, roll) {
    this.host = host; this.roll = roll; this.canvas = h('canvas', { 'aria-hidden': 'true' }); host.append(this.canvas);
    this.resizer = new ResizeObserver(() => this.resize()); this.resizer.observe(host);
    const go = e => { const box = host.getBoundingClientRect(), { t0, t1 } = roll.view, t = (e.clientX - box.left) / box.width * roll.duration; roll.show(t - (t1 - t0) / 2, t + (t1 - t0) / 2); };
    this.canvas.addEventListener('pointerdown', e => { this.canvas.setPointerCapture(e.pointerId); this.held = true; go(e); });
    this.canvas.addEventListener('pointermove', e => { if (this.held) go(e); });
    for (const kind of ['pointerup', 'pointercancel']) this.canvas.addEventListener(kind, () => { this.held = false; });
  }
  resize() { const ratio = window.devicePixelRatio || 1, box = this.host.getBoundingClientRect(); this.canvas.width = Math.max(2, Math.round(box.width * ratio)); this.canvas.height = Math.max(2, Math.round(box.height * ratio)); this.ratio = ratio; this.paint(); }
  paint() {                                          // what does not move, once
    const { width, height } = this.canvas, still = this.still = h('canvas', { width, height }), c = still.getContext('2d'), { roll } = this, colour = roll.theme.colour;
    const strip = roll.items.some(i => i.heard && i.errors) ? Math.round(9 * this.ratio) : 0, scale = width / roll.duration;
    c.fillStyle = colour.canvas; c.fillRect(0, 0, width, height);
    c.globalAlpha = 0.8; roll.picture?.draw(c, t => t * scale, p => (height - strip) * (1 - (p - roll.low) / (roll.high + 1 - roll.low)), 0, roll.duration, scale); c.globalAlpha = 1;
    const heard = roll.items.find(i => i.heard);
    if (strip) {
      const worst = new Int8Array(width).fill(-1), w = Math.max(1, Math.round(this.ratio));
      c.fillStyle = colour.panel; c.fillRect(0, height - strip, width, strip);
      heard.errors.forEach((e, k) => { const x = clamp(Math.floor(heard.layer.onset[k] * scale), 0, width - 1); worst[x] = Math.max(worst[x], errorClass(e)); });
      worst.forEach((g, x) => { if (g >= 0) { c.fillStyle = colour[`e${g}`]; c.fillRect(x, height - strip + 1, w, strip - 1); } });
    }
    this.draw();
  }
  draw() {
    if (!this.still) return;
    const c = this.canvas.getContext('2d'), { width, height } = this.canvas, { roll, ratio } = this, scale = width / roll.duration, colour = roll.theme.colour;
    c.globalAlpha = 1; c.drawImage(this.still, 0, 0);
    const a = Math.round(roll.view.t0 * scale), b = Math.max(a + 3 * ratio, Math.round(roll.view.t1 * scale));
    c.fillStyle = colour.canvas; c.globalAlpha = 0.6; c.fillRect(0, 0, a, height); c.fillRect(b, 0, width, height); c.globalAlpha = 1;
    if (roll.loop) { c.fillStyle = colour.accent; c.globalAlpha = 0.35; c.fillRect(roll.loop[0] * scale, 0, (roll.loop[1] - roll.loop[0]) * scale, height); c.globalAlpha = 1; }
    c.strokeStyle = colour.accent; c.lineWidth = 1.5 * ratio; c.strokeRect(a + ratio, ratio, b - a - 2 * ratio, height - 2 * ratio);
    c.fillStyle = colour.accent; c.fillRect(Math.round(roll.playhead * scale), 0, Math.max(1, ratio), height);
  }
  close() { this.resizer.disconnect(); }
}

// ---------------------------------------------------------------- what all widgets share

/** A payload made ready: layers, picture and player. */
async function unpack(model) {
  const data = model.get('data'), { layers, status } = readLayers(data, asBytes(model.get('notes')));
  const image = asBytes(model.get('image')), picture = image.length ? new Picture(undoDifferences(await inflate(image), data.bins), data.bins, data.fps, data.lowest_pitch) : null;
  return { data, layers, status, picture, player: new Player(data, asBytes(model.get('audio'))) };
}
/** Each column was stored as its difference from the one before, modulo 256. */
function undoDifferences(bytes, bins) {
  for (let k = bins; k < bytes.length; k++) bytes[k] = (bytes[k] + bytes[k - bins]) & 255;
  return bytes;
}
function pitchRange(layers) {
  let low = 127, high = 0;
  for (const { pitch } of layers) for (const p of pitch) { low = Math.min(low, p); high = Math.max(high, p); }
  return low > high ? [21, 108] : [Math.max(0, Math.min(low - 3, 60)), Math.min(127, Math.max(high + 3, 72))];
}
const SPEEDS = { 1: '100 %', 0.75: '75 %', 0.5: '50 %', 0.25: '25 %' };

/** Play, loop, speed, what is heard, levels: the bar above the roll. */
function soundBar(player, { layers, heard, setHeard, data }) {
  const play = button('Play (Space)', { face: 'play', press: () => player.toggle() }), time = h('span', { class: 'pa-time' }, timeText(data.origin_s));
  const back = button('To the start (Home)', { face: 'start', press: () => player.seek(player.settings.loop ? player.settings.loop[0] : 0) });
  const speed = chooser('Speed', SPEEDS, '1', v => player.set({ speed: Number(v) }));
  const sound = chooser('Hear', data.has_audio ? SOUNDS : { notes: SOUNDS.notes }, player.settings.sound, v => player.set({ sound: v }));
  const voice = chooser('Notes as', VOICES, player.settings.voice, v => player.set({ voice: v }));
  const whose = chooser('of', Object.fromEntries(layers.map(l => [l.key, l.name])), heard, setHeard, 'Notes of');
  const level = h('span', { class: 'pa-level', role: 'status' });
  const gain = (name, label) => slider(label, { min: -24, max: 6, step: 1, value: 0, text: v => `${v > 0 ? '+' : v < 0 ? '−' : ''}${Math.abs(v)} dB`, change: v => { player.set({ [name]: 10 ** (v / 20) }); } });
  const gains = [...(data.has_audio ? [gain('recordingGain', 'Recording')] : []), gain('notesGain', 'Notes')];
  const update = () => {
    play.querySelector('.pa-icon').innerHTML = icon(player.playing ? 'pause' : 'play');
    const label = player.playing ? 'Pause (Space)' : 'Play (Space)'; play.setAttribute('aria-label', label); play.title = label;
    const own = player.settings.recordingGain === 1 ? 'played at its own level' : `played ${decibels(player.settings.recordingGain)} from its own level`;
    const given = data.gain_db ? `; ${signed(data.gain_db)} dB when it was stored` : '';
    const text = player.clipped ? 'Too loud: the sum passes full scale and is clipped. Lower a level.'
      : player.peak === null ? (data.has_audio ? '' : 'No recording: notes only.') : `Recording peaks at ${decibels(player.peak)} of full scale, ${own}${given}.`;
    if (level.textContent !== text) level.textContent = text;
    level.classList.toggle('pa-warn', player.clipped);
  };
  const cycle = () => { const all = Object.keys(SPEEDS).map(Number).sort((a, b) => b - a), k = all.indexOf(player.settings.speed); speed.select.value = String(all[(k + 1) % all.length]); player.set({ speed: Number(speed.select.value) }); };
  return { first: [back, play, time], fields: [speed.element, sound.element, voice.element, whose.element], gains: gains.map(g => g.element), level, time, update, cycle, sound: sound.select, speed: speed.select, voice: voice.select, whose: whose.select };
}

const sayFailure = (root, player) => { if (player.failure) root.append(h('p', { class: 'pa-error', role: 'alert' }, player.failure)); };

/** A frame around a widget: style hooks, theme, errors as a sentence instead of an empty box. */
function frame(el, kind, title) {
  const root = h('section', { class: `pianoalign pa-${kind}`, 'aria-label': title });
  // JupyterLab asks the element that has the focus itself, not its parents: without this, X in the explorer cuts the cell
  root.addEventListener('focusin', e => e.target.setAttribute('data-lm-suppress-shortcuts', 'true'));
  el.append(root);
  const fail = error => { root.append(h('p', { class: 'pa-error', role: 'alert' }, error.message || String(error))); root.pianoalign = { error: String(error) }; };
  return { root, fail };
}

const EXPLORER_KEYS = [['Space', 'play, pause'], ['← →', 'playhead by 1 s; with Shift by 0.1 s'], ['Page ↑ ↓', 'pan back, on'], ['+ −', 'zoom in, out'], ['0', 'whole piece'],
  ['↑ ↓', 'pan over the keys; with Shift: zoom'], ['Home', 'to the start (of the loop)'], ['[ ]', 'loop begins, ends at the playhead'], ['L', 'loop what is in view, or no loop'],
  ['N P', 'next, previous note'], ['W', 'next worst note'], ['T', 'next step of the guided tour (Shift: the one before)'], ['1 … 9', 'show or hide a layer'], ['E', 'colour by layer or by error'], ['A', 'hear the next layer (Shift: the one before)'], ['S', 'slower'], ['Esc', 'no selection']];
const EXPLORER_MOUSE = 'Drag to pan, Ctrl and wheel to zoom (wheel alone once the roll has the focus), drag on the ruler, on the waveform or with Shift to choose a loop, click a note for its numbers, click ruler or waveform to go there.';

function keyHelp(keys, extra) {
  return h('details', { class: 'pa-help' }, h('summary', {}, 'Keys and mouse'), h('dl', {}, keys.map(([k, what]) => h('div', {}, h('dt', {}, h('kbd', {}, k)), h('dd', {}, what)))), extra ? h('p', {}, extra) : null);
}

function renderExplorer({ model, el }) {
  const data = model.get('data'), { root, fail } = frame(el, 'explorer', `Alignment explorer: ${data.title}`);
  let closed = false, close = () => {};
  unpack(model).then(parts => { if (!closed) close = buildExplorer(root, parts); }).catch(fail);
  return () => { closed = true; close(); };
}

function buildExplorer(root, { data, layers, status, picture, player }) {
  const reference = layers.find(l => l.key === data.reference), isTruth = data.reference === 'truth', what = isTruth ? 'error' : 'shift';
  const errorsOf = layer => layer === reference ? null : Float64Array.from(layer.onset, (t, k) => t - reference.onset[k]);
  const items = layers.map(layer => ({ layer, key: layer.key, colour: layer.key, visible: data.visible.includes(layer.key), errors: errorsOf(layer),
    reference: layer === reference, outline: isTruth && layer === reference, heard: layer.key === data.heard }));
  const heard = () => items.find(i => i.heard);
  player.settings.layer = heard().layer; player.settings.sound = data.has_audio ? data.sound : 'notes'; player.settings.voice = data.voice;

  // the parts of the page
  const bar = soundBar(player, { layers, heard: data.heard, data, setHeard: key => setHeard(key) });
  const theme = new Theme(root, () => { roll.themed(); overview.paint(); });
  const helpId = newId('help'), stage = h('div', { class: 'pa-stage', tabindex: '0', role: 'application', 'aria-label': `Piano roll of ${data.n_notes} notes over ${data.duration_s.toFixed(0)} seconds`, 'aria-describedby': helpId });
  const strip = h('div', { class: 'pa-overview' }), details = h('div', { class: 'pa-note', 'aria-live': 'polite' }), list = h('div', { class: 'pa-list', role: 'listbox', tabindex: '0' }), listTitle = h('h4', {});
  const tour = data.tour || [], tourText = h('p', { 'aria-live': 'polite' }), tourSection = h('section', { class: 'pa-bar pa-tour', 'aria-label': 'Guided tour', hidden: !tour.length });
  const loopButton = button('Loop what is in view, or no loop (L)', { face: 'loop', text: 'Loop', press: () => toggleLoop(), 'aria-pressed': 'false' });
  const chips = items.map((item, k) => chip(item, k));
  const colours = chooser('Colour by', { layer: 'layer', error: `onset ${what}` }, 'layer', v => setColours(v));
  const strength = slider('Spectrogram', { min: 0, max: 100, step: 5, value: 70, text: v => `${v} %`, change: v => { roll.strength = v / 100; roll.redraw(); } });
  const legend = h('div', { class: 'pa-legend', hidden: true }, ['up to 10', 'up to 25', 'up to 50', 'over 50'].map((t, k) => h('span', {}, h('i', { class: `pa-swatch pa-e${k}` }), `${t} ms`)));
  const zooms = h('div', { class: 'pa-group', role: 'group', 'aria-label': 'Zoom' }, button('Zoom out (−)', { face: 'minus', press: () => roll.zoom(0.6) }), button('Zoom in (+)', { face: 'plus', press: () => roll.zoom(1.7) }), button('Whole piece (0)', { face: 'fit', press: () => whole() }));
  const help = keyHelp(EXPLORER_KEYS, EXPLORER_MOUSE); help.id = helpId;
  root.append(
    h('header', {}, h('h3', {}, data.title), h('span', {}, `${data.n_notes} notes, ${timeText(data.duration_s).replace(/\.\d+$/, '')} min`)),
    h('div', { class: 'pa-bar', role: 'toolbar', 'aria-label': 'Playback' }, h('div', { class: 'pa-group' }, bar.first), loopButton, bar.fields),
    h('div', { class: 'pa-bar', role: 'group', 'aria-label': 'Levels' }, bar.gains, bar.level),
    h('div', { class: 'pa-bar', role: 'group', 'aria-label': 'Layers and view' }, chips.map(c => c.element), h('div', { class: 'pa-bar pa-end' }, colours.element, strength.element, zooms)),
    legend, h('div', { class: 'pa-main' }, h('div', { class: 'pa-left' }, stage, strip, tourSection), h('aside', { class: 'pa-side' }, details, h('section', { 'aria-label': `Notes with the largest ${what}` }, listTitle, list))), help);

  const roll = new Roll(stage, { duration: data.duration_s, origin: data.origin_s, picture, theme, pitches: pitchRange(layers) }), overview = new Overview(strip, roll);
  roll.items = items;
  roll.moved = () => overview.draw(); roll.sought = t => { player.seek(t); };
  roll.looped = loop => { player.set({ loop }); loopButton.setAttribute('aria-pressed', String(!!loop)); overview.draw(); };
  roll.picked = row => select(row, false);

  function chip(item, k) {
    const figures = item.errors ? errorFigures(item.errors) : null, box = h('input', { type: 'checkbox', onchange: () => { item.visible = box.checked; roll.redraw(); } });
    box.checked = item.visible;
    const about = !figures ? (isTruth ? 'reference' : 'reference, as given') : isTruth ? `median ${figures.median_ms.toFixed(1)} ms, ≤ 10 ms ${figures.within_pct[10].toFixed(0)} %` : `median shift ${figures.median_ms.toFixed(1)} ms`;
    return { box, element: h('label', { class: 'pa-chip', title: `Show or hide (${k + 1})` }, box, h('i', { class: 'pa-swatch', style: `background: var(--pa-${item.colour})` }), h('span', {}, h('b', {}, item.layer.name), h('small', {}, about))) };
  }
  function setHeard(key) {
    for (const item of items) item.heard = item.key === key;
    player.set({ layer: heard().layer }); fillList(); overview.paint();
  }
  /** For comparing by ear: the next layer sounds, from where the playhead is, and is shown. The truth is left out where there is more than one other. */
  function nextLayer(by) {
    const others = items.filter(i => i.key !== 'truth'), choice = others.length > 1 ? others : items;
    const next = choice[(choice.indexOf(heard()) + by + choice.length) % choice.length];
    next.visible = chips[items.indexOf(next)].box.checked = true;
    bar.whose.value = next.key; setHeard(next.key); roll.redraw();
  }
  function setColours(by) { colours.select.value = by; roll.byError = by === 'error'; legend.hidden = !roll.byError; roll.redraw(); }
  function whole() { roll.show(0, data.duration_s, roll.low, roll.high + 1); }
  function toggleLoop() { const { t0, t1 } = roll.view; if (roll.loop) roll.setLoop(0, 0); else roll.setLoop(t0, t1); }

  // one note
  let selected = -1, ranking = [], place = -1;       // `place`: how far down the list of the worst one has come
  function select(row, jump = true, at = -1) {
    selected = roll.selected = row; place = at;
    if (row >= 0 && jump) {
      const t = heard().layer.onset[row]; roll.reveal(t, Math.min(roll.view.t1 - roll.view.t0, 3), reference.pitch[row]);
      if (!player.playing) player.seek(Math.max(0, t - 0.5));
    }
    roll.redraw(); describe(); markInList();
  }
  function describe() {
    if (selected < 0) { details.replaceChildren(h('h4', {}, 'Note'), h('p', { class: 'pa-hint' }, 'Click a note, or press N.')); return; }
    const k = selected, rows = items.map(item => {
      const e = item.errors ? 1000 * item.errors[k] : null;
      return h('tr', {}, h('th', { scope: 'row' }, h('i', { class: 'pa-swatch', style: `background: var(--pa-${item.colour})` }), item.layer.name), h('td', {}, (item.layer.onset[k] + data.origin_s).toFixed(4)),
        h('td', {}, e === null ? '' : h('span', { class: `pa-badge pa-e${errorClass(e / 1000)}` }, signed(e))));
    });
    const around = () => { const t = reference.onset[k]; roll.setLoop(t - 0.4, t + 0.8); player.seek(Math.max(0, t - 0.4)); };
    details.replaceChildren(h('h4', {}, `${pitchName(reference.pitch[k])} `, h('small', {}, `note ${k + 1}, MIDI pitch ${reference.pitch[k]}, velocity ${reference.velocity[k]}${status ? `, ${data.status_names[status[k]]}` : ''}`)),
      h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Layer'), h('th', { scope: 'col' }, 'Onset (s)'), h('th', { scope: 'col' }, isTruth ? 'Error (ms)' : 'Shift (ms)'))), h('tbody', {}, rows)),
      button('Loop around this note', { face: 'loop', text: 'Loop around this note', press: around }));
  }
  // the guided tour: the worst notes, and what kind of error each is
  let step = -1;
  function visit(by) {
    if (!tour.length) return;
    step = step < 0 ? (by > 0 ? 0 : tour.length - 1) : (step + by + tour.length) % tour.length;
    select(tour[step].row);
    const t = reference.onset[tour[step].row];
    roll.setLoop(Math.max(0, t - 0.4), Math.min(data.duration_s, t + 0.8));
    if (!player.playing) player.seek(Math.max(0, t - 0.4));
    sayStep();
  }
  function sayStep() { tourText.textContent = step < 0 ? `${tour.length} ${tour.length === 1 ? 'stop' : 'stops'} at the largest errors. Press T, then Space to listen.` : `${step + 1} of ${tour.length}. ${tour[step].text}`; }
  tourSection.append(h('h4', {}, 'Guided tour'), h('div', { class: 'pa-group' }, button('Step before (Shift T)', { text: 'Back', press: () => visit(-1) }), button('Next step (T)', { text: 'Next', press: () => visit(1) })), tourText);
  sayStep();
  // the worst notes
  function fillList() {
    const item = heard().errors ? heard() : items.find(i => i.errors), errors = item?.errors;
    listTitle.textContent = item ? `Largest ${what}s: ${item.layer.name}` : 'Notes';
    ranking = errors ? Array.from(errors.keys()).sort((a, b) => Math.abs(errors[b]) - Math.abs(errors[a])).slice(0, 100) : [];
    list.setAttribute('aria-label', listTitle.textContent);
    list.replaceChildren(...ranking.map((k, i) => h('div', { role: 'option', id: newId('note'), 'data-place': i, onclick: () => select(k, true, i), 'aria-selected': 'false' },
      h('span', {}, pitchName(reference.pitch[k])), h('span', {}, timeText(reference.onset[k] + data.origin_s)), status && data.status_names[status[k]] === 'not found' ? h('em', {}, 'not found') : h('em', {}), h('span', { class: `pa-badge pa-e${errorClass(errors[k])}` }, `${signed(1000 * errors[k])} ms`))));
    markInList();
  }
  function markInList() {
    list.removeAttribute('aria-activedescendant');
    for (const option of list.children) {
      const on = ranking[Number(option.dataset.place)] === selected; option.setAttribute('aria-selected', String(on));
      if (on) { list.setAttribute('aria-activedescendant', option.id); const top = option.offsetTop - list.offsetTop; if (top < list.scrollTop || top + option.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top - 40; }
    }
  }
  const nextWorst = by => { if (ranking.length) { const at = (place + by + ranking.length) % ranking.length; select(ranking[at], true, at); } };
  const nextNote = by => {
    const layer = heard().layer, order = layer.order, at = selected >= 0 ? order.indexOf(selected) : lowerBound(layer.starts, player.position) - (by > 0 ? 1 : 0);
    if (layer.size) select(order[clamp(at + by, 0, layer.size - 1)]);
  };
  list.addEventListener('keydown', e => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (by) { nextWorst(by); e.preventDefault(); e.stopPropagation(); }
  });

  const keys = {
    ' ': () => player.toggle(), ArrowLeft: e => player.seek(player.position - (e.shiftKey ? 0.1 : 1)), ArrowRight: e => player.seek(player.position + (e.shiftKey ? 0.1 : 1)), PageUp: () => roll.pan(-0.5), PageDown: () => roll.pan(0.5),
    ArrowUp: e => e.shiftKey ? roll.zoomPitch(1.25) : roll.panPitch(3), ArrowDown: e => e.shiftKey ? roll.zoomPitch(0.8) : roll.panPitch(-3), Home: () => player.seek(player.settings.loop ? player.settings.loop[0] : 0),
    '+': () => roll.zoom(1.5, player.position), '=': () => roll.zoom(1.5, player.position), '-': () => roll.zoom(1 / 1.5, player.position), 0: whole, l: toggleLoop, n: () => nextNote(1), p: () => nextNote(-1), w: () => nextWorst(1), t: e => visit(e.shiftKey ? -1 : 1),
    '[': () => roll.setLoop(player.position, roll.loop && roll.loop[1] > player.position ? roll.loop[1] : data.duration_s), ']': () => roll.setLoop(roll.loop && roll.loop[0] < player.position ? roll.loop[0] : 0, player.position),
    e: () => setColours(roll.byError ? 'layer' : 'error'), s: () => bar.cycle(), a: e => nextLayer(e.shiftKey ? -1 : 1), Escape: () => select(-1),
  };
  items.forEach((item, k) => { if (k < 9) keys[k + 1] = () => { item.visible = chips[k].box.checked = !item.visible; roll.redraw(); }; });
  const forgetKeys = listenForKeys(root, keys, stage);

  player.changed = () => { bar.update(); tick(); };
  let lastSeen = -1;
  function tick() {
    const t = player.position; roll.playhead = t;
    if (t !== lastSeen) {
      lastSeen = t; bar.time.textContent = timeText(t + data.origin_s);
      if (player.playing) roll.follow(t); else if (t < roll.view.t0 || t > roll.view.t1) roll.follow(t);
      roll.drawOver(); overview.draw();
    }
  }
  let running = requestAnimationFrame(function step() { if (player.playing) { tick(); if (player.clipped) bar.update(); } running = requestAnimationFrame(step); });
  player.ready.then(() => {
    bar.update(); sayFailure(root, player);
    if (player.samples) { roll.wave = new Wave(player.samples, player.rate); roll.redraw(); }
  });
  describe(); fillList(); bar.update();
  roll.show(0, Math.min(data.duration_s, 8), roll.low, roll.high + 1); player.seek(0);
  root.pianoalign = { data, roll, overview, player, items, select, theme, ready: player.ready.then(() => true), get selected() { return selected; }, get ranking() { return ranking; } };
  return () => { forgetKeys(); cancelAnimationFrame(running); player.close(); roll.close(); overview.close(); theme.close(); };
}

let pointed = null;                                  // the widget under the pointer
/**
 * Keys of a widget: those pressed in it, and those pressed while nothing has the focus, if the pointer is over it or if
 * it is the first one of a page of ours. Returns a function that ends this.
 */
function listenForKeys(root, keys, stage) {
  const idle = event => {
    const nobody = event.target === document.body || event.target === document.documentElement;
    const first = document.body.classList.contains('pa-page') && document.querySelector('.pianoalign') === root;
    if (nobody && (pointed === root || (!pointed && first))) handleKey(event, keys, event.target);
  };
  root.addEventListener('keydown', event => handleKey(event, keys, stage));
  root.addEventListener('pointerenter', () => { pointed = root; });
  root.addEventListener('pointerleave', () => { if (pointed === root) pointed = null; });
  document.addEventListener('keydown', idle);
  return () => { if (pointed === root) pointed = null; document.removeEventListener('keydown', idle); };
}

/** Keys work on the roll; letters and signs work anywhere in the widget except in fields where one types or chooses. */
function handleKey(event, keys, stage) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target, onStage = target === stage, plain = event.key.length === 1 && event.key !== ' ';
  if (!onStage && (!plain || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName))) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (keys[key]) { keys[key](event); event.preventDefault(); event.stopPropagation(); }
}

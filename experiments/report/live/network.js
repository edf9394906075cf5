// An agent's network: action probabilities and value from the places of the ones in an observation. Weights come as whole numbers
// of two bytes or one, with a scale for each unit. Reads what `experiments/publish/weights.py` packs.
"use strict";
function bytesOf(text) {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

const floats = (text) => new Float32Array(bytesOf(text).buffer);

function layerOf({ w, b, scale, inputs, outputs }) { // weights as [input][output], so that a one adds a run of numbers
  const bytes = bytesOf(w), scales = floats(scale), weights = new Float32Array(inputs * outputs);
  const whole = bytes.length === weights.length ? new Int8Array(bytes.buffer) : new Int16Array(bytes.buffer);
  for (let i = 0; i < weights.length; i++) weights[i] = whole[i] * scales[i % outputs];
  return { w: weights, b: floats(b), inputs, outputs };
}

function networkOf(packed) {
  const layers = (part) => part.map(layerOf);
  return { trunk: layers(packed.trunk), pi: layers(packed.pi), vf: layers(packed.vf), rounds: packed.bf16 };
}

const word = new Float32Array(1), bitsOfWord = new Uint32Array(word.buffer);
function bfloat(x) { // the nearest number of eight significant bits, as torch's bfloat16 has them
  word[0] = x;
  const bits = bitsOfWord[0];
  bitsOfWord[0] = (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000;
  return word[0];
}

function fromOnes(layer, ones) {
  const out = new Float64Array(layer.b), n = layer.outputs, w = layer.w;
  for (let i = 0; i < ones.length; i++) {
    const begin = ones[i] * n;
    for (let k = 0; k < n; k++) out[k] += w[begin + k];
  }
  return out;
}

function fromNumbers(layer, given) {
  const out = new Float64Array(layer.b), n = layer.outputs, w = layer.w, m = given.length;
  if (n < 8) { // a head: each sum by itself
    for (let k = 0; k < n; k++) {
      let sum = out[k];
      for (let i = 0, j = k; i < m; i++, j += n) sum += given[i] * w[j];
      out[k] = sum;
    }
    return out;
  }
  for (let i = 0; i < m; i++) {
    const x = given[i], begin = i * n;
    if (x !== 0) for (let k = 0; k < n; k++) out[k] += x * w[begin + k];
  }
  return out;
}

function through(layers, ones, given, last, rounds) { // `last`: the head's output is no hidden layer
  layers.forEach((layer, k) => {
    given = given ? fromNumbers(layer, given) : fromOnes(layer, ones);
    if (!last || k < layers.length - 1) hidden(given, rounds);
  });
  return given;
}

function hidden(given, rounds) { // ReLU, in place
  for (let i = 0; i < given.length; i++) given[i] = given[i] > 0 ? (rounds ? bfloat(given[i]) : given[i]) : 0;
  return given;
}

// Sums of the first layer, {cells, sums, turns, thought}, from those of a similar sight: after a stroke few of its cells have changed.
const TURNS = 50; // after so many changes everything is added up again, so that rounding errors stay below 1e-12
function similarSums(layer, spec, known, cells) {
  if (!known || known.turns >= TURNS) {
    const ones = [];
    spec.bits.forEach((_, plane) => onesIn(spec, cells, plane, ones));
    return { cells, sums: fromOnes(layer, ones), turns: 0, thought: null };
  }
  const { sums, cells: before } = known, n = layer.outputs, w = layer.w, { bits } = spec, area = cells.length - 1;
  let { thought } = known;
  for (let i = 0; i < area; i++) {
    if (cells[i] === before[i]) continue;
    for (let plane = 0; plane < bits.length; plane++) {
      const now = (cells[i] & bits[plane]) !== 0, was = (before[i] & bits[plane]) !== 0;
      if (now === was) continue;
      const begin = (plane * area + i) * n, sign = now ? 1 : -1;
      for (let k = 0; k < n; k++) sums[k] += sign * w[begin + k];
      thought = null;
    }
  }
  return { cells, sums, turns: known.turns + 1, thought };
}

function consider(network, ones, first = null) { // {p: probabilities, v: value}; first: sums of the trunk's first layer
  const { rounds } = network, [, ...later] = network.trunk;
  const features = first ? through(later, null, hidden(first.slice(), rounds), false, rounds) : through(network.trunk, ones, null, false, rounds);
  const logits = through(network.pi, ones, features, true, false), v = through(network.vf, ones, features, true, false)[0];
  let most = -Infinity, sum = 0;
  for (let a = 0; a < logits.length; a++) if (logits[a] > most) most = logits[a];
  for (let a = 0; a < logits.length; a++) sum += logits[a] = Math.exp(logits[a] - most);
  for (let a = 0; a < logits.length; a++) logits[a] /= sum;
  return { p: logits, v };
}

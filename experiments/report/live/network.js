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
  const out = Float64Array.from(layer.b), n = layer.outputs, w = layer.w;
  for (let i = 0; i < ones.length; i++) {
    const begin = ones[i] * n;
    for (let k = 0; k < n; k++) out[k] += w[begin + k];
  }
  return out;
}

function fromNumbers(layer, given) {
  const out = Float64Array.from(layer.b), n = layer.outputs, w = layer.w;
  for (let i = 0; i < given.length; i++) {
    const x = given[i], begin = i * n;
    if (x !== 0) for (let k = 0; k < n; k++) out[k] += x * w[begin + k];
  }
  return out;
}

function through(layers, ones, given, last, rounds) { // `last`: the head's output is no hidden layer
  layers.forEach((layer, k) => {
    given = given ? fromNumbers(layer, given) : fromOnes(layer, ones);
    if (last && k === layers.length - 1) return;
    for (let i = 0; i < given.length; i++) given[i] = given[i] > 0 ? (rounds ? bfloat(given[i]) : given[i]) : 0;
  });
  return given;
}

function consider(network, ones) { // {p: probabilities, v: value}
  const features = through(network.trunk, ones, null, false, network.rounds);
  const logits = through(network.pi, ones, features, true, false), v = through(network.vf, ones, features, true, false)[0];
  const most = Math.max(...logits), p = logits.map((x) => Math.exp(x - most)), sum = p.reduce((a, b) => a + b);
  return { p: p.map((x) => x / sum), v };
}

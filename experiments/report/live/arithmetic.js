// Python's arithmetic on whole numbers and arrays, for rules that `experiments/publish/translation/rules_to_javascript.py` translated.
"use strict";
const small = (a) => (a | 0) === Number(a); // fits in 32 bits, where JavaScript's own operators are exact
const div = (a, b) => (b == 0 ? 0 : Math.floor(a / b));
const mod = (a, b) => (b == 0 ? 0 : ((a % b) + Number(b)) % b);
const wide = (a, b, op) => Number(op(BigInt(Number(a)), BigInt(Number(b))));
const and = (a, b) => (small(a) && small(b) ? a & b : wide(a, b, (x, y) => x & y));
const or = (a, b) => (small(a) && small(b) ? a | b : wide(a, b, (x, y) => x | y));
const xor = (a, b) => (small(a) && small(b) ? a ^ b : wide(a, b, (x, y) => x ^ y));
const shl = (a, b) => a * 2 ** b;
const shr = (a, b) => Math.floor(a / 2 ** b);
const inv = (a) => -a - 1;
const u64 = (a) => (a < 0 ? a + 2 ** 64 : a);
const shape = (a) => (typeof a[0] === "object" ? [a.length, a[0].length] : [a.length]);
const at = (a, i) => a[i < 0 ? i + a.length : +i]; // as numpy, from the end where negative
const put = (a, i, v) => { a[i < 0 ? i + a.length : +i] = v; };
const fill = (a, begin, end, v) => {
  const stop = Math.min(a.length, end < 0 ? end + a.length : end);
  for (let i = begin < 0 ? begin + a.length : begin; i < stop; i++) {
    if (typeof a[i] === "object") a[i].fill(v); else a[i] = v;
  }
};
